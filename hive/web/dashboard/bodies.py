"""What is posted to the dashboard: the bodies of its routes, typed."""

from __future__ import annotations

import attrs

from hive.core.proposals import BASES


@attrs.frozen
class SpawnBody:
    """A new agent."""

    name: str
    description: str | None = None


@attrs.frozen
class ApproveBody:
    """What becomes of the comments that were written."""

    comments: str | None = None
    """`send` or `drop`; needed where there are some."""


@attrs.frozen
class CommentBody:
    """A comment on a line of a diff, and what the line was seen in."""

    path: str
    side: str
    """`old` or `new`."""
    line: int
    text: str
    sha: str
    """The commit that the diff was of."""
    base: str = BASES[0]
    base_sha: str | None = None
    """What it was compared with; left out where that was nothing."""
    ignore_space: bool = False


@attrs.frozen
class TextBody:
    """What a comment is to say."""

    text: str


@attrs.frozen
class DenyBody:
    """Why an approval was denied."""

    note: str | None = None


@attrs.frozen
class AllowBody:
    """Where an agent is to be let."""

    host: str


@attrs.frozen
class DestroyBody:
    """Whether the state goes too."""

    purge: bool = False


@attrs.frozen
class PausedBody:
    """Whether the agent is to be paused."""

    paused: bool


@attrs.frozen
class InputsBody:
    """Which inputs of the meta repository are to be updated."""

    inputs: str
    """Their names with commas between; no name holds one."""


@attrs.frozen
class SendBody:
    """A message of the operator."""

    to: str
    """A name, `*`, or names with commas between: each of them gets it, or none does."""
    body: str
    in_reply_to: int | None = None


@attrs.frozen
class AnswerBody:
    """The operator's answer to a question."""

    answer: str


@attrs.frozen
class OutletBody:
    """What one outlet is sent."""

    outlet: str
    classes: str = ""
    """With commas between."""
    texts: bool = False
    """Whether the beginning of a message or a question goes along."""


@attrs.frozen
class QuietBody:
    """When nothing is sent."""

    is_on: bool = False
    start: str = "22:00"
    end: str = "07:00"
    zone: str = "UTC"
    passing: str = ""
    """Classes that are sent all the same, with commas between."""


@attrs.frozen
class TestBody:
    """Which outlet is tried."""

    __test__ = False

    outlet: str

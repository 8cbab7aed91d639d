"""A failure as HTTP tells it: a problem by RFC 9457, with the `error` of every other surface."""

from __future__ import annotations

import attrs

PROBLEM_TYPE = "urn:hive:problem:"
"""What the `type` of a problem begins with; its code follows."""


@attrs.frozen
class ProblemError:
    """What failed: a word for programs and a sentence for people."""

    code: str
    message: str


@attrs.frozen
class Problem:
    """Why a request came to nothing."""

    type: str
    """A name for this sort of failure; it leads nowhere."""
    title: str
    """The sort of failure in a few words."""
    status: int
    detail: str
    """One sentence, which names the mend where there is one."""
    code: str
    """For programs: it stays when the sentence changes."""
    error: ProblemError
    """The same code and sentence once more, as on every other surface."""

"""Requests of the operator's socket that an agent's own harness answers."""

from __future__ import annotations

import attrs


@attrs.frozen
class Login:
    """How the login of claude stands: the one that runs, or the last one."""

    name: str


@attrs.frozen
class LoginStart:
    """Begin a login of claude."""

    name: str


@attrs.frozen
class LoginCode:
    """Hand the login that runs its code."""

    name: str
    code: str = attrs.field(repr=False)


@attrs.frozen
class LoginCancel:
    """End the login that runs."""

    name: str


@attrs.frozen
class Shell:
    """A program inside of an agent; behind the reply the connection is one of `wire.terminal`."""

    name: str
    argv: tuple[str, ...] = ()
    """Empty: a shell."""
    rows: int | None = None
    """With `columns` it gets a terminal of that size; without, pipes."""
    columns: int | None = None
    term: str | None = None
    """What kind of terminal it is to think it has."""


@attrs.frozen
class Chat:
    """claude's own surface in the agent's conversation; behind the reply as with `Shell`."""

    name: str
    rows: int
    columns: int
    term: str | None = None
    cancel: bool = False
    """Cancel a turn that runs, instead of waiting for its end."""


PageRequest = Login | LoginStart | LoginCode | LoginCancel | Shell | Chat


@attrs.frozen
class OpenTerminal:
    """What a harness is asked for, in the first line of a connection to its terminals."""

    what: str
    """`shell` or `chat`."""
    argv: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    term: str | None = None
    cancel: bool = False


@attrs.frozen
class LoginShown:
    """A login as its harness shows it."""

    output: str
    """What claude printed, the end of it."""
    url: str | None
    finished: bool
    exit_note: str | None
    """How it ended."""

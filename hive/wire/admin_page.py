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


PageRequest = Login | LoginStart | LoginCode | LoginCancel


@attrs.frozen
class LoginShown:
    """A login as its harness shows it."""

    output: str
    """What claude printed, the end of it."""
    url: str | None
    finished: bool
    exit_note: str | None
    """How it ended."""

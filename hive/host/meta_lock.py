"""What the meta repository says is deployed: the file `hive.lock`, typed and checked.

The file is the same for every kind of meta repository, so its history reads the same everywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import attrs

from hive.errors import BadRequest, Unavailable
from hive.wire import codec, names
from hive.wire.names import AgentName

FILE = "hive.lock"
VERSION = 1
_SHA = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"deployed/[0-9]{1,18}")


@attrs.frozen
class Pin:
    """Which commit of an agent's applied repository is deployed."""

    rev: str
    """40 hex digits."""
    tag: str
    """`deployed/<id>`."""


@attrs.frozen
class Installed:
    """Which hive the agents run."""

    rev: str


@attrs.frozen
class Lock:
    """The whole of `hive.lock`."""

    version: int
    hyperhive: Installed
    agents: dict[str, Pin]

    def pinned(self, name: AgentName, sha: str, tag: str) -> Lock:
        """Return this lock with that agent at that commit."""
        return attrs.evolve(self, agents={**self.agents, name: check_pin(sha, tag)})

    def only(self, wanted: Iterable[AgentName]) -> Lock:
        """Return this lock without the agents that are not named."""
        kept = frozenset(wanted)
        return attrs.evolve(
            self, agents={name: pin for name, pin in self.agents.items() if name in kept}
        )

    def on(self, rev: str) -> Lock:
        """Return this lock with that hive."""
        return attrs.evolve(self, hyperhive=Installed(rev))


def empty(rev: str = "") -> Lock:
    """Return a lock in which nothing is deployed."""
    return Lock(VERSION, Installed(rev), {})


def check_pin(sha: str, tag: str) -> Pin:
    """Return the pin of a whole commit id and a tag `deployed/<id>`; raises `BadRequest`."""
    if not _SHA.fullmatch(sha):
        raise BadRequest(f"{sha[:60]!r} is not a commit: give its 40 hex digits")
    if not _TAG.fullmatch(tag):
        raise BadRequest(f"{tag[:60]!r} is not the tag of a deployment: give deployed/<id>")
    return Pin(sha, tag)


def to_text(lock: Lock) -> str:
    """Return the file's text: the same lock gives the same bytes, one agent a few lines."""
    return json.dumps(codec.to_json(lock), indent=2, sort_keys=True) + "\n"


def from_text(text: str) -> Lock:
    """Read the file; raises `Unavailable` when it is not one that this hive wrote."""
    try:
        lock = codec.from_json(Lock, codec.loads(text.encode(), limit=None))
        for name, pin in lock.agents.items():
            names.agent_name(name)
            check_pin(pin.rev, pin.tag)
    except BadRequest as error:
        raise Unavailable(f"{FILE} of the meta repository cannot be read: {error}") from error
    if lock.version != VERSION:
        raise Unavailable(
            f"{FILE} of the meta repository has version {lock.version}, and this hive knows"
            f" {VERSION}: run the hive that wrote it, or a newer one"
        )
    return lock

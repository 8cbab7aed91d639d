"""Reading a `flake.lock`: its inputs by their paths, what an agent is built from, what is refused.

Nodes are walked by the inputs of the flake that names them. An input that only follows another one
is a list in the file; it is looked through where content counts, and is no input of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hive.errors import BadRequest, Unavailable
from hive.host.flake_text import AGENT, HYPERHIVE
from hive.wire.jobs import MetaInput
from hive.wire.names import AgentName

DEPTH = 2
"""So far down inputs are offered for an update."""
_LOCAL_TYPES = frozenset({"path"})
_REMOTE = ("https://", "http://", "ssh://", "git://")

Node = Mapping[str, Any]


@attrs.frozen
class FlakeLock:
    """The nodes of a lock file, by their keys."""

    nodes: dict[str, Node]
    root: str

    def inputs(self) -> list[MetaInput]:
        """Return the inputs to a depth of two, breadth first, named as paths with slashes.

        hive itself stands before the agents.
        """
        found: list[MetaInput] = []
        level = [("", self.root)]
        for _ in range(DEPTH):
            below = []
            for prefix, key in level:
                own = sorted(self._own(key), key=lambda each: (each[0] != HYPERHIVE, each[0]))
                for name, target in own:
                    below.append((f"{prefix}{name}/", target))
                    found.append(_row(f"{prefix}{name}", self.nodes[target]))
            level = below
        return found

    def rev(self, name: str) -> str:
        """Return what an input of the root is locked to: a revision, else a content's hash."""
        target = dict(self._own(self.root)).get(name)
        return "" if target is None else _row(name, self.nodes[target]).rev

    def below(self, name: str) -> str:
        """Return a text that differs when an input of the root, or one of its own, differs."""
        start = dict(self._own(self.root)).get(name)
        if start is None:
            return ""
        content = {key: self.nodes[key].get("locked") for key in self._below(start)}
        return json.dumps(content, sort_keys=True)

    def check(self, name: AgentName) -> None:
        """Raise `BadRequest` when an agent's flake takes files of this host as an input."""
        start = dict(self._own(self.root)).get(AGENT + name)
        if start is None:
            raise Unavailable(f"flake.lock has no input {AGENT}{name}: nix has left it out")
        for key in self._below(start):
            locked = self.nodes[key].get("locked", {})
            if key != start and _is_local(locked):
                where = locked.get("path") or locked.get("url")
                raise BadRequest(
                    f"the flake of {name} takes {where!r} of this host as an input: name a"
                    " repository that is reached by https or ssh"
                )

    def _below(self, start: str) -> Iterator[str]:
        """Yield a node and all it has inputs of, without those that follow another's."""
        seen = {start}
        waiting = [start]
        while waiting:
            key = waiting.pop()
            yield key
            for _, target in sorted(self._own(key)):
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)

    def _own(self, key: str) -> Iterator[tuple[str, str]]:
        for name, target in self.nodes[key].get("inputs", {}).items():
            if isinstance(target, str):
                yield name, target


def read(text: str) -> FlakeLock:
    """Read a `flake.lock`; raises `Unavailable` when it is not one."""
    try:
        data = json.loads(text)
        lock = FlakeLock(data["nodes"], data["root"])
        if lock.root not in lock.nodes:
            raise Unavailable("flake.lock of the meta repository has no root")
        for key, node in lock.nodes.items():
            for name, target in node.get("inputs", {}).items():
                if isinstance(target, str) and target not in lock.nodes:
                    raise Unavailable(f"flake.lock: {key} has an input {name} that is not there")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unavailable(f"flake.lock of the meta repository cannot be read: {error}") from error
    return lock


def hive_rev(lock: FlakeLock) -> str:
    """Return which hive the agents are built from."""
    return lock.rev(HYPERHIVE)


def _row(name: str, node: Node) -> MetaInput:
    locked = node.get("locked", {})
    rev = locked.get("rev") or locked.get("narHash") or ""
    at = locked.get("lastModified")
    source = _source(node.get("original", {}))
    return MetaInput(name, str(rev), float(at) if isinstance(at, int) else None, source=source)


def _source(original: Mapping[str, Any]) -> str:
    """Return an input as a flake names it: `github:owner/repo/ref`, `git+https://...?ref=main`."""
    kind = str(original.get("type", ""))
    named = [str(original[key]) for key in ("ref", "rev") if key in original]
    if "owner" in original:
        return "/".join([f"{kind}:{original['owner']}", str(original.get("repo", "")), *named])
    if "url" in original:
        return f"{kind}+{original['url']}" + (f"?ref={named[0]}" if named else "")
    where = str(original.get("path", original.get("id", "")))
    return f"{kind}:{where}" if where else ""


def _is_local(locked: Mapping[str, Any]) -> bool:
    if locked.get("type") in _LOCAL_TYPES:
        # Relative ones lie inside of the agent's own repository.
        return str(locked.get("path", "/")).startswith("/")
    url = locked.get("url")
    if not isinstance(url, str):
        return False
    return url.startswith("/") or ("://" in url and not url.startswith(_REMOTE))

"""Which inputs an agent's flake may name: repositories of others, and places inside of its own.

Nix copies an input to its store, which everybody on the host and in every container can read, and
only then looks whether it is a flake. So the text is read before Nix locks anything, and so is that
of every flake inside of the agent's own repository that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hive.errors import BadRequest
from hive.wire.names import AgentName

_FETCHED = re.compile(
    r"(?:(?:git|hg|tarball|file)\+)?(?:https?|ssh)://.+"
    r"|git://.+"
    r"|(?:github|gitlab|sourcehut):.+",
    re.DOTALL,
)
_INSIDE = re.compile(r"(?:path:)?\.((?:/(?!\.\.(?:/|$))[^/%?#]*)+)")
"""Below the flake that names it. A `..` would lead through the store to any place of the host."""
_NAMED = re.compile(r"(?:flake:)?[A-Za-z][A-Za-z0-9_-]*(?:/[A-Za-z0-9_./-]*)?")
"""A name that a registry would know; none is asked, so that Nix itself says what is wrong."""
_BY_PLACE = frozenset({"github", "gitlab", "sourcehut", "indirect"})
_BY_URL = frozenset({"git", "hg", "tarball", "file"})


def check(name: AgentName, inputs: object) -> None:
    """Raise `BadRequest` when `inputs`, as Nix evaluates them, would take files of this host."""
    for what in _refused(inputs):
        raise BadRequest(
            f"the flake of {name} takes {str(what)[:200]!r} as an input, which may be of this"
            " host: name a repository that is reached by https or ssh"
        )


def inside(inputs: object) -> Iterator[str]:
    """Yield the places in the same repository that are inputs, below the flake's own folder."""
    for one in inputs.values() if isinstance(inputs, dict) else ():
        if isinstance(one, dict):
            found = _INSIDE.fullmatch(str(one.get("url")))
            if found:
                yield found[1].strip("/")
            yield from inside(one.get("inputs"))


def _refused(inputs: object) -> Iterator[object]:
    """Yield what may not be taken, from what replaces an input's own inputs too."""
    if not isinstance(inputs, dict):
        yield inputs
        return
    for one in inputs.values():
        if not isinstance(one, dict):
            yield one
            continue
        if not _is_allowed(one):
            yield one.get("url") or one.get("path") or one
        if "inputs" in one:
            yield from _refused(one["inputs"])


def _is_allowed(one: dict[str, object]) -> bool:
    kind, url = one.get("type"), one.get("url")
    if kind in _BY_URL:
        return isinstance(url, str) and _FETCHED.fullmatch(url) is not None
    if kind is not None:
        return kind in _BY_PLACE
    if "url" not in one:
        return True
    return isinstance(url, str) and any(form.fullmatch(url) for form in (_FETCHED, _INSIDE, _NAMED))

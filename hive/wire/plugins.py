"""A plugin of claude as agent.toml names it: `NAME@MARKETPLACE`, read strictly."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import attrs

from hive.errors import BadRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")
_URL = re.compile(r"https://[A-Za-z0-9][!-?A-~]{0,500}")
_PATH = re.compile(r"/[A-Za-z0-9._/-]{1,500}")


@attrs.frozen
class Plugin:
    """One plugin."""

    name: str
    source: str
    """The marketplace: its name, `OWNER/REPOSITORY`, an https address, or a directory."""

    @property
    def is_known(self) -> bool:
        """Whether the marketplace is called by a name that claude knows."""
        return "/" not in self.source

    @property
    def words(self) -> tuple[str, ...]:
        """What `claude plugin install` is called with."""
        if self.is_known:
            return (f"{self.name}@{self.source}",)
        return (self.name, "--marketplace", self.source)


def parse_plugin(text: str) -> Plugin:
    """Return what an entry of `plugins` says; raises `BadRequest` with the mend."""
    name, at, source = text.partition("@")
    if not at or not _NAME.fullmatch(name):
        raise BadRequest(f"{text[:80]!r} is no plugin: write NAME@MARKETPLACE")
    is_path = _PATH.fullmatch(source) and ".." not in PurePosixPath(source).parts
    known = (_NAME, _REPOSITORY, _URL)
    if not is_path and not any(pattern.fullmatch(source) for pattern in known):
        raise BadRequest(
            f"{text[:80]!r} names no marketplace: give its name, OWNER/REPOSITORY, an https"
            " address, or a directory of this repository"
        )
    return Plugin(name, source)

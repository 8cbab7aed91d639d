"""The objects of a repository that an agent can write to, copied as plain files within bounds.

Nothing in the repository is obeyed: no link is followed, no index believed, and a loose object that
is not what its name says goes no further. Everything here blocks.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import zlib
from pathlib import Path

import attrs

from hive.errors import BadRequest, Unavailable
from hive.host import folders, git_refs

OBJECTS_MAX = 20_000
PACKS_MAX = 50
OBJECT_BYTES = 16 << 20
COPY_BYTES = 64 << 20
INFLATED_BYTES = 256 << 20
COMMIT_BYTES = 64 << 10
"""Of a commit that is proposed: its message is shown."""
TRIES = 3
_PREFIX = re.compile(r"[0-9a-f]{2}")
_REST = re.compile(r"[0-9a-f]{38}")
_PACK = re.compile(r"pack-[0-9a-f]{40}\.pack")
_HEADER = re.compile(rb"(?:commit|tree|blob|tag) \d{1,10}\0")


@attrs.frozen
class Source:
    """Where a proposed repository lies: the last parts of its path are within an agent's reach."""

    base: Path
    """Of the daemon alone."""
    parts: tuple[str, ...]

    def open(self) -> int:
        """Return a descriptor of its `.git`, reached through no link.

        Raises `FileNotFoundError` when there is none, `BadRequest`, `OSError`.
        """
        try:
            return folders.pin(self.base, (*self.parts, ".git"))
        except OSError as error:
            if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
                where = self.base.joinpath(*self.parts)
                raise BadRequest(
                    f"{where}/.git must be a plain directory and no link: make the repository anew"
                    " with git init or git clone"
                ) from error
            raise


class _Vanished(Exception):
    """A file went away while it was read: its git is at work."""


@attrs.define
class Copy:
    """One pass over the objects of a proposed repository."""

    into: Path
    known: Path
    """The `objects` of the applied repository, which need no copy."""
    left: int = OBJECTS_MAX
    bytes_left: int = COPY_BYTES
    inflated_left: int = INFLATED_BYTES
    packs: list[bytes] = attrs.field(factory=list)
    commits: set[str] = attrs.field(factory=set)

    def run(self, folder: int) -> None:
        objects = folders.pin_below(folder, ("objects",))
        try:
            for prefix in git_refs.list_folder(objects, ()):
                if _PREFIX.fullmatch(prefix):
                    self._loose(objects, prefix)
            for name in sorted(git_refs.list_folder(objects, ("pack",))):
                if _PACK.fullmatch(name):
                    self._pack(objects, name)
        finally:
            os.close(objects)

    def _loose(self, objects: int, prefix: str) -> None:
        for rest in git_refs.list_folder(objects, (prefix,)):
            if not _REST.fullmatch(rest):
                continue
            self.left -= 1
            if self.left < 0:
                raise BadRequest(
                    f"the repository has more than {OBJECTS_MAX} loose objects: run git gc in it"
                )
            if (self.known / prefix / rest).exists():
                continue
            data = self._read(objects, (prefix, rest))
            self._check(data, prefix + rest)
            target = self.into / prefix
            target.mkdir(exist_ok=True)
            (target / rest).write_bytes(data)

    def _check(self, data: bytes, name: str) -> None:
        """See that it is what its name says, before any git reads it."""
        most = min(OBJECT_BYTES, self.inflated_left)
        inflate = zlib.decompressobj()
        try:
            content = inflate.decompress(data, most + 1)
        except zlib.error as error:
            raise _damaged(name) from error
        if len(content) > most:
            raise BadRequest(f"the object {name} is larger than hive takes: keep large files out")
        self.inflated_left -= len(content)
        whole = inflate.eof and not inflate.unused_data
        header = _HEADER.match(content)
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if not whole or header is None or digest != name:
            raise _damaged(name)
        if content.startswith(b"commit ") and len(content) <= COMMIT_BYTES:
            self.commits.add(name)

    def _pack(self, objects: int, name: str) -> None:
        if len(self.packs) >= PACKS_MAX:
            raise BadRequest(f"the repository has more than {PACKS_MAX} packs: run git gc in it")
        self.packs.append(self._read(objects, ("pack", name)))

    def _read(self, objects: int, parts: tuple[str, ...]) -> bytes:
        try:
            data = git_refs.read_bounded(objects, parts, self.bytes_left)
        except FileNotFoundError as error:
            raise _Vanished from error
        self.bytes_left -= len(data)
        return data


def _damaged(name: str) -> BadRequest:
    return BadRequest(f"the object {name} in the repository is damaged: see git fsck in it")


def take(folder: Path, source: Source, known: Path) -> Copy:
    """Copy what is not `known` into a new directory; the packs come back as they are.

    Raises `BadRequest` for a repository that is not there or not in order, `Unavailable`.
    """
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700)
        for _ in range(TRIES):
            copy = Copy(folder, known)
            try:
                _copy(copy, source)
            except _Vanished:
                continue
            return copy
    except OSError as error:
        where = source.base.joinpath(*source.parts)
        if error.errno in {errno.ELOOP, errno.ENOTDIR, errno.EISDIR}:
            raise BadRequest(
                f"in {where}/.git something else stands where a directory or a plain file"
                " belongs: make the repository anew"
            ) from error
        raise Unavailable(f"cannot read {where}: {error.strerror}") from error
    raise BadRequest("the repository changes while it is read: wait for its git, and try again")


def _copy(copy: Copy, source: Source) -> None:
    where = source.base.joinpath(*source.parts)
    try:
        at = source.open()
    except FileNotFoundError as error:
        raise BadRequest(f"there is no repository in {where}") from error
    try:
        copy.run(at)
    finally:
        os.close(at)

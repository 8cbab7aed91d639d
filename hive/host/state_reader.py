"""Reading a file that an agent wrote, without following anything it planted.

The kernel resolves the whole path beneath a directory that only the daemon writes and refuses every
link on the way; a kernel that cannot is asked step by step. What stands there is looked at before
it is opened: only a regular file that everybody may read is, so that secrets kept at mode 0600 stay
private and no device or pipe is touched.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from pathlib import Path

import attrs

from hive.errors import BadRequest, NotFound, Refused, Unavailable
from hive.host import plain_file

FILE_BYTES = 1024 * 1024
"""Of a longer file the beginning is read."""

_OPENAT2 = 437
"""The same number on every architecture we know."""
_NO_MAGIC_LINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNKNOWN_CALL = frozenset({errno.ENOSYS, errno.EPERM, errno.E2BIG, errno.EINVAL})
"""What a kernel says that does not know `openat2`, or a filter that does not let it through."""


class _How(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@attrs.frozen
class FileText:
    """A file as a page shows it."""

    path: str
    """As it was asked for."""
    text: str
    """What is no UTF-8 is replaced."""
    size: int
    """Bytes of the whole file."""
    is_truncated: bool
    """Whether only the first `FILE_BYTES` bytes are here."""


def read_below(base: Path, parts: tuple[str, ...], path: str) -> FileText:
    """Return the file `parts` below `base` under the name `path`; blocks on the disk.

    Nothing below `base` is trusted. Raises `Refused` for a link, for what is no regular file and
    for one that is not everybody's to read, `NotFound`, `BadRequest` for one that is no text.
    """
    pinned = _pin(base, parts, path)
    try:
        about = _checked(pinned, path)
        data = _read(pinned, path)
    finally:
        os.close(pinned)
    if b"\0" in data:
        raise BadRequest(f"{path} is not a text file")
    # A cut may be in the middle of a character: that one is dropped instead of shown as broken.
    text = data[:FILE_BYTES].decode(errors="ignore" if len(data) > FILE_BYTES else "replace")
    return FileText(path, text, max(about.st_size, len(data)), len(data) > FILE_BYTES)


def check_below(base: Path, parts: tuple[str, ...], path: str) -> None:
    """Raise what `read_below` would raise but for the content; reads nothing of the file."""
    pinned = _pin(base, parts, path)
    try:
        _checked(pinned, path)
    finally:
        os.close(pinned)


def _pin(base: Path, parts: tuple[str, ...], path: str) -> int:
    if not parts or any(part in {"", ".", ".."} or "/" in part or "\0" in part for part in parts):
        raise BadRequest(f"{path!r} is not a path of plain names")
    try:
        root = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _pin_beneath(root, parts)
        finally:
            os.close(root)
    except OSError as error:
        raise _explained(error, path) from error


def _pin_beneath(root: int, parts: tuple[str, ...]) -> int:
    how = _How(plain_file.PIN, 0, _BENEATH | _NO_SYMLINKS | _NO_MAGIC_LINKS)
    name = os.fsencode("/".join(parts))
    call = ctypes.CDLL(None, use_errno=True).syscall
    handle: int = call(_OPENAT2, root, name, ctypes.byref(how), ctypes.sizeof(how))
    if handle >= 0:
        return handle
    number = ctypes.get_errno()
    if number in _UNKNOWN_CALL:
        return _walk(root, parts)
    raise OSError(number, os.strerror(number))


def _walk(root: int, parts: tuple[str, ...]) -> int:
    """Do as the kernel would, one name at a time; there is no `..` among them to lead back out."""
    folder = os.dup(root)
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], plain_file.PIN, dir_fd=folder)
    finally:
        os.close(folder)


def _checked(pinned: int, path: str) -> os.stat_result:
    about = os.fstat(pinned)
    if not stat.S_ISREG(about.st_mode):
        raise Refused(f"{path} is not a regular file")
    if not about.st_mode & stat.S_IROTH:
        raise Refused(f"{path} is private: its owner has not made it readable for everybody")
    return about


def _read(pinned: int, path: str) -> bytes:
    """Return at most one byte more than is shown; a file that grows meanwhile is no matter."""
    try:
        with os.fdopen(plain_file.open_pinned(pinned), "rb") as file:
            return file.read(FILE_BYTES + 1)
    except OSError as error:
        raise _explained(error, path) from error


def _explained(error: OSError, path: str) -> NotFound | Refused | Unavailable:
    if error.errno == errno.ENOENT:
        return NotFound(f"there is no {path}")
    if error.errno in {errno.ELOOP, errno.EXDEV, errno.ENOTDIR, errno.EMLINK}:
        return Refused(f"{path} leads through a link or a file")
    if error.errno in {errno.EACCES, errno.EPERM, errno.ENXIO, errno.ENAMETOOLONG}:
        return Refused(f"{path} cannot be opened: {error.strerror}")
    return Unavailable(f"cannot read {path}: {error.strerror}")

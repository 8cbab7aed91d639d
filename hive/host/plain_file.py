"""Opening a file for reading where an agent may have put anything in its place.

To open a device or a pipe does something by itself: a watchdog begins to count, whoever waits at
the other end goes on. So what stands there is pinned and looked at first, and only a plain file is
opened; what was looked at is what is opened, whatever its name means by then.
"""

from __future__ import annotations

import errno
import os
import stat

PIN = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a file is pinned: a link is pinned itself."""
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def open_pinned(pinned: int) -> int:
    """Return a descriptor to read the plain file that another one pins; that stays open.

    Raises `OSError` for what cannot be read, and for what is no plain file: `ELOOP` for a link,
    `EISDIR`, and `ENXIO` for anything else.
    """
    kind = stat.S_IFMT(os.fstat(pinned).st_mode)
    if kind != stat.S_IFREG:
        number = {stat.S_IFLNK: errno.ELOOP, stat.S_IFDIR: errno.EISDIR}.get(kind, errno.ENXIO)
        raise OSError(number, os.strerror(number))
    return os.open(f"/proc/self/fd/{pinned}", _READ)

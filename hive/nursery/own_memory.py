"""What the daemon does at its start so that it takes little memory itself.

What it imports, and when, counts for more: ADR 49.
"""

from __future__ import annotations

import ctypes
import linecache

M_ARENA_MAX = -8
"""glibc's number for what `MALLOC_ARENA_MAX` sets as well; mallopt(3)."""


def take_little() -> None:
    """Drop what only a debugger reads, and let all threads share one heap; call it before any.

    attrs keeps the source text of every method that it writes, for debuggers and tracebacks, which
    then name function and line without showing it: 1.3 MiB. glibc gives each thread a heap of its
    own, of which each keeps what was freed; of Python's threads mostly one runs at a time, so that
    they need not allocate side by side. Another libc than glibc has no `mallopt`, or ignores it.
    """
    linecache.clearcache()
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(M_ARENA_MAX, 1)

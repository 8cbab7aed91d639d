"""The kernel's own full disk in place of the file of an audit log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from hive.core.hive import Hive


@contextmanager
def full_disk(hive: Hive) -> Iterator[None]:
    """Let every line fail for want of room during the block."""
    handle = hive.audit._log._files._handle
    kept = os.dup(handle)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        os.dup2(full, handle)
        yield
    finally:
        os.dup2(kept, handle)
        os.close(kept)
        os.close(full)

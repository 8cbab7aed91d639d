"""Waiting for what another task or a kernel buffer brings about, without a fixed pause."""

from __future__ import annotations

from collections.abc import Callable

import trio

WAIT_S = 5.0


async def until(is_so: Callable[[], bool], *, within_s: float = WAIT_S) -> None:
    """Return once `is_so`; fails after `within_s` seconds."""
    with trio.fail_after(within_s):
        while not is_so():  # noqa: ASYNC110 - the test has no event to wait for
            await trio.sleep(0.01)

"""The index of the messages, and the gate that lets one search of each client in at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import trio

from hive.core import audit
from hive.errors import Conflict

if TYPE_CHECKING:
    from hive.store.message_index import MessageIndex

AT_ONCE = 2
"""Searches of all clients."""
WAIT_S = 5.0


class Searches:
    """What every search goes through."""

    def __init__(self, index: MessageIndex) -> None:
        """Over the index of the broker's database."""
        self.index = index
        self._all = trio.Semaphore(AT_ONCE)
        self._clients: dict[str, trio.Semaphore] = {}

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Hold the place of a search; raises `Conflict` when none becomes free in time."""
        client = _client()
        mine = self._clients.setdefault(client, trio.Semaphore(1))
        late = trio.current_time() + WAIT_S
        try:
            async with _held(mine, late), _held(self._all, late):
                yield
        finally:
            if mine.value and not mine.statistics().tasks_waiting:
                self._clients.pop(client, None)


@asynccontextmanager
async def _held(places: trio.Semaphore, late: float) -> AsyncIterator[None]:
    with trio.move_on_at(late) as scope:
        await places.acquire()
    if scope.cancelled_caught:
        raise Conflict("earlier searches still run: search again when they are done")
    try:
        yield
    finally:
        places.release()


def _client() -> str:
    """Return who asks: a browser's session, a script's token, a user of this host."""
    someone = audit.who()
    return " ".join(
        [
            someone.surface,
            *(f"{key}={someone.detail.get(key)}" for key in ("session", "token", "uid")),
        ]
    )

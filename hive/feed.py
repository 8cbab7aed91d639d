"""Numbered frames to any number of watchers: one ring, no queue per watcher, no waiting publisher.

A watcher remembers the number it has seen; the ring holds the newest frames, each encoded once. A
watcher that falls behind the ring is told to take a new snapshot (`needs_reset`), and so is one
that resumes after a number this feed does not hold. Numbers grow across restarts, because the first
one is made from the time of the start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from hive.wire import codec

RING = 4096
RING_BYTES = 32 * 1024 * 1024
"""No more is held of frames that were handed out: a body of control characters is six times as long
in JSON, and whoever sends one sends thousands."""

Frame = dict[str, Any]
MakeFrame = Callable[[], Frame]
"""Makes a frame when somebody wants to see it."""


class Feed:
    """Publishes frames; `seq` is the number of the newest one."""

    def __init__(self, started_at: float, ring: int = RING, ring_bytes: int = RING_BYTES) -> None:
        """Number from `started_at` (Unix seconds); hold the newest `ring` frames.

        Of frames that were handed out, at most `ring_bytes` are held.
        """
        self.seq = int(started_at * 1000) * 1000
        self.generation = 0
        self.watchers = 0
        self._first = self.seq + 1
        self._ring: deque[bytes | Frame | MakeFrame] = deque(maxlen=ring)
        self._ring_bytes = ring_bytes
        self._bytes = 0
        self._more = trio.Event()

    def publish(self, frame: Frame | MakeFrame) -> int:
        """Number a frame and wake whoever waits; never blocks. Returns the frame's number.

        The frame is made, when it is given as a function, and encoded when the first watcher takes
        it; it must not be changed any more.
        """
        self.seq += 1
        if len(self._ring) == self._ring.maxlen:
            self._drop()
        while self._bytes > self._ring_bytes:
            self._drop()
        self._ring.append(frame)
        self._wake()
        return self.seq

    @contextmanager
    def watch(self, after: int | None = None) -> Iterator[Watch]:
        """Watch from the frame behind number `after`; None: from now on."""
        self.watchers += 1
        try:
            yield Watch(self, self.seq if after is None else after)
        finally:
            self.watchers -= 1

    def close(self) -> None:
        """End every present watch; what was published before is still handed out."""
        self.generation += 1
        self._wake()

    def holds(self, after: int) -> bool:
        """Whether every frame behind number `after` is still here."""
        return self._first - 1 <= after <= self.seq

    def since(self, after: int) -> list[tuple[int, bytes]]:
        """Return the frames behind number `after`, which must be held, oldest first."""
        start = after + 1 - self._first
        return [
            (self._first + index, self._encoded(index)) for index in range(start, len(self._ring))
        ]

    async def wait_beyond(self, after: int, generation: int) -> None:
        """Wait until there is a frame behind `after`, or watches of `generation` are ended."""
        while self.seq == after and self.generation == generation:
            await self._more.wait()

    def _encoded(self, index: int) -> bytes:
        frame = self._ring[index]
        if isinstance(frame, bytes):
            return frame
        if callable(frame):
            frame = frame()
        line = codec.dumps({**frame, "seq": self._first + index})[:-1]
        self._ring[index] = line
        self._bytes += len(line)
        return line

    def _drop(self) -> None:
        """Forget the oldest frame."""
        frame = self._ring.popleft()
        self._first += 1
        if isinstance(frame, bytes):
            self._bytes -= len(frame)

    def _wake(self) -> None:
        if self._more.statistics().tasks_waiting:
            self._more.set()
            self._more = trio.Event()


class Watch:
    """One watcher's place in the feed."""

    def __init__(self, feed: Feed, after: int) -> None:
        """Made by `Feed.watch`."""
        self._feed = feed
        self.position = after
        self._generation = feed.generation
        self.needs_reset = not feed.holds(after)

    async def next(self) -> list[tuple[int, bytes]] | None:
        """Wait for frames and return all that are new, as (number, JSON), oldest first.

        Returns None when the feed was closed, and when this watch fell behind: then `needs_reset`
        is True. Cancellation loses nothing.
        """
        if self.needs_reset:
            return None
        await self._feed.wait_beyond(self.position, self._generation)
        if not self._feed.holds(self.position):
            self.needs_reset = True
            return None
        frames = self._feed.since(self.position)
        if not frames:
            return None
        self.position = frames[-1][0]
        return frames

    def skip(self) -> None:
        """Go on from now, past whatever was missed."""
        self.position = self._feed.seq
        self.needs_reset = False

"""Live frames of the agent's page, and their history.

Publishing never waits: frames go to the feed at once and to a queue that the writer task empties in
batches. When the history's file cannot be used the bus goes on, says so on the page, holds the
newest frames in memory and tries the file again; then it says how many are lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.agent.partials import Partials
from hive.errors import HiveError
from hive.feed import Feed
from hive.store.database import open_database
from hive.store.turn_events import MIGRATIONS, Event, Found, TurnEvents, Wanted
from hive.wire import codec, live
from hive.wire.live import LiveFrame

HISTORY_MOST = 2000
BATCH_PAUSE_S = 0.25
RETRY_S = 60.0
DAY_S = 86400.0
SWEEP_S = 3600.0
STRING_CHARACTERS = 20_000
"""A longer string inside a line of claude is cut before it is published; a line may hold 3 MB."""
PICTURES_CHARACTERS = 65_536
"""So much of pictures in one line stays whole beside that: half a picture is none."""
WAITING_BYTES = 8 * 1024 * 1024
RING = 1024


class Bus:
    """Publishes frames to the page and keeps those that are history."""

    def __init__(self, file: Path, clock: Callable[[], float], keep_days: float = 7.0) -> None:
        """Keep the history in `file`, for so many days; nothing is opened before `run`."""
        self.feed = Feed(clock(), RING)
        self.partials = Partials(self.feed, self.publish)
        self.problem: str | None = None
        """Why the history is not kept, when it is not."""
        self.watchers: list[Callable[[LiveFrame], None]] = []
        """Each is called with every frame as it is published, whole; none may block or raise."""
        self._file = file
        self._clock = clock
        self._keep_s = keep_days * DAY_S
        self._store: TurnEvents | None = None
        self._waiting: deque[Event] = deque()
        self._waiting_bytes = 0
        self._lost = 0
        """Frames that are in no file and never will be, and of which nothing was said yet."""
        self._more = trio.Event()

    def publish(self, frame: LiveFrame) -> int:
        """Publish a frame and return its number; never blocks."""
        for watch in self.watchers:
            watch(frame)
        data = shortened(codec.to_tagged("kind", frame))
        seq = self.feed.publish(data)
        if isinstance(frame, live.KEPT):
            payload = codec.dumps({**data, "seq": seq})[:-1].decode()
            self._waiting.append(Event(seq, self._clock(), data["kind"], payload))
            self._waiting_bytes += len(payload)
            self._trim()
            self._more.set()
        return seq

    def show(self, line: dict[str, Any]) -> None:
        """Publish a line of claude, or the piece of one that it is."""
        if not self.partials.feed(line):
            self.publish(live.Stream(line))

    def note(self, text: str, source: str = "harness") -> None:
        """Publish a line for people."""
        self.publish(live.Note(text, source))

    async def following(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return the oldest frames with a number above `after`, oldest first; see `history`."""
        limit = max(1, min(limit, HISTORY_MOST))
        events = {each.seq: each for each in self._waiting if each.seq > after}
        if self._store is not None:
            try:
                for each in await self._store.following(after=after, limit=limit):
                    events[each.seq] = each
            except HiveError as error:
                self._has_problem(error)
        oldest = sorted(events)[:limit]
        return [codec.loads(events[seq].payload_json, limit=None) for seq in oldest]

    async def history(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest frames with a number below `before`, oldest first.

        What is not written yet is among them; without a usable file it is all there is.
        """
        limit = max(1, min(limit, HISTORY_MOST))
        events = {each.seq: each for each in self._waiting if before is None or each.seq < before}
        if self._store is not None:
            try:
                for each in await self._store.newest(before=before, limit=limit):
                    events[each.seq] = each
            except HiveError as error:
                self._has_problem(error)
        newest = sorted(events)[-limit:]
        return [codec.loads(events[seq].payload_json, limit=None) for seq in newest]

    async def search(self, wanted: Wanted, *, before: int | None, limit: int) -> dict[str, Any]:
        """Return the newest frames that are wanted, oldest first, and where to go on behind them.

        What is not written yet is among them; without a usable file it is all there is.
        """
        limit = max(1, min(limit, HISTORY_MOST))
        fresh = [each for each in self._waiting if before is None or each.seq < before]
        events = {each.seq: each for each in fresh if wanted.has(each)}
        found = Found([], None)
        if self._store is not None:
            try:
                found = await self._store.search(wanted, before=before, limit=limit)
            except HiveError as error:
                self._has_problem(error)
        events |= {each.seq: each for each in found.events}
        newest = sorted(events)[-limit:]
        is_cut = len(newest) < len(events)
        return {
            "events": [codec.loads(events[seq].payload_json, limit=None) for seq in newest],
            "next_before": newest[0] if is_cut else found.next_before,
        }

    async def vacuum(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Drop history past its keep, hourly and once at the start, until cancelled."""
        task_status.started()
        while True:
            if self._store is not None:
                try:
                    await self._store.sweep(self._clock() - self._keep_s)
                except HiveError as error:
                    self._has_problem(error)
            await trio.sleep(SWEEP_S)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write the history until cancelled, then write what is left."""
        is_started = False
        while True:
            try:
                async with open_database(self._file, MIGRATIONS) as database:
                    store = self._store = TurnEvents(database)
                    if not is_started:
                        is_started = True
                        task_status.started()
                    await self._write_for_ever(store)
            except HiveError as error:
                self._has_problem(error)
            finally:
                self._store = None
            if not is_started:
                is_started = True
                task_status.started()
            await trio.sleep(RETRY_S)

    def close(self) -> None:
        """End every watch of the page at once."""
        self.feed.close()

    async def _write_for_ever(self, store: TurnEvents) -> None:
        try:
            while True:
                self._more = trio.Event()
                await self._flush(store)
                self._mended()
                await self._more.wait()
                await trio.sleep(BATCH_PAUSE_S)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 0.5):
                await self._flush(store)

    async def _flush(self, store: TurnEvents) -> None:
        batch = list(self._waiting)
        if not batch:
            return
        await store.append(batch)
        written = {each.seq for each in batch}
        while self._waiting and self._waiting[0].seq in written:
            self._waiting_bytes -= len(self._waiting.popleft().payload_json)

    def _trim(self) -> None:
        while len(self._waiting) > HISTORY_MOST or self._waiting_bytes > WAITING_BYTES:
            self._waiting_bytes -= len(self._waiting.popleft().payload_json)
            self._lost += 1

    def _mended(self) -> None:
        """Say what is missing, once there is a file again that it is missing in."""
        self.problem = None
        lost, self._lost = self._lost, 0
        if lost:
            self.note(f"the history is kept again; {lost} entries before this are lost")

    def _has_problem(self, error: HiveError) -> None:
        if self.problem is None:
            self.problem = error.message
            self.note(f"the history of this page is not being kept: {error.message}")


def shortened(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON data with every overlong string cut and saying so."""
    return _Shortener().short(value)


@attrs.define
class _Shortener:
    """Cuts one line; what it says of pictures is bounded as a whole."""

    left: int = PICTURES_CHARACTERS

    def short(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str):
            if len(value) <= STRING_CHARACTERS:
                return value
            return f"{value[:STRING_CHARACTERS]}… ({len(value)} characters)"
        if isinstance(value, dict):
            return {key: self._field(value, key) for key in value}
        if isinstance(value, list | tuple):
            return [self.short(each) for each in value]
        return value

    def _field(self, value: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON
        data = value[key]
        is_picture = key == "data" and value.get("type") == "base64" and isinstance(data, str)
        if is_picture and STRING_CHARACTERS < len(data) <= self.left:
            self.left -= len(data)
            return data
        return self.short(data)

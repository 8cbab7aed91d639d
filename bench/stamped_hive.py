"""hive with a stopwatch: the same program, noting when a turn passes its stations.

Run in hive's place by `turns`: the daemon with `--tell=SOCKET` before its own words, and by that
daemon the harness of each container. The stations are wrapped from outside, so that hive itself
knows nothing of it; a note is one clock read and one append. Every moment is of CLOCK_MONOTONIC in
nanoseconds, which the processes of one machine share, containers included. The daemon tells each
acknowledgement after it has noted it; both write their notes to a file when they end.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Stations = dict[int, dict[str, int]]
"""Moments by station, by message id."""

DAEMON_NOTES = "bench-daemon.json"
HARNESS_NOTES = "bench-harness.json"
now = time.monotonic_ns


def main() -> int:
    """Run hive with the words that were given."""
    tell = None
    if sys.argv[1].startswith("--tell="):
        tell = sys.argv.pop(1).removeprefix("--tell=")
    from hive import cli

    if sys.argv[1] == "serve":
        assert tell is not None
        _watch_daemon(Path(tell))
    elif sys.argv[2] == "serve":
        _watch_harness()
    return cli.main()


def _watch_daemon(tell: Path) -> None:
    """Note the commits that matter: of a message, of its lease, of its acknowledgement."""
    from hive.host import program
    from hive.store import messages, writer

    # Any, because what is written into them is not what they were declared with.
    finder: Any = program
    store: Any = messages.MessageStore
    writing: Any = writer.Writer
    stations: Stations = {}
    to_bench = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    to_bench.setblocking(False)
    began = last_commit = 0
    commit, add, lease = writing._commit, store.add, store.lease
    acknowledge, find = store.acknowledge, finder.find

    def commit_noted(self: Any, batch: Any) -> None:
        nonlocal began, last_commit
        start = now()
        commit(self, batch)
        began, last_commit = start, now()

    async def add_noted(self: Any, draft: Any) -> Any:
        made = await add(self, draft)
        for number in made.ids:
            stations[number] = {"committed": last_commit}
        return made

    async def lease_noted(self: Any, *arguments: Any) -> Any:
        leased = await lease(self, *arguments)
        for message in leased:
            stations[message.id] |= {"leasing": began, "leased": last_commit}
        return leased

    async def acknowledge_noted(self: Any, recipient: str, ids: Any, moment: float) -> Any:
        done = await acknowledge(self, recipient, ids, moment)
        for number in done[0]:
            stations[number] |= {"acknowledging": began, "acknowledged": last_commit}
            to_bench.sendto(str(number).encode(), str(tell))
        return done

    def find_stamped(*, isolated: bool) -> Any:
        return _stamped(find(isolated=isolated), isolated=isolated)

    writing._commit = commit_noted
    store.add = add_noted
    store.lease = lease_noted
    store.acknowledge = acknowledge_noted
    finder.find = find_stamped
    _write_at_end(lambda: tell.with_name(DAEMON_NOTES), stations)


def _stamped(plain: Any, *, isolated: bool) -> Any:
    """Return the command that runs this file in a container in place of `python -m hive`."""
    import attrs

    from hive.host.runtime import Bind

    here = Path(__file__).resolve()
    inside = "/opt/hive/bench/stamped_hive.py" if isolated else str(here)
    binds = (Bind(here, inside),) if isolated else ()
    assert plain.argv[-2:] == ("-m", "hive"), "the checkout is what is measured"
    return attrs.evolve(plain, argv=(*plain.argv[:-2], inside), binds=(*plain.binds, *binds))


def _watch_harness() -> None:
    """Note where a message is inside the harness, from its arrival to its acknowledgement."""
    from trio import _unix_pipes

    from hive.agent import live_driver, process_driver, stream_json, turn_loop

    drivers: list[Any] = [live_driver.LiveDriver, process_driver.ProcessDriver]
    lines: Any = stream_json
    loop: Any = turn_loop
    pipes: Any = _unix_pipes
    stations: Stations = {}
    state_dir = Path()
    present: dict[str, int] = {}
    handle, acknowledge = turn_loop.handle, turn_loop.acknowledge

    async def handle_noted(harness: Any, message: Any) -> None:
        nonlocal state_dir, present
        state_dir = Path(harness.config.state_dir)
        present = stations[message.id] = {"received": now()}
        await handle(harness, message)
        present["over"] = now()

    async def acknowledge_noted(harness: Any, record: Any) -> None:
        present["recorded"] = now()
        await acknowledge(harness, record)

    class Splitter(stream_json.LineSplitter):
        """Notes when the data came in that ended with a result."""

        def feed(self, data: Any) -> Any:
            moment = now()
            for line in super().feed(data):
                if b'"type":"result"' in line:
                    present["result"] = moment
                yield line

    def noting(station: str, body: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **named: Any) -> Any:
            present[station] = now()
            return body(*arguments, **named)

        return noted

    def present_now() -> dict[str, int]:
        return present

    loop.handle = handle_noted
    loop.acknowledge = acknowledge_noted
    lines.LineSplitter = Splitter
    for driver in drivers:
        driver.turn = noting("handed", driver.turn)
    pipes.os = _NotingOs(present_now)
    _write_at_end(lambda: state_dir / HARNESS_NOTES if stations else Path("/dev/null"), stations)


class _NotingOs:
    """`os` as Trio's pipes see it; notes the system call that hands claude its prompt.

    Noted before the call, because by its end claude may have the processor already.
    """

    def __init__(self, present: Callable[[], dict[str, int]]) -> None:
        self._present = present

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, file: int, data: Any) -> int:
        """Write, and note it when it is a prompt."""
        if bytes(data[:14]) == b'{"type":"user"':
            self._present()["written"] = now()
        return os.write(file, data)


def _write_at_end(file: Callable[[], Path], stations: Stations) -> None:
    atexit.register(lambda: file().write_text(json.dumps(stations)))


if __name__ == "__main__":
    sys.exit(main())

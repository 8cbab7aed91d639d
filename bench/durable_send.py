"""Measures durable `send` over a unix socket beside Redis Streams and PostgreSQL.

Each of the three has synced a message to its disk before it answers. The load is one C program for
all (`load.c`), a process of its own, with 1, 10 and 100 senders that have one message in flight
each. Two disks: this machine's own, and an honest one, on which each sync takes two milliseconds
more (`slow_sync.c`, preloaded into all three). The rounds are interleaved, so that whatever else
the machine does hits all alike; medians are printed with their ratios beside the bars.

Needs gcc, redis-server and PostgreSQL; without one of them it says so.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import trio

from bench.figures import Figure, Report
from hive import lines
from hive.core.broker import Broker
from hive.core.hive import Disk
from hive.feed import Feed
from hive.nursery import agent_sockets, message_index
from hive.store.database import LOG_BYTES, open_database
from hive.store.message_index import MessageIndex
from hive.store.messages import MessageStore
from hive.wire import codec
from hive.wire.names import agent_name

HERE = Path(__file__).resolve().parent
SENDERS = (1, 10, 100)
DISKS = ("honest", "own")
NAMES = ("hive", "redis", "postgres")
SHOWN = {
    "redis": "Redis Streams, appendfsync always",
    "postgres": "PostgreSQL, synchronous_commit on",
}
BARS = {
    **{("honest", "postgres", senders): 1.0 for senders in SENDERS},
    ("honest", "redis", 100): 0.5,
    ("own", "postgres", 100): 1.0,
}
"""How many times as fast as the other it is to be, by (disk, name, senders)."""
TITLE = "Durable send over a socket"
NOTES = (
    "Each of the three has synced a message to its disk before it answers; the load is one C"
    " program for all, each sender with one message in flight.",
    "On the honest disk each sync takes 2 ms more, in all three; the own one is this machine's.",
    "One sender waits for one sync whatever the design: what hive then loses to PostgreSQL is some"
    " 0.15 ms of two hand-overs between its loop and the thread that writes, and of Python waking"
    " up; a reply written by that thread itself would save most of it.",
    "At 100 senders hive spends some 40 us of one core on a message, PostgreSQL has both cores.",
)
ROUNDS = 5
SECONDS = 1.0
START_S = 30.0
BODY = "The tests pass; the report is in /shared/report.md. " * 2

Result = dict[tuple[str, str, int], list[tuple[float, float, float]]]
"""(disk, name, senders) to a list of (messages a second, p50 in us, p99 in us)."""


@attrs.frozen
class Contestant:
    """A server that is up, and how the load talks to it."""

    socket: Path
    kind: str
    preamble: bytes
    request: bytes


class Missing(Exception):
    """A program this benchmark needs is not here."""


def measure(*, quick: bool = False) -> Report:
    """Run the comparison; a program that is missing is reported, and nothing measured."""
    try:
        return _run(*((1, 0.2) if quick else (ROUNDS, SECONDS)))
    except Missing as missing:
        unmeasured = Figure("durable send", f"not measured: {missing}", is_met=False)
        return Report(TITLE, (unmeasured,))


def _run(rounds: int, seconds: float) -> Report:
    results: Result = {}
    with _scratch() as scratch:
        _build(scratch)
        for disk in DISKS:
            with ExitStack() as stack:
                up = {}
                for name, server in (("hive", _hive), ("redis", _redis), ("postgres", _postgres)):
                    home = scratch / f"{disk[0]}{name}"
                    up[name] = stack.enter_context(server(home, _env(scratch, disk)))
                _measure(results, disk, up, scratch, rounds, seconds)
    return _report(results, rounds, seconds)


def _measure(
    results: Result,
    disk: str,
    up: dict[str, Contestant],
    scratch: Path,
    rounds: int,
    seconds: float,
) -> None:
    for turn in range(rounds):
        for senders in SENDERS:
            for shift in range(len(NAMES)):
                name = NAMES[(turn + shift) % len(NAMES)]
                measured = _load(up[name], scratch, senders, seconds)
                results.setdefault((disk, name, senders), []).append(measured)


def _load(
    server: Contestant, scratch: Path, senders: int, seconds: float
) -> tuple[float, float, float]:
    (scratch / "preamble").write_bytes(server.preamble)
    (scratch / "request").write_bytes(server.request)
    words = [scratch / "load", server.socket, senders, seconds, server.kind]
    words += [scratch / "preamble", scratch / "request"]
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, check=True, timeout=seconds + START_S
    )
    count, took, p50, p99 = (float(word) for word in done.stdout.split())
    return count / took, p50, p99


def _report(results: Result, rounds: int, seconds: float) -> Report:
    rate = {key: statistics.median(each[0] for each in rows) for key, rows in results.items()}
    figures = []
    for disk, senders in itertools.product(DISKS, SENDERS):
        p50_ms, p99_ms = (
            statistics.median(row[index] for row in results[disk, "hive", senders]) / 1000
            for index in (1, 2)
        )
        for other in NAMES[1:]:
            ratio = rate[disk, "hive", senders] / rate[disk, other, senders]
            bar = BARS.get((disk, other, senders))
            figures.append(
                Figure(
                    f"{disk} disk, {senders} senders",
                    f"{rate[disk, 'hive', senders]:,.0f} messages/s,"
                    f" p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms",
                    f"{SHOWN[other]}, {rate[disk, other, senders]:,.0f} messages/s:"
                    f" {ratio:.2f} times",
                    "" if bar is None else f"at least {bar:g} times",
                    None if bar is None else ratio >= bar,
                )
            )
    return Report(TITLE, tuple(figures), (*NOTES, f"Medians of {rounds} rounds of {seconds:g} s."))


@contextmanager
def _scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="h", dir="/var/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _build(scratch: Path) -> None:
    if not shutil.which("gcc"):
        raise Missing("gcc is needed to build the load: install it")
    for source, target, options in (
        ("load.c", "load", []),
        ("slow_sync.c", "slow_sync.so", ["-shared", "-fPIC"]),
    ):
        words: list[Any] = ["gcc", "-O2", *options, "-o", scratch / target, HERE / source, "-ldl"]
        subprocess.run(words, check=True)


def _env(scratch: Path, disk: str) -> dict[str, str]:
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONPATH": str(HERE.parent)}
    return {**env, "LD_PRELOAD": str(scratch / "slow_sync.so")} if disk == "honest" else env


@contextmanager
def _running(words: list[object], socket: Path, **options: Any) -> Iterator[None]:
    log = socket.parent / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([str(word) for word in words], stdout=out, stderr=out, **options)
    try:
        give_up = time.monotonic() + START_S
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > give_up:
                raise Missing(f"{words[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        time.sleep(0.3)
        yield
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _hive(home: Path, env: dict[str, str]) -> Iterator[Contestant]:
    home.mkdir()
    socket = home / "mcp.sock"
    with _running([sys.executable, __file__, "--serve", home], socket, env=env):
        request = b'{"cmd":"send","to":"bob","body":"%s"}\n' % BODY.encode()
        yield Contestant(socket, "line", b"", request)


@contextmanager
def _redis(home: Path, env: dict[str, str]) -> Iterator[Contestant]:
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("redis-server is needed for the comparison: apt install redis-server")
    home.mkdir()
    socket = home / "redis.sock"
    words: list[object] = [
        program,
        "--port",
        0,
        "--unixsocket",
        socket,
        "--dir",
        home,
        "--appendonly",
        "yes",
    ]
    words += ["--appendfsync", "always", "--save", "", "--auto-aof-rewrite-percentage", 0]
    with _running(words, socket, env=env):
        parts = ["XADD", "inbox:bob", "*", "sender", "ada", "body", BODY]
        request = b"*%d\r\n" % len(parts)
        request += b"".join(b"$%d\r\n%s\r\n" % (len(part), part.encode()) for part in parts)
        yield Contestant(socket, "resp", b"", request)


@contextmanager
def _postgres(home: Path, env: dict[str, str]) -> Iterator[Contestant]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise Missing("PostgreSQL is needed for the comparison: apt install postgresql")
    home.mkdir()
    user: dict[str, Any] = {"env": env, "cwd": home}
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        shutil.chown(home, "postgres", "postgres")
        user |= {"user": "postgres", "group": "postgres", "extra_groups": []}
    data = home / "data"
    quiet = {key: value for key, value in env.items() if key != "LD_PRELOAD"}
    initdb: list[Any] = [found[-1] / "initdb", "-D", data, "-A", "trust", "-U", "hive", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **{**user, "env": quiet})
    words: list[object] = [found[-1] / "postgres", "-D", data, "-k", home, "-c"]
    words += ["listen_addresses=", "-c", "synchronous_commit=on", "-c", "max_connections=120"]
    socket = home / ".s.PGSQL.5432"
    with _running(words, socket, **user):
        table = (
            "CREATE TABLE messages (id bigserial PRIMARY KEY, sender text NOT NULL,"
            " recipient text NOT NULL, body text NOT NULL,"
            " sent_at timestamptz NOT NULL DEFAULT now(),"
            " delivered_at timestamptz, acked_at timestamptz);"
            " CREATE INDEX ON messages (recipient, id)"
            " WHERE acked_at IS NULL; CREATE INDEX ON messages (recipient)"
        )
        psql: list[Any] = ["psql", "-h", home, "-U", "hive", "-d", "postgres", "-qc", table]
        give_up = time.monotonic() + START_S
        ready = [found[-1] / "pg_isready", "-q", "-h", home]
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > give_up:
                raise Missing("PostgreSQL did not become ready")
            time.sleep(0.1)
        subprocess.run(psql, check=True)
        yield Contestant(socket, "pg", *_postgres_bytes())


def _postgres_bytes() -> tuple[bytes, bytes]:
    """Return the start-up and the prepared INSERT, and one execution of it."""

    def message(tag: bytes, body: bytes) -> bytes:
        return tag + struct.pack("!I", len(body) + 4) + body

    start = message(b"", struct.pack("!I", 196608) + b"user\0hive\0database\0postgres\0\0")
    insert = b"INSERT INTO messages (sender, recipient, body) VALUES ($1, $2, $3) RETURNING id"
    prepare = message(b"P", b"s\0" + insert + b"\0" + struct.pack("!H", 0)) + message(b"S", b"")
    values = b"".join(struct.pack("!I", len(v)) + v for v in (b"ada", b"bob", BODY.encode()))
    bind = b"\0s\0" + struct.pack("!HH", 0, 3) + values + struct.pack("!H", 0)
    execute = message(b"E", b"\0" + struct.pack("!I", 0))
    return start + prepare, message(b"B", bind) + execute + message(b"S", b"")


async def _serve(home: Path) -> None:
    """Be hive: the broker on a real file behind an agent's own socket, its frames on a feed."""
    feed = Feed(time.time())

    def publish(frame: object) -> None:
        feed.publish(partial(codec.to_tagged, "kind", frame))

    names = [agent_name(name) for name in ("manager", "ada", "bob")]
    async with open_database(home / "broker.sqlite", log_bytes=LOG_BYTES) as database:
        broker = Broker(
            MessageStore(database),
            clock=time.time,
            known=lambda: names,
            roster=lambda: names,
            publish=publish,
        )
        own = SimpleNamespace(user=lambda _: os.geteuid())
        searches = SimpleNamespace(index=MessageIndex(database))
        hive: Any = SimpleNamespace(
            broker=broker, agents=names, runtime=own, searches=searches, disk=Disk()
        )
        listener = await lines.listen(home / "mcp.sock", 0o600)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_term, nursery.cancel_scope)
            # What is sent is indexed beside it, as in a whole daemon.
            await nursery.start(message_index.run, hive)
            door = agent_sockets.make_door(hive, names[1])
            await nursery.start(lines.serve, listener, door)


async def _stop_on_term(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement (1)")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        trio.run(_serve, arguments.serve)
        sys.exit(0)
    try:
        outcome = _run(arguments.rounds, arguments.seconds)
    except Missing as missing:
        sys.exit(f"not measured: {missing}")
    print(outcome.text())
    sys.exit(0 if outcome.is_met else 1)

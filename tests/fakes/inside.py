"""bob's harness below a daemon's directories: what the operator's verbs reach inside of him."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.agent.controls import HarnessPage
from hive.agent.harness import Harness
from hive.nursery import in_container
from hive.web import server
from hive.web.agent_page.app import make_app
from hive.wire.names import AgentName
from tests.fakes import harness as harnesses
from tests.fakes.harness import Rig
from tests.fakes.running import Running, running

BOB = AgentName("bob")
WAIT_S = 60.0
AGAIN_S = 1.0


@attrs.frozen
class Inside:
    """A daemon with an agent whose harness is real, and the hive's own command."""

    daemon: Running
    rig: Rig
    stop_terminals: Callable[[], None]
    """Ends bob's terminals as the end of his harness would."""

    def command(self, verb: str, *words: str) -> list[str]:
        """Return a command line of the operator's."""
        socket = str(self.daemon.hive.paths.host_socket)
        return [sys.executable, "-m", "hive", verb, "--socket", socket, *words]

    async def run(self, *command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a command line to its end."""
        with trio.fail_after(WAIT_S):
            return await trio.run_process(
                list(command), stdin=stdin, capture_stdout=True, capture_stderr=True, check=False
            )


async def _terminals(harness: Harness, *, task_status: trio.TaskStatus[trio.CancelScope]) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            await nursery.start(in_container._serve_terminals, harness)
            task_status.started(scope)


@asynccontextmanager
async def inside(root: Path, agent_root: Path, **changes: Any) -> AsyncIterator[Inside]:
    """Run a daemon and bob's harness; `changes` are of the harness's settings."""
    async with running(root) as daemon:
        assert (await daemon.operator("spawn", name=BOB))["ok"]
        # Its sockets where the daemon looks for them.
        folder = str(daemon.hive.paths.agent_run(BOB))
        rig = harnesses.make(agent_root, **{"run_dir": folder, **changes})
        app, shutdown = make_app(HarnessPage(rig.harness)), trio.Event()
        bind = server.UnixBind(daemon.hive.paths.web_socket(BOB))
        async with trio.open_nursery() as nursery:
            await nursery.start(rig.harness.login_session.run)
            await nursery.start(partial(server.serve, app, [bind], shutdown=shutdown))
            terminals = await nursery.start(_terminals, rig.harness)
            yield Inside(daemon, rig, terminals.cancel)
            shutdown.set()
            nursery.cancel_scope.cancel()


class Terminal:
    """A command at a terminal of its own, of which everything it shows is kept."""

    def __init__(self, command: list[str]) -> None:
        """Start the command."""
        self.shown = bytearray()
        self.master, self.slave = os.openpty()
        self.resize(40, 120)
        self.pid = os.fork()
        if not self.pid:
            os.close(self.master)
            os.login_tty(self.slave)
            os.execv(command[0], command)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            self.shown += data

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self) -> list[Any]:
        """Return how the terminal is set."""
        return termios.tcgetattr(self.slave)

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self.master, text.encode())

    async def enter(self, is_so: Callable[[], Awaitable[object]]) -> None:
        """Press Enter until something has come of it: the program may not take the key yet."""
        with trio.fail_after(WAIT_S):
            while not await is_so():
                self.type("\r")
                await trio.sleep(AGAIN_S)

    async def has_ended(self) -> bool:
        """Whether the command has ended."""
        return _has_ended(self.pid)

    async def has_shown(self, text: str) -> bool:
        """Whether a text was shown."""
        return text.encode() in self.shown

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait for something; what was shown until then is told when it does not come."""
        with trio.move_on_after(WAIT_S) as scope:
            while not is_so():  # noqa: ASYNC110 - another process
                await trio.sleep(0.02)
        assert not scope.cancelled_caught, bytes(self.shown).decode(errors="replace")

    async def wait_shown(self, text: str) -> None:
        """Wait until a text was shown."""
        await self.until(lambda: text.encode() in self.shown)

    async def end(self, before: object = None) -> int:
        """Wait for the command's end and return its exit status; the terminal is as `before`."""
        status: list[int] = []

        def has_ended() -> bool:
            pid, raw = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                status.append(os.waitstatus_to_exitcode(raw))
            return bool(status)

        await self.until(has_ended)
        assert before is None or self.modes() == before
        # Only now has the terminal an end.
        os.close(self.slave)
        self._reader.join(WAIT_S)
        os.close(self.master)
        return status[0]


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it can be waited for all the same."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

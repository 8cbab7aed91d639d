"""A program for the operator inside of the agent's container: at a terminal of its own, or piped.

It has the agent's own rights and nothing else, because the harness starts it. The terminal is made
in here and only bytes leave, so that nothing inside ever has the operator's own. It ends with
everything it started: by itself, and when nobody is there any more.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import subprocess
import termios
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

import attrs
import trio

from hive.agent import process_tree
from hive.errors import Unavailable
from hive.wire import terminal

Send = Callable[[bytes], Awaitable[None]]

HANG_UP_S = 1.0
"""How long a program may take for its end once it was told that its terminal is gone."""
CHUNK = terminal.CONTENT_BYTES
# The first terminal that the leader of a session opens becomes its own: nothing has to run between
# fork and exec, which would not be safe beside threads.
_AT_TERMINAL = ("/bin/sh", "-c", 'exec "$@" <>"$0" >&0 2>&0')


@attrs.frozen
class Program:
    """What is to be run."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    mark: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    """What everything it starts carries in its environment."""


class Inside:
    """One program, started and not ended yet."""

    def __init__(self, program: Program, process: trio.Process, master: int | None) -> None:
        self._program = program
        self._process = process
        self._master = None if master is None else trio.lowlevel.FdStream(master)

    @classmethod
    async def start(cls, program: Program, size: tuple[int, int] | None) -> Inside:
        """Start it; with a `size` at a terminal of so many rows and columns. Raises `Unavailable`.

        At a terminal it is the shell that finds no such program, and says so there.
        """
        if size is None:
            return cls(program, await _open(program, program.argv, subprocess.PIPE), None)
        master, slave = _make_terminal()
        try:
            _set_size(master, size)
            argv = (*_AT_TERMINAL, os.ttyname(slave), *program.argv)
            # Its own from the start: without any end of it the terminal would hang up.
            process = await _open(program, argv, slave)
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(program, process, master)

    async def write(self, data: bytes) -> None:
        """Hand it input, waiting until it takes it; what it does not take any more is dropped."""
        stream = self._master or self._process.stdin
        assert stream is not None
        try:
            await stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def end_input(self) -> None:
        """Say that there is no more input; a terminal has no such end, only the key for it."""
        if self._process.stdin is not None:
            await self._process.stdin.aclose()

    def resize(self, size: tuple[int, int]) -> None:
        """Tell its terminal the new size."""
        if self._master is not None:
            _set_size(self._master.fileno(), size)

    async def print_to(self, send: Send) -> int:
        """Send what it prints, as it prints it, to its end; returns its exit status.

        What it leaves running is ended first, so that the output has an end too.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, self._master or self._process.stdout, terminal.DATA, send)
            if self._process.stderr is not None:
                nursery.start_soon(_pump, self._process.stderr, terminal.ERRORS, send)
            status = await self._process.wait()
            if not await process_tree.kill(None, self._program.mark):
                nursery.cancel_scope.cancel()
        return status if status >= 0 else 128 - status

    async def aclose(self) -> None:
        """End it and everything it started; takes some seconds at most and cannot be cancelled."""
        with trio.CancelScope(shield=True):
            if self._master is not None:
                # Which hangs up: shells and editors put away what they have in hand.
                await self._master.aclose()
            elif self._process.poll() is None:
                process_tree.send(self._process.pid, signal.SIGHUP)
            with trio.move_on_after(HANG_UP_S):
                await self._process.wait()
            root = self._process.pid if self._process.poll() is None else None
            await process_tree.kill(root, self._program.mark)
            with trio.move_on_after(HANG_UP_S):
                await self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    await stream.aclose()


async def _open(program: Program, argv: Sequence[str], how: int) -> trio.Process:
    try:
        return await trio.lowlevel.open_process(
            list(argv),
            stdin=how,
            stdout=how,
            stderr=how,
            env={**program.env, process_tree.MARK: program.mark},
            cwd=program.cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"cannot start {argv[0]}: {error.strerror}") from error


async def _pump(stream: trio.abc.ReceiveStream | None, kind: bytes, send: Send) -> None:
    assert stream is not None
    while True:
        try:
            data = await stream.receive_some(CHUNK)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            # A terminal that nobody has open any more ends with an error.
            return
        if not data:
            return
        await send(terminal.frames(kind, bytes(data)))


def _make_terminal() -> tuple[int, int]:
    try:
        return os.openpty()
    except OSError as error:
        why = error.strerror or errno.errorcode.get(error.errno or 0, "unknown")
        raise Unavailable(f"no terminal can be made inside of the agent: {why}") from error


def _set_size(handle: int, size: tuple[int, int]) -> None:
    fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

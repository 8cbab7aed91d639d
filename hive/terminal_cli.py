"""`shell` and `chat`: a program inside of an agent at the operator's terminal, or between pipes.

Standard library only, as all client verbs. What arrives here is of the agent's making: frames are
checked, sentences are printed harmless, and what the program prints goes to the terminal as it is,
because that is what a terminal is for. The terminal is put back whatever happens.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import socket
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hive import light
from hive.wire import terminal

CALL_S = 30.0
LOOK_S = 1.0
WRITE_BYTES = 4096
"""What a pipe that can be written to takes without making anybody wait."""
AHEAD_BYTES = 64 * 1024
"""How much of the input is read before the inside has taken it."""
ESCAPE = 0x1D
ESCAPES = 3
ESCAPE_S = 1.0
"""Ctrl-] three times within a second lets go, whatever runs there."""
PUT_BACK = (
    b"\x1b[?1049l\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l"
    b"\x1b[?25h\x1b[<u\x1b[0m\x1b(B\r\n"
)
"""For a terminal whose program was cut off: the usual screen, no mouse, a cursor."""


def run(arguments: argparse.Namespace) -> int:
    """Run the program and return its exit status; raises `light.Failure`."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    request: dict[str, Any] = {"cmd": arguments.command, "name": arguments.name}
    if arguments.command == "shell":
        request["argv"] = arguments.words
    else:
        request["cancel"] = arguments.cancel
        if not is_terminal:
            text = "a chat needs a terminal: messages are sent with 'hive.pyz send'"
            raise light.Failure("bad_request", text)
    if is_terminal:
        columns, rows = os.get_terminal_size(sys.stdin.fileno())
        request |= {"rows": rows, "columns": columns, "term": os.environ.get("TERM", "dumb")}
    path = light.operator_socket(arguments.socket, arguments.root)
    with _connected(path, request) as link:
        return _Session(link, arguments.name, is_terminal).run()


@contextmanager
def _connected(path: str, request: dict[str, Any]) -> Iterator[socket.socket]:
    """Give a connection that the daemon has handed over; raises `light.Failure`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(CALL_S)
        try:
            link.connect(path)
            link.sendall(json.dumps(request).encode() + b"\n")
            line = bytearray()
            # Byte by byte: what stands behind the line is not ours to read here.
            while not line.endswith(b"\n") and len(line) < light.REPLY_BYTES:
                data = link.recv(1)
                if not data:
                    break
                line += data
        except OSError as error:
            raise light.no_reply(path, error, CALL_S) from None
        light.success(path, bytes(line))
        link.setblocking(False)
        yield link


class _Ended(Exception):
    """It is over, with this exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Session:
    """One connection: bytes both ways, each side read only as fast as the other takes it."""

    def __init__(self, link: socket.socket, name: str, is_terminal: bool) -> None:
        self._link = link
        self._name = name
        self._is_terminal = is_terminal
        self._reader = terminal.Reader()
        self._inward = bytearray()
        self._outward: deque[tuple[int, bytes]] = deque()
        self._has_begun = False
        self._has_input = True
        self._is_resized = False
        self._is_over: int | None = None
        self._heard_at = self._pinged_at = time.monotonic()
        self._escapes: deque[float] = deque(maxlen=ESCAPES)
        self._saved: list[Any] | None = None

    def run(self) -> int:
        """Hold on until the program ends; returns its exit status."""
        wake, waker = os.pipe()
        os.set_blocking(waker, False)
        before = signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        handlers = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP)
        }
        is_clean = False
        try:
            while True:
                self._step(wake)
        except _Ended as ended:
            is_clean = True
            return ended.status
        finally:
            self._put_back(is_clean=is_clean)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            os.close(wake)
            os.close(waker)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGWINCH:
            self._is_resized = True
        else:
            sys.exit(128 + number)

    def _step(self, wake: int) -> None:
        """Wait until something can be done, and do it."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        link = (select.POLLOUT if self._inward else 0) | (0 if self._outward else select.POLLIN)
        if link and self._is_over is None:
            poll.register(self._link, link)
        if self._has_begun and self._has_input and len(self._inward) < AHEAD_BYTES:
            poll.register(sys.stdin.fileno(), select.POLLIN)
        if self._outward:
            poll.register(self._outward[0][0], select.POLLOUT)
        ready = dict(poll.poll(LOOK_S * 1000))
        if wake in ready:
            os.read(wake, WRITE_BYTES)
        if self._outward and self._outward[0][0] in ready:
            self._print()
        if ready.get(self._link.fileno()):
            self._exchange(ready[self._link.fileno()])
        if sys.stdin.fileno() in ready and self._has_begun and self._has_input:
            self._read()
        self._keep_time()

    def _exchange(self, events: int) -> None:
        try:
            if events & select.POLLOUT:
                del self._inward[: self._link.send(self._inward)]
            if not self._outward and events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                self._hear(self._link.recv(terminal.CONTENT_BYTES))
        except BlockingIOError:
            return
        except OSError:
            raise self._cut_off() from None

    def _hear(self, data: bytes) -> None:
        if not data:
            raise self._cut_off()
        self._heard_at = time.monotonic()
        try:
            for kind, content in self._reader.feed(data):
                self._take(kind, content)
        except terminal.BadFrame as error:
            raise light.Failure("unavailable", f"{self._name}: {error}: rebuild it") from None

    def _take(self, kind: bytes, content: bytes) -> None:
        if kind == terminal.DATA:
            self._outward.append((sys.stdout.fileno(), content))
        elif kind == terminal.ERRORS:
            self._outward.append((sys.stderr.fileno(), content))
        elif kind == terminal.NOTE and not self._has_begun:
            text = light.printable(content.decode(errors="replace"))
            self._outward.append((sys.stderr.fileno(), f"hive: {text}\n".encode()))
        elif kind == terminal.BEGUN and not self._has_begun:
            self._has_begun = True
            self._is_resized = True
            if self._is_terminal:
                self._saved = termios.tcgetattr(sys.stdin.fileno())
                # What was typed ahead is for the program.
                tty.setraw(sys.stdin.fileno(), termios.TCSADRAIN)
        elif kind == terminal.EXIT:
            self._is_over = terminal.exit_of(content)
        elif kind == terminal.FAILED:
            code, text = terminal.failure_of(content)
            raise light.Failure(code, text)

    def _print(self) -> None:
        handle, data = self._outward.popleft()
        rest = data[os.write(handle, data[:WRITE_BYTES]) :]
        if rest:
            self._outward.appendleft((handle, rest))
        # Who waits for a reader of its output has not been listening.
        self._heard_at = time.monotonic()

    def _read(self) -> None:
        try:
            data = os.read(sys.stdin.fileno(), terminal.CONTENT_BYTES)
        except OSError:
            # A terminal that has gone.
            data = b""
        if not data:
            self._has_input = False
            self._inward += terminal.frame(terminal.END)
            return
        self._inward += terminal.frame(terminal.DATA, data)
        if self._is_terminal:
            self._look_for_escape(data)

    def _look_for_escape(self, data: bytes) -> None:
        now = time.monotonic()
        for byte in data:
            if byte == ESCAPE:
                self._escapes.append(now)
            else:
                self._escapes.clear()
        if len(self._escapes) == ESCAPES and now - self._escapes[0] <= ESCAPE_S:
            raise light.Failure("unavailable", "let go: what ran there is ended")

    def _keep_time(self) -> None:
        if self._is_over is not None and not self._outward:
            raise _Ended(self._is_over)
        now = time.monotonic()
        if self._is_resized and self._is_terminal and self._has_begun:
            self._is_resized = False
            columns, rows = os.get_terminal_size(sys.stdin.fileno())
            self._inward += terminal.size(rows, columns)
        if now - self._pinged_at >= terminal.PING_S:
            self._pinged_at = now
            if not self._inward:
                self._inward += terminal.frame(terminal.PING)
        if now - self._heard_at >= terminal.SILENCE_S:
            raise light.Failure("unavailable", f"{self._name} says nothing any more: restart it")

    def _cut_off(self) -> light.Failure:
        """Return what it means that the connection has ended, and nobody said why."""
        text = f"{self._name} was cut off: the agent or the daemon was stopped"
        return light.Failure("unavailable", text)

    def _put_back(self, *, is_clean: bool) -> None:
        """Make the terminal what it was; what was typed or answered meanwhile is thrown away."""
        if self._saved is None:
            return
        if not is_clean:
            os.write(sys.stdout.fileno(), PUT_BACK)
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSAFLUSH, self._saved)

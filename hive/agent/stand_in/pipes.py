"""The stand-in's ends of its pipes: lines in and out, signals, and waiting for any of them."""

from __future__ import annotations

import json
import os
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

Line = dict[str, Any]
_CHUNK = 64 * 1024


class Interrupted(Exception):
    """The turn was interrupted."""


class Pipes:
    """Standard input and output as JSON lines; one thread, one place that waits."""

    def __init__(self, *, is_chat: bool = False) -> None:
        """In a chat standard input is a person's, and read by whoever talks with it."""
        self._is_chat = is_chat
        self.is_at_end = False
        """True once standard input has ended."""
        self.is_interrupted = False
        """True when an interrupt came; whoever runs a turn takes it back."""
        self.prompts: deque[Line] = deque()
        """Prompts that came in, oldest first."""
        self.on_request: Callable[[Line], None] = lambda _line: None
        """Called with each control request but an interrupt."""
        self.on_prompt: Callable[[Line], None] = lambda _line: None
        """Called when a prompt comes in."""
        self._replies: dict[str, Line] = {}
        self._selector = selectors.DefaultSelector()
        self._rest: dict[int, bytes] = {}
        self._takers: dict[int, Callable[[Line], None]] = {}
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def __enter__(self) -> Pipes:
        signal.signal(signal.SIGINT, self._on_signal)
        signal.set_wakeup_fd(self._wake_write)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        if not self._is_chat:
            self.listen(sys.stdin.fileno(), self._take_line)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._selector.close()

    def listen(self, fd: int, take: Callable[[Line], None]) -> None:
        """Hand each JSON line of `fd` to `take` whenever something is waited for."""
        self._takers[fd] = take
        self._rest[fd] = b""
        self._selector.register(fd, selectors.EVENT_READ)

    def is_listening(self, fd: int) -> bool:
        """Whether `fd` has not ended."""
        return fd in self._takers

    def read_all(self) -> str:
        """Return standard input to its end, as text."""
        self._selector.unregister(sys.stdin.fileno())
        self.is_at_end = True
        return sys.stdin.read()

    def write(self, line: Line) -> None:
        """Print one line."""
        data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]

    def wait(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Take what comes in for that long, or until the condition holds.

        Raises `Interrupted` when an interrupt has come.
        """
        deadline = time.monotonic() + seconds
        while not self.is_interrupted and not until():
            left = deadline - time.monotonic()
            self._poll(max(0.0, left))
            if left <= 0:
                break
        if self.is_interrupted:
            raise Interrupted

    def wait_prompt(self) -> Line | None:
        """Return the next prompt; None when standard input has ended."""
        while not self.prompts and not self.is_at_end:
            self._poll(None)
            self.is_interrupted = False
        return self.prompts.popleft() if self.prompts else None

    def ask(self, request_id: str, request: Line, seconds: float) -> Line | None:
        """Send a control request and return its response; None when none came in time."""
        self.write({"type": "control_request", "request_id": request_id, "request": request})
        self.wait(seconds, until=lambda: request_id in self._replies or self.is_at_end)
        return self._replies.pop(request_id, None)

    def _poll(self, timeout: float | None) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fd == self._wake_read:
                os.read(self._wake_read, _CHUNK)
            else:
                self._read(key.fd)

    def _read(self, fd: int) -> None:
        data = os.read(fd, _CHUNK)
        if not data:
            self._selector.unregister(fd)
            del self._takers[fd]
            self.is_at_end |= fd == sys.stdin.fileno()
            return
        *whole, self._rest[fd] = (self._rest[fd] + data).split(b"\n")
        for each in whole:
            if each.strip():
                self._hand_on(fd, each)

    def _hand_on(self, fd: int, raw: bytes) -> None:
        try:
            line = json.loads(raw)
        except ValueError:
            if fd == sys.stdin.fileno():
                sys.stderr.write(
                    f"Error parsing streaming input line ({len(raw)} chars): SyntaxError\n"
                )
                raise SystemExit(1) from None
            return
        if isinstance(line, dict):
            self._takers[fd](line)

    def _take_line(self, line: Line) -> None:
        kind = line.get("type")
        if kind == "user":
            self.prompts.append(line)
            self.on_prompt(line)
        elif kind == "control_response":
            response = line.get("response", {})
            self._replies[str(response.get("request_id"))] = response
        elif kind == "control_request":
            request = line.get("request", {})
            if request.get("subtype") == "interrupt":
                self.is_interrupted = True
            self.on_request(line)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.is_interrupted = True

"""One `claude auth login` at a time, over pipes: its link, the code that is handed to it, its end.

What claude prints is kept in memory alone, and the code nowhere at all: neither the history nor a
log sees them. The process ends with everything it started: by itself, at its deadline, when it is
cancelled, and when the harness stops.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import attrs
import trio

from hive.agent.child import Child
from hive.agent.driver import MakeLaunch
from hive.errors import BadRequest, Conflict, HiveError
from hive.wire.login import IS_DONE, link_in

LOGIN_S = 600.0
WRITE_S = 5.0
SILENT_S = 5.0
"""How long a claude that has closed its output may go on living."""
TAIL_S = 0.5
"""How long what it said last is waited for: what it started may hold its pipes for ever."""
OUTPUT_MOST = 8000
CODE_MOST = 2000


@attrs.define
class LoginSession:
    """The login that runs, or the last one."""

    _program: tuple[str, ...]
    _make_launch: MakeLaunch
    _show: Callable[[bool], None]
    """Told when one begins and when it is over."""
    url: str | None = None
    output: str = ""
    finished: bool = True
    exit_note: str | None = None
    """How the last one ended."""
    _wanted: trio.Event = attrs.field(factory=trio.Event)
    _scope: trio.CancelScope | None = None
    _child: Child | None = None
    _code: str | None = None

    def to_json(self) -> dict[str, Any] | None:
        """Return what the page shows; None when there was none."""
        if self.finished and self.exit_note is None:
            return None
        return {
            "output": self.output,
            "url": self.url,
            "finished": self.finished,
            "exit_note": self.exit_note,
        }

    def start(self) -> None:
        """Begin a login; raises `Conflict` while one runs."""
        if not self.finished:
            raise Conflict("a login runs already: go on with it or cancel it")
        self.url, self.output, self.exit_note, self._code = None, "", None, None
        self.finished = False
        self._scope = trio.CancelScope()
        self._wanted.set()

    async def code(self, code: str) -> None:
        """Hand over the code; raises `BadRequest` for what is none, `Conflict` without a login."""
        text = code.strip()
        if not text or len(text) > CODE_MOST or not text.isascii() or not text.isprintable():
            raise BadRequest("that is no code: paste what the page of the link shows")
        if self._child is None or self.url is None:
            raise Conflict("no login waits for a code: start one")
        self._code = text
        if not await self._child.write(text.encode() + b"\n"):
            raise Conflict("the login does not take the code: start another one")

    def cancel(self) -> None:
        """End the login; raises `Conflict` when none runs."""
        if self._scope is None or self.finished:
            raise Conflict("no login runs")
        self._scope.cancel()

    def forget(self) -> None:
        """Forget how the last login ended: another one is needed since."""
        if self.finished:
            self.url, self.output, self.exit_note = None, "", None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the logins that are asked for, until cancelled."""
        task_status.started()
        while True:
            await self._wanted.wait()
            self._wanted = trio.Event()
            assert self._scope is not None
            self._show(True)
            note = "it was cancelled"
            try:
                with self._scope, trio.move_on_after(LOGIN_S) as limit:
                    note = await self._login()
                if self._scope.cancelled_caught:
                    self.output = ""
                elif limit.cancelled_caught:
                    note = f"it was not finished within {LOGIN_S:.0f} s"
            except HiveError as error:
                note = error.message
            finally:
                self.exit_note, self.finished, self._code = note, True, None
                self._show(False)

    async def _login(self) -> str:
        launch = attrs.evolve(await self._make_launch(), argv=self._program)
        child = await Child.start(launch, ("auth", "login"), str(uuid.uuid4()), WRITE_S)
        self._child = child
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child.pump_stderr, self._take)
                nursery.start_soon(self._read, child, nursery.cancel_scope)
                await child.wait(LOGIN_S)
                await trio.sleep(TAIL_S)
                nursery.cancel_scope.cancel()
            if child.status == 0:
                return IS_DONE
            return self._without_code(await child.why_it_ended(self._take))
        finally:
            self._child = None
            await child.kill()

    async def _read(self, child: Child, scope: trio.CancelScope) -> None:
        """Take what it prints; cancel `scope` once that and claude are at their end."""
        while (line := await child.next_line()) is not None:
            self._take(line.decode(errors="replace"))
        await child.wait(SILENT_S)
        scope.cancel()

    def _take(self, line: str) -> None:
        """Keep a line for the page."""
        line = self._without_code(line)
        self.url = self.url or link_in(line)
        self.output = f"{self.output}{line.rstrip()}\n"[-OUTPUT_MOST:]

    def _without_code(self, text: str) -> str:
        """Return a text without the code, should claude repeat it."""
        return text if self._code is None else text.replace(self._code, "…")

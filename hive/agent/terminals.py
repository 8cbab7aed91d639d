"""Programs that the operator has started inside of this agent: one connection each.

Whoever can connect is the daemon, or the agent itself, which may run whatever it likes anyway. A
connection begins with one line, `OpenTerminal`, and goes on with the frames of `wire.terminal`.
"""

from __future__ import annotations

import re
import shutil

import trio

from hive.agent import chat, prompts
from hive.agent.controls import HarnessPage
from hive.agent.desk import Chat
from hive.agent.harness import Harness
from hive.agent.inside import Inside, Program
from hive.agent.phases import Phase
from hive.errors import BadRequest, Conflict, HiveError, Unavailable
from hive.wire import codec, terminal
from hive.wire.admin_page import OpenTerminal

OPEN_S = 10.0
LAST_WORDS_S = 5.0
USUAL = (24, 80)
CELLS_MOST = 10_000
LOOK_S = 1.0
AGAIN_S = 0.05
IN_TURN = "a turn runs: the chat begins when it is over; with --cancel it is cancelled"
MOST = 16
"""Programs at a time."""
_LINE_BYTES = 256 * 1024
_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


async def serve(harness: Harness, room: trio.CapacityLimiter, stream: trio.SocketStream) -> None:
    """Serve one connection to its end."""
    talk = _Talk(harness, stream)
    try:
        try:
            wanted, rest = await _opening(stream)
            if room.available_tokens < 1:
                raise Unavailable(f"{MOST} programs run here already: end one")
            async with room:
                await talk.hold(wanted, rest)
        except HiveError as error:
            with trio.move_on_after(LAST_WORDS_S):
                await talk.send(terminal.failed(error.code, error.message))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        # Nobody is left to tell.
        return
    finally:
        stream.socket.close()


async def _opening(stream: trio.SocketStream) -> tuple[OpenTerminal, bytes]:
    """Return what is asked for, and what came behind it; raises `BadRequest`."""
    buffer = bytearray()
    with trio.move_on_after(OPEN_S):
        while b"\n" not in buffer and len(buffer) <= _LINE_BYTES:
            data = await stream.receive_some(_LINE_BYTES)
            if not data:
                break
            buffer += data
    line, newline, rest = bytes(buffer).partition(b"\n")
    if not newline:
        raise BadRequest("no line came that says what to start")
    wanted = codec.from_json(OpenTerminal, codec.loads(line))
    if len(wanted.argv) > terminal.WORDS_MOST or any("\0" in word for word in wanted.argv):
        raise BadRequest(f"a command has at most {terminal.WORDS_MOST} words, and no NUL in them")
    return wanted, rest


class _Talk:
    """One connection: what comes in goes to the program, what it prints goes out."""

    def __init__(self, harness: Harness, stream: trio.SocketStream) -> None:
        self._harness = harness
        self._stream = stream
        self._reader = terminal.Reader()
        self._writing = trio.Lock()
        self._inside: Inside | None = None
        self._size: tuple[int, int] | None = None

    async def send(self, frames: bytes) -> None:
        """Send frames whole; waits for as long as the other side does not read."""
        async with self._writing:
            await self._stream.send_all(frames)

    async def hold(self, wanted: OpenTerminal, rest: bytes) -> None:
        """Run what is wanted until it ends, or until nobody is there any more."""
        if wanted.rows is not None and wanted.columns is not None:
            self._size = _cells(wanted.rows, wanted.columns)
        failure: HiveError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, rest, nursery.cancel_scope)
            nursery.start_soon(self._say_here, nursery.cancel_scope)
            try:
                await self._run(wanted)
            except HiveError as error:
                # Kept, because a nursery would wrap it.
                failure = error
            except trio.BrokenResourceError:
                pass  # the other side has gone
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _run(self, wanted: OpenTerminal) -> None:
        if wanted.what == "shell":
            await self._show(await self._shell(wanted))
        elif wanted.what == "chat":
            await self._chat(wanted)
        else:
            raise BadRequest(f"{wanted.what!r} is nothing that can be started here")

    async def _chat(self, wanted: OpenTerminal) -> None:
        """Run claude for the operator, with the turn loop parked."""
        desk = self._harness.desk
        if self._size is None:
            raise BadRequest("a chat needs a terminal: messages are sent with 'hive.pyz send'")
        with trio.move_on_after(OPEN_S):
            # The loop may not have seen yet that the one before is over.
            while desk.chat is not None and desk.chat.is_over.is_set():  # noqa: ASYNC110
                await trio.sleep(AGAIN_S)
        if desk.chat is not None:
            raise Conflict("somebody chats with it already: one at a time")
        asked = desk.chat = Chat()
        try:
            await self._wait_granted(asked, is_cancelling=wanted.cancel)
            term = {"TERM": _term(wanted.term)}
            await self._show(await chat.program(self._harness, asked, term))
        finally:
            if asked.lent is None and asked.failure is None and desk.chat is asked:
                # The loop has not seen it yet, and need not.
                desk.chat = None
            asked.is_over.set()

    async def _wait_granted(self, asked: Chat, *, is_cancelling: bool) -> None:
        """Wait until the loop has lent the conversation; raises what keeps it from that."""
        harness, desk = self._harness, self._harness.desk
        has_said = False
        while not asked.is_granted.is_set():
            if harness.state.phase is Phase.NEEDS_LOGIN:
                name = harness.config.label
                raise Unavailable(f"claude is not logged in: hive.pyz login {name}")
            if not desk.is_turning:
                # Whatever the loop waits for, this goes first.
                desk.ring()
            elif is_cancelling:
                is_cancelling = False
                await HarnessPage(harness).cancel()
            elif not has_said:
                has_said = True
                await self.send(terminal.sentence(terminal.NOTE, IN_TURN))
            with trio.move_on_after(LOOK_S):
                await asked.is_granted.wait()
        if asked.failure is not None:
            raise asked.failure

    async def _shell(self, wanted: OpenTerminal) -> Program:
        config = self._harness.config
        env = prompts.environment(config, await self._harness.port.known(config))
        bash = shutil.which("bash", path=config.path)
        env["SHELL"] = bash or "/bin/sh"
        if self._size is not None:
            env["TERM"] = _term(wanted.term)
            env["PS1"] = rf"{config.label}:\w\$ " if bash else f"{config.label}$ "
        # Nothing that somebody left in a start-up file comes between the operator and the shell.
        usual = (bash, "--norc") if bash else (env["SHELL"],)
        return Program(wanted.argv or usual, env, config.state_dir)

    async def _show(self, program: Program) -> None:
        """Run a program, with what it prints going out and its exit status behind it."""
        inside = await Inside.start(program, self._size)
        try:
            self._inside = inside
            await self.send(terminal.frame(terminal.BEGUN))
            if self._size is not None:
                inside.resize(self._size)
            status = await inside.print_to(self.send)
            await self.send(terminal.exited(status))
        finally:
            self._inside = None
            await inside.aclose()

    async def _listen(self, rest: bytes, scope: trio.CancelScope) -> None:
        """Take frames until the other side ends, says nothing for too long, or talks nonsense."""
        try:
            for kind, content in self._reader.feed(rest):
                await self._take(kind, content)
            while True:
                # Only this wait has an end: a program that takes no input is no silence.
                with trio.fail_after(terminal.SILENCE_S):
                    data = await self._stream.receive_some(terminal.CONTENT_BYTES)
                if not data:
                    break
                for kind, content in self._reader.feed(bytes(data)):
                    await self._take(kind, content)
        except (trio.BrokenResourceError, trio.TooSlowError, terminal.BadFrame):
            pass  # as if it had ended
        scope.cancel()

    async def _take(self, kind: bytes, content: bytes) -> None:
        if kind == terminal.SIZE and self._size is not None:
            self._size = _cells(*terminal.size_of(content))
            if self._inside is not None:
                self._inside.resize(self._size)
        elif kind == terminal.DATA and self._inside is not None:
            await self._inside.write(content)
        elif kind == terminal.END and self._inside is not None:
            await self._inside.end_input()

    async def _say_here(self, scope: trio.CancelScope) -> None:
        try:
            while True:
                await trio.sleep(terminal.PING_S)
                await self.send(terminal.frame(terminal.PING))
        except trio.BrokenResourceError:
            scope.cancel()


def _cells(rows: int, columns: int) -> tuple[int, int]:
    """Return a size that can be set; a terminal that does not know its own has the usual one."""
    if rows < 1 or columns < 1:
        return USUAL
    return min(rows, CELLS_MOST), min(columns, CELLS_MOST)


def _term(given: str | None) -> str:
    return given if given is not None and _TERM.fullmatch(given) else "dumb"

"""One running claude: its pipes, its end, and the end of everything it started.

Nothing reads in the background: whoever runs a turn pumps both pipes for as long as the turn lasts.
The parent-death signal is not used, because it is tied to the thread that forked and Trio's threads
end.
"""

from __future__ import annotations

import signal
import subprocess
from collections import deque

import attrs
import trio

from hive.agent import process_tree, stream_json
from hive.agent.driver import Launch, OnText
from hive.errors import Unavailable

WAYS = {
    # A prompt is in the transcript before the model is asked, so that it is not forgotten.
    "CLAUDE_CODE_EAGER_FLUSH": "1",
    # Else claude begins a turn of its own, unseen by hive, when a command in the background ends.
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}
"""What every claude of hive is told by its environment; a `Launch` may say otherwise."""
STDERR_LINES = 20
CLOSE_S = 1.0
TERMINATE_S = 0.5
REAP_S = 2.0
STDERR_TAIL_S = 0.2
_CHUNK = 256 * 1024


@attrs.frozen
class Deadlines:
    """How long the drivers wait for claude where it must not be long, in seconds."""

    start_s: float = 60.0
    """Silence until it has begun with a prompt; it waits 30 s itself for a server of tools."""
    silence_s: float = 7200.0
    """Silence in the middle of a turn: by itself claude gives up on its API after minutes, and of a
    tool that runs it says so every 30 s."""
    write_s: float = 10.0
    """Until it has taken a line from its pipe."""
    interrupt_s: float = 10.0
    """From an interrupt to the end of the turn; then it is killed."""
    wind_down_s: float = 1.5
    """The same when the caller has given the turn up."""
    end_s: float = 5.0
    """From the result to the end of a process that is for one turn."""


DEADLINES = Deadlines()


class ClaudeMissing(Unavailable):
    """There is no claude that could be started."""


class Child:
    """A claude process in a session of its own, with lines in and lines out."""

    def __init__(self, process: trio.Process, mark: str, write_s: float) -> None:
        self._process = process
        self._mark = mark
        self._write_s = write_s
        self._splitter = stream_json.LineSplitter()
        self._lines: deque[bytes] = deque()
        self._is_at_end = False
        self._write_lock = trio.Lock()
        self._err_splitter = stream_json.LineSplitter()
        self.stderr_tail: deque[str] = deque(maxlen=STDERR_LINES)
        """The newest lines of its standard error."""

    @classmethod
    async def start(
        cls, launch: Launch, flags: tuple[str, ...], mark: str, write_s: float
    ) -> Child:
        """Start claude under a mark of its own; raises `Unavailable` when it cannot be started."""
        try:
            process = await trio.lowlevel.open_process(
                [*launch.argv, *flags],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**WAYS, **launch.env, process_tree.MARK: mark},
                cwd=launch.cwd,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
            raise ClaudeMissing(
                f"cannot start {launch.argv[0]}: {error.strerror}; install claude or name it in"
                " HIVE_CLAUDE"
            ) from error
        except OSError as error:
            raise Unavailable(f"cannot start {launch.argv[0]}: {error.strerror}") from error
        return cls(process, mark, write_s)

    @property
    def pid(self) -> int:
        """Its process id, which is its session's too."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """False once it has ended or has closed its standard output."""
        return not self._is_at_end and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        return self._process.poll()

    def has_left_running(self) -> bool:
        """Whether something that it started for the agent runs: no server of tools, its own kin."""
        return bool(process_tree.apart(self.pid, self._mark))

    async def write(self, data: bytes) -> bool:
        """Write to its standard input, one writer at a time; False when it does not read.

        Cancelled in the middle of a line, it leaves the pipe unusable, as any writer would.
        """
        assert self._process.stdin is not None
        with trio.move_on_after(self._write_s):
            async with self._write_lock:
                try:
                    await self._process.stdin.send_all(data)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return False
                return True
        return False

    async def end_input(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        await self._process.stdin.aclose()

    async def next_line(self) -> bytes | None:
        """Return the next line of its standard output; None at the end. Cancelled, loses none."""
        assert self._process.stdout is not None
        while not self._lines:
            if self._is_at_end:
                return None
            try:
                data = await self._process.stdout.receive_some(_CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                data = b""
            if data:
                self._lines.extend(self._splitter.feed(data))
                continue
            self._is_at_end = True
            if rest := self._splitter.flush():
                self._lines.append(rest)
        return self._lines.popleft()

    async def pump_stderr(self, on_text: OnText) -> None:
        """Hand on its standard error line by line until it ends."""
        assert self._process.stderr is not None
        while True:
            try:
                data = await self._process.stderr.receive_some(_CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not data:
                return
            for line in self._err_splitter.feed(data):
                text = line.decode(errors="replace")
                self.stderr_tail.append(text)
                on_text(text)

    async def interrupt(self) -> None:
        """Send it SIGINT."""
        process_tree.send(self.pid, signal.SIGINT)

    async def close(self) -> None:
        """Ask it to end, insist, and kill whatever is left; takes some 2 s at most.

        Cannot be cancelled, so that nothing is left running.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(CLOSE_S):
                await self.end_input()
                await self._wait_end()
            if self._process.poll() is None:
                process_tree.send(self.pid, signal.SIGTERM)
                with trio.move_on_after(TERMINATE_S):
                    await self._wait_end()
            await self.kill()

    async def kill(self) -> None:
        """Kill it and everything it started, and reap it; cannot be cancelled."""
        with trio.CancelScope(shield=True):
            root = self.pid if self._process.poll() is None else None
            await process_tree.kill(root, self._mark)
            with trio.move_on_after(REAP_S):
                await self._process.wait()
            for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
                if stream is not None:
                    await stream.aclose()
            self._is_at_end = True

    async def wait(self, timeout_s: float) -> int | None:
        """Wait for its end; None when it goes on living."""
        with trio.move_on_after(timeout_s):
            return await self._process.wait()
        return None

    async def why_it_ended(self, on_text: OnText) -> str:
        """Return a sentence about an unexpected end, with the last thing it said."""
        status = await self.wait(REAP_S)
        with trio.move_on_after(STDERR_TAIL_S):
            await self.pump_stderr(on_text)
        how = "closed its output" if status is None else f"ended with status {status}"
        if status is not None and status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        said = f": {self.stderr_tail[-1]}" if self.stderr_tail else ""
        return f"claude {how}{said}"

    async def _wait_end(self) -> None:
        """Wait for its end, reading what it still says so that it never waits for us."""

        async def drain(stream: trio.abc.ReceiveStream | None) -> None:
            assert stream is not None
            try:
                while await stream.receive_some(_CHUNK):
                    pass
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, self._process.stdout)
            nursery.start_soon(drain, self._process.stderr)
            await self._process.wait()
            nursery.cancel_scope.cancel()

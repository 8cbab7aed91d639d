"""A whole hive as its user runs it: `serve` as a process, sandboxes, and claude or its stand-in.

What the model does is written into the message as the stand-in's directives; for the real claude
the scripted API reads the same directives from the conversation. So one body runs over both.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest
import trio

from hive import calls
from hive.agent.stand_in import directives, steps
from hive.errors import HiveError
from hive.host.bubblewrap import Bubblewrap
from hive.paths import Paths
from hive.wire.names import agent_name
from tests.e2e import evidence
from tests.fakes import as_user, claude_binary, messages_api
from tests.fakes.messages_api import Failure, MessagesApi, Request, Silence, Step, Text, ToolUse

REAL = "real"
STAND_IN = "stand-in"
WAYS = [
    (REAL, "live"),
    (REAL, "process"),
    (STAND_IN, "live"),
    # Nightly: claude's contract test holds the stand-in to the real one in this mode too.
    pytest.param(STAND_IN, "process", marks=pytest.mark.slow),
]
"""Every claude in every mode."""


KINDS = (REAL, STAND_IN)
MODES = ("live", "process")


def at_night_but(kept: Collection[tuple[str, ...]], *columns: Sequence[str]) -> list[Any]:
    """Return every combination, of which those that are not kept run at night alone."""
    return [
        values if values in kept else pytest.param(*values, marks=pytest.mark.slow)
        for values in itertools.product(*columns)
    ]


SECRET = "dummy-key-for-local-test"
PATIENCE_S = 45.0
CALL_S = 20.0


class Model:
    """Plays the directives of the newest prompt that has some, through the scripted API."""

    def __init__(self) -> None:
        self.is_refusing: bool | None = None
        """Whether refusing steps refuse; None: each refuses once."""
        self.hangs = 0
        """How often the model fell silent."""
        self._times: dict[tuple[str, int], int] = {}

    def answer(self, request: Request) -> Step:
        """Return what the model says next."""
        prompt, calls = _newest_directed(request)
        if messages_api.is_compaction(request):
            return Text("\n".join(_left(prompt or "", calls)))
        if prompt is None:
            return Text("nothing to do")
        plan = directives.read(prompt)
        for index, step in enumerate(plan):
            if isinstance(step, steps.Call):
                if calls > 0:
                    calls -= 1
                    continue
                return ToolUse(((_full_name(step.tool), dict(step.arguments)),))
            if calls > 0:
                continue
            if isinstance(step, steps.Say):
                return Text(step.text, chunks=8, chunk_delay_s=step.pause_s / 8)
            if not self._is_over(prompt, index):
                self.hangs += isinstance(step, steps.Hang)
                return _refusal(step)
        return Text("done")

    def _is_over(self, prompt: str, index: int) -> bool:
        """Count one more time that a refusing step is met; whether it has refused enough."""
        if self.is_refusing is not None:
            return not self.is_refusing
        key = (prompt, index)
        self._times[key] = self._times.get(key, 0) + 1
        return self._times[key] > 1


def _full_name(tool: str) -> str:
    return (
        tool if tool in ("Bash", "Skill") or tool.startswith("mcp__") else f"mcp__hyperhive__{tool}"
    )


def _newest_directed(request: Request) -> tuple[str | None, int]:
    """Return the newest prompt with directives, and how many tools were called since."""
    found, calls = None, 0
    for message in request["messages"]:
        blocks = message["content"]
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        for block in blocks:
            if message["role"] == "user" and block["type"] == "text":
                if directives.read(block["text"]):
                    found, calls = block["text"], 0
            elif block["type"] == "tool_use":
                calls += 1
    return found, calls


def _left(prompt: str, calls: int) -> list[str]:
    """Return the directives that a summary of the work so far has to carry on."""
    tools = [line for line in prompt.splitlines() if line.startswith("!tool ")]
    return tools[calls:]


def _refusal(step: object) -> Step:
    if isinstance(step, steps.Hang):
        return Silence(3600)
    if step == steps.DROPPED:
        return messages_api.Dropped()
    if step == steps.TOO_LONG:
        return messages_api.too_long()
    status = getattr(step, "status", None)
    if status == 429:
        return messages_api.rate_limited(3600)
    if status == 529:
        return messages_api.overloaded()
    if status == 401:
        return messages_api.unauthorised()
    return Failure(500, "api_error")


@attrs.define
class Stage:
    """A running hive below a directory of its own."""

    kind: str
    mode: str
    paths: Paths
    config: Path
    env: dict[str, str]
    api: MessagesApi
    model: Model
    words: list[str]
    """What starts the daemon."""
    daemon: subprocess.Popen[bytes] | None = None
    launcher: list[str] = attrs.field(factory=list)
    """Words before those of the daemon."""
    owner: int | None = None
    """Whose the daemon is; None: the user's who runs the test."""

    async def start(self) -> None:
        """Start the daemon and wait until it answers."""
        log = (self.paths.state.parent / "daemon.log").open("ab")
        with log:
            self.daemon = subprocess.Popen(  # noqa: ASYNC220 - as quick as a fork
                [*self.launcher, *self.words],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self.wait(self._answers)

    async def _answers(self) -> bool:
        assert self.daemon is not None
        if self.daemon.poll() is not None:
            raise AssertionError((self.paths.state.parent / "daemon.log").read_text())
        try:
            return (await self.operator("list"))["ok"] is True
        except HiveError:
            return False

    async def operator(self, cmd: str, /, **fields: Any) -> dict[str, Any]:
        """Make one request on the operator's socket."""
        reply: dict[str, Any] = await calls.call(
            self.paths.host_socket, {"cmd": cmd, **fields}, timeout_s=CALL_S
        )
        return reply

    async def send(self, to: str, *body: str) -> int:
        """Send directives, one a line."""
        reply = await self.operator("send", to=to, body="\n".join(body))
        assert reply["ok"], reply
        return int(reply["id"])

    async def inbox(self) -> list[str]:
        """Return the bodies in the operator's inbox, oldest first."""
        rows = (await self.operator("inbox"))["inbox"]
        return [row["body"] for row in reversed(rows)]

    async def mail(self, name: str) -> list[str]:
        """Return the newest bodies an agent was ever sent, oldest first."""
        reply = await self.as_agent(name, "recent", limit=100)
        return [row["body"] for row in reversed(reply["rows"])]

    async def as_agent(self, name: str, cmd: str, /, **fields: Any) -> dict[str, Any]:
        """Make one request as that agent, as the user whose it is."""
        path = self.paths.agent_socket(agent_name(name))
        request = {"cmd": cmd, **fields}
        reply: dict[str, Any] = await as_user.call(path, request, self.user(name), CALL_S)
        return reply

    def user(self, name: str) -> int:
        """Return whose an agent's processes are."""
        if self.owner is not None:
            return self.owner
        return Bubblewrap(self.paths, lambda: 0.0).user(agent_name(name))

    async def wait_inbox(self, body: str) -> list[str]:
        """Wait until the operator has got that body; return the whole inbox."""

        async def is_there() -> bool:
            return body in await self.inbox()

        await self.wait(is_there)
        return await self.inbox()

    async def wait_hanging(self, name: str) -> None:
        """Wait until the model has fallen silent in a turn that called a tool before."""
        history = self.paths.agent_state(agent_name(name)) / "hyperhive-events.sqlite"

        async def is_hanging() -> bool:
            if self.kind == REAL:
                return self.model.hangs > 0
            with closing(sqlite3.connect(f"file:{history}?mode=ro", uri=True)) as database:
                query = "SELECT count(*) FROM events WHERE payload_json LIKE '%tool_result%'"
                return bool(database.execute(query).fetchone()[0])

        await self.wait(is_hanging)

    async def wait_settled(self, name: str) -> dict[str, Any]:
        """Wait until an agent has nothing to do; return its status row."""

        async def is_settled() -> bool:
            row = await self.row(name)
            return bool(row["turn_state"] == "idle" and row["unread"] == 0 and row["running"])

        await self.wait(is_settled)
        return await self.row(name)

    async def row(self, name: str) -> dict[str, Any]:
        """Return an agent's status row."""
        rows = (await self.operator("agent_status"))["agent_statuses"]
        return next(row for row in rows if row["name"] == name)

    async def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until something outside of this process has come about."""
        with trio.fail_after(PATIENCE_S):
            # Nothing tells when another process has come so far.
            while not await condition():  # noqa: ASYNC110
                await trio.sleep(0.05)

    def kill_daemon(self) -> None:
        """End the daemon as a power cut would."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait()

    def kill(self, name: str, what: str, *, may_be_gone: bool = False) -> None:
        """SIGKILL an agent's `claude` or its `harness`; `may_be_gone`: if it runs."""
        for pid in self.processes(name):
            if _role(pid) == what:
                os.kill(pid, signal.SIGKILL)
                return
        assert may_be_gone, f"no {what} of {name} runs"

    def processes(self, name: str) -> Iterator[int]:
        """Return the processes inside an agent's sandbox, known by what is mounted there."""
        mounted = f"/state/agents/{name}/state /state "
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                mounts = (folder / "mountinfo").read_text()
            except OSError:
                continue
            if mounted in mounts and str(self.paths.state.parent.name) in mounts:
                yield int(folder.name)

    async def stop(self) -> None:
        """Stop the daemon and every container, however the test ended."""
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            await trio.to_thread.run_sync(self.daemon.wait)
        runtime = Bubblewrap(self.paths, lambda: 0.0)
        for status in await runtime.running():
            await runtime.stop(status.name, grace_s=0)


def _role(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    if words[0].endswith(b"bwrap"):
        return "sandbox"
    if b"serve" in words:
        return "harness"
    return "claude" if b"stand-in" in words or words[0].endswith(b"claude") else "other"


@asynccontextmanager
async def stage(
    root: Path,
    kind: str,
    mode: str,
    secret: str = "ANTHROPIC_API_KEY",
    *,
    launcher: Sequence[str] = (),
    owner: int | None = None,
    words: Sequence[str] = (),
    env: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[Stage]:
    """Run a hive below `root` for the length of the block; `secret` is what claude's account is.

    `launcher` makes the daemon another's; `owner` says whose, where that is no root any more.
    `words` start another than the checkout's `serve`, and what they say stands for `settings`.
    """
    paths = Paths(root / "state", root / "run")
    config = root / "hive.json"
    config.write_text(
        json.dumps(
            {
                "root": str(root),
                "port": 0,
                "containers": "bubblewrap",
                "turn_mode": mode,
                "demo": kind == STAND_IN,
                **settings,
            }
        )
    )
    model = Model()
    serve = [sys.executable, "-m", "hive", "serve", "--config", str(config)]
    around = {"PATH": os.environ["PATH"], "HOME": str(root), "LANG": "C.UTF-8", **env}
    async with messages_api.serve(model.answer) as api:
        if kind == REAL:
            around |= {
                "HIVE_CLAUDE": str(claude_binary.find()),
                secret: SECRET,
                "ANTHROPIC_BASE_URL": api.url,
                "CLAUDE_CODE_MAX_RETRIES": "0",
            }
        made = Stage(kind, mode, paths, config, around, api, model, [*words] or serve)
        made.launcher, made.owner = [*launcher], owner
        try:
            await made.start()
            yield made
        except Exception as error:
            # Whoever reads of it later has nothing else: the directory goes with the test.
            error.add_note(evidence.of(root, api.requests))
            raise
        finally:
            with trio.CancelScope(shield=True):
                await made.stop()


async def spawn(on: Stage, *names: str) -> None:
    """Create agents."""
    for name in names:
        agent_name(name)
        reply = await on.operator("spawn", name=name)
        assert reply["ok"], reply

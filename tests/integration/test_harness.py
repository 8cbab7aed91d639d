"""A harness against a running daemon, with the real CLI and the stand-in, in both modes.

The harness runs as a process of its own, as in a container, so that it can be killed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.config import HarnessConfig
from hive.wire import codec
from hive.wire.names import agent_name
from tests.fakes import claude_binary, messages_api, model_script
from tests.fakes.http_client import fetch
from tests.fakes.messages_api import MessagesApi
from tests.fakes.model_script import Failure, Request, Step, Text, ToolUse, tool_use
from tests.fakes.running import Running, running

REPO = Path(__file__).parents[2]
WAIT_S = 30.0
STAGES = [(kind, mode) for kind in ("real", "stand-in") for mode in ("live", "process")]
SEND = "mcp__hyperhive__send"


@attrs.define
class Rig:
    """A daemon with the agent bob, and bob's harness."""

    daemon: Running
    kind: str
    api: MessagesApi
    config_file: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> subprocess.Popen[bytes]:
        """Start the harness."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hive", "agent", "serve", "--config", str(self.config_file)],
            cwd=REPO,
            env={"PATH": "/usr/bin:/bin"},
        )
        return self.process

    async def stop(self, number: int) -> float:
        """Send the harness a signal and return how long it took to end, in seconds."""
        assert self.process is not None
        began = trio.current_time()
        self.process.send_signal(number)
        await until(lambda: self.process is None or self.process.poll() is not None)
        return trio.current_time() - began

    def kill_claude(self) -> None:
        """Kill claude as a crash would: whatever the harness started, by any of its threads."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        children = [int(pid) for task in tasks for pid in task.read_text().split()]
        assert children
        for pid in children:
            os.kill(pid, signal.SIGKILL)

    async def say(self, text: str, *steps: Step) -> None:
        """Write to bob as the operator; the model then does these steps."""
        self.api.play(model_that_compacts(list(steps)))
        lines = [text] if self.kind == "real" else [text, *map(directive, steps)]
        reply = await self.daemon.operator("send", to="bob", body="\n".join(lines))
        assert reply["ok"], reply

    async def inbox(self) -> list[str]:
        """Return the bodies of the operator's messages from bob, oldest first."""
        reply = await self.daemon.operator("inbox")
        return [row["body"] for row in reversed(reply["inbox"]) if row["from"] == "bob"]

    async def wait_inbox(self, count: int) -> list[str]:
        """Wait until bob has written so often."""
        with trio.fail_after(WAIT_S):
            while len(found := await self.inbox()) < count:  # noqa: ASYNC110 - other processes
                await trio.sleep(0.05)
        return found

    async def wait_thinking(self) -> None:
        """Wait until the model was told of its one tool call, hence plays the step behind it.

        The call's effect is seen before claude asks again: a script put in its place by then would
        be played to the claude that is about to be killed. The stand-in has its script already.
        """
        if self.kind == "real":
            with trio.fail_after(WAIT_S):
                await self.api.wait_answered_calls(1)

    async def wait_acked(self) -> None:
        """Wait until bob has acknowledged everything."""
        with trio.fail_after(WAIT_S):
            while not all(row["acked_at"] for row in await self.mail()):  # noqa: ASYNC110
                await trio.sleep(0.05)

    async def mail(self) -> list[dict[str, Any]]:
        """Return the rows of bob's messages."""
        return list((await self.daemon.agent("bob", "recent"))["rows"])


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something another process does."""
    with trio.fail_after(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - another process
            await trio.sleep(0.02)


def directive(step: Step) -> str:
    """Return a step as the stand-in reads it."""
    if isinstance(step, ToolUse):
        name, given = step.calls[0]
        return f"!tool {name.removeprefix('mcp__hyperhive__')} {json.dumps(given)}"
    if isinstance(step, Text):
        return "!say " + json.dumps({"text": step.text, "pause_s": step.delay_s})
    assert isinstance(step, Failure)
    if "too long" in step.message:
        return "!too-long"
    return f"!fail {step.status}"


def answer(body: str) -> Step:
    """Return the step that writes to the operator."""
    return tool_use((SEND, {"to": "operator", "body": body}))


def model_that_compacts(steps: list[Step]) -> Callable[[Request], Step]:
    """Return a model that takes these steps, whatever it is asked to compact in between."""

    def decide(request: Request) -> Step:
        if model_script.is_compaction(request):
            return Text("a summary")
        return steps.pop(0) if steps else Text("done")

    return decide


@asynccontextmanager
async def stage(root: Path, kind: str, mode: str, **changes: Any) -> AsyncIterator[Rig]:
    """Set everything up below `root`, the harness started; at the end nothing is left.

    `changes` are settings of the harness.
    """
    async with messages_api.serve([]) as api, running(root) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        paths, bob = daemon.hive.paths, agent_name("bob")
        home = root / "home"
        home.mkdir()
        program = (sys.executable, "-m", "hive")
        secret = root / "key"
        secret.write_text("dummy-key-of-a-test")
        config = HarnessConfig(
            label="bob",
            role="agent",
            run_dir=str(paths.agent_run(bob)),
            state_dir=str(paths.agent_state(bob)),
            claude_dir=str(paths.agent_claude(bob)),
            home=str(home),
            shared_dir=str(paths.shared),
            claude=(str(claude_binary.find()),) if kind == "real" else (*program, "stand-in"),
            hive=program,
            path="/usr/bin:/bin",
            turn_mode=mode,
            demo=kind != "real",
            claude_env={
                "ANTHROPIC_BASE_URL": api.url,
                "CLAUDE_CODE_MAX_RETRIES": "0",
                "PYTHONPATH": str(REPO),
            },
            secret_files={"ANTHROPIC_API_KEY": str(secret)} if kind == "real" else {},
        )
        config = attrs.evolve(config, **changes)
        config_file = root / "harness.json"
        config_file.write_bytes(codec.dumps(codec.to_json(config)))
        rig = Rig(daemon, kind, api, config_file)
        rig.start()
        try:
            yield rig
        finally:
            if rig.process is not None and rig.process.poll() is None:
                rig.process.terminate()
                with trio.CancelScope(shield=True):
                    await trio.to_thread.run_sync(rig.process.wait)


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_a_message_is_worked_on_answered_and_acknowledged(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("say hello", answer("hello operator"))
        assert await rig.wait_inbox(1) == ["hello operator"]
        await rig.wait_acked()
        await rig.say("and again", answer("hello again"))
        assert await rig.wait_inbox(2) == ["hello operator", "hello again"]
        await rig.wait_acked()


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_what_claude_receives_itself_is_acknowledged_with_its_turn(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        recv = tool_use(("mcp__hyperhive__recv", {"wait_seconds": 20}))
        await rig.say("wait for the next", recv, answer("got both"))
        await until(lambda: _is_parked(rig))
        reply = await rig.daemon.operator("send", to="bob", body="the next")
        assert reply["ok"]
        assert await rig.wait_inbox(1) == ["got both"]
        await rig.wait_acked()
        rows = await rig.mail()
        assert len(rows) == 2
        assert {row["acked_at"] for row in rows} == {rows[0]["acked_at"]}


async def test_what_the_operator_writes_reaches_the_turn_that_runs(short_tmp: Path) -> None:
    async with stage(short_tmp, "real", "live") as rig:

        async def model(request: Request) -> Step:
            # Says nothing until the second message was taken out of the inbox.
            with trio.fail_after(WAIT_S):
                while not all(row["delivered_at"] for row in await rig.mail()):  # noqa: ASYNC110
                    await trio.sleep(0.05)
            return Text("done")

        await rig.say("begin")
        rig.api.play(model)
        reply = await rig.daemon.operator("send", to="bob", body="and this")
        assert reply["ok"]
        await rig.wait_acked()
        rows = await rig.mail()
        assert {row["acked_at"] for row in rows} == {rows[0]["acked_at"]}
        assert "and this" in json.dumps(rig.api.requests[-1]["messages"])


def _is_parked(rig: Rig) -> bool:
    """Whether the model has called `recv`, as the page's history tells."""
    file = rig.daemon.hive.paths.agent_state(agent_name("bob")) / "hyperhive-events.sqlite"
    return file.exists() and b"hyperhive__recv" in _whole(file)


def _whole(file: Path) -> bytes:
    log = file.with_name(file.name + "-wal")
    return file.read_bytes() + (log.read_bytes() if log.exists() else b"")


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_a_harness_killed_in_a_turn_loses_nothing_and_repeats_no_call(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("report twice", answer("first"), Text("thinking", delay_s=5))
        await rig.wait_inbox(1)
        await rig.wait_thinking()
        await rig.stop(signal.SIGKILL)
        rig.api.play([answer("second")])
        rig.start()
        await rig.wait_acked()
        found = await rig.inbox()
        assert found.count("first") == 1


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_a_refusal_that_passes_is_not_noticed_by_anybody(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("say hello", model_script.unauthorised(), answer("hello operator"))
        assert await rig.wait_inbox(1) == ["hello operator"]
        await rig.wait_acked()


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_a_conversation_that_is_too_long_is_worked_on_all_the_same(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("say hello", answer("first"))
        await rig.wait_inbox(1)
        await rig.wait_acked()
        await rig.say("and again", model_script.too_long(), answer("second"))
        assert "second" in await rig.wait_inbox(2)
        await rig.wait_acked()


@pytest.mark.parametrize(("kind", "mode"), STAGES)
async def test_a_claude_killed_in_a_turn_is_started_again_and_repeats_no_call(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("report twice", answer("first"), Text("thinking", delay_s=8))
        await rig.wait_inbox(1)
        await rig.wait_thinking()
        rig.api.play([answer("second")])
        rig.kill_claude()
        await rig.wait_acked()
        found = await rig.inbox()
        assert found.count("first") == 1
        assert kind != "real" or found.count("second") == 1


@pytest.mark.parametrize(("kind", "mode"), [("real", "live"), ("stand-in", "live")])
async def test_an_orderly_stop_in_a_turn_is_quick_and_gives_everything_back(
    short_tmp: Path, kind: str, mode: str
) -> None:
    async with stage(short_tmp, kind, mode) as rig:
        await rig.say("be slow", answer("begun"), Text("slow", delay_s=20))
        await rig.wait_inbox(1)
        assert await rig.stop(signal.SIGTERM) < 8
        assert rig.process is not None
        assert rig.process.returncode == 0
        (row,) = await rig.mail()
        assert row["acked_at"] is None
        assert row["delivered_at"] is None


async def test_an_idle_harness_is_small_and_stops_at_once(short_tmp: Path) -> None:
    async with stage(short_tmp, "stand-in", "live") as rig:
        await until((rig.daemon.hive.paths.web_socket(agent_name("bob"))).exists)
        await trio.sleep(0.5)
        assert rig.process is not None
        status = await trio.Path(f"/proc/{rig.process.pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert resident is not None
        assert int(resident[1]) / 1024 < 45
        assert await rig.stop(signal.SIGTERM) < 8
        assert not rig.daemon.hive.paths.web_socket(agent_name("bob")).exists()


async def test_the_wake_verb_puts_a_message_into_the_own_inbox(short_tmp: Path) -> None:
    async with stage(short_tmp, "stand-in", "live") as rig:
        socket = rig.daemon.hive.paths.agent_socket(agent_name("bob"))
        verb = [sys.executable, "-m", "hive", "agent", "wake", "--json"]
        done = await trio.run_process(
            [*verb, "--from", "webhook: push", "--body", "-"],
            stdin=b"something happened",
            capture_stdout=True,
            env={"PATH": os.defpath, "HIVE_SOCKET": str(socket)},
            cwd=REPO,
        )
        await rig.wait_acked()
        (row,) = await rig.mail()
        assert json.loads(done.stdout) == {"kind": "ok", "id": row["id"], "count": None}
        assert (row["from"], row["origin"]) == ("webhook: push", "external")


async def test_the_page_shows_the_turn_live_and_from_its_history(short_tmp: Path) -> None:
    async with stage(short_tmp, "stand-in", "live") as rig:
        page = rig.daemon.hive.paths.web_socket(agent_name("bob"))
        await until(page.exists)
        await rig.say("say hello", answer("hello operator"))
        await rig.wait_acked()
        state = (await fetch(page, "GET", "/api/state")).json()
        assert (state["label"], state["turn_state"], state["demo"]) == ("bob", "idle", True)
        assert state["last_turn_ms"] is not None
        assert [row["from"] for row in state["inbox"]] == ["operator"]
        frames = (await fetch(page, "GET", "/events/history?limit=500")).json()["events"]
        kinds = [frame["kind"] for frame in frames]
        assert kinds[0] == "turn_start"
        assert kinds[-1] == "turn_end"
        assert "stream" in kinds
        onward = f"/events/history?after={frames[0]['seq']}&limit=2"
        assert (await fetch(page, "GET", onward)).json()["events"] == frames[1:3]
        as_json = {"Content-Type": "application/json"}
        body = b'{"model":"sonnet"}'
        reply = await fetch(page, "POST", "/api/model", headers=as_json, body=body)
        assert reply.status == 200
        assert (await fetch(page, "GET", "/api/state")).json()["model"] == "sonnet"
        assert (await fetch(page, "GET", "/api/loose-ends")).status == 404


LOGS_IN = """#!/bin/sh
export HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1
[ "$1 $2" = "auth login" ] || exec {claude} "$@"
cd {root}
setsid -f sh -c 'echo $$ >pid; mv pid started; exec sleep 3599' </dev/null >/dev/null 2>&1
echo "https://claude.com/cai/oauth/authorize?code=true"
read code && cp $code "$CLAUDE_CONFIG_DIR/.credentials.json"
"""
"""The real claude, whose login gives the account that the code names."""


def _account(file: Path, token: str) -> None:
    account = {"accessToken": token, "refreshToken": None, "expiresAt": 4_000_000_000_000}
    scopes = ["user:inference", "user:profile"]
    text = json.dumps({"claudeAiOauth": {**account, "scopes": scopes, "subscriptionType": "max"}})
    file.write_text(text)


@attrs.frozen
class Page:
    """Bob's page, as its buttons use it, and his row on the dashboard."""

    rig: Rig

    async def post(self, what: str, **fields: str) -> int:
        """Press a button; returns the status of the answer."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps(fields).encode()
        where = self.rig.daemon.hive.paths.web_socket(agent_name("bob"))
        return (await fetch(where, "POST", f"/api/{what}", headers=headers, body=body)).status

    async def wait(self, is_so: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the page's state is so."""
        where = self.rig.daemon.hive.paths.web_socket(agent_name("bob"))
        with trio.fail_after(WAIT_S):
            while True:
                if where.exists():
                    state: dict[str, Any] = (await fetch(where, "GET", "/api/state")).json()
                    if is_so(state):
                        return state
                await trio.sleep(0.05)

    async def wait_row(self, *, needs_login: bool) -> None:
        """Wait until the daemon says so of bob's login."""
        with trio.fail_after(WAIT_S):
            while True:
                rows = (await self.rig.daemon.operator("agent_status"))["agent_statuses"]
                if [row["needs_login"] for row in rows if row["name"] == "bob"] == [needs_login]:
                    return
                await trio.sleep(0.05)


async def test_an_account_that_died_is_replaced_on_the_page_and_the_message_comes_again(
    short_tmp: Path,
) -> None:
    program = short_tmp / "claude-program"
    program.write_text(LOGS_IN.format(root=short_tmp, claude=claude_binary.find()))
    program.chmod(0o755)
    _account(short_tmp / "new", "alive")

    def model(request: Request) -> Step:
        if "alive" not in request["_headers"]["authorization"]:
            return model_script.unauthorised()
        return Text("done")

    account = short_tmp / "claude"
    account.mkdir()
    _account(account / ".credentials.json", "dead")
    changes = {"claude": (str(program),), "claude_dir": str(account), "secret_files": {}}
    async with stage(short_tmp, "real", "live", **changes) as rig:
        page = Page(rig)
        rig.api.play(model)
        assert (await rig.daemon.operator("send", to="bob", body="the work"))["ok"]
        await page.wait(lambda state: state["status"] == "needs_login_idle")
        assert await page.post("login-start") == 200
        await page.wait(lambda state: state["login"]["url"])
        state = await page.wait(lambda state: state["status"] == "needs_login_in_progress")
        assert "log it in" in state["trouble"]
        await page.wait_row(needs_login=True)
        assert await page.post("login-code", code="new") == 200
        await rig.wait_acked()
        await page.wait_row(needs_login=False)
        state = await page.wait(lambda state: state["login"]["finished"])
        assert (state["status"], state["login"]["exit_note"]) == ("online", "it is done")
        assert state["trouble"] is None
        texts = "".join(model_script.user_texts(rig.api.requests[-1]))
        assert texts.count("the work") == 1
        first = _started(short_tmp)
        assert await page.post("login-start") == 200
        await until(lambda: _started(short_tmp) != first)
        await rig.stop(signal.SIGTERM)
        assert not any(_is_alive(one) for one in (first, _started(short_tmp)))


def _started(root: Path) -> str:
    file = root / "started"
    return file.read_text().strip() if file.exists() else ""


def _is_alive(pid: str) -> bool:
    try:
        return ") Z " not in Path("/proc", pid, "stat").read_text()
    except OSError:
        return False

"""`hive.pyz chat`: when it may begin, and that the agent works again whatever ends it."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from hive.agent.driver import INTERRUPTED, Outcome
from hive.agent.login import Login
from hive.agent.phases import Phase
from tests.fakes.driver import Running
from tests.fakes.harness import looping
from tests.fakes.inside import Inside, Terminal, inside

CLAUDE = """#!/bin/sh
echo "flags: $*"
echo "I am claude"; read line; echo "you said $line"; exit 3
"""


@asynccontextmanager
async def chatting(
    short_tmp: Path, tmp_path: Path, login: Login | None = None
) -> AsyncIterator[Inside]:
    file = tmp_path / "claude-program"
    file.write_text(CLAUDE)
    file.chmod(0o755)
    changes = {"claude": (str(file),), "login": login}
    async with inside(short_tmp, tmp_path, **changes) as one, looping(one.rig):
        yield one


async def test_a_chat_is_claude_in_the_agents_conversation_and_its_end_is_passed_on(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with chatting(short_tmp, tmp_path) as one:
        terminal = Terminal(one.command("chat", "bob"))
        before = terminal.modes()
        await terminal.wait_shown("I am claude")
        session_id = one.rig.driver.conversation.session_id.encode()
        assert b"--resume " + session_id in terminal.shown.replace(b"\r\n", b"")
        assert b"--print" not in terminal.shown
        assert one.rig.harness.state.phase is Phase.CHATTING
        terminal.type("hello\r")
        await terminal.wait_shown("you said hello")
        assert await terminal.end(before) == 3
        one.rig.hive.put("go on")
        await terminal.until(lambda: one.rig.hive.is_idle)
        piped = await one.run(*one.command("chat", "bob"))
        assert (piped.returncode, b"needs a terminal" in piped.stderr) == (2, True)


async def test_a_chat_waits_for_a_running_turn_and_goes_with_its_terminal(
    short_tmp: Path, tmp_path: Path
) -> None:
    async def play(running: Running) -> Outcome:
        await running.interrupted.wait()
        return running.result(INTERRUPTED)

    async with chatting(short_tmp, tmp_path) as one:
        one.rig.driver.script.append(play)
        one.rig.hive.put("work")
        waiting = Terminal(one.command("chat", "bob"))
        await waiting.wait_shown("a turn runs")
        # Still the usual terminal: who does not want to wait ends the command.
        waiting.type("\x03")
        assert await waiting.end() == 128 + signal.SIGINT
        await waiting.until(lambda: one.rig.harness.desk.chat is None)
        terminal = Terminal(one.command("chat", "bob", "--cancel"))
        await terminal.wait_shown("I am claude")
        assert one.rig.hive.is_idle
        os.kill(terminal.pid, signal.SIGKILL)
        await terminal.end()
        one.rig.hive.put("go on")
        await terminal.until(lambda: one.rig.hive.is_idle)


async def test_without_a_login_there_is_no_chat(short_tmp: Path, tmp_path: Path) -> None:
    async def probe() -> bool:
        await trio.lowlevel.checkpoint()
        return False

    async with chatting(short_tmp, tmp_path, Login(False, (), probe)) as one:
        terminal = Terminal(one.command("chat", "bob"))
        await terminal.wait_shown("is not logged in: hive.pyz login bob")
        assert await terminal.end() == 1
        assert one.rig.harness.desk.chat is None

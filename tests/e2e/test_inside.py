"""What the operator runs inside of an agent's sandbox, through the whole hive."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.stage import REAL, STAND_IN, Stage, spawn, stage
from tests.fakes import messages_api
from tests.fakes.inside import Terminal

PROMPT = "\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}"
OURS = str(Path("/proc/self/ns/pid").readlink())
LOOK = (
    "id -u; pwd; echo $HIVE_CLAUDE_MARK | wc -c; readlink /proc/self/ns/pid /proc/1/ns/pid;"
    " grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; ls /dev/pts; tty; ls /run/hive"
)


def command(hive: Stage, verb: str, *words: str) -> list[str]:
    """Return a command line of the operator's."""
    return [sys.executable, "-m", "hive", verb, "--socket", str(hive.paths.host_socket), *words]


@pytest.mark.parametrize(
    "containers", ["bubblewrap", pytest.param("process", marks=pytest.mark.slow)]
)
async def test_a_shell_is_inside_of_the_agent_and_nowhere_else(
    short_tmp: Path, containers: str
) -> None:
    async with stage(short_tmp, STAND_IN, "live", containers=containers) as hive:
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        terminal = Terminal(command(hive, "shell", "alice"))
        before = terminal.modes()
        await terminal.wait_shown("alice:")
        terminal.type(f"{LOOK}; echo over-$((1+1))\r")
        await terminal.wait_shown("over-2")
        said = terminal.shown.decode(errors="replace")
        terminal.type("exit 9\r")
        assert await terminal.end(before) == 9
        if containers == "bubblewrap":
            assert "/state\r\n" in said
            assert "NoNewPrivs:\t1" in said
            assert "Seccomp:\t2" in said
            spaces = [line for line in said.splitlines() if line.startswith("pid:[")]
            # Those of the agent's first process, which are not the host's.
            assert len(spaces) == 2
            assert spaces[0] == spaces[1] != OURS
            assert "mcp.sock" in said


def paste(text: str) -> str:
    """Return what a terminal sends for a text of several lines."""
    return f"\x1b[200~{text}\x1b[201~"


async def test_the_operator_chats_with_claude_and_the_next_turn_goes_on_from_there(
    short_tmp: Path,
) -> None:
    async with stage(short_tmp, REAL, "live") as hive:
        await spawn(hive, "alice")
        await hive.send("alice", '!tool send {"to": "operator", "body": "before"}')
        await hive.wait_inbox("before")
        await hive.wait_settled("alice")
        terminal = Terminal(command(hive, "chat", "alice"))
        before = terminal.modes()
        await terminal.wait_shown(PROMPT)
        # It has its tools, and is the agent: what it sends comes from alice.
        terminal.type(paste('say it\n!tool send {"to": "operator", "body": "by the chat"}'))
        await terminal.wait_shown("say it")

        async def has_sent() -> bool:
            return "by the chat" in await hive.inbox()

        await terminal.enter(has_sent)
        waiting = await hive.send("alice", '!tool send {"to": "operator", "body": "after"}')
        row = await hive.row("alice")
        assert row["unread"] == 1
        assert row["note"].startswith("the operator is in a chat with its claude since ")
        second = Terminal(command(hive, "chat", "alice"))
        assert await second.end() == 1
        assert b"somebody chats with it already" in second.shown
        terminal.type("/exit")
        await terminal.wait_shown("/exit")
        await terminal.enter(terminal.has_ended)
        assert await terminal.end(before) == 0
        await hive.wait_inbox("after")
        await hive.wait_settled("alice")
        texts = "\n".join(messages_api.user_texts(hive.api.requests[-1]))
        assert texts.index("before") < texts.index("by the chat") < texts.index("after")
        assert waiting > 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["live", "process"])
async def test_a_chat_without_a_word_changes_nothing_and_a_cleared_one_is_gone_on_with(
    short_tmp: Path, mode: str
) -> None:
    async with stage(short_tmp, REAL, mode) as hive:
        await spawn(hive, "alice")

        async def talk(**typed: str) -> None:
            """Chat: type what the values are, each until its key is shown."""
            terminal = Terminal(command(hive, "chat", "alice"))
            before = terminal.modes()
            await terminal.wait_shown(PROMPT)
            for shown, text in {**typed, "": "/exit"}.items():
                terminal.shown.clear()
                terminal.type(text)
                await terminal.wait_shown(text)
                terminal.shown.clear()
                is_over = partial(terminal.has_shown, shown) if shown else terminal.has_ended
                await terminal.enter(is_over)
            assert await terminal.end(before) == 0

        # Of a conversation that was never begun, too.
        await talk()
        await hive.send("alice", '!tool send {"to": "operator", "body": "before"}')
        await hive.wait_inbox("before")
        await hive.wait_settled("alice")
        await talk()
        await talk(shortcuts="/clear", nothing="strawberry")
        await hive.send("alice", '!tool send {"to": "operator", "body": "after"}')
        await hive.wait_inbox("after")
        await hive.wait_settled("alice")
        texts = "\n".join(messages_api.user_texts(hive.api.requests[-1]))
        assert "before" not in texts
        assert texts.index("strawberry") < texts.index("after")


@pytest.mark.parametrize("how", ["/exit\r", pytest.param("the daemon", marks=pytest.mark.slow)])
async def test_a_chat_with_the_stand_in_ends_and_the_messages_that_waited_are_worked_on(
    short_tmp: Path, how: str
) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        await spawn(hive, "alice")
        terminal = Terminal(command(hive, "chat", "alice"))
        before = terminal.modes()
        await terminal.wait_shown("> ")
        terminal.type("hello there\r")
        await terminal.wait_shown("You said: hello there")
        await hive.send("alice", '!tool send {"to": "operator", "body": "after"}')
        if how == "the daemon":
            hive.kill_daemon()
            assert await terminal.end(before) == 1
            assert b"was cut off" in terminal.shown
            await hive.start()
        else:
            terminal.type(how)
            assert await terminal.end(before) == 0
        await hive.wait_inbox("after")

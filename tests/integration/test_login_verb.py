"""`hive.pyz login`: the login of an agent's page, in a terminal."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.fakes.inside import Inside, Terminal, inside

LINK = "https://claude.com/cai/oauth/authorize?code=true"
ASKS = f"""#!/bin/sh
[ "$1 $2" = "auth login" ] || exit 9
printf 'visit \\033[31m\\n'; echo "{LINK}"
read code; [ "$code" = "right#1" ] || exit 1
echo "welcome"
"""


@asynccontextmanager
async def asking(short_tmp: Path, tmp_path: Path) -> AsyncIterator[Inside]:
    file = tmp_path / "claude-program"
    file.write_text(ASKS)
    file.chmod(0o755)
    async with inside(short_tmp, tmp_path, demo=False, claude=(str(file),)) as one:
        yield one


async def test_a_piped_code_logs_in_and_what_claude_says_is_shown_harmless(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with asking(short_tmp, tmp_path) as one:
        done = await one.run(*one.command("login", "bob"), stdin=b"right#1\n")
        assert done.returncode == 0, done
        said = done.stdout.decode()
        assert LINK in said
        assert "visit \\x1b[31m\n" in said
        assert said.endswith("welcome\nbob: logged in\n")
        assert "right#1" not in said + done.stderr.decode()
        rows = await one.daemon.operator("export_audit", agent="bob")
        kept = "\n".join(rows["audit_lines"])
        assert '"action":"login-start"' in kept
        assert '"action":"login-code"' in kept
        assert "right#1" not in kept


async def test_a_wrong_code_is_a_failure_that_a_program_can_read(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with asking(short_tmp, tmp_path) as one:
        done = await one.run(*one.command("login", "bob", "--json"), stdin=b"wrong")
        assert done.returncode == 1
        assert json.loads(done.stdout) == {"url": LINK}
        assert done.stderr.decode().endswith(
            "hive: bob is not logged in: claude ended with status 1\n"
        )


async def test_without_a_code_the_login_does_not_go_on(short_tmp: Path, tmp_path: Path) -> None:
    async with asking(short_tmp, tmp_path) as one:
        done = await one.run(*one.command("login", "bob"))
        assert (done.returncode, b"no code was given" in done.stderr) == (2, True)
        session = one.rig.harness.login_session
        with trio.fail_after(30):
            while not session.finished:  # noqa: ASYNC110 - another process's end
                await trio.sleep(0.02)
        assert session.exit_note == "it was cancelled"


async def test_at_a_terminal_the_code_is_not_shown_and_ctrl_c_cancels(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with asking(short_tmp, tmp_path) as one:
        terminal = Terminal(one.command("login", "bob"))
        await terminal.wait_shown("Code: ")
        terminal.type("right#1\n")
        await terminal.wait_shown("bob: logged in")
        assert await terminal.end() == 0
        assert b"right" not in terminal.shown
        terminal = Terminal(one.command("login", "bob"))
        await terminal.wait_shown("Code: ")
        terminal.type("\x03")
        assert await terminal.end() == 128 + signal.SIGINT
        assert one.rig.harness.login_session.finished or (
            one.rig.harness.login_session._scope is not None
            and one.rig.harness.login_session._scope.cancel_called
        )


async def test_who_is_not_there_or_was_given_an_account_is_told_apart(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with inside(short_tmp, tmp_path) as one:
        given = await one.run(*one.command("login", "bob"))
        assert (given.returncode, b"was given its account" in given.stderr) == (1, True)
        unknown = await one.run(*one.command("login", "zed"))
        assert unknown.returncode == 5
        silent = await one.run(*one.command("login", "manager"))
        assert (silent.returncode, b"coming up" in silent.stderr) == (1, True)

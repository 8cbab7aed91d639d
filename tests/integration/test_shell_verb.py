"""`hive.pyz shell`: a program inside of an agent, at a terminal or between pipes."""

from __future__ import annotations

import os
import signal
import termios
from pathlib import Path

from tests.fakes.inside import Terminal, inside

BIG = 3_000_000


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or waits for its parent alone."""
    file = Path(f"/proc/{pid}/cmdline")
    return not file.exists() or not file.read_bytes()


async def test_a_command_between_pipes_is_passed_on_whole(short_tmp: Path, tmp_path: Path) -> None:
    async with inside(short_tmp, tmp_path) as one:
        script = "pwd; echo wrong >&2; wc -c; exit 7"
        command = one.command("shell", "bob", "--", "sh", "-c", script)
        done = await one.run(*command, stdin=bytes(BIG))
        assert done.returncode == 7
        assert done.stdout.decode().split() == [str(tmp_path / "state"), str(BIG)]
        assert done.stderr == b"wrong\n"
        # More than any buffer on the way, and what the command left behind is gone.
        script = f"sleep 1000 & echo $! > left; head -c {BIG} /dev/zero; kill -9 $$"
        done = await one.run(*one.command("shell", "bob", "--", "sh", "-c", script))
        assert (done.returncode, len(done.stdout)) == (128 + signal.SIGKILL, BIG)
        left = int((tmp_path / "state" / "left").read_text())
        assert has_ended(left)
        rows = await one.daemon.operator("export_audit", agent="bob")
        kept = [line for line in rows["audit_lines"] if '"action":"shell"' in line]
        assert len(kept) == 4
        assert '"program":"sh"' in kept[0]


async def test_what_cannot_be_started_says_so(short_tmp: Path, tmp_path: Path) -> None:
    async with inside(short_tmp, tmp_path) as one:
        missing = await one.run(*one.command("shell", "bob", "--", "/no/such"))
        assert (missing.returncode, b"cannot start /no/such" in missing.stderr) == (1, True)
        assert (await one.run(*one.command("shell", "zed"))).returncode == 5
        *start, option, socket, name = one.command("shell", "bob")
        dashes = await one.run(*start, name, option, socket, "--", "echo", "--", "-x", "--")
        assert dashes.stdout == b"-- -x --\n"
        away = await one.run(*one.command("shell", "manager"))
        assert (away.returncode, b"coming up" in away.stderr) == (1, True)


async def test_a_terminal_inside_is_its_own_and_follows_the_size(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with inside(short_tmp, tmp_path) as one:
        terminal = Terminal(one.command("shell", "bob"))
        before = terminal.modes()
        await terminal.wait_shown("bob:")
        assert not terminal.modes()[3] & termios.ICANON
        # Letters around the figures: a process's id may hold any.
        terminal.type("tty; ps -o sid= $$; exec 3</dev/tty && echo own-$((40+2))-\r")
        await terminal.wait_shown("own-42-")
        assert os.ttyname(terminal.master).encode() not in terminal.shown
        terminal.resize(33, 77)
        # Not by a trap: the signal is for whoever is in front just then, bash or its stty.
        terminal.type("PROMPT_COMMAND='stty size'\r")
        await terminal.enter(lambda: terminal.has_shown("33 77"))
        terminal.type("echo sleeps-$((40+3))-; sleep 1000\r")
        await terminal.wait_shown("sleeps-43-")
        # The interrupt takes away what is typed behind it, until the prompt is back.
        terminal.type("\x03")
        await terminal.until(lambda: b"# " in terminal.shown.partition(b"^C")[2])
        terminal.type("exit $((20+3))\r")
        assert await terminal.end(before) == 23


async def test_who_lets_go_is_let_go_and_what_ran_is_ended(short_tmp: Path, tmp_path: Path) -> None:
    async with inside(short_tmp, tmp_path) as one:
        terminal = Terminal(one.command("shell", "bob", "--", "sh", "-c", "echo $$ >pid; cat"))
        before = terminal.modes()
        file = tmp_path / "state" / "pid"
        await terminal.until(lambda: file.exists() and file.read_text().endswith("\n"))
        await terminal.until(lambda: terminal.modes() != before)
        terminal.type("\x1d\x1d\x1d")
        assert await terminal.end(before) == 1
        assert b"let go" in terminal.shown
        pid = int(file.read_text())
        await terminal.until(lambda: has_ended(pid))


async def test_a_harness_that_dies_gives_the_terminal_back_with_a_sentence(
    short_tmp: Path, tmp_path: Path
) -> None:
    async with inside(short_tmp, tmp_path) as one:
        terminal = Terminal(one.command("shell", "bob"))
        before = terminal.modes()
        await terminal.wait_shown("bob:")
        one.stop_terminals()
        assert await terminal.end(before) == 1
        assert b"was cut off" in terminal.shown

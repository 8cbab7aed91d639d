"""A login from the page: claude's link, the code, and an end that leaves nothing running."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from hive.agent import prompts
from hive.agent.driver import Launch
from hive.agent.login_session import LoginSession
from hive.errors import BadRequest, Conflict
from hive.wire.login import link_in
from tests.fakes.harness import config

LINK = "https://claude.com/cai/oauth/authorize?code=true"
ASKS = f"""[ "$1 $2" = "auth login" ] || exit 9
echo "visit:"; echo "{LINK}"
read code; echo "got $code"; [ "$code" = "right#1" ] && exit 0
echo "no $code here" >&2; exit 1"""
HOLDS = """mkfifo up
setsid -f sh -c 'echo $$ >up; exec sleep 3599' </dev/null
read child <up; echo $child >pid"""
"""Starts a program of another session that holds claude's pipes, and tells its number by `pid`."""


@asynccontextmanager
async def session(tmp_path: Path, text: str, shown: list[bool]) -> AsyncIterator[LoginSession]:
    """Run a session whose claude is a script."""
    file = tmp_path / "claude-program"
    file.write_text(f"#!/bin/sh\ncd {tmp_path}\n{text}\n")
    file.chmod(0o755)
    made = config(tmp_path, demo=False, claude=(str(file),))

    async def launch() -> Launch:
        return prompts.make_launch(made, "haiku")

    one = LoginSession(made.claude, launch, shown.append)
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: one.run(task_status=task_status))
        yield one
        nursery.cancel_scope.cancel()


async def until_link(one: LoginSession) -> None:
    with trio.fail_after(60):
        while one.url is None:  # noqa: ASYNC110 - another process's line
            await trio.sleep(0.02)


async def until_over(one: LoginSession) -> None:
    with trio.fail_after(60):
        while not one.finished:  # noqa: ASYNC110 - another process's end
            await trio.sleep(0.02)


@pytest.mark.parametrize(
    ("code", "note"),
    [("right#1", "it is done"), ("wrong", "claude ended with status 1: no … here")],
)
async def test_the_code_goes_to_claude_and_is_shown_nowhere(
    tmp_path: Path, code: str, note: str
) -> None:
    shown: list[bool] = []
    async with session(tmp_path, ASKS, shown) as one:
        assert one.to_json() is None
        one.start()
        await until_link(one)
        assert one.url == LINK
        with pytest.raises(Conflict, match="runs already"):
            one.start()
        await one.code(f" {code}\n")
        await until_over(one)
        assert (one.exit_note, shown) == (note, [True, False])
        assert "got …" in one.output
        assert code not in str(one.to_json())


async def test_a_cancelled_login_ends_and_another_one_can_begin(tmp_path: Path) -> None:
    async with session(tmp_path, ASKS, []) as one:
        for _ in range(2):
            one.start()
            await until_link(one)
            one.cancel()
            await until_over(one)
            assert (one.exit_note, one.output) == ("it was cancelled", "")
        with pytest.raises(Conflict):
            one.cancel()
        with pytest.raises(Conflict):
            await one.code("x")
        with pytest.raises(BadRequest):
            await one.code("a\nb")


async def child_of(tmp_path: Path) -> Path:
    """Wait for the program that claude left behind; return where /proc tells of it."""
    with trio.fail_after(60):
        pid = await trio.to_thread.run_sync((tmp_path / "pid").read_text, abandon_on_cancel=True)
    return Path("/proc", pid.strip())


def is_alive(process: Path) -> bool:
    try:
        return ") Z " not in (process / "stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("text", "end", "note"),
    [
        (f"{HOLDS}\nexit 0", "", "it is done"),
        (f"{HOLDS}\nkill -9 $$", "", "claude was ended by SIGKILL"),
        (f"{HOLDS}\nexec sleep 3598", "cancel", "it was cancelled"),
        (f"{HOLDS}\nexec sleep 3598", "stop", "it was cancelled"),
    ],
)
async def test_however_a_login_ends_nothing_it_started_lives_on(
    tmp_path: Path, text: str, end: str, note: str
) -> None:
    os.mkfifo(tmp_path / "pid")
    async with session(tmp_path, text, []) as one:
        one.start()
        child = await child_of(tmp_path)
        assert is_alive(child)
        if end == "cancel":
            one.cancel()
        if end != "stop":
            await until_over(one)
    assert one.exit_note == note
    assert not is_alive(child)


@pytest.mark.parametrize(
    ("text", "lasts_s", "note"),
    [
        (f"{HOLDS}\nexec sleep 3598", 599, "it was not finished within 600 s"),
        (f"exec >/dev/null 2>&1\n{HOLDS}\nexec sleep 3598", 4, "claude closed its output"),
    ],
)
async def test_a_login_that_does_not_get_on_is_ended(
    tmp_path: Path, mock_clock: MockClock, text: str, lasts_s: float, note: str
) -> None:
    os.mkfifo(tmp_path / "pid")
    shown: list[bool] = []
    async with session(tmp_path, text, shown) as one:
        one.start()
        child = await child_of(tmp_path)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(lasts_s)
        await trio.testing.wait_all_tasks_blocked()
        assert not one.finished
        mock_clock.autojump_threshold = 0
        await until_over(one)
        assert one.exit_note == note
        assert (shown, is_alive(child)) == ([True, False], False)


@pytest.mark.parametrize(
    "text",
    [
        "http://claude.ai/x", "https://claude.ai.evil.example/x", "https://claude.ai@evil.example/",
        "https://evil.example/?https://claude.ai", "https://claude.ai:99/", "javascript:alert(1)",
        "https://[", "https://claude.ai\\@evil.example/",
    ],
)  # fmt: skip
def test_a_link_to_elsewhere_is_no_link(text: str) -> None:
    assert link_in(text) is None

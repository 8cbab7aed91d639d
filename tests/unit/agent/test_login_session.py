"""A login from the page: claude's link, the code, and an end that leaves nothing running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hive.agent import prompts
from hive.agent.driver import Launch
from hive.agent.login_session import LoginSession, link_in
from hive.errors import BadRequest, Conflict
from tests.fakes.harness import config

LINK = "https://claude.com/cai/oauth/authorize?code=true"
ASKS = f"""[ "$1 $2" = "auth login" ] || exit 9
echo "visit:"; echo "{LINK}"
read code; echo "got $code"; [ "$code" = "right#1" ] || exit 1"""


@asynccontextmanager
async def session(tmp_path: Path, text: str, shown: list[bool]) -> AsyncIterator[LoginSession]:
    """Run a session whose claude is a script."""
    file = tmp_path / "claude-program"
    file.write_text(f"#!/bin/sh\n{text}\n")
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
    ("code", "note"), [("right#1", "it is done"), ("wrong", "claude ended with status 1")]
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
            assert one.exit_note == "it was cancelled"
        with pytest.raises(Conflict):
            one.cancel()
        with pytest.raises(Conflict):
            await one.code("x")
        with pytest.raises(BadRequest):
            await one.code("a\nb")


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

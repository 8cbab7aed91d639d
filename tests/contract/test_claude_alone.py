"""What only the real claude can show: its own tools, its transcript, its subscription limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from hive.agent import driver
from tests.fakes import claude_scene, messages_api
from tests.fakes.claude_scene import LIVE, PROCESS, REAL, Scene
from tests.fakes.messages_api import CutOff, Text, tool_use


@pytest.fixture(params=[LIVE, PROCESS])
async def scene(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Scene]:
    """Set the stage for the real claude."""
    async with claude_scene.on_stage(REAL, request.param, short_tmp) as scene:
        yield scene


def _alive(mark: str) -> bool:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:1] == [b"tail"] and mark.encode() in words:
                return True
    return False


async def test_a_running_bash_command_ends_with_the_interrupted_turn(scene: Scene) -> None:
    mark = str(scene.home / "work" / "watched")
    command = tool_use(("Bash", {"command": f"touch {mark}; tail -f {mark}"}))
    outcomes = []

    async def run() -> None:
        outcomes.append(await scene.turn("alpha", command))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await scene.wait(lambda: _alive(mark))
        assert await scene.driver.interrupt()
    assert outcomes[0].kind == driver.INTERRUPTED
    await scene.wait(lambda: not _alive(mark))


async def test_whatever_bash_detached_ends_with_claude(scene: Scene) -> None:
    mark = str(scene.home / "work" / "watched")
    line = f"touch {mark}; setsid -f tail -f {mark} >/dev/null 2>&1 </dev/null"
    assert (await scene.turn("alpha", tool_use(("Bash", {"command": line})))).kind == driver.OK
    if scene.mode == LIVE:
        await scene.wait(lambda: _alive(mark))
    await scene.driver.aclose()
    assert not _alive(mark)


async def test_claude_begins_no_turn_by_itself(scene: Scene) -> None:
    given = {"command": "true", "run_in_background": True}
    assert (await scene.turn("alpha", tool_use(("Bash", given)))).kind == driver.OK
    results = [line for line in scene.lines if line["type"] == "user"]
    assert results[0]["message"]["content"][0]["is_error"]


async def test_an_answer_cut_in_the_middle_is_mended_by_claude(scene: Scene) -> None:
    outcome = await scene.turn("alpha", CutOff("half an ans"), Text("whole"))
    assert outcome.kind == driver.OK


async def test_a_subscriptions_limit_says_when_it_ends(short_tmp: Path) -> None:
    async with claude_scene.on_stage(REAL, LIVE, short_tmp) as scene:
        scene.variables = {"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "dummy-token"}
        resets_at = 1_900_000_000
        outcome = await scene.turn("alpha", messages_api.usage_limit(resets_at))
        assert (outcome.kind, outcome.retry_at) == (driver.RATE_LIMITED, resets_at)


async def test_no_account_at_all_needs_a_login(short_tmp: Path) -> None:
    async with claude_scene.on_stage(REAL, LIVE, short_tmp) as scene:
        scene.variables = {"ANTHROPIC_API_KEY": None}
        outcome = await scene.turn("alpha")
        assert outcome.kind == driver.NEEDS_LOGIN
        assert scene.api.requests == []


async def test_a_call_with_an_effect_is_on_file_before_it_is_made(short_tmp: Path) -> None:
    async with claude_scene.on_stage(REAL, LIVE, short_tmp) as scene:
        transcripts: list[str] = []
        inner = scene.tools.handle

        class Looking:
            async def handle(self, message: dict[str, object]) -> dict[str, object] | None:
                if message.get("method") == "tools/call":
                    files = (scene.home / "claude" / "projects").glob("*/*.jsonl")
                    transcripts.extend(file.read_text() for file in files)
                return await inner(message)

        scene.tools = Looking()  # type: ignore[assignment]
        scene.renew()
        await scene.turn("alpha", tool_use(("mcp__hyperhive__send", {"to": "bob"})))
        assert len(transcripts) == 1
        assert '"toolu_' in transcripts[0]


async def test_claude_leaves_no_file_outside_of_its_own(short_tmp: Path) -> None:
    async with claude_scene.on_stage(REAL, LIVE, short_tmp) as scene:
        await scene.turn("alpha")
        assert list((scene.home / "work").iterdir()) == []

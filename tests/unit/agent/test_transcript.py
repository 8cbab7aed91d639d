"""Waiting for a call to be on file, on Trio's clock."""

from __future__ import annotations

from pathlib import Path

import trio
from trio.testing import MockClock

from hive.agent.transcript import HOLD_S, LOOK_S, Transcript


def _file(tmp_path: Path) -> Path:
    folder = tmp_path / "projects" / "-work"
    folder.mkdir(parents=True)
    return folder / "sid.jsonl"


async def test_a_call_on_file_is_not_held(tmp_path: Path, autojump_clock: MockClock) -> None:
    _file(tmp_path).write_text("... toolu_1 ...")
    transcript = Transcript({"CLAUDE_CONFIG_DIR": str(tmp_path)}, "sid")
    before = trio.current_time()
    assert await transcript.wait_has("toolu_1")
    assert trio.current_time() == before


async def test_a_call_is_held_until_it_is_on_file(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    file = _file(tmp_path)
    file.write_text("x" * 10_000)
    transcript = Transcript(
        {"HOME": str(tmp_path / "none"), "CLAUDE_CONFIG_DIR": str(tmp_path)}, "sid"
    )

    async def write() -> None:
        for part in ("toolu", "_1"):
            await trio.sleep(0.04)
            with file.open("a") as open_file:
                open_file.write(part)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        before = trio.current_time()
        assert await transcript.wait_has("toolu_1")
        assert 0.08 <= trio.current_time() - before <= 0.08 + 2 * LOOK_S


async def test_of_a_long_transcript_the_end_alone_is_looked_at(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    file = _file(tmp_path)
    with file.open("w") as long:
        long.write("toolu_old")
        long.truncate(100 * 1024 * 1024)
        long.seek(0, 2)
        long.write("toolu_new")
    wheres = {"CLAUDE_CONFIG_DIR": str(tmp_path)}
    assert await Transcript(wheres, "sid").wait_has("toolu_new")
    assert not await Transcript(wheres, "sid").wait_has("toolu_old")


async def test_a_transcript_that_is_elsewhere_holds_one_call_only(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    transcript = Transcript({"HOME": str(tmp_path)}, "sid")
    before = trio.current_time()
    assert not await transcript.wait_has("toolu_1")
    assert not await transcript.wait_has("toolu_2")
    assert HOLD_S <= trio.current_time() - before < HOLD_S * 1.1

"""A child's end, its bounds, and what is left of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from hive import process
from hive.errors import ProgramFailed


async def test_bytes_go_in_and_come_out_as_they_are() -> None:
    done = await process.run(("cat",), timeout_s=10, input_text=b"\xff\0\n")
    assert (done.raw, done.stdout, done.is_cut) == (b"\xff\0\n", "\ufffd\0\n", False)


async def test_a_child_that_says_too_much_is_ended() -> None:
    done = await process.run(("yes",), timeout_s=10, output_max=1000)
    assert done.is_cut
    assert len(done.raw) == 1000


async def test_just_as_much_as_it_may_say_is_not_too_much() -> None:
    done = await process.run(("printf", "12345"), timeout_s=10, output_max=5)
    assert (done.raw, done.is_cut) == (b"12345", False)


async def test_a_child_that_takes_too_much_memory_fails() -> None:
    words = (sys.executable, "-I", "-S", "-c", "input(); bytearray(1 << 30)")
    with pytest.raises(ProgramFailed, match="MemoryError"):
        await process.run(words, timeout_s=10, input_text="\n", memory_max=512 << 20)


async def test_a_child_that_is_late_or_not_wanted_any_more_is_gone() -> None:
    words = ("sleep", "6031.7")
    with pytest.raises(ProgramFailed, match="did not finish in time"):
        await process.run(words, timeout_s=0.05)
    with trio.move_on_after(0.05) as scope:
        await process.run(words, timeout_s=60)
    assert scope.cancelled_caught
    assert not any_runs(words)


async def test_what_an_ended_child_left_behind_is_ended_too_when_it_is_late() -> None:
    words = ("sleep", "6032.7")
    with pytest.raises(ProgramFailed, match="did not finish in time"):
        await process.run(("sh", "-c", f"{' '.join(words)} &"), timeout_s=0.3)
    with trio.fail_after(10):
        # Whoever inherits it collects it when they get to that.
        while any_runs(words):  # noqa: ASYNC110
            await trio.sleep(0.005)


def any_runs(words: tuple[str, ...]) -> bool:
    """Whether a process with just these words is there, whoever started it."""
    line = "\0".join((*words, "")).encode()
    return any(_cmdline(file) == line for file in Path("/proc").glob("[0-9]*/cmdline"))


def _cmdline(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""  # it has ended while we looked

"""The drivers against a claude that behaves oddly, and what they leave behind."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.agent import driver, process_tree
from hive.agent.child import Deadlines
from hive.agent.driver import Launch, Line, Outcome, Prompt
from hive.agent.live_driver import LiveDriver
from hive.agent.process_driver import ProcessDriver
from hive.agent.session import LOST
from tests.fakes import odd_claude

PATIENCE_S = 20.0
SHORT = Deadlines(start_s=0.5, write_s=0.5, interrupt_s=0.2, wind_down_s=0.2, end_s=0.2)
PROMPT = Prompt("11111111-1111-4111-8111-111111111111", "hello")
Either = LiveDriver | ProcessDriver


class NoTools:
    """A server that is never asked."""

    async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Fail the test."""
        raise AssertionError(message)


class Heard:
    """What a turn said."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.texts: list[str] = []

    async def turn(self, one: Either, prompt: Prompt = PROMPT) -> Outcome:
        """Run one turn that must not take long."""
        with trio.fail_after(PATIENCE_S):
            return await one.turn(prompt, self.lines.append, self.texts.append)

    async def wait_line(self) -> None:
        """Wait until claude has said something."""
        with trio.fail_after(PATIENCE_S):
            while not self.lines:  # noqa: ASYNC110 - another process
                await trio.sleep(0.01)


Make = Callable[..., Any]


def maker(kind: str, tmp_path: Path) -> Make:
    """Return what makes a driver whose claude behaves in a certain way."""

    @asynccontextmanager
    async def make(
        behaviour: str, deadlines: Deadlines = SHORT, program: str = sys.executable
    ) -> AsyncIterator[Either]:
        async def make_launch() -> Launch:
            argv = (program, odd_claude.__file__, behaviour)
            return Launch(argv, {"PATH": "/usr/bin:/bin"}, str(tmp_path))

        session = tmp_path / "session.json"
        one: Either
        if kind == "live":
            one = LiveDriver(make_launch, NoTools(), session, time.monotonic, deadlines)
        else:
            one = ProcessDriver(make_launch, session, time.monotonic, deadlines)
        try:
            yield one
        finally:
            await one.aclose()

    return make


@pytest.fixture(params=["live", "process"])
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make a driver of either kind."""
    return maker(request.param, tmp_path)


@pytest.fixture
def live(tmp_path: Path) -> Make:
    """Make a live driver, with the usual patience."""
    return partial(maker("live", tmp_path), deadlines=Deadlines())


async def test_a_claude_that_says_nothing_is_ended(odd: Make) -> None:
    async with odd("silent") as one:
        outcome = await Heard().turn(one)
        assert (outcome.kind, one.pid) == (driver.FAILED, None)
        assert outcome.note == "claude said nothing for 0.5 s and was ended"


async def test_a_claude_that_falls_silent_in_the_middle_of_a_turn_is_ended_in_the_end(
    odd: Make,
) -> None:
    async with odd("deaf", Deadlines(silence_s=0.5)) as one:
        heard = Heard()
        outcome = await heard.turn(one)
        assert (outcome.kind, one.pid) == (driver.FAILED, None)
        assert outcome.note == "claude said nothing for 0.5 s and was ended"
        assert [line["type"] for line in heard.lines] == ["system"]


async def test_a_claude_that_dies_says_why(odd: Make) -> None:
    async with odd("dies", Deadlines()) as one:
        heard = Heard()
        outcome = await heard.turn(one)
        assert (outcome.kind, heard.texts) == (driver.FAILED, ["out of luck"])
        assert outcome.note == "claude ended with status 3: out of luck"


async def test_a_claude_that_does_not_exist_is_a_failed_turn(odd: Make) -> None:
    async with odd("dies", program="/nowhere/claude") as one:
        outcome = await Heard().turn(one)
        assert outcome.kind == driver.NO_CLAUDE
        assert outcome.note is not None
        assert outcome.note.startswith("cannot start /nowhere/claude: No such file")


async def test_a_line_of_three_megabytes_comes_whole(odd: Make) -> None:
    async with odd("huge", Deadlines()) as one:
        outcome = await Heard().turn(one)
        assert outcome.result is not None
        assert len(outcome.result["result"]) == odd_claude.HUGE


async def test_a_claude_deaf_to_interrupts_is_killed(odd: Make) -> None:
    async with odd("deaf", Deadlines(interrupt_s=0.2)) as one:
        heard, outcomes = Heard(), []

        async def run() -> None:
            outcomes.append(await heard.turn(one))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await heard.wait_line()
            assert await one.interrupt()
        assert outcomes[0].kind == driver.INTERRUPTED
        assert one.pid is None


async def test_a_cancelled_turn_ends_a_claude_that_does_not_listen(odd: Make) -> None:
    async with odd("deaf", Deadlines(wind_down_s=0.2)) as one:
        heard = Heard()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heard.turn, one)
            await heard.wait_line()
            nursery.cancel_scope.cancel()
        assert one.pid is None
        assert not await one.interrupt()


async def test_what_a_dead_harness_left_is_ended_before_claude_is_started(odd: Make) -> None:
    # The first driver stands for the harness that died: it does nothing about its claude.
    async with odd("deaf", Deadlines()) as dead:
        heard = Heard()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heard.turn, dead)
            await heard.wait_line()
            left = dead.pid
            assert process_tree.find(left, "no such mark") == {left}
            async with odd("dies", Deadlines()) as later:
                assert (await Heard().turn(later)).kind == driver.FAILED
            assert process_tree.find(left, "no such mark") == set()


async def test_what_detached_itself_ends_with_claude(odd: Make) -> None:
    def sleepers() -> list[str]:
        return [
            pid.name
            for pid in Path("/proc").iterdir()
            if pid.name.isdigit() and _is_sleeper(pid / "cmdline")
        ]

    async with odd("leaves", Deadlines()) as one:
        before = set(sleepers())
        assert (await Heard().turn(one)).kind == driver.OK
    assert set(sleepers()) <= before


def _is_sleeper(cmdline: Path) -> bool:
    try:
        return cmdline.read_bytes() == b"sleep\x003599\0"
    except OSError:
        return False


async def test_what_an_earlier_turn_left_never_ends_this_one(live: Make) -> None:
    async with live("stale") as one:
        heard = Heard()
        outcome = await heard.turn(one)
        assert outcome.result is not None
        assert outcome.result["result"] == "of this turn"
        assert [line["type"] for line in heard.lines] == ["result"]


async def test_lines_nobody_knows_are_handed_on_and_requests_refused(live: Make) -> None:
    async with live("garbage") as one:
        heard = Heard()
        outcome = await heard.turn(one)
        assert outcome.result is not None
        assert outcome.result["result"] == "error"
        assert heard.texts == ["Segmentation fault (not really)", "[1, 2]"]
        assert [line["type"] for line in heard.lines] == ["of the future", "result"]


async def test_a_claude_that_does_not_read_a_tools_answer_does_not_hang_its_turn(
    tmp_path: Path,
) -> None:
    class LongTools(NoTools):
        async def handle(self, message: dict[str, Any]) -> dict[str, Any] | None:
            return {"jsonrpc": "2.0", "id": message["id"], "result": "x" * 1_000_000}

    async def make_launch() -> Launch:
        argv = (sys.executable, odd_claude.__file__, "unread")
        return Launch(argv, {"PATH": "/usr/bin:/bin"}, str(tmp_path))

    session = tmp_path / "session.json"
    deadlines = Deadlines(write_s=0.2)
    one = LiveDriver(make_launch, LongTools(), session, time.monotonic, deadlines)
    heard = Heard()
    outcome = await heard.turn(one)
    assert (outcome.kind, one.pid) == (driver.FAILED, None)
    assert heard.texts == ["claude does not read what it asked for: it is ended"]


async def test_an_interrupt_while_claude_is_being_started_is_not_lost(
    odd: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with odd("deaf", Deadlines(interrupt_s=0.2)) as one:
        outcomes: list[Outcome] = []
        make_launch = one._make_launch
        waits, go_on = trio.Event(), trio.Event()

        async def slow_launch() -> Launch:
            waits.set()
            await go_on.wait()
            return await make_launch()

        monkeypatch.setattr(one, "_make_launch", slow_launch)

        async def run() -> None:
            outcomes.append(await Heard().turn(one))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await waits.wait()
            assert await one.interrupt()
            go_on.set()
        assert outcomes[0].kind == driver.INTERRUPTED


async def test_a_uuid_handed_over_twice_is_not_written_twice(live: Make) -> None:
    async with live("stale") as one:
        await Heard().turn(one)
        outcome = await Heard().turn(one)
        assert (outcome.kind, outcome.was_answered) == (driver.OK, True)


async def test_a_close_that_is_cancelled_ends_claude_all_the_same(live: Make) -> None:
    async with live("stale") as one:
        await Heard().turn(one)
        old = one.pid
        with trio.CancelScope() as scope:
            scope.cancel()
            await one.aclose()
        assert one.pid is None
        assert process_tree.find(old, "no such mark") == set()


async def test_a_restart_begins_a_new_process_with_the_next_turn(live: Make) -> None:
    async with live("stale") as one:
        await Heard().turn(one)
        old = one.pid
        await one.restart()
        assert process_tree.find(old, "no such mark") == set()
        await Heard().turn(one, Prompt("22222222-2222-4222-8222-222222222222", "again"))
        assert one.pid not in (None, old)


async def test_a_conversation_that_claude_has_lost_goes_on_under_another_id(odd: Make) -> None:
    async with odd("forgetful", Deadlines()) as one:
        await Heard().turn(one)
        lost = one.session_id
        await one.restart()
        heard = Heard()
        outcome = await heard.turn(one, Prompt("22222222-2222-4222-8222-222222222222", "go on"))
        assert outcome.result is not None
        assert outcome.result["result"].endswith(f"--session-id {one.session_id}")
        assert one.session_id != lost
        assert heard.texts == [LOST]


async def test_a_conversation_whose_first_claude_died_is_gone_on_with_behind_its_first_answer(
    odd: Make,
) -> None:
    first = Prompt("22222222-2222-4222-8222-222222222222", "die once")
    async with odd("uncut", Deadlines()) as one:
        assert (await Heard().turn(one, first)).kind == driver.FAILED
        assert (await Heard().turn(one, first)).kind == driver.OK
        begun = one.session_id
        await one.restart()
        outcome = await Heard().turn(one, Prompt("44444444-4444-4444-8444-444444444444", "next"))
        assert outcome.result is not None
        assert outcome.result["result"].endswith(f"--resume {begun}")


async def test_a_claude_that_cannot_cut_a_conversation_goes_on_with_all_of_it(live: Make) -> None:
    async with live("uncut") as one:
        assert (await Heard().turn(one)).kind == driver.OK
        killed = Prompt("22222222-2222-4222-8222-222222222222", "die")
        assert (await Heard().turn(one, killed)).kind == driver.FAILED
        outcome = await Heard().turn(one, killed)
        assert (outcome.kind, outcome.was_answered) == (driver.OK, False)
        assert outcome.result is not None
        assert "--resume " in outcome.result["result"]
        assert "--resume-session-at" not in outcome.result["result"]

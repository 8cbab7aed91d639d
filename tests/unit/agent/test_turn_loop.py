"""The turn loop: every way a turn can end, and what becomes of its message."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import attrs
import pytest
import trio

from hive.agent import driver, files, patience, turn_loop, waits
from hive.agent.controls import HarnessPage
from hive.agent.driver import Outcome
from hive.agent.login import Login
from hive.agent.phases import Phase
from hive.agent.turn_record import TurnRecord
from hive.errors import DaemonUnreachable
from hive.wire import live
from tests.fakes import harness as fake
from tests.fakes.driver import Running
from tests.fakes.harness import Rig, ends, looping, until


async def dies(running: Running) -> Outcome:
    """Die before anything was answered."""
    return Outcome(driver.FAILED, note="claude was ended by SIGKILL")


async def dies_in_work(running: Running) -> Outcome:
    """Die behind a first answer."""
    running.say()
    return Outcome(driver.FAILED, note="claude was ended by SIGKILL")


def prompts(rig: Rig) -> list[str]:
    """Return the first words of every prompt in the conversation."""
    return [prompt.text for prompt in rig.driver.conversation.prompts]


async def test_a_clean_turn_acknowledges_its_message(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("please count to three")
    async with looping(rig):
        await until(lambda: mail.acks)
    assert mail.acks == 1
    (start,) = rig.of_kind(live.TurnStart)
    assert start.at is not None
    assert (start.from_, start.message_id, start.unread) == ("operator", 1, 0)
    (end,) = rig.of_kind(live.TurnEnd)
    assert end.ok
    assert "please count to three" in prompts(rig)[0]
    assert rig.harness.state.turn_state == live.IDLE
    assert rig.harness.state.ctx_usage is not None


async def test_what_the_model_received_itself_is_acknowledged_with_the_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    for body in ("one", "two", "three"):
        rig.hive.put(body)

    async def play(running: Running) -> Outcome:
        assert "two" in await running.call("recv", max=1)
        return running.result()

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: rig.hive.is_idle)
    assert len(rig.of_kind(live.TurnStart)) == 2
    assert [mail.acks for mail in rig.hive.mail] == [1, 1, 1]
    assert [mail.deliveries for mail in rig.hive.mail] == [1, 1, 1]


async def test_a_dead_claude_gets_the_same_prompt_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [dies]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert len(prompts(rig)) == 1
    assert mail.deliveries == 2
    assert [end.ok for end in rig.of_kind(live.TurnEnd)] == [False, True]


async def test_work_that_had_begun_goes_on_with_a_short_prompt(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")
    rig.driver.script = [dies_in_work]
    async with looping(rig):
        await until(lambda: mail.acks)
    first, second = prompts(rig)
    assert "a long story" in first
    assert "a long story" not in second
    assert "broken off" in second
    news = [prompt.says_nothing_new for prompt in rig.driver.conversation.prompts]
    assert news == [False, True]


async def test_a_failing_message_is_tried_with_growing_pauses_and_told_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("poison")
    rig.driver.script = [ends(driver.FAILED)] * 8
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert trio.current_time() - started >= 1 + 2 + 4 + 8 + 16 + 32 + 60 + 60
    (told,) = rig.hive.sent
    assert told.to == "manager"
    assert "message 1" in told.body
    assert rig.harness.state.trouble is None


@pytest.mark.parametrize("kind", [driver.FAILED, driver.NO_CLAUDE, driver.OVERLOADED])
async def test_a_message_that_failed_for_weeks_is_still_tried_again(
    tmp_path: Path, autojump_clock: object, kind: str
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("poison")
    record = attrs.evolve(TurnRecord(mail.id, mail.sent_at), failures=5000, overloads=5000)
    rig.harness.record.save(record)
    rig.driver.script = [ends(kind)] * 2
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert 120 <= trio.current_time() - started <= 730


async def test_the_manager_does_not_write_to_itself(tmp_path: Path, autojump_clock: object) -> None:
    rig = fake.make(tmp_path, label="manager", role="manager")
    mail = rig.hive.put("poison")
    rig.driver.script = [ends(driver.FAILED)] * 3
    async with looping(rig):
        await until(lambda: mail.acks)
    assert rig.hive.sent == []


async def test_a_limited_account_parks_until_it_works_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    retry_at = fake.clock() + 1000
    rig.driver.script = [ends(driver.RATE_LIMITED, retry_at=retry_at)]
    mark = tmp_path / "state" / files.RATE_LIMITED
    async with looping(rig):
        await until(mark.exists)
        assert rig.harness.state.status == live.RATE_LIMITED
        assert not mail.is_held
        await until(lambda: mail.acks)
    assert fake.clock() >= retry_at
    assert not mark.exists()
    assert rig.harness.state.status == live.ONLINE


@pytest.mark.parametrize("off_s", [None, -7200.0, -1.0, 40 * 86400.0])
async def test_a_limit_that_ends_at_no_sensible_time_parks_five_minutes(
    tmp_path: Path, autojump_clock: object, off_s: float | None
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    retry_at = None if off_s is None else fake.clock() + off_s
    rig.driver.script = [ends(driver.RATE_LIMITED, retry_at=retry_at)] * 2
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert 600 <= trio.current_time() - started < 722


@pytest.mark.parametrize("jump_s", [20_000.0, -20_000.0])
async def test_a_limit_is_over_by_whichever_clock_is_there_first(
    tmp_path: Path, autojump_clock: object, jump_s: float
) -> None:
    jumped = 0.0
    rig = fake.make(tmp_path, clock=lambda: fake.clock() + jumped)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.RATE_LIMITED, retry_at=fake.clock() + 18_000)]
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.RATE_LIMITED)
        jumped = jump_s
        await until(lambda: mail.acks, 20_000)
    assert trio.current_time() - started <= (61 if jump_s > 0 else 18_061)


async def test_the_mark_of_a_limit_goes_with_the_run_that_left_it(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mark = tmp_path / "state" / files.RATE_LIMITED
    mark.touch()
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.WAITING)
        assert not mark.exists()


async def test_an_overloaded_service_is_tried_again_soon(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.OVERLOADED)]
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert 30 <= trio.current_time() - started < 37


async def test_a_claude_that_is_missing_is_said_and_tried_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")

    async def missing(running: Running) -> Outcome:
        return Outcome(driver.NO_CLAUDE, note="cannot start claude: install it")

    rig.driver.script = [missing] * 4
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.NO_CLAUDE)
        assert rig.harness.state.trouble == "cannot start claude: install it"
        await until(lambda: mail.acks)
    assert rig.harness.state.trouble is None


async def test_an_overloaded_service_is_left_alone_longer_each_time(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.OVERLOADED)] * 6
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.OVERLOADED)
        assert "overloaded" in (rig.harness.state.trouble or "")
        await until(lambda: mail.acks)
    least = 30 + 60 + 120 + 240 + 300 + 300
    assert least <= trio.current_time() - started < 1.2 * least + 10


def test_agents_of_one_account_wake_one_after_another() -> None:
    places = [waits.spread_s(f"agent-{n}", 3600) for n in range(50)]
    assert all(0 <= place < waits.SPREAD_S for place in places)
    assert max(Counter(int(place) for place in places).values()) <= 5
    assert waits.spread_s("bob", 10) < 2


async def test_a_first_refusal_is_tried_once_more_at_once(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.NEEDS_LOGIN)]
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert trio.current_time() - started < 1
    assert mail.deliveries == 1


async def test_a_refused_account_waits_for_a_login_and_replays(
    tmp_path: Path, autojump_clock: object
) -> None:
    credentials = tmp_path / "credentials"

    async def probe() -> bool:
        return True

    login = Login(is_given=False, files=(credentials,), probe=probe)
    rig = fake.make(tmp_path, login=login)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.NEEDS_LOGIN), ends(driver.NEEDS_LOGIN)]
    mark = tmp_path / "state" / files.NEEDS_LOGIN
    async with looping(rig):
        await until(mark.exists)
        assert rig.harness.state.status == live.NEEDS_LOGIN_IDLE
        await trio.sleep(100)
        assert mark.exists()
        credentials.write_text("new")
        await until(lambda: mail.acks, 30)
    assert not mark.exists()
    assert rig.harness.state.status == live.ONLINE


async def test_an_account_that_is_tried_again_and_again_is_missing_until_a_turn_went_well(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.NEEDS_LOGIN)] * 20
    mark = tmp_path / "state" / files.NEEDS_LOGIN
    started = trio.current_time()
    async with looping(rig):
        await until(mark.exists)
        while not mail.acks:
            assert mark.exists()
            assert rig.harness.state.trouble == waits.NO_LOGIN
            await trio.sleep(1)
        await until(lambda: not mark.exists(), 1)
    assert trio.current_time() - started > 10 * 300
    assert rig.harness.state.trouble is None


async def test_a_missing_login_is_no_more_when_the_message_that_met_it_is_gone(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.NEEDS_LOGIN)] * 2
    mark = tmp_path / "state" / files.NEEDS_LOGIN
    async with looping(rig):
        await until(mark.exists)
        mail.acks = 1
        await until(lambda: not mark.exists(), 600)
    assert rig.harness.state.trouble is None


async def test_without_a_login_nothing_is_taken_from_the_inbox(
    tmp_path: Path, autojump_clock: object
) -> None:
    answers = [False, False, True]
    login = Login(is_given=False, files=(), probe=lambda: _answer(answers))
    rig = fake.make(tmp_path, login=login)
    mail = rig.hive.put("work")
    async with looping(rig):
        await until((tmp_path / "state" / files.NEEDS_LOGIN).exists)
        assert mail.deliveries == 0
        await until(lambda: mail.acks)
    assert answers == []


async def _answer(answers: list[bool]) -> bool:
    await trio.lowlevel.checkpoint()
    return answers.pop(0)


async def test_a_full_conversation_is_compacted_and_the_message_handed_over_again(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.PROMPT_TOO_LONG)]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert rig.driver.compactions == 1
    assert mail.deliveries == 1
    assert all("work" in text for text in prompts(rig))
    states = [frame.state for frame in rig.of_kind(live.TurnStateChanged)]
    assert states == ["thinking", "compacting", "thinking", "idle"]


async def test_a_conversation_that_stays_too_long_is_begun_anew(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    session = rig.driver.conversation.session_id
    rig.driver.script = [ends(driver.PROMPT_TOO_LONG)] * 2
    async with looping(rig):
        await until(lambda: mail.acks)
    assert rig.driver.conversation.session_id != session
    assert len(prompts(rig)) == 1


async def test_a_conversation_that_the_service_never_takes_is_given_up(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    session = rig.driver.conversation.session_id

    async def play(running: Running) -> Outcome:
        if running.driver.conversation.session_id == session:
            return running.result(driver.FAILED, is_unfit=True)
        return running.result()

    rig.driver.usual = play
    mail = rig.hive.put("a long story")
    started = trio.current_time()
    async with looping(rig):
        await until(lambda: mail.acks)
    assert trio.current_time() - started >= 1 + 2 + 4 + 8 + 16
    assert rig.driver.compactions == 1
    (text,) = prompts(rig)
    assert "a long story" in text


async def test_a_service_that_takes_nothing_costs_one_conversation_and_no_more(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    sessions = {rig.driver.conversation.session_id}

    async def play(running: Running) -> Outcome:
        sessions.add(running.driver.conversation.session_id)
        return running.result(driver.FAILED, is_unfit=True)

    rig.driver.usual = play
    rig.hive.put("work")
    async with looping(rig):
        await trio.sleep(3600)
    assert len(sessions) == 2
    assert rig.driver.compactions == 1
    assert rig.harness.state.phase is Phase.FAILING


async def test_a_turn_without_hives_tools_is_no_clean_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.OK, tools_missing=True)]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert rig.driver.restarts == 1
    assert mail.deliveries == 2


async def test_the_operator_cancels_a_turn_and_its_message_does_not_come_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")

    async def play(running: Running) -> Outcome:
        await running.interrupted.wait()
        return running.result(driver.INTERRUPTED)

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: rig.driver.running)
        await HarnessPage(rig.harness).cancel()
        await until(lambda: mail.acks)
    (end,) = rig.of_kind(live.TurnEnd)
    assert (end.ok, end.note) == (False, "cancelled by the operator")


async def test_a_turn_cancelled_while_it_is_compacted_does_not_come_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    page = HarnessPage(rig.harness)
    rig.driver.script = [ends(driver.PROMPT_TOO_LONG)]
    rig.driver.while_compacting = page.cancel
    rig.driver.compact_outcomes = [Outcome(driver.INTERRUPTED, note="it was interrupted")]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert mail.deliveries == 1
    (end,) = rig.of_kind(live.TurnEnd)
    assert end.note == "cancelled by the operator"


async def test_a_cancelled_turn_that_ends_by_a_failure_does_not_come_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    page = HarnessPage(rig.harness)

    async def play(running: Running) -> Outcome:
        await page.cancel()
        return Outcome(driver.FAILED, note="claude said nothing for 60 s and was ended")

    rig.driver.script = [ends(driver.FAILED), play]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert mail.deliveries == 2
    assert rig.harness.state.trouble is None


async def test_the_trouble_of_a_message_that_somebody_marked_read_goes_with_it(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("poison")
    rig.driver.script = [ends(driver.FAILED)]
    async with looping(rig):
        await until(lambda: rig.harness.state.trouble)
        mail.acks = 1
        await until(lambda: rig.harness.state.trouble is None, 400)


async def test_a_cancelled_compaction_does_not_cancel_the_next_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    page = HarnessPage(rig.harness)
    rig.driver.while_compacting = page.cancel
    rig.driver.compact_outcomes = [Outcome(driver.INTERRUPTED, note="it was interrupted")]
    rig.driver.script = [ends(driver.FAILED)]
    async with looping(rig):
        await page.compact()
        await until(lambda: rig.driver.compactions)
        mail = rig.hive.put("work")
        await until(lambda: mail.acks)
    assert mail.deliveries == 2
    assert [end.ok for end in rig.of_kind(live.TurnEnd)] == [False, True]


async def test_what_was_received_before_a_compaction_is_not_acknowledged_unseen(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.hive.put("one")
    two = rig.hive.put("two")

    async def play(running: Running) -> Outcome:
        assert "two" in await running.call("recv", max=1)
        return running.result(driver.PROMPT_TOO_LONG)

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: rig.hive.is_idle)
    assert rig.driver.compactions == 1
    assert (two.deliveries, two.acks) == (2, 1)


async def test_an_interruption_nobody_asked_for_is_a_failure(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    rig.driver.script = [ends(driver.INTERRUPTED)]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert mail.deliveries == 2


async def test_a_paused_agent_takes_nothing_and_goes_on_when_resumed(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mark = tmp_path / "state" / files.PAUSED
    async with looping(rig):
        await trio.sleep(10)
        mark.touch()
        await until(lambda: rig.harness.state.status == live.PAUSED, 5)
        assert rig.harness.state.trouble == waits.PAUSED
        mail = rig.hive.put("work")
        await trio.sleep(500)
        assert not mail.acks
        assert not mail.is_held
        mark.unlink()
        await until(lambda: mail.acks, 5)
    assert rig.harness.state.status == live.ONLINE


async def test_a_daemon_that_is_away_is_waited_for(tmp_path: Path, autojump_clock: object) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")

    async def play(running: Running) -> Outcome:
        rig.hive.is_away = True
        return running.result()

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: rig.hive.is_away)
        await trio.sleep(1000)
        rig.hive.is_away = False
        await until(lambda: mail.acks)
    assert mail.acks == 1
    assert len(rig.of_kind(live.TurnStart)) == 1
    assert "does not answer" in rig.notes


async def test_a_daemon_that_did_not_answer_for_days_is_still_asked_again_soon(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    await patience.say_away(rig.harness, DaemonUnreachable("no hive answers"), 5000)
    assert trio.current_time() == patience.AWAY_MOST_S


async def test_a_new_session_hands_a_broken_off_message_over_in_full(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")
    rig.driver.script = [ends(driver.FAILED)] * 3
    async with looping(rig):
        await until(lambda: len(rig.of_kind(live.TurnEnd)) == 3)
        await HarnessPage(rig.harness).new_session()
        await until(lambda: mail.acks)
    (text,) = prompts(rig)
    assert "a long story" in text


async def test_a_compaction_hands_a_broken_off_message_over_in_full(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")
    rig.driver.script = [ends(driver.RATE_LIMITED)]
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.RATE_LIMITED)
        await HarnessPage(rig.harness).compact()
        await until(lambda: mail.acks)
    assert rig.driver.compactions == 1
    assert "a long story" in prompts(rig)[-1]


async def test_a_compaction_that_fails_leaves_a_broken_off_message_in_its_conversation(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")
    rig.driver.script = [ends(driver.RATE_LIMITED)]
    rig.driver.compact_outcomes = [Outcome(driver.RATE_LIMITED, note="at its limit")]
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.RATE_LIMITED)
        await HarnessPage(rig.harness).compact()
        await until(lambda: mail.acks)
    assert "broken off" in prompts(rig)[-1]
    assert len(prompts(rig)) == 2


@pytest.mark.parametrize("kind", [driver.RATE_LIMITED, driver.FAILED])
async def test_work_broken_off_behind_claudes_own_compaction_is_handed_over_in_full(
    tmp_path: Path, autojump_clock: object, kind: str
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")

    async def play(running: Running) -> Outcome:
        running.say()
        running.on_line({"type": "system", "subtype": "compact_boundary"})
        return running.result(kind) if kind != driver.FAILED else await dies_in_work(running)

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: mail.acks)
    assert len(prompts(rig)) == 2
    assert "a long story" in prompts(rig)[-1]


async def test_a_lost_conversation_is_noticed_and_the_message_handed_over_in_full(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("a long story")
    rig.driver.script = [ends(driver.FAILED)]
    async with looping(rig):
        await until(lambda: rig.of_kind(live.TurnEnd))
        rig.driver.start_new_session()
        await until(lambda: mail.acks)
    assert "a long story" in prompts(rig)[-1]


async def test_compacting_and_the_model_change_happen_between_turns(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    page = HarnessPage(rig.harness)
    async with looping(rig):
        await trio.sleep(5)
        await page.compact()
        await page.set_model("sonnet")
        await until(lambda: rig.driver.compactions == 1 and rig.driver.restarts == 1, 2)
    assert (tmp_path / "state" / "hyperhive-model").read_text() == "sonnet\n"
    assert fake.make(tmp_path).harness.state.model == "sonnet"


async def test_stopping_in_a_turn_gives_everything_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")

    async def play(running: Running) -> Outcome:
        running.say()
        await trio.sleep_forever()
        raise AssertionError

    rig.driver.script = [play]
    async with looping(rig):
        await until(lambda: rig.driver.running)
        assert mail.is_held
    assert not mail.is_held
    assert not mail.acks
    assert rig.driver.is_closed


async def test_a_reply_lost_on_the_way_does_not_leave_a_message_held_for_ever(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    mail = rig.hive.put("work")
    mail.is_held = True
    async with looping(rig):
        await trio.sleep(1)
        mail.acks, mail.is_held = 0, True
        await until(lambda: mail.acks, 400)


async def test_an_acknowledgement_the_daemon_does_not_know_is_given_up(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.hive.put("work")
    rig.hive.refuses_acks = True
    async with looping(rig):
        await until(lambda: rig.of_kind(live.TurnEnd))
    assert "did not take" in rig.notes


def test_every_kind_of_outcome_is_covered_here() -> None:
    kinds = {
        value
        for name, value in vars(driver).items()
        if name.isupper() and isinstance(value, str) and value.isidentifier()
    }
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f"driver.{kind.upper()}" in text for kind in kinds)
    assert attrs.has(Outcome)


async def test_the_mark_of_an_earlier_run_holds_until_claude_was_asked(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    asked = trio.Event()

    async def probe() -> bool:
        await asked.wait()
        return True

    rig = fake.make(tmp_path, login=Login(is_given=False, files=(), probe=probe))
    mark = tmp_path / "state" / files.NEEDS_LOGIN
    mark.touch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn_loop.run, rig.harness)
        await trio.testing.wait_all_tasks_blocked()
        assert rig.harness.state.status == live.NEEDS_LOGIN_IDLE
        asked.set()
        await until(lambda: not mark.exists())
        assert rig.harness.state.status == live.ONLINE
        nursery.cancel_scope.cancel()

"""Conversations are compacted before they are full, and begun anew when they have gone cold."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from hive.agent import driver, files, tending
from hive.agent.context import FILE, Context, ContextFile
from hive.agent.controls import HarnessPage
from hive.agent.driver import Outcome
from hive.agent.phases import Phase
from hive.wire import live
from hive.wire.live import TokenUsage
from tests.fakes import harness as fake
from tests.fakes.driver import WINDOW, Running
from tests.fakes.harness import Rig, ends, looping, until

NEARLY_FULL = 160_000
HALF_FULL = 120_000


def prompts(rig: Rig) -> list[str]:
    return [prompt.text for prompt in rig.driver.conversation.prompts]


def checkpoints(rig: Rig) -> int:
    return sum(text.startswith("[system] Context checkpoint") for text in prompts(rig))


async def work(rig: Rig, tokens: int, count: int = 1) -> None:
    """Have messages worked on, behind each of which the conversation is of that size."""
    for _ in range(count):
        rig.driver.script.append(ends(driver.OK, tokens))
        mail = rig.hive.put("work")
        await until(lambda mail=mail: mail.acks)
        await until(lambda: rig.harness.state.phase in (Phase.WAITING, Phase.PARKED))


async def test_a_nearly_full_conversation_is_compacted_behind_a_checkpoint(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    async with looping(rig):
        await work(rig, NEARLY_FULL)
        assert (checkpoints(rig), rig.driver.compactions) == (1, 1)
    assert "160,000 of 200,000 tokens" in rig.notes
    assert [end.ok for end in rig.of_kind(live.TurnEnd)] == [True]
    states = [frame.state for frame in rig.of_kind(live.TurnStateChanged)]
    assert states == ["thinking", "idle", "thinking", "compacting", "idle"]
    assert rig.harness.state.ctx_usage is None
    kept = [(turn.wake_from, turn.result) for turn in rig.harness.stats._waiting]
    assert kept == [("operator", "ok"), ("checkpoint", "ok")]


async def test_what_lies_below_the_mark_is_left_alone(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    async with looping(rig):
        await work(rig, 149_999)
    assert (checkpoints(rig), rig.driver.compactions) == (0, 0)


@pytest.mark.parametrize("settings", [{"auto_compact": False}, {"compact_tokens": 0}])
async def test_the_operator_can_switch_it_off(
    tmp_path: Path, autojump_clock: object, settings: dict[str, object]
) -> None:
    rig = fake.make(tmp_path, **settings)
    async with looping(rig):
        await work(rig, WINDOW - 1)
    assert rig.driver.compactions == 0


async def test_the_mark_can_be_given_in_tokens(tmp_path: Path, autojump_clock: object) -> None:
    rig = fake.make(tmp_path, compact_tokens=50_000)
    async with looping(rig):
        await work(rig, 50_000)
    assert rig.driver.compactions == 1


async def test_a_conversation_that_compacting_does_not_shrink_is_not_compacted_every_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    async with looping(rig):
        await work(rig, NEARLY_FULL, 5)
        assert rig.driver.compactions == 1
        await work(rig, NEARLY_FULL + WINDOW // 10 + 1, 3)
        assert rig.driver.compactions == 2


async def test_a_checkpoint_that_fails_is_a_note_and_no_failed_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.script = [ends(driver.OK, NEARLY_FULL), ends(driver.RATE_LIMITED)]
    mail = rig.hive.put("work")
    async with looping(rig):
        await until(lambda: "was not compacted" in rig.notes)
        assert mail.acks == 1
        await work(rig, NEARLY_FULL, 3)
        assert (checkpoints(rig), rig.driver.compactions) == (1, 0)
    assert all(end.ok for end in rig.of_kind(live.TurnEnd))
    assert not (tmp_path / "state" / files.RATE_LIMITED).exists()


async def test_a_compaction_that_fails_is_a_note_and_tried_again_when_it_has_grown(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    rig.driver.compact_outcomes = [Outcome(driver.FAILED, note="too few groups")]
    async with looping(rig):
        await work(rig, NEARLY_FULL, 3)
        assert rig.driver.compactions == 1
        assert "was not compacted: too few groups" in rig.notes
        await work(rig, WINDOW)
        assert rig.driver.compactions == 2
    assert rig.harness.state.trouble is None


async def test_a_checkpoint_can_be_cancelled_and_what_it_received_comes_back(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    page = HarnessPage(rig.harness)

    async def receives(running: Running) -> Outcome:
        rig.hive.put("two")
        assert "two" in await running.call("recv", max=1)
        await page.cancel()
        await running.interrupted.wait()
        return running.result(driver.INTERRUPTED)

    rig.driver.script = [ends(driver.OK, NEARLY_FULL), receives]
    rig.hive.put("one")
    async with looping(rig):
        await until(lambda: len(rig.hive.mail) == 2 and rig.hive.is_idle)
    assert rig.driver.compactions == 0
    assert [mail.deliveries for mail in rig.hive.mail] == [1, 2]
    assert "cancelled by the operator" in rig.notes
    assert [turn.result for turn in rig.harness.stats._waiting][1] == "cancelled"


async def test_a_large_conversation_that_was_left_alone_is_begun_anew(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    session = rig.driver.conversation.session_id
    async with looping(rig):
        await work(rig, HALF_FULL)
        await trio.sleep(299)
        await work(rig, HALF_FULL)
        assert rig.driver.conversation.session_id == session
        await trio.sleep(301)
        await work(rig, 10)
    assert rig.driver.conversation.session_id != session
    (text,) = prompts(rig)
    assert text.startswith("This is a new conversation: the earlier one was left alone for 5 min")
    assert "work" in text
    assert checkpoints(rig) == 0
    assert "120,000 tokens and was left alone for 5 min" in rig.notes


@pytest.mark.parametrize(
    ("tokens", "settings"),
    [
        (99_999, {}),
        (WINDOW, {"reset_tokens": 0, "auto_compact": False}),
        (70_000, {"reset_tokens": 80_000}),
    ],
)
async def test_other_conversations_are_gone_on_with(
    tmp_path: Path, autojump_clock: object, tokens: int, settings: dict[str, object]
) -> None:
    rig = fake.make(tmp_path, **settings)
    session = rig.driver.conversation.session_id
    async with looping(rig):
        await work(rig, tokens)
        await trio.sleep(4_000)
        await work(rig, tokens)
    assert rig.driver.conversation.session_id == session


async def test_work_that_was_broken_off_goes_on_in_its_conversation(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    session = rig.driver.conversation.session_id
    async with looping(rig):
        await work(rig, HALF_FULL)
        rig.driver.script = [ends(driver.RATE_LIMITED, retry_at=fake.clock() + 5000)]
        mail = rig.hive.put("long")
        await trio.sleep(5000)
        await until(lambda: mail.acks)
    assert rig.driver.conversation.session_id == session


async def test_a_restarted_harness_knows_how_long_a_conversation_was_left_alone(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    async with looping(rig):
        await work(rig, HALF_FULL)
    assert fake.make(tmp_path).harness.state.ctx_usage == TokenUsage(input_tokens=HALF_FULL)
    await trio.sleep(1000)
    later = fake.make(tmp_path, hive=rig.hive, conversation=rig.driver.conversation)
    session = later.driver.conversation.session_id
    async with looping(later):
        await work(later, 10)
    assert later.driver.conversation.session_id != session


def test_a_context_file_that_makes_no_sense_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"usage": 3}')
    assert ContextFile(tmp_path).now == Context()


async def test_a_context_that_cannot_be_kept_is_a_note(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = fake.make(tmp_path)
    (tmp_path / "state" / FILE).mkdir()
    async with looping(rig):
        await work(rig, 10)
        await until(lambda: "could not be kept" in rig.notes)
    assert [end.ok for end in rig.of_kind(live.TurnEnd)] == [True]


def test_without_a_known_window_nothing_is_due(tmp_path: Path) -> None:
    context = Context(TokenUsage(input_tokens=10**6), None, 1.0)
    config = fake.config(tmp_path)
    assert not tending.is_due(config, context)
    assert not tending.is_cold(config, context, 10**6)

"""A whole harness with the real claude through sequences that nobody would plan."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from hive.agent import files
from hive.agent.controls import HarnessPage
from hive.agent.live_driver import LiveDriver
from hive.agent.phases import Phase
from hive.wire.agent import Recv
from tests.contract.test_claude_looked_after import RECV, Stage, on_stage
from tests.fakes import messages_api
from tests.fakes.messages_api import Request, Step, Text, tool_use

WAIT_S = 60


def driver_of(stage: Stage) -> LiveDriver:
    driver = stage.harness.driver
    assert isinstance(driver, LiveDriver)
    return driver


def notes(stage: Stage) -> list[str]:
    return [frame.text for frame in stage.frames if getattr(frame, "text", None)]


def conversation(stage: Stage) -> str:
    """Return what the model was given last."""
    return json.dumps(stage.api.requests[-1]["messages"])


def is_in_recv(stage: Stage) -> bool:
    """Whether the model waits in a call."""
    return any(
        isinstance(request, Recv) and request.wait_seconds == WAIT_S
        for request in stage.hive.requests
    )


def forget_conversations(root: Path) -> None:
    """Remove what claude keeps of every conversation, under its nose."""
    found = list((root / "claude").rglob("*.jsonl"))
    assert found
    for file in found:
        file.unlink()


async def test_what_the_operator_does_to_a_limited_agent_costs_no_message(short_tmp: Path) -> None:
    async with on_stage(short_tmp) as stage:
        page, driver = HarnessPage(stage.harness), driver_of(stage)
        await stage.work("alpha")
        stage.steps = [messages_api.rate_limited()]
        mail = stage.hive.put("beta")
        await stage.until_at(Phase.RATE_LIMITED)
        # Compacted: the summary says nothing of the message.
        stage.steps = []
        await page.compact()
        await stage.until(lambda: mail.acks)
        assert "All is well." in conversation(stage)
        assert conversation(stage).count("beta") == 1
        # A new conversation, and the limit holds.
        stage.steps = [messages_api.rate_limited()]
        mail = stage.hive.put("gamma")
        await stage.until_at(Phase.RATE_LIMITED)
        before, asked = driver.session_id, len(stage.api.requests)
        stage.steps = [messages_api.rate_limited()]
        await page.new_session()
        await stage.api.wait_asked(asked + 1)
        await stage.until_at(Phase.RATE_LIMITED)
        assert driver.session_id != before
        # Paused while it is limited, and resumed.
        stage.harness.marks.set(files.PAUSED)
        stage.harness.desk.ring()
        await stage.until_at(Phase.PAUSED)
        stage.harness.marks.clear(files.PAUSED)
        await stage.until(lambda: mail.acks)
        assert conversation(stage).count("gamma") == 1
        assert "alpha" not in conversation(stage)


@pytest.mark.slow
async def test_a_claude_killed_in_a_call_is_told_to_go_on_and_no_message_stands_twice(
    short_tmp: Path,
) -> None:
    async with on_stage(short_tmp) as stage:
        await stage.work("alpha")
        stage.steps = [tool_use((RECV, {"wait_seconds": WAIT_S}))]
        mail = stage.hive.put("beta")
        await stage.until(lambda: is_in_recv(stage))
        pid = driver_of(stage).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await stage.until(lambda: mail.acks)
        assert conversation(stage).count("beta") == 1
        assert "broken off" in conversation(stage)
        await stage.until_at(Phase.WAITING)
        assert stage.harness.state.trouble is None


@pytest.mark.slow
async def test_a_compaction_can_be_cancelled_and_two_may_follow_each_other(short_tmp: Path) -> None:
    async with on_stage(short_tmp) as stage:
        page = HarnessPage(stage.harness)
        await stage.work("alpha")
        await stage.work("beta")

        def slowly(request: Request) -> Step:
            assert messages_api.is_compaction(request)
            return Text("<summary>Never seen.</summary>", delay_s=30)

        stage.api.play(slowly)
        asked = len(stage.api.requests)
        await page.compact()
        await stage.api.wait_asked(asked + 1)
        assert stage.harness.state.phase is Phase.COMPACTING
        await page.cancel()
        await stage.until_at(Phase.WAITING)
        assert "the conversation was not compacted: cancelled by the operator" in notes(stage)
        stage.api.play(stage.answer)
        await stage.work("gamma")
        assert "alpha" in conversation(stage)
        for count in (1, 2):
            await page.compact()
            await stage.until(lambda count=count: notes(stage).count("compacted") == count)
        await stage.work("delta")
        assert "All is well." in conversation(stage)
        assert "gamma" not in conversation(stage)


@pytest.mark.slow
async def test_a_parked_agent_takes_another_model_and_survives_the_loss_of_everything(
    short_tmp: Path,
) -> None:
    async with on_stage(short_tmp, park_s=0.5) as stage:
        page = HarnessPage(stage.harness)
        await stage.work("alpha")
        await stage.until_at(Phase.PARKED)
        await page.set_model("claude-sonnet-5-5")
        await stage.work("beta")
        assert stage.api.requests[-1]["model"] == "claude-sonnet-5-5"
        assert "alpha" in conversation(stage)
        await stage.until_at(Phase.PARKED)
        forget_conversations(short_tmp)
        (short_tmp / "state" / files.SESSION).unlink()
        await stage.work("gamma")
        assert "alpha" not in conversation(stage)
        assert "gamma" in conversation(stage)
        # While claude runs it knows what is gone from the disk.
        forget_conversations(short_tmp)
        await stage.work("delta")
        assert "gamma" in conversation(stage)


@pytest.mark.slow
@pytest.mark.parametrize("refusal", [(413, "request_too_large"), (400, "invalid_request_error")])
async def test_a_conversation_that_the_api_never_takes_does_not_hold_up_the_agent_for_ever(
    short_tmp: Path, refusal: tuple[int, str]
) -> None:
    async with on_stage(short_tmp) as stage:
        await stage.work("alpha")

        def answer(request: Request) -> Step:
            is_poisoned = "alpha" in json.dumps(request["messages"])
            return messages_api.Failure(*refusal) if is_poisoned else Text("ok")

        stage.api.play(answer)
        mail = stage.hive.put("beta")
        for count in range(1, 6):
            await stage.until(lambda count=count: stage.starts() == count + 1)
            await stage.until_at(Phase.FAILING)
            assert not mail.acks
            stage.harness.desk.ring()
        await stage.until(lambda: mail.acks)
        assert conversation(stage).count("beta") == 1
        assert "again and again: a new one is begun" in notes(stage)[-1]

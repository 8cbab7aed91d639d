"""A whole harness with the real claude: long conversations, limits as states, idle and steered."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.agent import files, turn_loop
from hive.agent.harness import Harness, make_harness
from hive.agent.live_driver import LiveDriver
from hive.agent.phases import Phase
from hive.wire import agent, live
from tests.fakes import claude_binary, messages_api
from tests.fakes import harness as fake
from tests.fakes.hive_socket import DirectClient, FakeHive, Mail
from tests.fakes.messages_api import MessagesApi, Request, Step, Text, tool_use, user_texts

PATIENCE_S = 60.0
RECV = "mcp__hyperhive__recv"


@attrs.define
class Clock:
    """The wall clock, which a test may put forward."""

    later_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.later_s


@attrs.define
class Stage:
    """A harness at work, its inbox, its model and its clock."""

    harness: Harness
    hive: FakeHive
    api: MessagesApi
    clock: Clock
    frames: list[Any] = attrs.field(factory=list)
    size: int = 100
    """How many tokens the model says that it was given."""
    steps: list[Step] = attrs.field(factory=list)
    """What it does next; then it says ok."""

    def answer(self, request: Request) -> Step:
        """Play the model."""
        if messages_api.is_compaction(request):
            return Text("<summary>All is well.</summary>")
        return self.steps.pop(0) if self.steps else Text("ok", input_tokens=self.size)

    async def until(self, is_true: Callable[[], object]) -> None:
        """Wait for something that claude does."""
        with trio.fail_after(PATIENCE_S):
            while not is_true():  # noqa: ASYNC110 - another process
                await trio.sleep(0.02)

    async def until_at(self, phase: Phase) -> None:
        """Wait until the loop is at a phase."""
        await self.until(lambda: self.harness.state.phase is phase)

    async def work(self, body: str, *steps: Step) -> Mail:
        """Have a message worked on to its end."""
        self.steps += steps
        mail = self.hive.put(body)
        await self.until(lambda: mail.acks)
        await self.until_over()
        return mail

    async def until_over(self) -> None:
        """Wait until the loop is done with a turn; it has acknowledged some moments before."""
        await self.until(lambda: self.harness.state.phase in (Phase.WAITING, Phase.PARKED))

    def texts(self) -> list[str]:
        """Return what the user said, as the model was given it last."""
        return user_texts(self.api.requests[-1])

    def is_listening(self) -> bool:
        """Whether the running turn waits for messages of the operator."""
        return any(
            isinstance(request, agent.Recv) and request.origin == "operator"
            for request in self.hive.requests
        )

    def starts(self) -> int:
        """Return how many turns have begun."""
        return sum(isinstance(frame, live.TurnStart) for frame in self.frames)


@asynccontextmanager
async def on_stage(root: Path, **changes: Any) -> AsyncIterator[Stage]:
    """Run a harness with the real claude."""
    async with messages_api.serve([]) as api:
        env = {
            "ANTHROPIC_BASE_URL": api.url,
            "ANTHROPIC_API_KEY": "dummy-key-of-a-test",
            "CLAUDE_CODE_MAX_RETRIES": "0",
        }
        program = (str(claude_binary.find()),)
        config = fake.config(root, claude=program, claude_env=env, **changes)
        made = make_harness(config, clock := Clock())
        hive = FakeHive()
        client = DirectClient(hive)
        made.tools._client = client
        made = attrs.evolve(made, client=client, page_client=client)
        stage = Stage(made, hive, api, clock)
        publish = made.bus.publish

        def watched(frame: Any) -> int:
            stage.frames.append(frame)
            return publish(frame)

        made.bus.publish = watched  # type: ignore[method-assign]
        api._default = stage.answer
        async with trio.open_nursery() as nursery:
            await nursery.start(turn_loop.run, made)
            yield stage
            nursery.cancel_scope.cancel()


async def test_a_conversation_is_compacted_parked_steered_and_begun_anew(short_tmp: Path) -> None:
    marks = {"compact_tokens": 100_000, "reset_tokens": 30_000, "park_s": 1.0}
    async with on_stage(short_tmp, **marks) as stage:
        driver = stage.harness.driver
        assert isinstance(driver, LiveDriver)
        await stage.work("alpha")
        assert (stage.harness.state.context_window or 0) >= 200_000
        stage.size = 120_000
        await stage.work("beta")
        assert "Context checkpoint" in stage.texts()[-2]
        assert messages_api.is_compaction(stage.api.requests[-1])
        stage.size = 100
        await stage.work("gamma")
        said = json.dumps(stage.api.requests[-1]["messages"])
        assert "All is well." in said
        assert "gamma" in said
        # Parked, and there again for the next message.
        await stage.until_at(Phase.PARKED)
        assert driver.pid is None
        session = driver.session_id
        await stage.work("delta")
        assert any("gamma" in text for text in stage.texts())
        assert driver.session_id == session
        # A message in the middle of a turn.
        before = stage.starts()
        stage.steps = [tool_use((RECV, {"wait_seconds": 60})), Text("done", input_tokens=50_000)]
        one = stage.hive.put("epsilon")
        await stage.until(lambda: not stage.steps or len(stage.steps) == 1)
        await stage.until(stage.is_listening)
        two = stage.hive.put("zeta")
        await stage.until(lambda: one.acks and two.acks)
        await stage.until_over()
        assert stage.starts() == before + 1
        assert "zeta" in json.dumps(stage.api.requests[-1]["messages"])
        # Left alone until its cache is gone.
        stage.clock.later_s = 400
        await stage.work("eta")
        assert driver.session_id != session
        (text,) = stage.texts()
        assert "This is a new conversation" in text
        assert "eta" in text


async def test_every_limit_is_a_state_and_the_message_stands_there_once(short_tmp: Path) -> None:
    async with on_stage(short_tmp) as stage:
        state, mark = stage.harness.state, stage.harness.marks.is_set
        stage.steps = [messages_api.rate_limited()]
        mail = stage.hive.put("alpha")
        await stage.until_at(Phase.RATE_LIMITED)
        assert mark(files.RATE_LIMITED)
        assert "at its limit" in (state.trouble or "")
        stage.steps = [messages_api.overloaded()]
        stage.harness.desk.ring()
        await stage.until_at(Phase.OVERLOADED)
        assert not mark(files.RATE_LIMITED)
        assert "overloaded" in (state.trouble or "")
        stage.steps = [messages_api.unauthorised(), messages_api.unauthorised()]
        stage.harness.desk.ring()
        await stage.until(lambda: mark(files.NEEDS_LOGIN))
        assert state.phase is Phase.NEEDS_LOGIN
        stage.harness.desk.ring()
        await stage.until(lambda: mail.acks)
        assert state.trouble is None
        assert not mark(files.NEEDS_LOGIN)
        assert sum("alpha" in text for text in stage.texts()) == 1
        # A conversation that does not fit any more.
        await stage.work("beta", messages_api.too_long())
        assert any("beta" in text for text in stage.texts())

"""A month of one agent in seconds: reminders, resets, limits, lost logins, restarts."""

from __future__ import annotations

import random
from pathlib import Path

import attrs
import pytest
import trio

from hive.agent import driver, files, waits
from hive.agent.desk import Desk
from hive.agent.driver import Outcome
from hive.agent.login import Login
from hive.wire import live
from tests.fakes import harness as fake
from tests.fakes.driver import Conversation, Play, Running
from tests.fakes.harness import Rig, looping
from tests.fakes.hive_socket import FakeHive, Mail

DAY_S = 86_400
DAYS = 30


class PatientDesk(Desk):
    """Looked at every few minutes: what is looked at every second makes a month of it slow."""

    async def sleep(self, seconds: float) -> bool:
        return await super().sleep(200.0 if seconds == waits.LOOK_S else seconds)


@attrs.define
class Month:
    """The world around one agent: what comes in, and what goes wrong at the service."""

    root: Path
    chance: random.Random
    hive: FakeHive = attrs.field(factory=FakeHive)
    conversation: Conversation = attrs.field(factory=Conversation)
    size: int = 1000
    limited_until: float = 0.0
    lives: list[Rig] = attrs.field(factory=list)
    sessions: set[str] = attrs.field(factory=set)
    done: list[str] = attrs.field(factory=list)
    """uuid of every prompt whose work was done to the end."""
    compactions: int = 0

    @property
    def credentials(self) -> Path:
        return self.root / "credentials"

    def harness(self) -> Rig:
        """Return the harness of one more life."""
        login = Login(is_given=False, files=(self.credentials,), probe=self._probe)
        rig = fake.make(
            self.root, hive=self.hive, conversation=self.conversation, login=login, park_s=1800
        )
        rig.driver.usual = self.play
        rig.harness = attrs.evolve(rig.harness, desk=PatientDesk())
        self.lives.append(rig)
        return rig

    async def _probe(self) -> bool:
        await trio.lowlevel.checkpoint()
        return self.credentials.exists()

    async def play(self, running: Running) -> Outcome:
        """One turn, in which anything may happen."""
        now = fake.clock()
        if not self.credentials.exists():
            return running.result(driver.NEEDS_LOGIN)
        if now < self.limited_until:
            return running.result(driver.RATE_LIMITED, retry_at=self.limited_until)
        if running.driver.conversation.session_id not in self.sessions:
            self.sessions.add(running.driver.conversation.session_id)
            self.size = 1000
        if running.driver.compactions > self.compactions:
            self.compactions, self.size = running.driver.compactions, 8000
        luck = self.chance.random()
        for share, play in self._mishaps():
            if luck < share:
                return await play(running)
            luck -= share
        self.size += self.chance.randrange(5000, 40_000)
        running.say(tokens=self.size)
        await trio.sleep(self.chance.randrange(1, 400))
        if running.behind:
            await running.take_behind()
        self.done.append(running.prompt.uuid)
        return running.result()

    def _mishaps(self) -> list[tuple[float, Play]]:
        async def overloaded(running: Running) -> Outcome:
            return running.result(driver.OVERLOADED)

        async def dies(running: Running) -> Outcome:
            running.say()
            return Outcome(driver.FAILED, note="claude was ended by SIGKILL")

        async def limited(running: Running) -> Outcome:
            self.limited_until = fake.clock() + self.chance.randrange(600, 18_000)
            return running.result(driver.RATE_LIMITED, retry_at=self.limited_until)

        async def too_long(running: Running) -> Outcome:
            return running.result(driver.PROMPT_TOO_LONG)

        return [(0.03, overloaded), (0.04, dies), (0.02, limited), (0.01, too_long)]

    async def post(self) -> None:
        """Let reminders, colleagues and the operator write, day and night."""
        while True:
            who = self.chance.choice(["reminder", "alice", "operator", "operator"])
            origin = {"operator": "operator", "alice": "peer"}.get(who, "system")
            self.hive.put(f"do number {len(self.hive.mail)}", from_=who, origin=origin)
            pause = self.chance.choice([20, 20, 60, 60, 400, 9000, 30_000])
            await trio.sleep(self.chance.randrange(pause // 2, pause))

    async def meddle(self) -> None:
        """Let the login expire and be renewed, and the operator pause the agent, now and then."""
        mark = self.root / "state" / files.PAUSED
        while True:
            await trio.sleep(self.chance.randrange(DAY_S, 4 * DAY_S))
            if self.chance.random() < 0.5:
                self.credentials.unlink()
                await trio.sleep(self.chance.randrange(3600, 30_000))
                self.credentials.write_text("renewed")
            else:
                mark.touch()
                await trio.sleep(self.chance.randrange(600, 9000))
                mark.unlink()


def is_settled(mail: Mail) -> bool:
    return mail.acks == 1 and not mail.is_held


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 9))]
)
async def test_a_month_of_one_agent_loses_nothing_and_ends_at_rest(
    tmp_path: Path, autojump_clock: object, seed: int
) -> None:
    month = Month(tmp_path, random.Random(seed))
    month.credentials.write_text("first")
    end = trio.current_time() + DAYS * DAY_S
    async with trio.open_nursery() as nursery:
        nursery.start_soon(month.post)
        nursery.start_soon(month.meddle)
        while trio.current_time() < end:
            async with looping(month.harness()):
                await trio.sleep(month.chance.randrange(DAY_S, 6 * DAY_S))
        nursery.cancel_scope.cancel()
    month.credentials.write_text("last")
    (month.root / "state" / files.PAUSED).unlink(missing_ok=True)
    rig = month.harness()
    async with looping(rig):
        await trio.sleep(DAY_S)
    assert all(is_settled(mail) for mail in month.hive.mail)
    assert rig.harness.state.trouble is None
    assert len(month.hive.mail) > 300
    assert len(month.sessions) > 5
    assert len(month.done) == len(set(month.done))
    frames = [frame for life in month.lives for frame in life.frames]
    assert {frame.status for frame in frames if isinstance(frame, live.StatusChanged)} == {
        live.ONLINE, live.PAUSED, live.RATE_LIMITED, live.NEEDS_LOGIN_IDLE,
    }  # fmt: skip
    notes = " ".join(life.notes for life in month.lives)
    seldom = ("worth keeping", "too long") if seed == 1 else ()
    for said in ("overloaded", "cache is gone", "SIGKILL", "running", *seldom):
        assert said in notes
    assert sum(life.driver.parked for life in month.lives) > 5

"""What the agent's page shows and what its buttons do, as the web application wants it."""

from __future__ import annotations

from typing import Any

import attrs

from hive import __version__, turn_sums
from hive.agent import model as model_file
from hive.agent.harness import Harness
from hive.agent.screen import Screen
from hive.errors import Conflict, HiveError
from hive.feed import Feed
from hive.store.turn_events import Wanted
from hive.wire import codec
from hive.wire.messages import MessageRow
from hive.wire.names import OPERATOR
from hive.wire.stats import Turn, window_of

INBOX_ROWS = 30


@attrs.frozen
class HarnessStatistics:
    """The turns of one harness as the web application reads them."""

    harness: Harness

    def now(self) -> float:
        """Return Unix seconds."""
        return self.harness.clock()

    async def statistics(self, window: str) -> dict[str, Any]:
        """Return the sums of a window; raises `HiveError`."""
        size, now = window_of(window), self.now()
        found = await self.harness.stats.sum(
            now - size.span_s, lambda turns: turn_sums.summary(turns, window, size, now)
        )
        return {"name": self.harness.config.label, **found, "faults": self.faults()}

    async def turns(self, since: float, before: int, limit: int) -> list[tuple[int, Turn]]:
        """Return turns that ended since then with ids below `before`, newest first, with ids."""
        return await self.harness.stats.page(since, before, limit)

    def faults(self) -> list[str]:
        """Return what is wrong with the statistics, in sentences."""
        return self.harness.stats.faults


@attrs.frozen
class HarnessPage:
    """One harness as its page sees it; each action returns at once and shows as frames."""

    harness: Harness

    @property
    def feed(self) -> Feed:
        """The frames from now on."""
        return self.harness.bus.feed

    async def snapshot(self) -> dict[str, Any]:
        """Return the page's state; `seq` is taken first, so that the frames behind it complete it.

        When the daemon does not answer the inbox is empty and `notices` says why.
        """
        harness = self.harness
        seq = harness.bus.feed.seq
        notices = []
        rows: tuple[MessageRow, ...] = ()
        try:
            rows = await harness.page_client.recent(INBOX_ROWS)
        except HiveError as error:
            notices.append({"level": "error", "message": f"no inbox: {error.message}"})
        if harness.bus.problem is not None:
            notices.append({"level": "warning", "message": f"no history: {harness.bus.problem}"})
        notices.extend(
            {"level": "warning", "message": f"no statistics: {fault}"}
            for fault in harness.stats.faults
        )
        has_screen = False
        try:
            has_screen = await harness.screen.find() is not None
        except HiveError as error:
            notices.append({"level": "warning", "message": f"no screen: {error.message}"})
        return {
            "label": harness.config.label,
            "role": harness.config.role,
            "demo": harness.config.demo,
            "seq": seq,
            **harness.state.to_json(),
            "models": model_file.offered(harness.config.available_models, harness.state.model),
            "partial": harness.bus.partials.snapshot(),
            "inbox": [codec.to_json(row) for row in rows],
            "notices": notices,
            "login": harness.login_session.to_json(),
            "screen": has_screen,
            "version": __version__,
        }

    async def following(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return the oldest kept frames with a number above `after`, oldest first."""
        return await self.harness.bus.following(after=after, limit=limit)

    async def history(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest kept frames with a number below `before`, oldest first."""
        return await self.harness.bus.history(before=before, limit=limit)

    @property
    def screen(self) -> Screen:
        """Where the VNC server of this agent's screen is."""
        return self.harness.screen

    @property
    def statistics(self) -> HarnessStatistics:
        """The turns of this agent."""
        return HarnessStatistics(self.harness)

    async def search(
        self, *, words: str, kinds: frozenset[str], before: int | None, limit: int
    ) -> dict[str, Any]:
        """Return `events` that have these words and are of these kinds, and `next_before`."""
        wanted = Wanted(words, kinds)
        return await self.harness.bus.search(wanted, before=before, limit=limit)

    async def cancel(self) -> None:
        """Interrupt the turn that runs, if any; its message counts as handled."""
        harness = self.harness
        if harness.desk.is_turning:
            harness.desk.is_cancelled = True
            harness.bus.note("the turn is being cancelled", OPERATOR)
            await harness.driver.interrupt()
        else:
            harness.bus.note("there is no turn to cancel", OPERATOR)

    async def compact(self) -> None:
        """Have the conversation compacted, at once or behind the running turn."""
        self.harness.desk.wants_compact = True
        self.harness.bus.note("the conversation is going to be compacted", OPERATOR)
        self.harness.desk.ring()

    async def set_model(self, model: str) -> None:
        """Choose the model of the next turn and keep the choice.

        Raises `BadRequest` for a name that cannot be one, `Unavailable` when it cannot be kept.
        """
        name = model_file.check(model)
        model_file.save(self.harness.marks.state, name)
        self.harness.state.set_model(name)
        self.harness.desk.wants_restart = True
        self.harness.bus.note(f"the next turn runs on {name}", OPERATOR)
        self.harness.desk.ring()

    async def new_session(self) -> None:
        """Have the next turn begin a fresh conversation."""
        self.harness.desk.wants_new_session = True
        self.harness.bus.note("the next turn begins a new conversation", OPERATOR)
        self.harness.desk.ring()

    async def login_start(self) -> None:
        """Begin a login; raises `Conflict` while one runs or where none is needed."""
        if self.harness.login.is_given:
            raise Conflict("this agent was given its account: there is nothing to log in to")
        self.harness.login_session.start()

    async def login_code(self, code: str) -> None:
        """Hand claude the code; raises `BadRequest` or `Conflict`."""
        await self.harness.login_session.code(code)

    async def login_cancel(self) -> None:
        """End the login that runs; raises `Conflict` when there is none."""
        self.harness.login_session.cancel()

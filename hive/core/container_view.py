"""The rows of the dashboard, and what changed since the last look.

A row joins what the registry, the runtime, the transients, the stores and the agent's own harness
say. What an agent and its harness say of themselves is shown at once; everything else is looked at
again by `rescan`, which the crash watch calls every ten seconds and whenever somebody calls `poke`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import attrs
import trio

from hive.core import why
from hive.core.acts import PAUSE, STOP, Acts
from hive.core.agents import Agents
from hive.core.transients import Transients
from hive.core.why_facts import Facts, Queued, Trouble
from hive.host.runtime import ContainerStatus, Runtime
from hive.paths import Paths
from hive.wire import live
from hive.wire.agent import ReportState
from hive.wire.agent_config import AgentConfig
from hive.wire.dashboard import ContainerRemoved, ContainerRow, ContainerStateChanged
from hive.wire.jobs import OVER, RUNNING, JobRow
from hive.wire.names import MANAGER, AgentName, container_name
from hive.wire.why import INFO, Code

RATE_LIMITED_FILE = "hyperhive-rate-limited"
NEEDS_LOGIN_FILE = "hyperhive-needs-login"


@attrs.frozen
class Counts:
    """How the view counts what waits, per agent."""

    unread: Callable[[], Awaitable[dict[str, int]]]
    reminders: Callable[[], Awaitable[dict[str, int]]]
    network: Callable[[AgentName], tuple[str, int]]
    """How it reaches the network, and how many destinations it was refused."""
    jobs: Callable[[], Sequence[JobRow]]
    """The build queue, the oldest first."""


@attrs.frozen
class _Seen:
    """What a look found out that has to be waited for."""

    running: dict[AgentName, ContainerStatus] = attrs.field(factory=dict)
    unread: dict[str, int] = attrs.field(factory=dict)
    reminders: dict[str, int] = attrs.field(factory=dict)


class ContainerView:
    """Every agent's row as of the last look."""

    def __init__(
        self,
        paths: Paths,
        agents: Agents,
        runtime: Runtime,
        transients: Transients,
        counts: Counts,
        publish: Callable[[object], None],
        hive_rev: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        """Empty until the first `rescan`; `hive_rev` says which hive a start gives an agent now."""
        self.acts = Acts(clock)
        self._clock = clock
        self._hive_rev = hive_rev
        self._paths = paths
        self._agents = agents
        self._runtime = runtime
        self._transients = transients
        self._counts = counts
        self._publish = publish
        self._rows: dict[AgentName, ContainerRow] = {}
        self._seen = _Seen()
        self._reports: dict[AgentName, ReportState] = {}
        self._troubles: dict[AgentName, Trouble] = {}
        self._silent: dict[AgentName, float] = {}
        """Since when, on Trio's clock, nothing more was heard of those that run."""
        self._heard_at: dict[AgentName, float] = {}
        self._met: dict[AgentName, tuple[str, ...]] = {}
        self._poke = trio.Event()
        self._reported = trio.Event()
        self._looking = trio.Lock()

    def rows(self) -> list[ContainerRow]:
        """Return every row, the manager's first."""
        return [self._rows[name] for name in self._agents.names() if name in self._rows]

    def row(self, name: AgentName) -> ContainerRow | None:
        """Return one agent's row."""
        return self._rows.get(name)

    def poke(self) -> None:
        """Ask for a new look soon."""
        self._poke.set()

    async def wait_poked(self) -> None:
        """Wait until somebody asks for a new look."""
        await self._poke.wait()
        self._poke = trio.Event()

    def report(self, name: AgentName, state: ReportState) -> None:
        """Take what an agent's harness says of itself; what it has said before asks for no look."""
        now = trio.current_time()
        was_hung = now - self._silent.get(name, now) >= why.HUNG_S
        is_new = self._reports.get(name) != state
        self._reports[name] = state
        self._silent[name], self._heard_at[name] = now, self._clock()
        self._reported.set()
        self._reported = trio.Event()
        if is_new or was_hung:
            self.show(name)
            self.poke()

    def show(self, name: AgentName) -> None:
        """Show what an agent has just said, beside what the last look saw of the rest."""
        if name in self._rows and name in self._agents:
            self._show(name)

    def forget_report(self, name: AgentName) -> None:
        """Drop what a harness said that is being replaced."""
        for known in (self._reports, self._silent, self._heard_at):
            known.pop(name, None)

    async def wait_reported(self, name: AgentName) -> None:
        """Wait until that agent's harness has said something."""
        while name not in self._reports:
            await self._reported.wait()

    def set_trouble(
        self,
        name: AgentName,
        text: str | None,
        code: Code = Code.NOT_DEPLOYED,
        *,
        again_in_s: float | None = None,
        mend: str | None = None,
    ) -> None:
        """Set, or clear, what keeps an agent from doing as it should."""
        if text is None:
            self._troubles.pop(name, None)
        else:
            now = self._clock()
            until = None if again_in_s is None else now + again_in_s
            self._troubles[name] = Trouble(text, code, since=now, until=until, mend=mend)
        self.poke()

    def set_met(self, name: AgentName, keys: tuple[str, ...]) -> None:
        """Set which of its limits an agent met lately."""
        if self._met.get(name, ()) == keys:
            return
        self._met[name] = keys
        self.poke()

    async def rescan(self) -> dict[AgentName, ContainerStatus]:
        """Look again, publish what changed, and return what runs."""
        async with self._looking:
            return await self._look()

    async def _look(self) -> dict[AgentName, ContainerStatus]:
        running = {status.name: status for status in await self._runtime.running()}
        unread = await self._counts.unread()
        self._seen = _Seen(running, unread, await self._counts.reminders())
        known = set(self._agents.names())
        for gone in set(self._rows) - known:
            del self._rows[gone]
            self._publish(ContainerRemoved(gone))
        told = (self._reports, self._silent, self._troubles, self._met)
        for gone in set().union(*told) - known:
            # Also what was said when it was gone already: another may get its name.
            self.forget_report(gone)
            self._troubles.pop(gone, None)
            self._met.pop(gone, None)
            self.acts.forget(gone)
        for name in self._agents.names():
            if name not in running:
                self.forget_report(name)
            self._show(name)
        return running

    def _show(self, name: AgentName) -> None:
        waiting = self._seen.unread.get(name, 0)
        facts = self._facts(name, self._seen.running.get(name), waiting)
        row = self._make(name, facts, waiting, self._seen.reminders.get(name, 0))
        if self._rows.get(name) != row:
            self._rows[name] = row
            self._publish(ContainerStateChanged(row))

    def _facts(self, name: AgentName, status: ContainerStatus | None, unread: int) -> Facts:
        """Gather what is known of why an agent does not work."""
        record = self._agents.get(name)
        report = self._reports.get(name)
        transient = self._transients.get(name)
        folder = self._paths.agent_state(name)
        return Facts(
            name=name,
            is_running=status is not None,
            is_wanted=self._agents.is_wanted(name),
            silent_s=0.0 if status is None else self._silent_s(name),
            heard_at=self._heard_at.get(name),
            started_at=None if status is None else status.started_at,
            is_paused=record.paused,
            paused=self.acts.last(PAUSE, name),
            stopped=self.acts.last(STOP, name),
            transient=transient.kind if transient else None,
            transient_since=transient.since if transient else None,
            trouble=self._troubles.get(name),
            report=report,
            has_login_mark=_is_said(report, live.NEEDS_LOGIN, folder / NEEDS_LOGIN_FILE),
            has_limit_mark=_is_said(report, live.RATE_LIMITED, folder / RATE_LIMITED_FILE),
            unread=unread,
            limits_met=self._met.get(name, ()),
            job=queued(name, self._counts.jobs()),
        )

    def _silent_s(self, name: AgentName) -> float:
        now = trio.current_time()
        return now - self._silent.setdefault(name, now)

    def _make(self, name: AgentName, facts: Facts, unread: int, reminders: int) -> ContainerRow:
        record = self._agents.get(name)
        config = record.config or AgentConfig()
        report = facts.report
        reason = why.reason(facts)
        is_running = facts.is_running
        network, denied = self._counts.network(name)
        return ContainerRow(
            name=name,
            container=container_name(name),
            is_manager=name == MANAGER,
            running=is_running,
            failed=facts.trouble is not None and not is_running,
            needs_login=facts.has_login_mark,
            needs_update=record.deployed_sha is not None and record.hive_rev != self._hive_rev(),
            deployed_sha=record.deployed_sha[:12] if record.deployed_sha else None,
            deployed_tag=record.deployed_tag,
            rate_limited=facts.has_limit_mark,
            paused=record.paused,
            pending_reminders=reminders,
            unread=unread,
            turn_state=report.turn_state if report else "offline",
            transient=facts.transient,
            transient_since=facts.transient_since,
            active_model=report.model if report else None,
            ctx_tokens=report.ctx_tokens if report else None,
            status_text=record.status_text if is_running else None,
            status_set_at=record.status_set_at if is_running else None,
            parent=record.parent,
            note=None if reason.level == INFO else reason.sentence,
            isolation=self._runtime.kind,
            limits_met=facts.limits_met if is_running else (),
            network=network,
            denied=denied,
            why=reason,
            icon=config.icon,
            links=config.links,
        )


def queued(name: AgentName, jobs: Sequence[JobRow]) -> Queued | None:
    """Return an agent's own job of the build queue, the next one if it has several."""
    waiting = [row for row in jobs if row.state not in OVER]
    own = next((row for row in waiting if row.agent == name), None)
    if own is None:
        return None
    before = sum(row.id < own.id for row in waiting)
    since = own.started_at or own.created_at
    return Queued(own.id, own.state == RUNNING, before, own.step, since)


def _is_said(report: ReportState | None, status: str, sentinel: Path) -> bool:
    """Ask the harness's report, or, where there is none, the file it leaves behind."""
    # `lexists` raises for nothing that an agent may have planted there.
    return report.status.startswith(status) if report else os.path.lexists(sentinel)

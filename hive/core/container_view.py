"""The rows of the dashboard, and what changed since the last look.

A row joins what the registry, the runtime, the transients, the stores and the agent's own harness
say. Harness reports arrive by themselves; everything else is looked at again by `rescan`, which the
crash watch calls every ten seconds and whenever somebody calls `poke`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import trio

from hive.config import Paths
from hive.core.agents import Agents
from hive.core.transients import Transients
from hive.host.runtime import ContainerStatus, Runtime
from hive.wire import live
from hive.wire.agent import ReportState
from hive.wire.dashboard import ContainerRemoved, ContainerRow, ContainerStateChanged
from hive.wire.names import MANAGER, AgentName, container_name

RATE_LIMITED_FILE = "hyperhive-rate-limited"
NEEDS_LOGIN_FILE = "hyperhive-needs-login"
PAUSED_FILE = "hyperhive-paused"


@attrs.frozen
class Counts:
    """How the view counts what waits, per agent."""

    unread: Callable[[], Awaitable[dict[str, int]]]
    reminders: Callable[[], Awaitable[dict[str, int]]]
    network: Callable[[AgentName], tuple[str, int]] = lambda _: ("", 0)
    """How it reaches the network, and how many destinations it was refused."""


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
    ) -> None:
        """Empty until the first `rescan`; `hive_rev` says which hive a start gives an agent now."""
        self._hive_rev = hive_rev
        self._paths = paths
        self._agents = agents
        self._runtime = runtime
        self._transients = transients
        self._counts = counts
        self._publish = publish
        self._rows: dict[AgentName, ContainerRow] = {}
        self._reports: dict[AgentName, ReportState] = {}
        self._troubles: dict[AgentName, str] = {}
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
        is_new = self._reports.get(name) != state
        self._reports[name] = state
        self._reported.set()
        self._reported = trio.Event()
        if is_new:
            self.poke()

    def forget_report(self, name: AgentName) -> None:
        """Drop what a harness said that is being replaced."""
        self._reports.pop(name, None)

    async def wait_reported(self, name: AgentName) -> None:
        """Wait until that agent's harness has said something."""
        while name not in self._reports:
            await self._reported.wait()

    def set_trouble(self, name: AgentName, text: str | None) -> None:
        """Set, or clear, the sentence that says why an agent does not work."""
        if text is None:
            self._troubles.pop(name, None)
        else:
            self._troubles[name] = text
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
        reminders = await self._counts.reminders()
        known = set(self._agents.names())
        for gone in set(self._rows) - known:
            del self._rows[gone]
            self._publish(ContainerRemoved(gone))
        for gone in (self._reports.keys() | self._troubles.keys() | self._met.keys()) - known:
            # Also what was said when it was gone already: another may get its name.
            self._reports.pop(gone, None)
            self._troubles.pop(gone, None)
            self._met.pop(gone, None)
        for name in self._agents.names():
            if name not in running:
                self._reports.pop(name, None)
            row = self._make(name, name in running, unread.get(name, 0), reminders.get(name, 0))
            if self._rows.get(name) != row:
                self._rows[name] = row
                self._publish(ContainerStateChanged(row))
        return running

    def _make(self, name: AgentName, is_running: bool, unread: int, reminders: int) -> ContainerRow:
        record = self._agents.get(name)
        report = self._reports.get(name)
        transient = self._transients.get(name)
        state_dir = self._paths.agent_state(name)
        trouble = self._troubles.get(name)
        network, denied = self._counts.network(name)
        return ContainerRow(
            name=name,
            container=container_name(name),
            is_manager=name == MANAGER,
            running=is_running,
            failed=trouble is not None and not is_running,
            needs_login=_is_said(report, live.NEEDS_LOGIN, state_dir / NEEDS_LOGIN_FILE),
            needs_update=record.deployed_sha is not None and record.hive_rev != self._hive_rev(),
            deployed_sha=record.deployed_sha[:12] if record.deployed_sha else None,
            deployed_tag=record.deployed_tag,
            rate_limited=_is_said(report, live.RATE_LIMITED, state_dir / RATE_LIMITED_FILE),
            paused=record.paused,
            pending_reminders=reminders,
            unread=unread,
            turn_state=report.turn_state if report else "offline",
            transient=transient.kind if transient else None,
            transient_since=transient.since if transient else None,
            active_model=report.model if report else None,
            ctx_tokens=report.ctx_tokens if report else None,
            status_text=record.status_text if is_running else None,
            status_set_at=record.status_set_at if is_running else None,
            parent=record.parent,
            note=trouble or (report.note if report else None),
            isolation=self._runtime.kind,
            limits_met=self._met.get(name, ()) if is_running else (),
            network=network,
            denied=denied,
        )


def _is_said(report: ReportState | None, status: str, sentinel: Path) -> bool:
    """Ask the harness's report, or, where there is none, the file it leaves behind."""
    # `lexists` raises for nothing that an agent may have planted there.
    return report.status.startswith(status) if report else os.path.lexists(sentinel)

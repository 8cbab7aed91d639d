"""Spawn, start, stop, restart, rebuild and destroy, each as a sequence with its undo.

Each holds the agent's transient from its first step to its last. Rebuild is the reconcile verb:
whatever is per-container on the host is written anew by it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from hive.core import notices, transients
from hive.core.hive import Hive
from hive.errors import Conflict, Refused
from hive.host import state_dirs
from hive.host.runtime import Bind, ContainerSpec
from hive.wire import live
from hive.wire.dashboard import ApprovalResolved
from hive.wire.names import MANAGER, AgentName

Verb = Callable[[Hive, AgentName], Awaitable[None]]

GRACE_S = 5.0
"""How long a harness may take to end its turn's pieces after it was asked to stop."""
BUSY = frozenset({live.THINKING, live.COMPACTING})
TURN_S = 120.0
"""How long a graceful stop waits for a running turn."""


async def spawn(hive: Hive, name: AgentName) -> None:
    """Create an agent and start it; what cannot be started is not registered."""
    with _held(hive, name, transients.SPAWNING):
        await hive.agents.add(name)
        is_done = False
        try:
            await _set_up(hive, name)
            await _start(hive, name)
            is_done = True
        finally:
            if not is_done:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + GRACE_S + 5):
                    await hive.runtime.stop(name, grace_s=0)
                    await hive.agents.remove(name)


async def start(hive: Hive, name: AgentName) -> None:
    """Start a stopped agent; one that runs is left alone."""
    hive.agents.get(name)
    with _held(hive, name, transients.STARTING):
        await hive.agents.set_wanted(name, is_running=True)
        if (await hive.runtime.status(name)).is_running:
            return
        await _set_up(hive, name)
        await _start(hive, name)
    await notices.kick(hive, name, "started")


async def stop(hive: Hive, name: AgentName, *, graceful: bool = False) -> None:
    """Stop an agent, also one that is just coming up; `graceful` first lets a turn end."""
    await hive.transients.interrupt(name, transients.COMING_UP)
    hive.agents.get(name)
    with _held(hive, name, transients.STOPPING):
        await hive.agents.set_wanted(name, is_running=False)
        if graceful:
            await _wait_turn_over(hive, name)
        await hive.runtime.stop(name, grace_s=GRACE_S)
        hive.view.set_trouble(name, None)


async def restart(hive: Hive, name: AgentName) -> None:
    """Stop and start an agent."""
    await _again(hive, name, transients.RESTARTING, "restarted")


async def rebuild(hive: Hive, name: AgentName) -> None:
    """Write everything per-container anew, then stop and start the agent."""
    await _again(hive, name, transients.REBUILDING, "rebuilt")


async def destroy(hive: Hive, name: AgentName, *, purge: bool) -> None:
    """Remove an agent; its state stays unless `purge`. The manager cannot be destroyed."""
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed: stop it instead")
    await hive.transients.interrupt(name, transients.COMING_UP)
    hive.agents.get(name)
    with _held(hive, name, transients.DESTROYING):
        await hive.agents.set_wanted(name, is_running=False)
        await hive.runtime.stop(name, grace_s=GRACE_S)
        await hive.runtime.destroy(name)
        for approval in await hive.approvals.fail_all(name, "agent destroyed"):
            hive.publish(ApprovalResolved(approval))
        await hive.agents.remove(name)
        await trio.to_thread.run_sync(state_dirs.remove_run, hive.paths, name)
        if purge:
            await trio.to_thread.run_sync(state_dirs.purge, hive.paths, name)
    await notices.tell_manager(hive, "destroyed", agent=name, purged=purge)


async def bring_back(hive: Hive, name: AgentName) -> None:
    """Start an agent that is to run and does not, after the daemon's start or a crash."""
    with _held(hive, name, transients.STARTING):
        # Asked again now that nobody else is at it: it may have been stopped or started meanwhile.
        if not hive.agents.is_wanted(name) or (await hive.runtime.status(name)).is_running:
            return
        await _set_up(hive, name)
        await _start(hive, name)


async def _again(hive: Hive, name: AgentName, kind: str, what: str) -> None:
    hive.agents.get(name)
    with _held(hive, name, kind):
        await hive.agents.set_wanted(name, is_running=True)
        await hive.runtime.stop(name, grace_s=GRACE_S)
        await _set_up(hive, name)
        await _start(hive, name)
    await notices.kick(hive, name, what)


class _held:  # noqa: N801 - reads as a keyword where it is used
    """Hold a transient; when it was cancelled from a page, say so instead of going on."""

    def __init__(self, hive: Hive, name: AgentName, kind: str) -> None:
        self._hive, self._name, self._kind = hive, name, kind
        self._inner = hive.transients.hold(name, kind)

    def __enter__(self) -> None:
        self._scope = self._inner.__enter__()
        self._hive.view.poke()

    def __exit__(self, *failure: object) -> None:
        self._inner.__exit__(*failure)  # type: ignore[arg-type]
        self._hive.view.poke()
        if self._scope.cancelled_caught:
            raise Conflict(f"{self._kind} {self._name} was cancelled")


async def _set_up(hive: Hive, name: AgentName) -> None:
    """Write everything a container needs on the host, and wait for its socket."""
    spec = hive.installation.harness_config(hive.config, hive.runtime.inside(name), name)
    await trio.to_thread.run_sync(
        state_dirs.prepare, hive.paths, name, spec, hive.installation.secrets
    )
    is_paused = hive.agents.get(name).paused
    await trio.to_thread.run_sync(state_dirs.mark_paused, hive.paths, name, is_paused)
    await hive.agents.wait_open(name)


async def _start(hive: Hive, name: AgentName) -> None:
    inside = hive.runtime.inside(name)
    paths = hive.paths
    binds = [
        Bind(paths.agent_run(name), inside.run, writable=True),
        Bind(paths.agent_state(name), inside.state, writable=True),
        Bind(paths.agent_claude(name), inside.claude, writable=True),
        Bind(paths.shared, inside.shared, writable=True),
        Bind(paths.given(name), inside.given),
        *hive.installation.binds,
    ]
    if name == MANAGER:
        binds += [
            Bind(paths.agents, "/agents", writable=True),
            Bind(paths.state / "applied", "/applied"),
            Bind(paths.state / "meta", "/meta"),
        ]
    role = "manager" if name == MANAGER else "agent"
    config_file = str(Path(inside.given) / state_dirs.HARNESS_FILE)
    await hive.runtime.start(
        ContainerSpec(
            name=name,
            argv=(*hive.installation.program.argv, role, "serve", "--config", config_file),
            env={
                "PATH": hive.installation.path,
                "HOME": inside.home,
                "LANG": "C.UTF-8",
                **hive.installation.program.env,
            },
            binds=tuple(binds),
            cwd=inside.state,
        )
    )
    hive.view.set_trouble(name, None)


async def _wait_turn_over(hive: Hive, name: AgentName) -> None:
    """Let a running turn end; paused, so that no other begins. The next start undoes the pause."""
    await trio.to_thread.run_sync(state_dirs.mark_paused, hive.paths, name, True)
    with trio.move_on_after(TURN_S), hive.feed.watch() as watch:
        while (row := hive.view.row(name)) and row.running and row.turn_state in BUSY:
            if await watch.next() is None:
                if not watch.needs_reset:
                    return
                watch.skip()

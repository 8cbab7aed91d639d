"""Start, stop, restart and destroy, each as a sequence under the agent's transient.

What brings a new commit into a container, spawn and rebuild included, is in `deploy`.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from hive.core import blueprints, network, notices, transients
from hive.core.blueprints import Blueprint
from hive.core.hive import Hive
from hive.errors import Conflict, HiveError, Refused, Unavailable
from hive.host import agent_files, owners, state_dirs
from hive.host.runtime import Bind, ContainerSpec
from hive.wire import live
from hive.wire.audit import DONE, FAILED
from hive.wire.names import MANAGER, OPERATOR, AgentName

Verb = Callable[[Hive, AgentName], Awaitable[None]]

GRACE_S = 5.0
"""How long a harness may take to end its turn's pieces after it was asked to stop."""
BUSY = frozenset({live.THINKING, live.COMPACTING})
LAST_LINES = 5
"""Of a container that does not stay up, for whoever asked for it."""
TURN_S = 120.0
"""How long a graceful stop waits for a running turn."""
FREE_S = TURN_S + 60
"""How long what was handed in waits for what is being done to the agent at the moment."""


async def replace(hive: Hive, name: AgentName, blueprint: Blueprint) -> None:
    """Stop an agent and start it from a blueprint; returns once it has shown that it stays up.

    For who holds its transient. Raises `ProgramFailed` or `Unavailable` when it does not; nothing
    is running then.
    """
    await hive.runtime.stop(name, grace_s=GRACE_S)
    await _set_up(hive, name, blueprint)
    hive.view.forget_report(name)
    await _start(hive, name, blueprint)
    await _see_up(hive, name)
    # Whoever asked looks at once whether it runs.
    await hive.view.rescan()


async def start(hive: Hive, name: AgentName) -> None:
    """Start a stopped agent; one that runs is left alone."""
    hive.agents.get(name)
    with held(hive, name, transients.STARTING):
        await hive.agents.set_wanted(name, is_running=True)
        if (await hive.runtime.status(name)).is_running:
            return
        await _start_deployed(hive, name)
    await notices.kick(hive, name, "started")


async def stop(
    hive: Hive, name: AgentName, *, graceful: bool = False, at_once: bool = False
) -> None:
    """Stop an agent, also one that is just coming up; `graceful` first lets a turn end.

    `at_once`: nothing of it is asked or waited for, not even that the disk takes a word of it.
    """
    await hive.transients.interrupt(name, transients.COMING_UP)
    hive.agents.get(name)
    with held(hive, name, transients.STOPPING):
        if at_once:
            await hive.runtime.stop(name, grace_s=0)
        await hive.agents.set_wanted(name, is_running=False)
        if graceful:
            await _wait_turn_over(hive, name)
        await hive.runtime.stop(name, grace_s=0 if at_once else GRACE_S)
        hive.view.set_trouble(name, None)


async def restart(hive: Hive, name: AgentName) -> None:
    """Stop and start an agent."""
    hive.agents.get(name)
    await wait_free(hive, name)
    with held(hive, name, transients.RESTARTING):
        await hive.agents.set_wanted(name, is_running=True)
        await hive.runtime.stop(name, grace_s=GRACE_S)
        await _start_deployed(hive, name)


async def destroy(hive: Hive, name: AgentName, *, purge: bool) -> str | None:
    """Remove an agent; its state stays unless `purge`. The manager cannot be destroyed.

    Begun again after the daemon ended in the middle, it goes on where it was. Returns why the meta
    repository still holds it, where it does: the next start tries again.
    """
    if name == MANAGER:
        raise Refused("the manager cannot be destroyed: stop it instead")
    await hive.transients.interrupt(name, transients.COMING_UP)
    await wait_free(hive, name)
    note = None
    with held(hive, name, transients.DESTROYING):
        if name in hive.agents:
            await hive.agents.set_wanted(name, is_running=False)
        await hive.runtime.stop(name, grace_s=GRACE_S)
        await hive.runtime.destroy(name)
        await hive.agents.remove(name)
        try:
            await hive.meta.sync(hive.agents.names())
        except HiveError as error:
            # The agent is gone all the same, and what is kept of it is to go as it was asked for.
            note = f"the meta repository still holds it: {error.message}"
        hive.forge.changed(name)
        await trio.to_thread.run_sync(state_dirs.remove_run, hive.paths, name)
        if purge:
            await hive.ledgers.forget(name)
            await hive.repos.remove(name)
            await trio.to_thread.run_sync(state_dirs.purge, hive.paths, name)
    return note


async def forget(hive: Hive, name: AgentName) -> None:
    """Close what a purged agent left open, so that nobody of its name inherits it."""
    for question in await hive.questions.pending():
        if name in {question.asker, question.target}:
            try:
                await hive.questions.cancel(question.id, OPERATOR)
            except Conflict:
                continue  # it was answered at the last moment
    for reminder in await hive.reminders.pending(name):
        await hive.reminders.cancel(reminder.id)
    await hive.broker.mark_all_read(name)


async def bring_back(hive: Hive, name: AgentName) -> None:
    """Start an agent that is to run and does not, after the daemon's start or a crash."""
    with held(hive, name, transients.STARTING):
        # Asked again now that nobody else is at it: it may have been stopped or started meanwhile.
        if not hive.agents.is_wanted(name) or (await hive.runtime.status(name)).is_running:
            return
        await _start_deployed(hive, name)


async def wait_free(hive: Hive, name: AgentName) -> None:
    """Wait until nothing is being done to an agent; raises `Conflict` after `FREE_S`.

    For what was handed in before: that somebody presses a button, or that a crash is mended, at the
    moment when its turn comes is no reason for it to fail.
    """
    with trio.move_on_after(FREE_S):
        await hive.transients.wait_free(name)
        return
    transient = hive.transients.get(name)
    what = "busy" if transient is None else transient.kind
    raise Conflict(f"{name} is {what} for more than {FREE_S:g} s: look at its row, then try again")


class held:  # noqa: N801 - reads as a keyword where it is used
    """Hold a transient; when it was cancelled from a page, say so instead of going on.

    A full or a read-only disk, wherever it is met on the way, is `Unavailable`.
    """

    def __init__(self, hive: Hive, name: AgentName, kind: str) -> None:
        self._hive, self._name, self._kind = hive, name, kind
        self._inner = hive.transients.hold(name, kind)

    def __enter__(self) -> None:
        self._scope = self._inner.__enter__()
        self._hive.view.poke()

    def __exit__(self, *failure: object) -> None:
        self._inner.__exit__(*failure)  # type: ignore[arg-type]
        self._hive.view.poke()
        cause = failure[1]
        self._record(cause)
        if isinstance(cause, OSError):
            where = f" ({cause.filename})" if cause.filename else ""
            raise Unavailable(
                f"{self._kind} {self._name}: this host says: {cause.strerror or cause}{where}: mend"
                " that, then try again"
            ) from cause
        if self._scope.cancelled_caught:
            raise Conflict(f"{self._kind} {self._name} was cancelled")

    def _record(self, cause: object) -> None:
        is_cancelled = self._scope.cancelled_caught or isinstance(cause, trio.Cancelled)
        why = "it was broken off" if is_cancelled else str(cause or "") or None
        outcome = DONE if why is None else FAILED
        self._hive.audit.happened(self._kind, self._name, outcome, why)


async def _start_deployed(hive: Hive, name: AgentName) -> None:
    blueprint = await blueprints.deployed(hive, hive.agents.get(name))
    await _set_up(hive, name, blueprint)
    await _start(hive, name, blueprint)


async def _set_up(hive: Hive, name: AgentName, blueprint: Blueprint) -> None:
    """Write everything a container needs on the host, and wait for its socket."""
    inside = hive.runtime.inside(name)
    reach = network.mode(hive, blueprint.config)
    settings = hive.installation.harness_config(
        hive.config, inside, name, blueprint.config, blueprint.tree, reach
    )
    await trio.to_thread.run_sync(
        state_dirs.prepare, hive.paths, name, settings, hive.installation.secrets_for(name, reach)
    )
    is_paused = hive.agents.get(name).paused
    await trio.to_thread.run_sync(state_dirs.mark_paused, hive.paths, name, is_paused)
    await hive.agents.wait_open(name)
    user = await hive.users.allot(name)
    own = os.geteuid() if user is None else user
    manager = own if name == MANAGER else hive.runtime.user(MANAGER)
    # Last, and after its socket was made: what was just written is the agent's too.
    await trio.to_thread.run_sync(owners.settle, hive.paths, name, own, manager)


async def _see_up(hive: Hive, name: AgentName) -> None:
    """Watch a container that was just started until its harness speaks, or for `settle_s`."""
    with trio.move_on_after(hive.config.settle_s):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_ended, hive, name, nursery.cancel_scope)
            await hive.view.wait_reported(name)
            nursery.cancel_scope.cancel()
    status = await hive.runtime.status(name)
    if status.is_running:
        return
    code = "" if status.exit_code is None else f" with {status.exit_code}"
    last = "; ".join(await hive.runtime.logs(name, LAST_LINES)) or "it said nothing"
    raise Unavailable(f"the container ended{code} as soon as it was started: {last}")


async def _until_ended(hive: Hive, name: AgentName, scope: trio.CancelScope) -> None:
    try:
        await hive.runtime.wait_exit(name)
    except HiveError:
        # What cannot be awaited is asked for when the time is over.
        return
    scope.cancel()


async def _start(hive: Hive, name: AgentName, blueprint: Blueprint) -> None:
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
            Bind(paths.all_applied, "/applied"),
            Bind(paths.meta, "/meta"),
        ]
    role = "manager" if name == MANAGER else "agent"
    config_file = str(Path(inside.given) / state_dirs.HARNESS_FILE)
    spec = ContainerSpec(
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
        system=blueprint.system,
        network=network.mode(hive, blueprint.config),
        user=hive.users.of(name),
    )
    if blueprint.tree is not None:
        spec = agent_files.equip(spec, blueprint.config, blueprint.tree, hive.config, inside)
    await hive.runtime.start(spec)
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

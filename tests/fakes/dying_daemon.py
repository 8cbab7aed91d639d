"""A daemon that is killed at its n-th effect on the world, and what the next one makes of it.

`python -m tests.fakes.dying_daemon ROOT SCENE FIRST STEP KILLS` prints one JSON line per kill. An
effect is a git command, a commit to the database, a container built, started, stopped or removed, a
file or a directory put into its place, or a directory removed; the kill comes before it, and at the
next number after it. With KILLS 2 the daemon after it is killed at its n-th
effect as well. Each life is a process of its own, forked from this one before any Trio runs, so
that nothing but files survives.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import trio

from hive.config import HostConfig
from hive.core import actions, proposals, reviews
from hive.core.hive import Hive
from hive.host import trees
from hive.host.git import Git
from hive.nursery import on_host
from hive.store.database import Database
from hive.wire.approvals import Approval
from hive.wire.names import MANAGER, OPERATOR
from tests.fakes.kept_runtime import KeptRuntime
from tests.fakes.one_truth import report
from tests.fakes.running import paths_below

LIFE_S = 40
T = TypeVar("T")
Act = Callable[[Hive], Awaitable[None]]
ENV = {
    "PATH": os.environ.get("PATH", ""),
    "GIT_AUTHOR_NAME": "m",
    "GIT_AUTHOR_EMAIL": "m@m",
    "GIT_COMMITTER_NAME": "m",
    "GIT_COMMITTER_EMAIL": "m@m",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
}


class Death:
    """Counts effects, and ends the process at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.count = 0
        self.is_armed = False

    def pass_by(self) -> None:
        """Count; die when it is time."""
        if not self.is_armed:
            return
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return the work with a place to die before it and one behind it."""

        async def mortal(*args: Any, **named: Any) -> Any:
            self.pass_by()
            result = await work(*args, **named)
            self.pass_by()
            return result

        return mortal

    def around_call(self, work: Callable[..., T]) -> Callable[..., T]:
        """Return the same for what blocks in a thread."""

        def mortal(*args: Any, **named: Any) -> T:
            self.pass_by()
            result = work(*args, **named)
            self.pass_by()
            return result

        return mortal


def commit(root: Path, text: str) -> str:
    """Commit an agent.toml to x's proposed repository, as the manager would."""
    folder = root / "state/agents/x/config"
    (folder / "agent.toml").write_text(text, encoding="utf-8")
    for words in (("add", "."), ("commit", "--quiet", "-m", text.splitlines()[0] or "empty")):
        subprocess.run(["git", "-C", str(folder), *words], check=True, env=ENV)
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], check=True, env=ENV, capture_output=True
    )
    return done.stdout.decode().strip()


async def idle(hive: Hive) -> None:
    """Wait until nothing of the build queue is left to be done."""
    # Nothing tells when the last of several jobs is over.
    while any(row.ended_at is None for row in hive.queue.rows()):  # noqa: ASYNC110
        await trio.sleep(0.01)
    await hive.view.rescan()


async def prepare_spawn(root: Path, hive: Hive) -> None:
    """A new agent waits for its approval."""
    del root
    await proposals.request_spawn(hive, "x", None, OPERATOR)


async def prepare_second(root: Path, hive: Hive) -> None:
    """An agent runs, and a second commit waits for its approval."""
    approval = await proposals.request_spawn(hive, "x", None, OPERATOR)
    await (await actions.approve(hive, approval.id)).wait()
    sha = commit(root, "# the second\n")
    await proposals.request_apply_commit(hive, "x", sha, None)


async def prepare_broken(root: Path, hive: Hive) -> None:
    """An agent runs, and a commit that no host can build waits for its approval."""
    approval = await proposals.request_spawn(hive, "x", None, OPERATOR)
    await (await actions.approve(hive, approval.id)).wait()
    sha = commit(root, "# broken\npackages = 7\n")
    await proposals.request_apply_commit(hive, "x", sha, None)


async def spawn_x(hive: Hive) -> None:
    """Make the agent."""
    approval = await proposals.request_spawn(hive, "x", None, OPERATOR)
    await (await actions.approve(hive, approval.id)).wait()


async def prepare_nothing(root: Path, hive: Hive) -> None:
    """Nobody is there but the manager."""
    del root, hive


async def prepare_init(root: Path, hive: Hive) -> None:
    """A repository waits for its approval."""
    del root
    await proposals.request_init_config(hive, "x", None)


async def prepare_running(root: Path, hive: Hive) -> None:
    """An agent runs."""
    del root
    await spawn_x(hive)


async def prepare_commit(root: Path, hive: Hive) -> None:
    """An agent runs, and the manager has committed what it has not proposed yet."""
    await spawn_x(hive)
    commit(root, "# the second\n")


async def prepare_stopped(root: Path, hive: Hive) -> None:
    """A second commit waits for an agent that was stopped."""
    await prepare_second(root, hive)
    await (await actions.stop(hive, "x")).wait()


async def prepare_broken_first(root: Path, hive: Hive) -> None:
    """What a new agent is to be made from cannot be built."""
    await (await actions.approve(hive, (await _asked(hive)).id)).wait()
    commit(root, "# broken\npackages = 7\n")
    await proposals.request_spawn(hive, "x", None, MANAGER)


async def _asked(hive: Hive) -> Approval:
    return await proposals.request_init_config(hive, "x", None)


async def prepare_two(root: Path, hive: Hive) -> None:
    """Two commits wait, the second of which mends the first."""
    await prepare_broken(root, hive)
    await proposals.request_apply_commit(hive, "x", commit(root, "# mended\n"), None)


async def prepare_kept(root: Path, hive: Hive) -> None:
    """Of an agent that was destroyed its state is kept, and a request is left of it."""
    await prepare_second(root, hive)
    await (await actions.destroy(hive, "x", purge=False)).wait()
    await actions.revive(hive, "x")


async def approve_last(hive: Hive) -> None:
    """Approve what waits."""
    for row in await hive.approvals.pending():
        await actions.approve(hive, row.id)


async def deny_last(hive: Hive) -> None:
    """Comment on what waits, and deny it with that comment and one more."""
    for row in await hive.approvals.pending():
        await reviews.comment(hive, row.id, reviews.Place("agent.toml", "new", 1), "why?")
        await actions.deny(hive, row.id, "not now", ["agent.toml:-1:keep it"])


async def destroy_x(hive: Hive) -> None:
    """Destroy the agent while a proposal waits."""
    await actions.destroy(hive, "x", purge=False)


async def purge_x(hive: Hive) -> None:
    """Destroy the agent and all that is kept of it."""
    await actions.destroy(hive, "x", purge=True)


async def purge_kept(hive: Hive) -> None:
    """Remove what is kept of the agent."""
    await actions.purge_tombstone(hive, "x")


async def propose_last(hive: Hive) -> None:
    """Ask for what was committed last."""
    await actions.request_apply_commit(hive, "x", None, None)


async def withdraw_last(hive: Hive) -> None:
    """Withdraw what waits, as the manager."""
    for row in await hive.approvals.pending():
        await proposals.withdraw(hive, row.id, MANAGER)


async def spawn_directly(hive: Hive) -> None:
    """Make the agent without an approval."""
    await actions.spawn(hive, "x")


async def rebuild_x(hive: Hive) -> None:
    """Rebuild the agent."""
    await actions.rebuild(hive, "x")


async def restart_x(hive: Hive) -> None:
    """Restart the agent."""
    await actions.restart(hive, "x")


SCENES = {
    "spawn": (prepare_spawn, approve_last),
    "deploy": (prepare_second, approve_last),
    "broken": (prepare_broken, approve_last),
    "deny": (prepare_second, deny_last),
    "destroy": (prepare_second, destroy_x),
    "init": (prepare_init, approve_last),
    "propose": (prepare_commit, propose_last),
    "withdraw": (prepare_second, withdraw_last),
    "template": (prepare_nothing, spawn_directly),
    "rebuild": (prepare_running, rebuild_x),
    "restart": (prepare_running, restart_x),
    "stopped": (prepare_stopped, approve_last),
    "broken first": (prepare_broken_first, approve_last),
    "two": (prepare_two, approve_last),
    "revive": (prepare_kept, approve_last),
    "purge": (prepare_second, purge_x),
    "purge kept": (prepare_kept, purge_kept),
}


async def live(
    root: Path, death: Death, act: Callable[..., Awaitable[None]] | None
) -> dict[str, Any]:
    """Run a daemon, do something, wait until it is done, and say what is there."""
    runtime = KeptRuntime(root / "running.json")
    runtime.start = death.around(runtime.start)  # type: ignore[method-assign]
    runtime.stop = death.around(runtime.stop)  # type: ignore[method-assign]
    runtime.build = death.around(runtime.build)  # type: ignore[method-assign]
    runtime.destroy = death.around(runtime.destroy)  # type: ignore[method-assign]
    config = HostConfig(port=0, demo=True, settle_s=0.01)
    found: dict[str, Any] = {}
    with trio.fail_after(LIFE_S):
        async with trio.open_nursery() as nursery:

            async def serve(task_status: trio.TaskStatus[Hive]) -> None:
                await on_host.serve(
                    config, paths_below(root), runtime=runtime, task_status=task_status
                )

            death.is_armed = act is None
            hive = await nursery.start(serve)
            await idle(hive)
            death.is_armed = True
            if act is not None:
                await act(hive)
                await idle(hive)
            death.is_armed = False
            found = await report(hive, runtime)
            nursery.cancel_scope.cancel()
    return found


def in_child(work: Callable[[], dict[str, Any]], out: Path) -> bool:
    """Run in a process of its own; True when it lived to write its report."""
    out.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            out.write_text(json.dumps(work()), encoding="utf-8")
            status = 0
        except BaseException:  # noqa: BLE001 - it must not go on as its parent
            traceback.print_exc()
        os._exit(status)
    _, status = os.waitpid(child, 0)
    if status not in {0, signal.SIGKILL}:
        raise SystemExit(f"a daemon ended with {status}")
    return status == 0


def sockets(folder: str, names: list[str]) -> list[str]:
    """Return what cannot be copied, for `copytree`: the next daemon makes its own."""
    return [name for name in names if (Path(folder) / name).is_socket()]


def main() -> None:
    """Kill at every effect of a scene, from FIRST on in steps of STEP."""
    root, scene = Path(sys.argv[1]), sys.argv[2]
    at, step, kills = (int(word) for word in sys.argv[3:6])
    prepare, act = SCENES[scene]
    start, work, out = root / "start", root / "w", root / "out.json"
    death = Death(None)
    Git.do = death.around(Git.do)  # type: ignore[method-assign]
    Database.write = death.around(Database.write)  # type: ignore[method-assign]
    os.rename = death.around_call(os.rename)
    os.replace = death.around_call(os.replace)
    trees.remove = death.around_call(trees.remove)

    async def prepared(hive: Hive) -> None:
        await prepare(work, hive)

    def once(what: Act | None) -> dict[str, Any]:
        return trio.run(live, work, death, what)

    work.mkdir()
    if not in_child(lambda: once(prepared), out):
        raise SystemExit("the scene was not set")
    work.rename(start)
    before = json.loads(out.read_text(encoding="utf-8"))
    print(json.dumps({"at": 0, "is_over": False, **before}), flush=True)
    while True:
        shutil.copytree(start, work, symlinks=True, ignore=sockets)
        death.at = at
        is_over = was_over = in_child(lambda: once(act), out)
        for _ in range(kills - 1):
            was_over = was_over or in_child(lambda: once(None), out)
        death.at = None
        if not was_over:
            in_child(lambda: once(None), out)
        found = json.loads(out.read_text(encoding="utf-8"))
        print(json.dumps({"at": at, "is_over": is_over, **found}), flush=True)
        shutil.rmtree(work)
        if is_over:
            return
        at += step


if __name__ == "__main__":
    main()

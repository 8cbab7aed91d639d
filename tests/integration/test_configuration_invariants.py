"""Whatever the manager, the operator, crashes and restarts do in whatever order: one truth."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hive.config import HostConfig
from hive.core import actions, proposals
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.nursery import on_host
from hive.wire.names import MANAGER, OPERATOR
from tests.fakes.dying_daemon import commit, idle
from tests.fakes.kept_runtime import KeptRuntime
from tests.fakes.manager_git import git
from tests.fakes.one_truth import X, agrees, report
from tests.fakes.running import paths_below

PURGES = ("purge", "purge_tombstone")
GOOD, BROKEN = "# {}\n", "# {}\npackages = 7\n"
WORST_S = 60


@attrs.define
class Play:
    """One hive through several lives of its daemon."""

    root: Path
    hive: Hive
    runtime: KeptRuntime
    life: trio.CancelScope
    count: int = 0

    async def propose(self, text: str, where: str) -> None:
        """Commit something new and ask for it: behind the newest, or beside all but the first."""
        folder = self.hive.paths.agent_config(X)
        if not folder.exists():
            return
        if where == "beside":
            first = git(folder, "rev-list", "--max-parents=0", "HEAD")
            git(folder, "reset", "-q", "--hard", first)
        self.count += 1
        sha = commit(self.root, text.format(self.count))
        await proposals.request_apply_commit(self.hive, "x", sha, None)

    async def again(self, which: int) -> None:
        """Ask once more for a commit that was proposed before, whatever became of it."""
        rows = [*await self.hive.approvals.pending(), *await self.hive.approvals.history(50)]
        shas = [row.fetched_sha for row in rows if row.fetched_sha is not None]
        if shas:
            sha = shas[which % len(shas)]
            await proposals.request_apply_commit(self.hive, "x", sha, None)

    async def trip(self) -> None:
        """Let the next start of the container fail."""
        self.runtime.trips[X] = 1

    async def spawn(self) -> None:
        """Ask for the agent."""
        await proposals.request_spawn(self.hive, "x", None, OPERATOR)

    async def decide(self, how: Sequence[str], which: int) -> None:
        """Decide one of those that wait, from several surfaces at once."""
        waiting = await self.hive.approvals.pending()
        if waiting:
            number = waiting[which % len(waiting)].id
            won: list[str] = []
            async with trio.open_nursery() as nursery:
                for word in how:
                    nursery.start_soon(self._decide, word, number, won)
            assert len(won) <= 1

    async def _decide(self, word: str, number: int, won: list[str]) -> None:
        try:
            if word == "approve":
                await actions.approve(self.hive, number)
            elif word == "deny":
                await actions.deny(self.hive, number, "no")
            else:
                await proposals.withdraw(self.hive, number, MANAGER)
        except HiveError:
            return
        won.append(word)

    async def verb(self, word: str) -> None:
        """Do something to the agent, without waiting for the end of it."""
        if word == "stop":
            await actions.stop(self.hive, "x")
        elif word == "start":
            await actions.start(self.hive, "x")
        elif word == "destroy":
            await actions.destroy(self.hive, "x", purge=False)
        elif word == "purge":
            await actions.destroy(self.hive, "x", purge=True)
        elif word == "revive":
            await actions.revive(self.hive, "x")
        else:
            await getattr(actions, word)(self.hive, "x")

    async def cancel(self) -> None:
        """Cancel the newest job that is not over."""
        open_jobs = [row.id for row in self.hive.queue.rows() if row.ended_at is None]
        if open_jobs:
            await actions.cancel_job(self.hive, open_jobs[-1])

    async def crash(self) -> None:
        """End the container."""
        if self.runtime.kept().get("x"):
            self.runtime.crash(X)


Op = tuple[Any, ...]
OPS: st.SearchStrategy[Op] = st.one_of(
    st.tuples(
        st.just("propose"),
        st.sampled_from([GOOD, GOOD, BROKEN]),
        st.sampled_from(["behind", "behind", "beside"]),
    ),
    st.tuples(st.just("again"), st.integers(0, 5)),
    st.tuples(
        st.just("decide"),
        st.lists(
            st.sampled_from(["approve", "approve", "deny", "withdraw"]), min_size=1, max_size=3
        ),
        st.integers(0, 3),
    ),
    st.tuples(
        st.just("verb"),
        st.sampled_from(["rebuild", "restart", "stop", "start", "destroy", "revive", *PURGES]),
    ),
    st.tuples(st.sampled_from(["spawn", "cancel", "crash", "trip", "new daemon", "idle"])),
    st.tuples(st.just("pause"), st.sampled_from([0.0, 0.004, 0.02])),
)


async def live(root: Path, ops: list[Op], *, is_purged: bool) -> list[Op]:
    """Run one daemon until the ops are over or it is to end; return what is left of them."""
    runtime = KeptRuntime(root / "running.json")
    config = HostConfig(port=0, demo=True, settle_s=0.01)
    async with trio.open_nursery() as nursery:
        serve = partial(on_host.serve, config, paths_below(root), runtime=runtime)
        hive = await nursery.start(serve)
        play = Play(root, hive, runtime, nursery.cancel_scope, count=1000 - len(ops))
        while ops:
            word, *rest = ops.pop(0)
            if word == "new daemon":
                nursery.cancel_scope.cancel()
                return ops
            try:
                if word == "idle":
                    await idle(hive)
                elif word == "pause":
                    await trio.sleep(rest[0])
                else:
                    await getattr(play, word)(*rest)
            except HiveError:
                continue
        await _settled(hive, runtime)
        agrees(await report(hive, runtime), is_purged=is_purged)
        nursery.cancel_scope.cancel()
    return []


async def _settled(hive: Hive, runtime: KeptRuntime) -> None:
    """Wait until nothing is left to be done, bringing back whoever crashed included."""
    while True:
        await idle(hive)
        is_up = not hive.agents.is_wanted(X) or X in runtime.kept()
        if is_up and hive.transients.get(X) is None:
            return
        await trio.sleep(0.05)


async def play(ops: list[Op]) -> None:
    """Play an example on a hive of its own."""
    root = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    try:
        with trio.fail_after(WORST_S):
            left = [("spawn",), ("decide", ["approve"], 0), *ops]
            is_purged = any(op[-1] in PURGES for op in ops)
            while left or not (root / "state").exists():
                left = await live(root, left, is_purged=is_purged)
                if not left:
                    await live(root, [], is_purged=is_purged)
    finally:
        shutil.rmtree(root, ignore_errors=True)


SLOW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
    # An example takes a second: what is found is read as it is.
    phases=[Phase.explicit, Phase.generate],
)


@SLOW
@given(st.lists(OPS, min_size=3, max_size=14))
def test_whatever_happens_in_whatever_order_there_is_one_truth(ops: list[Op]) -> None:
    trio.run(play, ops)


@pytest.mark.slow
@settings(SLOW, max_examples=150)
@given(st.lists(OPS, min_size=3, max_size=24))
def test_and_in_many_more_orders(ops: list[Op]) -> None:
    trio.run(play, ops)

"""Whatever is done to an agent's repositories, in whatever order, some things hold."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hive.errors import BadRequest, Conflict
from hive.host.repos import STATES, Repos
from tests.fakes.manager_git import ALICE, commit, git, make_repos, paths_of


class Proposals(RuleBasedStateMachine):
    """A manager that commits and rebases, an operator that decides, a daemon that is restarted."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
        self.repos = make_repos(self.root)
        self.proposed = paths_of(self.root).agent_config(ALICE)
        self.applied = paths_of(self.root).applied(ALICE)
        self.pinned: dict[int, str] = {}
        self.waiting: set[int] = set()
        self.next = 1

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @initialize()
    def begin(self) -> None:
        trio.run(self.repos.seed_proposed, ALICE)
        self.running = trio.run(self.repos.adopt, ALICE)
        self.tag = "deployed/0"

    @rule(text=st.text(max_size=5))
    def edit(self, text: str) -> None:
        commit(self.proposed, {"agent.toml": repr(text)})

    @rule()
    def start_over(self) -> None:
        git(self.proposed, "reset", "-q", "--hard", self.running)

    @rule()
    def collect(self) -> None:
        git(self.proposed, "gc", "-q", "--prune=now")

    @rule()
    def pack_what_is_applied(self) -> None:
        git(self.applied, "gc", "-q", "--prune=now")

    @rule()
    def restart(self) -> None:
        self.repos = Repos(paths_of(self.root), files=lambda _: {})

    @rule(length=st.integers(7, 40))
    def propose(self, length: int) -> None:
        head = trio.run(self.repos.head_of_proposed, ALICE)
        number, self.next = self.next, self.next + 1
        try:
            self.pinned[number] = trio.run(self.repos.pin, ALICE, number, head[:length])
        except BadRequest as error:
            assert "rebase" in error.message  # noqa: PT017 - it need not be raised
            return
        assert self.pinned[number] == head
        self.waiting.add(number)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def deny(self, data: st.DataObject) -> None:
        number = self.decided(data)
        trio.run(self.repos.mark, ALICE, number, "denied", "no")

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), is_good=st.booleans(), stops=st.integers(0, 5))
    def deploy(self, data: st.DataObject, is_good: bool, stops: int) -> None:
        """Deploy; a daemon that ends at step `stops` begins again from the first."""
        number = self.decided(data)
        if stops:
            trio.run(self.steps, number, is_good, stops)
            self.restart()
        trio.run(self.steps, number, is_good, 9)

    def decided(self, data: st.DataObject) -> int:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting.discard(number)
        return number

    async def steps(self, number: int, is_good: bool, most: int) -> None:
        repos = self.repos
        for step in range(min(most, 4)):
            if step < 2:
                await repos.mark(ALICE, number, ("approved", "building")[step])
            elif step == 2:
                try:
                    await repos.advance(ALICE, number)
                except Conflict:
                    is_good = False
            elif is_good:
                await repos.mark(ALICE, number, "deployed")
                self.running, self.tag = self.pinned[number], f"deployed/{number}"
            else:
                await repos.mark(ALICE, number, "failed", "it broke")
        if most > 4 and not is_good:
            last = await repos.deployed(ALICE)
            await repos.roll_back(ALICE, last and last[1])

    @invariant()
    def main_is_what_was_deployed_last(self) -> None:
        if not hasattr(self, "running"):
            return
        assert trio.run(self.repos.main, ALICE) == self.running
        deployed = trio.run(self.repos.deployed, ALICE)
        assert deployed is not None
        assert deployed[1] == self.running
        assert git(self.applied, "status", "--porcelain") == ""

    @invariant()
    def every_proposal_stays_and_has_one_end(self) -> None:
        for number, sha in self.pinned.items():
            states = trio.run(self.repos.states, ALICE, number)
            assert "proposal" in states
            assert states <= set(STATES)
            ends = states & {"deployed", "failed", "denied"}
            assert len(ends) == (0 if number in self.waiting else 1)
            assert git(self.applied, "rev-parse", f"proposal/{number}^{{commit}}") == sha

    @rule()
    def nothing_is_broken(self) -> None:
        assert "error" not in git(self.applied, "fsck", "--strict", "--no-dangling")


TestProposals = Proposals.TestCase
TestProposals.settings = settings(max_examples=6, stateful_step_count=10, deadline=None)

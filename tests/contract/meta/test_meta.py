"""One contract, kept by every kind of meta repository."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
import trio.testing

from hive.errors import BadRequest, Unavailable
from hive.host.git import Git
from hive.wire.names import AgentName
from tests.contract.meta.subjects import ALICE, BOB, Subject

Pins = dict[AgentName, tuple[str, str]]


class Killed(Exception):
    """The daemon's end: nothing that tidies up after failures may run."""


class Mortal(Git):
    """A git whose daemon is killed before or after one of its calls."""

    def __init__(self, calls: int, *, after: bool) -> None:
        super().__init__()
        self.left = calls
        self.after = after

    async def do(self, *args: Any, **more: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        done = await super().do(*args, **more)
        if self.left == 0:
            raise Killed
        return done


async def test_a_new_one_has_nothing_deployed(subject: Subject) -> None:
    meta = subject.opened()
    await meta.recover()
    assert await meta.locked() == {}
    assert await meta.log(10) == ["begin"]


async def test_a_deployment_is_one_commit_that_says_what(subject: Subject) -> None:
    meta, sha = subject.opened(), subject.propose(ALICE)
    await meta.recover()
    await meta.prepare(ALICE, sha, "deployed/7")
    assert await meta.locked() == {}
    await meta.finalize(ALICE, sha, "deployed/7")
    assert await meta.locked() == {ALICE: (sha, "deployed/7")}
    assert await meta.log(10) == [f"deploy alice deployed/7 {sha[:12]}", "begin"]
    assert await subject.leftovers() == ""


async def test_the_file_reads_as_it_is_documented(subject: Subject) -> None:
    meta, sha = subject.opened(), subject.propose(ALICE)
    await meta.finalize(ALICE, sha, "deployed/7")
    assert json.loads((subject.repo / "hive.lock").read_text()) == {
        "version": 1,
        "hyperhive": {"rev": meta.hive_rev()},
        "agents": {"alice": {"rev": sha, "tag": "deployed/7"}},
    }


async def test_finalizing_again_changes_nothing(subject: Subject) -> None:
    meta, sha = subject.opened(), subject.propose(ALICE)
    for _ in range(2):
        await meta.finalize(ALICE, sha, "deployed/7")
    await subject.opened().finalize(ALICE, sha, "deployed/7")
    assert len(await meta.log(10)) == 2


async def test_the_same_commit_under_a_new_tag_is_a_deployment(subject: Subject) -> None:
    meta, sha = subject.opened(), subject.propose(ALICE)
    await meta.finalize(ALICE, sha, "deployed/0")
    await meta.finalize(ALICE, sha, "deployed/3")
    assert await meta.locked() == {ALICE: (sha, "deployed/3")}


async def test_an_abort_leaves_what_was_deployed(subject: Subject) -> None:
    meta, old = subject.opened(), subject.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    await meta.prepare(ALICE, subject.propose(ALICE, "{ a = 1; }"), "deployed/1")
    await meta.abort()
    assert await meta.locked() == {ALICE: (old, "deployed/0")}
    assert await subject.leftovers() == ""
    await meta.abort()


async def test_what_was_prepared_never_travels_with_another_agent(subject: Subject) -> None:
    meta, first, second = subject.opened(), subject.propose(ALICE), subject.propose(BOB)
    await meta.prepare(ALICE, first, "deployed/1")
    await meta.finalize(BOB, second, "deployed/2")
    assert await meta.locked() == {BOB: (second, "deployed/2")}
    assert "alice" not in (subject.repo / "hive.lock").read_text()


async def test_a_preparation_of_another_commit_is_not_what_is_finalized(subject: Subject) -> None:
    meta, first = subject.opened(), subject.propose(ALICE)
    second = subject.propose(ALICE, "{ a = 1; }")
    await meta.prepare(ALICE, first, "deployed/1")
    await meta.finalize(ALICE, second, "deployed/2")
    assert await meta.locked() == {ALICE: (second, "deployed/2")}


async def test_a_daemon_killed_after_prepare_leaves_the_old_deployment(subject: Subject) -> None:
    meta, old = subject.opened(), subject.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    await meta.prepare(ALICE, subject.propose(ALICE, "{ a = 1; }"), "deployed/1")
    (subject.repo / ".git" / "index.lock").touch()
    meta = subject.opened()
    await meta.recover()
    assert await meta.locked() == {ALICE: (old, "deployed/0")}
    assert await subject.leftovers() == ""


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_git_it_is_the_old_or_the_new(subject: Subject, after: bool) -> None:
    old, new = subject.propose(ALICE), subject.propose(ALICE, "{ a = 1; }")
    await subject.opened().finalize(ALICE, old, "deployed/0")
    for calls in range(1, 30):
        meta = subject.opened(Mortal(calls, after=after))
        try:
            await meta.recover()
            await meta.sync([ALICE])
            await meta.prepare(ALICE, new, f"deployed/{calls}")
            await meta.finalize(ALICE, new, f"deployed/{calls}")
        except Killed:
            nxt = subject.opened()
            await nxt.recover()
            assert (await nxt.locked())[ALICE] in {
                (old, "deployed/0"),
                (new, f"deployed/{calls}"),
            }
            assert await subject.leftovers() == ""
            await nxt.finalize(ALICE, old, "deployed/0")
        else:
            break
    else:
        pytest.fail("it was killed every time")
    assert calls > 4


async def test_the_first_start_may_be_killed_too(subject: Subject) -> None:
    for calls in range(1, 30):
        try:
            await subject.opened(Mortal(calls, after=calls % 2 == 0)).recover()
        except Killed:
            continue
        break
    assert await subject.opened().log(5) == ["begin"]


async def test_cancelled_anywhere_it_is_the_old_or_the_new(subject: Subject) -> None:
    old, new = subject.propose(ALICE), subject.propose(ALICE, "{ a = 1; }")
    meta = subject.opened()
    await meta.finalize(ALICE, old, "deployed/0")
    longer = 1 if subject.world is None else 4
    for delay in range(0, 40, 3):
        with trio.move_on_after(delay * longer / 1000):
            await meta.finalize(ALICE, new, f"deployed/{delay}")
        found = (await meta.locked())[ALICE]
        assert found in {(old, "deployed/0"), (new, f"deployed/{delay}")}
        await meta.abort()
        assert await subject.leftovers() == ""
        await meta.finalize(ALICE, old, "deployed/0")


async def test_sync_drops_who_is_gone_and_commits_only_changes(subject: Subject) -> None:
    meta, first, second = subject.opened(), subject.propose(ALICE), subject.propose(BOB)
    await meta.finalize(ALICE, first, "deployed/0")
    await meta.finalize(BOB, second, "deployed/0")
    assert await meta.sync([ALICE]) is True
    assert await meta.sync([ALICE, AgentName("new")]) is False
    assert await meta.locked() == {ALICE: (first, "deployed/0")}
    assert (await meta.log(1))[0].startswith("sync: drop bob")
    assert await subject.leftovers() == ""


async def test_deployments_at_once_are_commits_one_by_one(subject: Subject) -> None:
    meta = subject.opened()
    agents = [AgentName(f"a{number}") for number in range(6)]
    wanted: Pins = {name: (subject.propose(name), "deployed/0") for name in agents}
    async with trio.open_nursery() as nursery:
        for name, (sha, tag) in wanted.items():
            nursery.start_soon(meta.finalize, name, sha, tag)
    assert await meta.locked() == wanted
    assert len(await meta.log(50)) == len(agents) + 1


async def test_an_unknown_input_is_refused_and_the_known_ones_named(subject: Subject) -> None:
    meta = subject.opened()
    await meta.sync([])
    with pytest.raises(BadRequest, match=r"'nope'; there are: hyperhive"):
        await meta.update(["hyperhive", "nope"], print)
    with pytest.raises(BadRequest, match="at least one"):
        await meta.update([], print)


async def test_a_newer_hive_concerns_every_agent(subject: Subject) -> None:
    meta, shas = subject.opened(), [subject.propose(ALICE), subject.propose(BOB)]
    await meta.finalize(ALICE, shas[0], "deployed/0")
    await meta.finalize(BOB, shas[1], "deployed/0")
    assert await meta.update(["hyperhive"], print) == ()
    before = meta.hive_rev()
    subject.upgrade()
    meta = subject.opened()
    await meta.recover()
    assert await meta.update(["hyperhive"], print) == (ALICE, BOB)
    assert meta.hive_rev() != before
    assert (await meta.log(1)) == ["lock update: hyperhive"]
    rows = {row.name: row.rev for row in await meta.inputs()}
    assert rows["hyperhive"] == meta.hive_rev()
    assert rows["agent-alice"] == shas[0]


async def test_an_update_that_is_cancelled_too_late_is_whole(subject: Subject) -> None:
    meta, foretold = subject.opened(), list[tuple[str, ...]]()
    await meta.finalize(ALICE, subject.propose(ALICE), "deployed/0")
    subject.upgrade()
    meta = subject.opened()
    await meta.recover()
    with trio.CancelScope() as scope:

        async def foretell(changed: tuple[str, ...]) -> None:
            foretold.append(changed)
            assert (await meta.log(1)) != ["lock update: hyperhive"]
            scope.cancel()

        assert await meta.update(["hyperhive"], print, foretell) == (ALICE,)
    assert foretold == [(ALICE,)]
    assert (await meta.log(1)) == ["lock update: hyperhive"]
    assert await subject.leftovers() == ""


async def test_an_agents_own_input_stays_at_its_deployment(subject: Subject) -> None:
    meta, said = subject.opened(), list[str]()
    await meta.finalize(ALICE, subject.propose(ALICE), "deployed/0")
    subject.propose(ALICE, "{ newer = true; }")
    assert await meta.update(["agent-alice"], said.append) == ()
    assert "propose a commit" in said[0]


@pytest.mark.parametrize(
    ("sha", "tag"),
    [("abc", "deployed/1"), ("1" * 39 + "g", "deployed/1"), ("1" * 40, "failed/1"), ("1" * 40, "")],
)
async def test_only_whole_commits_and_deployments_are_pinned(
    subject: Subject, sha: str, tag: str
) -> None:
    meta = subject.opened()
    with pytest.raises(BadRequest):
        await meta.prepare(ALICE, sha, tag)
    with pytest.raises(BadRequest):
        await meta.finalize(ALICE, sha, tag)


async def test_a_repository_beyond_reading_is_told_with_the_mend(subject: Subject) -> None:
    await subject.opened().recover()
    for file in (subject.repo / ".git" / "objects").rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(Unavailable, match="move it aside"):
        await subject.opened().recover()


async def test_only_the_newest_commits_are_told(subject: Subject) -> None:
    meta, sha = subject.opened(), subject.propose(ALICE)
    for number in range(3):
        await meta.finalize(ALICE, sha, f"deployed/{number}")
    assert await meta.log(2) == [f"deploy alice deployed/{n} {sha[:12]}" for n in (2, 1)]


class Slow(Git):
    """A git that stands still when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes = trio.Event()
        self.goes.set()

    async def do(self, *args: Any, **more: Any) -> Any:
        await self.goes.wait()
        return await super().do(*args, **more)


async def test_looking_does_not_wait_for_what_is_being_locked(subject: Subject) -> None:
    git = Slow()
    meta, old = subject.opened(git), subject.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    rows, new = await meta.inputs(), subject.propose(ALICE, "{ a = 1; }")
    git.goes = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(meta.prepare, ALICE, new, "deployed/1")
        await trio.testing.wait_all_tasks_blocked()
        assert await meta.locked() == {ALICE: (old, "deployed/0")}
        assert await meta.inputs() == rows
        git.goes.set()


async def test_inputs_are_those_of_what_is_committed(subject: Subject) -> None:
    meta, old = subject.opened(), subject.propose(ALICE)
    await meta.finalize(ALICE, old, "deployed/0")
    await meta.prepare(ALICE, subject.propose(ALICE, "{ a = 1; }"), "deployed/1")
    assert old in {row.rev for row in await meta.inputs()}

"""Agents of an older layout get repositories: once, completely, wherever a start is broken off."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from hive.errors import Unavailable
from hive.host import migrate, template
from hive.host.git import Git
from hive.host.migrate import Adopted
from hive.host.plain_meta import PlainMeta
from hive.host.repos import Repos
from hive.paths import Paths
from hive.wire.names import MANAGER, AgentName

ALICE = AgentName("alice")
NAMES = [MANAGER, ALICE]


class Died(BaseException):
    """The daemon was killed here."""


@attrs.define
class Machine:
    """A state directory of an older hive, and a daemon that can be killed between two steps."""

    paths: Paths
    records: dict[AgentName, Adopted] = attrs.field(factory=dict)
    steps: int = 0
    dies_at: int = 0

    async def run(self) -> dict[AgentName, str]:
        """Do as a start does."""
        repos = Repos(self.paths, files=partial(template.files, "bubblewrap"))
        meta = PlainMeta(self.paths.meta, Git(), "rev")
        names = [name for name in NAMES if name not in self.records]
        killable: Any = (_Killable(repos, self), _Killable(meta, self))
        return await migrate.run(self.paths, names, *killable, self._record)

    async def _record(self, adopted: Adopted) -> None:
        self.step()
        self.records[adopted.name] = adopted
        self.step()

    def step(self) -> None:
        """Be killed, if it is time."""
        self.steps += 1
        if self.steps == self.dies_at:
            raise Died


class _Killable:
    """Counts before and after each call."""

    def __init__(self, inner: object, machine: Machine) -> None:
        self._inner, self._machine = inner, machine

    def __getattr__(self, name: str) -> Any:
        async def call(*words: Any) -> Any:
            self._machine.step()
            result = await getattr(self._inner, name)(*words)
            self._machine.step()
            return result

        return call


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    paths = Paths(tmp_path / "s", tmp_path / "r")
    for name in NAMES:
        paths.agent_state(name).mkdir(parents=True)
        paths.agent_config(name).mkdir()
    paths.all_applied.mkdir()
    paths.meta.mkdir()
    return Machine(paths)


async def check(machine: Machine) -> None:
    """See that everybody has everything."""
    repos = Repos(machine.paths, files=partial(template.files, "bubblewrap"))
    meta = PlainMeta(machine.paths.meta, Git(), "rev")
    locked = await meta.locked()
    for name in NAMES:
        sha = await repos.main(name)
        assert sha == await repos.head_of_proposed(name)
        assert await repos.deployed(name) == ("deployed/0", sha)
        assert locked[name] == (sha, "deployed/0")
        assert machine.records[name] == Adopted(name, sha or "", "deployed/0")
    assert len([line for line in await meta.log(50) if line.startswith("deploy ")]) == len(NAMES)


async def test_everybody_gets_repositories_and_a_place_in_meta(machine: Machine) -> None:
    assert await machine.run() == {}
    await check(machine)


async def test_it_is_done_once(machine: Machine) -> None:
    await machine.run()
    before = machine.steps
    machine.records.clear()
    assert await machine.run() == {}
    assert machine.steps == before


async def test_killed_at_any_step_it_is_completed_by_the_next_start(
    machine: Machine, tmp_path: Path
) -> None:
    await machine.run()
    for number in range(1, machine.steps + 1):
        paths = Paths(tmp_path / f"s{number}", tmp_path / "r")
        for name in NAMES:
            paths.agent_config(name).mkdir(parents=True)
        paths.all_applied.mkdir()
        broken = Machine(paths, dies_at=number)
        with pytest.raises(Died):
            await broken.run()
        assert await broken.run() == {}, number
        await check(broken)


async def test_one_that_cannot_be_moved_is_said_and_tried_again(machine: Machine) -> None:
    junk = machine.paths.agent_config(ALICE) / "notes.txt"
    junk.write_text("the manager kept this here")
    assert list(await machine.run()) == [ALICE]
    assert list(machine.records) == [MANAGER]
    assert junk.exists()
    junk.unlink()
    assert await machine.run() == {}
    await check(machine)


@pytest.mark.parametrize("text", ["{}", "[", "\0"])
async def test_a_spoilt_marker_says_what_to_do(machine: Machine, text: str) -> None:
    machine.paths.migrated.write_text(text)
    with pytest.raises(Unavailable, match="remove it"):
        await machine.run()

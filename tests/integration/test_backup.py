"""The documented backup of a hive that runs is whole, and the documented restore brings it back."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import trio

from hive.core import proposals
from hive.errors import Unavailable
from hive.wire.names import MANAGER, OPERATOR, AgentName
from tests.fakes.running import Running, running
from tests.unit.docs.pages import blocks, page, section

ALICE = AgentName("alice")
SENT_MOST = 4000
HOLE_BYTES = 512 * 1024 * 1024


def commands(heading: str) -> str:
    return blocks(section(page("backup.md"), heading), "sh")[0]


async def run(script: str, state: Path, backup: Path) -> None:
    env = {"PATH": os.environ["PATH"], "STATE": str(state), "BACKUP": str(backup)}
    call = partial(subprocess.run, ["sh", "-euc", script], env=env, capture_output=True, text=True)
    done = await trio.to_thread.run_sync(call)
    assert (done.returncode, done.stderr) == (0, "")


async def send_until(live: Running, stop: trio.Event, sent: list[int]) -> None:
    """Write messages, and lines of the audit log, while the backup is made."""
    while not stop.is_set() and len(sent) < SENT_MOST:
        reply = await live.operator("send", to="manager", body=f"number {len(sent)}")
        sent.append(reply["id"])


def make_hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HOLE_BYTES)


async def test_what_is_copied_while_hive_works_is_a_hive(short_tmp: Path) -> None:
    old, new, backup = short_tmp / "old", short_tmp / "new", short_tmp / "copy.tar"
    sent: list[int] = []
    async with running(old) as live:
        await proposals.request_spawn(live.hive, ALICE, "reads", OPERATOR)
        before = (await live.operator("send", to="manager", body="before"))["id"]
        hole = live.hive.paths.agent_state(MANAGER) / "hole"
        await trio.to_thread.run_sync(make_hole, hole)
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_until, live, stop, sent)
            await run(commands("While hive runs"), old / "state", backup)
            stop.set()
        assert sent, "nothing was written meanwhile"
    assert backup.stat().st_mode & 0o077 == 0
    # What takes no room in an agent's directory takes none in the copy.
    assert backup.stat().st_size < HOLE_BYTES // 4
    await run(commands("Restore"), new / "state", backup)
    for place in ("containers", "given", "generations", "quarantine"):
        assert not (new / "state" / place).exists()
    assert (new / "state" / hole.relative_to(old / "state")).stat().st_size == HOLE_BYTES
    async with running(new) as live:
        found = await live.operator("pending")
        assert [row["agent"] for row in found["approvals"]] == ["alice"]
        kept = await live.hive.broker.history(SENT_MOST + 10)
        ids = [each.id for each in kept]
        assert before in ids
        meant = [number for number in sent if number in ids]
        assert meant == sent[: len(meant)]
        said = await live.operator("verify_audit")
        assert said["ok"], said


def copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def put_back(kept: Path, state: Path) -> None:
    for file in state.glob("broker.sqlite*"):
        file.unlink()
    kept.rename(state / "broker.sqlite")


async def test_no_proposal_gets_the_number_of_one_that_the_copy_does_not_know(
    short_tmp: Path,
) -> None:
    kept = short_tmp / "kept.sqlite"
    async with running(short_tmp / "hive") as live:
        state = live.hive.paths.state
        await trio.to_thread.run_sync(copy_database, state / "broker.sqlite", kept)
        forgotten = await proposals.request_spawn(live.hive, ALICE, "reads", OPERATOR)
    await trio.to_thread.run_sync(put_back, kept, state)
    async with running(short_tmp / "hive") as live:
        assert (await live.operator("pending"))["approvals"] == []
        asked = await proposals.request_spawn(live.hive, ALICE, "reads again", OPERATOR)
        assert asked.id > forgotten.id
        assert await live.hive.repos.states(ALICE, asked.id) == {"proposal"}


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
async def test_where_a_hive_has_worked_no_other_begins_without_its_database(
    short_tmp: Path, left: str
) -> None:
    async with running(short_tmp) as live:
        database = live.hive.paths.broker_db
        assert (await live.operator("spawn", name="alice"))["ok"]
    kept = short_tmp / "kept"

    def take() -> None:
        database.rename(kept)
        if left == "an empty file":
            database.touch()

    await trio.to_thread.run_sync(take)
    with pytest.RaisesGroup(pytest.RaisesExc(Unavailable, match="is gone or empty")):
        async with running(short_tmp):
            pass
    await trio.to_thread.run_sync(kept.rename, database)
    async with running(short_tmp) as live:
        assert ALICE in live.hive.agents

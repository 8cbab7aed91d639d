"""The documented backup of a hive that runs is whole, and the documented restore brings it back."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from pathlib import Path

import trio

from hive.core import proposals
from hive.wire.names import OPERATOR, AgentName
from tests.fakes.running import Running, running
from tests.unit.docs.pages import blocks, page, section

ALICE = AgentName("alice")
SENT_MOST = 4000


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


async def test_what_is_copied_while_hive_works_is_a_hive(short_tmp: Path) -> None:
    old, new, backup = short_tmp / "old", short_tmp / "new", short_tmp / "copy.tar"
    sent: list[int] = []
    async with running(old) as live:
        await proposals.request_spawn(live.hive, ALICE, "reads", OPERATOR)
        before = (await live.operator("send", to="manager", body="before"))["id"]
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_until, live, stop, sent)
            await run(commands("While hive runs"), old / "state", backup)
            stop.set()
        assert sent, "nothing was written meanwhile"
    assert backup.stat().st_mode & 0o077 == 0
    await run(commands("Restore"), new / "state", backup)
    for place in ("containers", "given", "generations", "quarantine"):
        assert not (new / "state" / place).exists()
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

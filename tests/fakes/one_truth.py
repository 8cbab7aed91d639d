"""Everything that knows what an agent runs, put side by side, and that it must say the same."""

from __future__ import annotations

import json
from typing import Any

from hive.core.hive import Hive
from hive.wire.names import MANAGER, agent_name
from tests.fakes.kept_runtime import KeptRuntime

X = agent_name("x")
TERMINAL = {"deployed": {"approved"}, "failed": {"failed"}, "denied": {"denied", "cancelled"}}


async def report(hive: Hive, runtime: KeptRuntime) -> dict[str, Any]:
    """Return, as JSON data, all that is known of agent x and of its proposals."""
    history = [*await hive.approvals.pending(), *await hive.approvals.history(500)]
    record = hive.agents.get(X) if X in hive.agents else None
    bodies = [row.body for row in await hive.broker.recent(MANAGER, 500)]
    mail = [json.loads(body) for body in bodies if body.startswith("{")]
    numbers = [row.id for row in history if row.fetched_sha is not None]
    return {
        "approvals": {str(row.id): [row.status, row.fetched_sha] for row in history},
        "tags": {str(each): sorted(await hive.repos.states(X, each)) for each in numbers},
        "main": await hive.repos.main(X),
        "deployed": await hive.repos.deployed(X),
        "locked": (await hive.meta.locked()).get(X),
        "log": await hive.meta.log(500),
        "record": None if record is None else (record.deployed_sha, record.deployed_tag),
        "is_wanted": hive.agents.is_wanted(X),
        "runs": runtime.kept().get("x"),
        "jobs": [(row.id, row.kind, row.state) for row in hive.queue.rows()],
        "told": [one for one in mail if one.get("agent") == "x"],
    }


def agrees(found: dict[str, Any]) -> None:
    """Assert that a report is of one truth, with nothing left to be done."""
    for number, (status, sha) in found["approvals"].items():
        ended = set(found["tags"].get(number, ())) & set(TERMINAL)
        if sha is not None and status != "pending":
            assert [status in TERMINAL[word] for word in ended] == [True], (number, found)
        else:
            assert ended == set(), (number, found)
        told = [one["status"] for one in found["told"] if one.get("id") == int(number)]
        assert told == ([status] if status in {"approved", "denied", "failed"} else []), number
    assert all(state in {"done", "failed", "cancelled"} for _, _, state in found["jobs"]), found
    tag, sha = found["deployed"] or (None, None)
    assert found["main"] == sha, found
    if found["record"] is None:
        assert (found["locked"], found["runs"]) == (None, None), found
    else:
        assert list(found["record"]) == [sha, tag], found
        assert list(found["locked"]) == [sha, tag], found
        assert found["runs"] == (sha if found["is_wanted"] else None), found

"""Everything that knows what an agent runs, put side by side, and that it must say the same."""

from __future__ import annotations

import json
import subprocess
from itertools import compress
from typing import Any

import trio

from hive.core.hive import Hive
from hive.host.git import EMPTY_TREE
from hive.paths import Paths
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
        "comments": {str(row.id): await said_of(hive, row.id) for row in history},
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
        "unclean": await trio.to_thread.run_sync(unclean, hive.paths),
    }


async def said_of(hive: Hive, number: int) -> list[tuple[str, bool]]:
    """Return the comments on a proposal, and whether each was sent."""
    return [(one.text, one.sent_at is not None) for one in await hive.reviews.of(number)]


def agrees_on_comments(found: dict[str, Any]) -> None:
    """Assert that comments were sent with the one denial there was, all of them, or not at all."""
    for number, comments in found["comments"].items():
        told = [one for one in found["told"] if one.get("id") == int(number)]
        is_denied = found["approvals"][number][0] == "denied"
        assert {is_sent for _, is_sent in comments} <= {is_denied}, (number, found)
        heard = [each["comment"] for one in told for each in one.get("comments", [])]
        assert heard == ([text for text, _ in comments] if is_denied else []), (number, found)


def unclean(paths: Paths) -> list[str]:
    """Return what is amiss in the repositories that only the daemon writes."""
    found: list[str] = []
    for repo in (paths.applied(X), paths.meta):
        if not repo.exists():
            continue
        for words in (("status", "--porcelain"), ("fsck", "--strict", "--no-dangling")):
            done = subprocess.run(
                ["git", "-C", str(repo), *words], capture_output=True, text=True, check=False
            )
            said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
            # Where the first commit failed there is no `main`, and a tree that git makes up.
            is_odd = [not line.startswith("notice: ") and EMPTY_TREE not in line for line in said]
            found += [f"{repo}: {line}" for line in compress(said, is_odd)]
    return found


def agrees(found: dict[str, Any], *, is_purged: bool = False) -> None:
    """Assert that a report is of one truth, with nothing left to be done.

    A purge takes the tags of what was decided before with it.
    """
    for number, (status, sha) in found["approvals"].items():
        ended = set(found["tags"].get(number, ())) & set(TERMINAL)
        is_lost = is_purged and not found["tags"].get(number)
        if sha is not None and status != "pending" and not is_lost:
            assert [status in TERMINAL[word] for word in ended] == [True], (number, found)
        else:
            assert ended == set(), (number, found)
        told = [one["status"] for one in found["told"] if one.get("id") == int(number)]
        expected = [status] if status in {"approved", "denied", "failed"} else []
        # Whose commit could not be had was refused to whoever asked.
        is_refused = sha is None and status == "failed" and not told
        assert told == expected or is_refused, (number, found)
    agrees_on_comments(found)
    assert all(state in {"done", "failed", "cancelled"} for _, _, state in found["jobs"]), found
    assert found["unclean"] == [], found
    tag, sha = found["deployed"] or (None, None)
    assert found["main"] == sha, found
    if found["record"] is None:
        assert (found["locked"], found["runs"]) == (None, None), found
    else:
        assert list(found["record"]) == [sha, tag], found
        assert list(found["locked"]) == [sha, tag], found
        assert found["runs"] == (sha if found["is_wanted"] else None), found

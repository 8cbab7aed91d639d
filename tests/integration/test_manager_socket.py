"""The manager's socket against a running daemon: what it asks for, does, and may not do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import trio

from hive.nursery import manager_requests
from hive.wire.agent import AgentRequest
from hive.wire.codec import tag_of
from hive.wire.manager import ManagerRequest
from hive.wire.names import MANAGER, AgentName
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, running
from tests.fakes.runtime import BuildScript, Script

BOB = AgentName("bob")
OWN = sorted({tag_of(kind) for kind in set(get_args(ManagerRequest)) - set(get_args(AgentRequest))})
NAMED = ("kill", "start", "restart", "update")


async def manager(daemon: Running, cmd: str, /, **fields: Any) -> dict[str, Any]:
    """Make one request as the manager."""
    return await daemon.agent("manager", cmd, **fields)


async def event(daemon: Running, wanted: str) -> dict[str, Any]:
    """Take the manager's messages until one tells the wanted event, and return it."""
    with trio.fail_after(10):
        while True:
            reply = await manager(daemon, "recv", wait_seconds=5, max=9)
            bodies = [message["body"] for message in reply["messages"]]
            for told in (json.loads(body) for body in bodies if body.startswith("{")):
                if told["event"] == wanted:
                    return dict(told)


async def with_bob(daemon: Running) -> Path:
    """Make an agent and return its proposed repository."""
    assert (await daemon.operator("spawn", name="bob"))["ok"]
    return daemon.hive.paths.agents / "bob" / "config"


async def approve(daemon: Running, reply: dict[str, Any]) -> None:
    assert reply["kind"] == "approval_queued", reply
    assert (await daemon.operator("approve", id=reply["id"]))["ok"]


async def test_an_agent_is_made_in_two_steps(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        early = await manager(daemon, "request_spawn", name="bob")
        assert early["code"] == "not_found"
        assert "request_init_config" in early["message"]
        asked = await manager(daemon, "request_init_config", name="bob", description="reads logs")
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert (waiting["kind"], waiting["description"]) == ("init_config", "reads logs")
        folder = daemon.hive.paths.agents / "bob" / "config"
        assert not folder.exists()
        await approve(daemon, asked)
        assert await event(daemon, "config_ready") == {"event": "config_ready", "agent": "bob"}
        sha = commit(folder, {"agent.toml": 'description = "reads logs"\n'})
        asked = await manager(daemon, "request_spawn", name="bob")
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert (waiting["kind"], waiting["fetched_sha"]) == ("spawn", sha)
        await approve(daemon, asked)
        spawned = await event(daemon, "spawned")
    tag = f"deployed/{asked['id']}"
    assert spawned == {"event": "spawned", "agent": "bob", "ok": True, "sha": sha, "tag": tag}


async def test_a_commit_is_shown_as_it_was_requested_and_deployed(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        folder = await with_bob(daemon)
        sha = commit(folder, {"agent.toml": 'description = "new"\n'})
        asked = await manager(
            daemon, "request_apply_commit", agent="bob", commit_ref=sha[:10], description="why"
        )
        commit(folder, {"agent.toml": 'description = "worse"\n'})
        shown = (await daemon.operator("diff", id=asked["id"]))["diff"]
        assert (shown["sha"], [file["path"] for file in shown["files"]]) == (sha, ["agent.toml"])
        assert '+description = "new"' in shown["text"]
        assert "worse" not in shown["text"]
        await approve(daemon, asked)
        told = await event(daemon, "approval_resolved")
    assert told == {
        "event": "approval_resolved",
        "id": asked["id"],
        "agent": "bob",
        "commit_ref": sha[:10],
        "status": "approved",
        "sha": sha,
        "tag": f"deployed/{asked['id']}",
    }


@pytest.mark.parametrize(
    "ref",
    [
        *("", "abc123", "main", "HEAD", "0" * 41, "g" * 7, "-" * 7, "--upload-pack=x", "a\nb"),
        *("HEAD~1", "refs/heads/main", "0" * 40, "deadbeef", "AbCdEf1 ", "../../x", "x" * 65),
    ],
)
async def test_only_digits_of_a_commit_that_is_there_are_taken(short_tmp: Path, ref: str) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        reply = await manager(daemon, "request_apply_commit", agent="bob", commit_ref=ref)
        waiting = (await daemon.operator("pending"))["approvals"]
    assert (reply["kind"], waiting) == ("error", [])
    assert reply["code"] in {"bad_request", "too_large", "not_found"}


async def test_what_waits_can_be_withdrawn_by_the_manager_alone(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        asked = await manager(daemon, "request_init_config", name="eve")
        ends = (await manager(daemon, "get_loose_ends"))["loose_ends"]
        assert [(end["kind"], end["id"]) for end in ends] == [("approval", asked["id"])]
        withdraw = {"kind": "approval", "id": asked["id"]}
        assert (await daemon.agent("bob", "cancel_loose_end", **withdraw))["code"] == "refused"
        assert (await manager(daemon, "cancel_loose_end", **withdraw))["kind"] == "ok"
        assert (await manager(daemon, "cancel_loose_end", **withdraw))["code"] == "conflict"
        assert (await daemon.operator("approve", id=asked["id"]))["code"] == "conflict"
        assert (await daemon.operator("pending"))["approvals"] == []
        approval = await daemon.hive.approvals.get(asked["id"])
    assert approval.status == "cancelled"


async def test_the_manager_stops_starts_restarts_and_rebuilds_an_agent(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        assert (await manager(daemon, "kill", name="bob"))["kind"] == "ok"
        assert not (await daemon.runtime.status(BOB)).is_running
        assert await event(daemon, "killed") == {"event": "killed", "agent": "bob"}
        for cmd in ("start", "restart", "update"):
            assert (await manager(daemon, cmd, name="bob"))["kind"] == "ok"
            assert (await daemon.runtime.status(BOB)).is_running
        rebuilt = await event(daemon, "rebuilt")
        rows = (await daemon.operator("jobs"))["jobs"]
    assert (rebuilt["agent"], rebuilt["ok"], rebuilt["tag"]) == ("bob", True, "deployed/0")
    by_kind = {row["kind"]: row["requested_by"] for row in rows}
    assert (by_kind["rebuild"], by_kind["restart"]) == ("manager", "manager")


@pytest.mark.parametrize("name", ["manager", "hm1nd"])
@pytest.mark.parametrize("cmd", ["kill", "start", "restart"])
async def test_the_manager_does_nothing_of_this_to_itself(
    short_tmp: Path, cmd: str, name: str
) -> None:
    async with running(short_tmp) as daemon:
        reply = await manager(daemon, cmd, name=name)
        assert (await daemon.runtime.status(MANAGER)).is_running
        assert len(daemon.runtime.started) == 1
    assert reply["code"] == "refused"
    assert "yourself" in reply["message"]


async def test_the_manager_is_rebuilt_without_waiting_for_it(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        reply = await manager(daemon, "update", name="manager")
        assert reply["kind"] == "begun"
        with trio.fail_after(10):
            told = ""
            while not told.startswith("You were rebuilt"):
                (message,) = (await manager(daemon, "recv", wait_seconds=5))["messages"]
                told = message["body"]
        assert len(daemon.runtime.started) == 2


async def test_work_that_takes_long_goes_on_by_itself(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_requests, "OUTCOME_WAIT_S", 0.05)
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        daemon.runtime.builds[BOB] = BuildScript(takes_s=0.3)
        reply = await manager(daemon, "update", name="bob")
        (row,) = [
            each for each in (await daemon.operator("jobs"))["jobs"] if each["kind"] == "rebuild"
        ]
        assert (reply["kind"], reply["job_id"]) == ("begun", row["id"])
        assert (await event(daemon, "rebuilt"))["ok"]
        assert (await manager(daemon, "kill", name="bob"))["kind"] in {"ok", "begun"}
        daemon.runtime.scripts[BOB] = Script(takes_s=0.3)
        assert (await manager(daemon, "start", name="bob")) == {"kind": "begun", "job_id": None}


async def test_what_fails_is_said_at_once_and_as_an_event(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        daemon.runtime.builds[BOB] = BuildScript(fails="no such package")
        reply = await manager(daemon, "update", name="bob")
        told = await event(daemon, "rebuilt")
        assert (await daemon.runtime.status(BOB)).is_running
    assert reply["kind"] == "error"
    assert "no such package" in reply["message"]
    assert (told["agent"], told["ok"]) == ("bob", False)
    assert "no such package" in told["note"]


async def test_logs_are_fifty_lines_and_never_more_than_fit(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        for number in range(600):
            daemon.runtime.say(BOB, f"line {number}")
        lines = (await manager(daemon, "get_logs", agent="bob"))["lines"]
        assert (len(lines), lines[-1]) == (50, "line 599")
        lines = (await manager(daemon, "get_logs", agent="bob", lines=500))["lines"]
        assert (len(lines), lines[0]) == (500, "line 100")
        for count in (0, -1, 501):
            reply = await manager(daemon, "get_logs", agent="bob", lines=count)
            assert reply["code"] == "bad_request"
        for number in range(500):
            daemon.runtime.say(BOB, f"{number} " + "ä" * 4000)
        lines = (await manager(daemon, "get_logs", agent="bob", lines=500))["lines"]
    assert lines[-1].startswith("499 ")
    assert sum(len(line.encode()) for line in lines) <= 128 * 1024


async def test_inputs_are_asked_for_by_their_names(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        known = [row["name"] for row in (await daemon.operator("meta_inputs"))["meta_inputs"]]
        asked = await manager(
            daemon, "request_update_meta_inputs", inputs=known[:1], description="newer"
        )
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert waiting["id"] == asked["id"]
        assert json.loads(waiting["commit_ref"]) == known[:1]
        for inputs in ([], ["nobody"], ["-x"], ["../x"], ["x" * 201], ["x"] * 101):
            reply = await manager(daemon, "request_update_meta_inputs", inputs=inputs)
            assert reply["code"] in {"bad_request", "too_large"}, inputs
        assert len((await daemon.operator("pending"))["approvals"]) == 1


@pytest.mark.parametrize(
    ("cmd", "fields"),
    [
        ("request_init_config", {"name": "bob"}),
        ("request_spawn", {"name": "bob"}),
        ("request_update_meta_inputs", {}),
    ],
)
async def test_a_reason_is_no_longer_than_a_message(
    short_tmp: Path, cmd: str, fields: dict[str, Any]
) -> None:
    async with running(short_tmp) as daemon:
        if cmd == "request_spawn":
            await approve(daemon, await manager(daemon, "request_init_config", name="bob"))
        reply = await manager(daemon, cmd, description="ä" * 2049, **fields)
        assert (await daemon.operator("pending"))["approvals"] == []
    assert reply["code"] == "too_large"


async def test_no_agents_socket_knows_the_managers_words(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_bob(daemon)
        assert len(OWN) == 9
        for cmd in OWN:
            reply = await daemon.agent("bob", cmd, name="bob")
            assert (reply["kind"], reply["code"]) == ("error", "bad_request")
            assert "unknown cmd" in reply["message"]
        rows = (await daemon.operator("jobs"))["jobs"]
        assert [row["kind"] for row in rows if row["agent"] == "bob"] == ["spawn"]


@pytest.mark.parametrize("cmd", [*NAMED, "get_logs", "request_apply_commit"])
async def test_who_does_not_exist_is_not_found(short_tmp: Path, cmd: str) -> None:
    key = "name" if cmd in NAMED else "agent"
    more = {"commit_ref": "0" * 40} if cmd == "request_apply_commit" else {}
    async with running(short_tmp) as daemon:
        assert (await manager(daemon, cmd, **{key: "zed"}, **more))["code"] == "not_found"

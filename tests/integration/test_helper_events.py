"""All helper events come to the manager by the ways that fire them, with just their fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest
import trio

from hive.core import reviews
from hive.core.reviews import Place
from hive.nursery import state_watch
from hive.store.agents import Deployed
from hive.wire import codec
from hive.wire.codec import tag_of
from hive.wire.helper_events import HelperEvent
from hive.wire.names import MANAGER, AgentName
from tests.fakes.running import Running, running
from tests.fakes.waiting import until

BOB = AgentName("bob")
LATE_S = 20.0


@attrs.define
class Ear:
    """What the manager was told so far, oldest first; each of it is read as strictly as a request.

    What one step is awaited by is behind what the one before it was.
    """

    daemon: Running
    told: list[Any] = attrs.field(factory=list)
    read_to: int = 0

    async def wait(self, kind: str, **fields: object) -> None:
        with trio.fail_after(LATE_S):
            while not self._has_come(kind, fields):
                reply = await self.daemon.agent("manager", "recv", wait_seconds=5, max=32)
                self.told += [
                    codec.from_tagged("event", HelperEvent, json.loads(each["body"]))
                    for each in reply["messages"]
                    if each["from"] == "system" and each["body"].startswith("{")
                ]

    def _has_come(self, kind: str, fields: dict[str, object]) -> bool:
        for at, event in enumerate(self.told[self.read_to :], self.read_to):
            if tag_of(type(event)) == kind:
                assert {key: getattr(event, key) for key in fields} == fields
                self.read_to = at + 1
                return True
        return False


async def do(daemon: Running, who: str, cmd: str, **fields: object) -> dict[str, Any]:
    reply = await daemon.agent(who, cmd, **fields)
    assert reply["kind"] != "error", reply
    return reply


async def approve(daemon: Running, reply: dict[str, Any]) -> int:
    assert (await daemon.operator("approve", id=reply["id"]))["ok"]
    return int(reply["id"])


async def report(daemon: Running, status: str) -> None:
    await do(daemon, "bob", "report_state", status=status, turn_state="idle", model="haiku")


async def test_every_event_is_told_by_what_it_tells_of(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_watch, "LOOK_S", 0.05)
    async with running(short_tmp) as daemon:
        ear = Ear(daemon)
        number = await approve(daemon, await do(daemon, MANAGER, "request_init_config", name="bob"))
        await ear.wait("approval_resolved", id=number, agent="bob", status="approved", tag=None)
        await ear.wait("config_ready", agent="bob")
        asked = await do(daemon, MANAGER, "request_spawn", name="bob")
        number = int(asked["id"])
        await reviews.comment(daemon.hive, number, Place("agent.toml", "new", 1), "whose?")
        assert (await daemon.operator("approve", id=number, comments="send"))["ok"]
        await ear.wait("approval_commented", id=number, agent="bob", more=None)
        tag = f"deployed/{number}"
        await ear.wait("approval_resolved", id=number, status="approved", tag=tag)
        sha = daemon.hive.agents.get(BOB).deployed_sha
        await ear.wait("spawned", agent="bob", ok=True, sha=sha, tag=tag)

        question = (await do(daemon, "bob", "ask", question="tea?", to="manager", multi=True))["id"]
        await ear.wait("question_asked", id=question, asker="bob", question="tea?", multi=True)
        question = (await do(daemon, MANAGER, "ask", question="why?", to="bob"))["id"]
        await do(daemon, "bob", "answer", id=question, answer="so")
        await ear.wait("question_answered", id=question, answer="so", answerer="bob")

        await do(daemon, MANAGER, "update", name="bob")
        await ear.wait("rebuilt", agent="bob", ok=True, sha=sha, tag=tag)
        await report(daemon, "needs_login_idle")
        await ear.wait("needs_login", agent="bob")
        await report(daemon, "online")
        await ear.wait("logged_in", agent="bob")
        record = daemon.hive.agents.get(BOB)
        old = Deployed(BOB, record.deployed_sha, record.deployed_tag, hive_rev="older")
        await daemon.hive.agents.set_deployed(old)
        daemon.hive.view.poke()
        await ear.wait("needs_update", agent="bob")

        await daemon.hive.view.rescan()
        daemon.runtime.crash(BOB, 7)
        await ear.wait("container_crash", agent="bob", note="it ended with 7; it is started again")
        await until(
            lambda: [each.name for each in daemon.runtime.started].count(BOB) > 2, within_s=LATE_S
        )
        await do(daemon, MANAGER, "kill", name="bob")
        await ear.wait("killed", agent="bob")
        asked = await do(daemon, MANAGER, "request_update_meta_inputs", inputs=None)
        assert asked["kind"] == "approval_queued"
        assert (await daemon.operator("deny", id=asked["id"], note="later"))["ok"]
        await ear.wait("approval_resolved", id=asked["id"], status="denied", note="later")
        assert (await daemon.operator("destroy", name="bob", purge=False))["ok"]
        await ear.wait("destroyed", agent="bob")
    assert {type(event) for event in ear.told} == set(get_args(HelperEvent))

"""The agents' sockets against a running daemon: identity, delivery, questions, reminders."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, get_args

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive import calls
from hive.wire.codec import tag_of
from hive.wire.manager import ManagerRequest
from hive.wire.names import MANAGER, agent_name
from tests.fakes.any_json import JSON
from tests.fakes.hostile_names import FEW
from tests.fakes.running import Running, paths_below, running


async def with_agents(daemon: Running, *names: str) -> None:
    for name in names:
        assert (await daemon.operator("spawn", name=name))["ok"]


async def test_the_sender_is_whoever_owns_the_socket(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice", "bob")
        sent = await daemon.agent("alice", "send", to="bob", body="hello")
        (message,) = (await daemon.agent("bob", "recv", max=5))["messages"]
    assert sent["kind"] == "ok"
    assert (message["id"], message["from"], message["body"]) == (sent["id"], "alice", "hello")
    assert message["redelivered"] is False


async def test_what_is_stored_for_an_agent_is_counted_as_its_own(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice", "bob")
        stored = daemon.hive.disk.stored
        before = stored["alice"], stored["bob"]
        assert (await daemon.agent("alice", "send", to="bob", body="x" * 4000))["kind"] == "ok"
        once = stored["alice"] - before[0]
        assert 4000 < once < 10_000
        await daemon.agent("alice", "send", to="*", body="x" * 4000)
        await daemon.agent("alice", "ask", question="y" * 4000)
        await daemon.agent("alice", "send", to="nobody", body="x" * 4000)
        assert stored["alice"] - before[0] == once + 3 * once + 2 * once
        await daemon.agent("bob", "recv")
        assert stored["bob"] == before[1]


async def test_what_an_agent_says_of_itself_is_on_its_row_before_it_is_answered(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "bob")
        name = agent_name("bob")
        await daemon.agent("bob", "report_state", status="online", turn_state="thinking")
        row = daemon.hive.view.row(name)
        assert row is not None
        assert (row.turn_state, row.status_text) == ("thinking", None)
        await daemon.agent("bob", "set_status", text="half done")
        row = daemon.hive.view.row(name)
        assert row is not None
        assert (row.turn_state, row.status_text) == ("thinking", "half done")


async def test_a_parked_recv_wakes_when_a_message_comes(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "bob")
        got: list[dict[str, Any]] = []

        async def wait() -> None:
            got.append(await daemon.agent("bob", "recv", wait_seconds=5))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked(0.02)
            await daemon.operator("send", to="bob", body="wake up")
    assert got[0]["messages"][0]["from"] == "operator"
    assert got[0]["messages"][0]["origin"] == "operator"


async def test_what_is_not_acknowledged_comes_back_as_redelivered(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "bob")
        await daemon.operator("send", to="bob", body="one")
        await daemon.agent("bob", "recv")
        await daemon.agent("bob", "requeue_inflight")
        (again,) = (await daemon.agent("bob", "recv"))["messages"]
        assert again["redelivered"] is True
        assert (await daemon.agent("bob", "ack_turn", ids=[again["id"]]))["count"] == 1
        await daemon.agent("bob", "requeue_inflight")
        assert (await daemon.agent("bob", "recv"))["messages"] == []


async def test_a_message_for_a_client_that_left_waits_for_the_next(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "bob")
        with trio.move_on_after(0.1):
            await daemon.agent("bob", "recv", wait_seconds=100)
        await daemon.operator("send", to="bob", body="one")
        (message,) = (await daemon.agent("bob", "recv", wait_seconds=5))["messages"]
    assert message["body"] == "one"


async def test_a_question_to_the_operator_is_answered_as_an_event(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        asked = await daemon.agent("alice", "ask", question="red or blue?", options=["red", "blue"])
        ends = (await daemon.agent("alice", "get_loose_ends"))["loose_ends"]
        assert [(end["kind"], end["id"]) for end in ends] == [("question", asked["id"])]
        await daemon.hive.questions.answer(asked["id"], "operator", "red")
        (message,) = (await daemon.agent("alice", "recv"))["messages"]
    assert asked["kind"] == "question_queued"
    assert message["from"] == "system"
    assert json.loads(message["body"])["answer"] == "red"


async def test_wake_puts_a_labelled_message_into_the_own_inbox(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        await daemon.agent("alice", "wake", **{"from": "matrix: room", "body": "hi"})
        (message,) = (await daemon.agent("alice", "recv"))["messages"]
    assert (message["from"], message["origin"]) == ("matrix: room", "external")


@pytest.mark.parametrize(
    ("cmd", "fields", "code"),
    [
        ("send", {"to": "nobody", "body": "x"}, "not_found"),
        ("send", {"to": "../bob", "body": "x"}, "bad_request"),
        ("send", {"to": "operator", "body": "ä" * 2049}, "too_large"),
        ("recv", {"wait_seconds": 181}, "bad_request"),
        ("recv", {"max": 33}, "bad_request"),
        ("recv", {"max": 0}, "bad_request"),
        ("recv", {"origin": "nobody"}, "bad_request"),
        ("wake", {"from": "operator", "body": "x"}, "bad_request"),
        ("wake", {"from": "System", "body": "x"}, "bad_request"),
        ("answer", {"id": 1, "answer": "x"}, "not_found"),
        ("remind", {"message": "x"}, "bad_request"),
        ("set_status", {"text": "x" * 201}, "bad_request"),
        ("set_status", {"text": "\ud800"}, "bad_request"),
        ("send", {"to": "operator", "body": "x", "dedupe_key": "x" * 201}, "too_large"),
        ("send", {"to": "operator", "body": "x", "dedupe_key": "\ud800"}, "bad_request"),
        ("report_state", {"status": "x" * 101, "turn_state": "idle"}, "too_large"),
        ("report_state", {"status": "online", "turn_state": "x" * 101}, "too_large"),
        ("report_state", {"status": "a", "turn_state": "b", "note": "x" * 2001}, "too_large"),
        ("approve", {"id": 1}, "bad_request"),
        ("spawn", {"name": "eve"}, "bad_request"),
        ("destroy", {"name": "manager"}, "bad_request"),
    ],
)
async def test_bad_input_and_operator_verbs_are_refused(
    short_tmp: Path, cmd: str, fields: dict[str, object], code: str
) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        reply = await daemon.agent("alice", cmd, **fields)
    assert (reply["kind"], reply["code"]) == ("error", code)


async def test_one_agent_takes_no_more_than_its_share_of_the_connections(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon, AsyncExitStack() as stack:
        await with_agents(daemon, "alice", "bob")
        path = daemon.hive.paths.agent_socket(agent_name("alice"))
        held = [await stack.enter_async_context(await calls.connect(path)) for _ in range(128)]
        for stream in held:
            await stream.send_all(b'{"cmd":"whoami"}\n')
            assert b"alice" in await stream.receive_some()
        assert (await daemon.agent("alice", "whoami"))["code"] == "unavailable"
        assert (await daemon.agent("bob", "whoami"))["name"] == "bob"


async def test_whoami_is_answered_from_the_socket(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        assert (await daemon.agent("alice", "whoami"))["name"] == "alice"
        assert (await daemon.agent("manager", "whoami"))["role"] == "manager"


async def test_what_a_harness_reports_shows_on_its_row(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        report = {"status": "online", "turn_state": "thinking", "model": "haiku"}
        with daemon.hive.feed.watch() as watch, trio.fail_after(5):
            await daemon.agent("alice", "report_state", **report)
            while daemon.hive.view.rows()[-1].turn_state != "thinking":
                await watch.next()
    assert daemon.hive.view.rows()[1].active_model == "haiku"


async def test_a_crashed_container_is_started_again_and_the_manager_told(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await with_agents(daemon, "alice")
        await daemon.hive.view.rescan()
        name = daemon.hive.agents.names()[1]
        with trio.fail_after(10), daemon.hive.feed.watch() as watch:
            while not daemon.hive.view.rows()[1].running:
                await watch.next()
            daemon.hive.view.poke()
            await trio.testing.wait_all_tasks_blocked(0.1)
            daemon.runtime.crash(name, 7)
            messages: list[dict[str, Any]] = []
            while not any("container_crash" in each["body"] for each in messages):
                reply = await daemon.agent("manager", "recv", wait_seconds=5, max=9)
                messages += reply["messages"]
            while [spec.name for spec in daemon.runtime.started].count(name) < 2:
                await watch.next()
    event = json.loads(messages[-1]["body"])
    assert (event["agent"], event["note"]) == ("alice", "it ended with 7; it is started again")


REQUESTS = sorted({tag_of(kind) for kind in get_args(ManagerRequest)})
FIELDS = st.sampled_from(
    [
        *("to", "body", "id", "ids", "answer", "message", "question", "kind", "text", "from"),
        *("limit", "name", "agent", "commit_ref", "inputs", "lines", "description"),
    ]
)
VALUES = JSON | st.sampled_from([MANAGER, "zed", "approval", "0" * 40, *FEW])


def test_no_request_makes_an_internal_error(short_tmp: Path) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.tuples(st.sampled_from(REQUESTS), st.dictionaries(FIELDS, VALUES, max_size=4)))
    )
    def every(requests: list[tuple[str, dict[str, object]]]) -> None:
        for cmd, fields in requests:
            reply = trio.from_thread.run(call, cmd, fields)
            assert reply.get("code") != "internal", (cmd, fields, reply)

    async def call(cmd: str, fields: dict[str, object]) -> dict[str, object]:
        socket = paths_below(short_tmp).agent_socket(MANAGER)
        return await calls.call(socket, {**fields, "cmd": cmd}, timeout_s=10)

    async def main() -> None:
        async with running(short_tmp):
            await trio.to_thread.run_sync(every)

    trio.run(main)

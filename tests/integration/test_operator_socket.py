"""The operator's socket against a running daemon: lifecycle, approvals, talk, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive import calls
from hive.errors import Conflict
from hive.wire.admin import AdminRequest
from hive.wire.codec import tag_of
from hive.wire.names import AgentName, agent_name
from tests.fakes.any_json import JSON
from tests.fakes.running import paths_below, running
from tests.fakes.runtime import FakeHost, Script
from tests.fakes.waiting import until

STATUS_KEYS = [
    "name",
    "running",
    "failed",
    "needs_update",
    "needs_login",
    "pending_reminders",
    "paused",
    "url",
]


async def test_a_fresh_hive_has_a_running_manager(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        reply = await daemon.operator("list")
    assert reply == {"version": 1, "ok": True, "agents": ["manager"]}
    assert [spec.name for spec in daemon.runtime.started] == ["manager"]


async def test_a_status_row_has_the_keys_of_the_contract_in_order(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        (row,) = (await daemon.operator("agent_status"))["agent_statuses"]
    assert [key for key in row if key in STATUS_KEYS] == STATUS_KEYS


async def test_every_link_leads_where_the_operator_opens_the_dashboard(short_tmp: Path) -> None:
    async with running(short_tmp, public_url="https://hive.example.org/") as daemon:
        urls = (await daemon.operator("urls"))["urls"]
        link = (await daemon.operator("login_link"))["url"]
        (row,) = (await daemon.operator("agent_status"))["agent_statuses"]
    assert urls == {"domain": "hive.example.org", "home": "https://hive.example.org"}
    assert link.startswith("https://hive.example.org/login?token=")
    assert row["url"] == "https://hive.example.org/agent/manager/"


async def test_spawn_starts_a_container_and_list_names_it(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="alice"))["ok"]
        assert (await daemon.operator("list"))["agents"] == ["manager", "alice"]
        spec = daemon.runtime.started[-1]
    assert spec.argv[-4:] == ("agent", "serve", "--config", "/etc/hive/harness.json")
    assert {bind.target for bind in spec.binds} >= {
        "/run/hive",
        "/state",
        "/root/.claude",
        "/shared",
    }


async def test_what_cannot_be_started_is_not_registered(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        daemon.runtime.scripts[daemon.hive.agents.names()[0].__class__("alice")] = Script(
            fails="no"
        )
        reply = await daemon.operator("spawn", name="alice")
        assert reply["ok"] is False
        assert (await daemon.operator("list"))["agents"] == ["manager"]
        daemon.runtime.scripts.clear()
        assert (await daemon.operator("spawn", name="alice"))["ok"]


async def test_a_requested_agent_appears_once_it_is_approved(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        number = (await daemon.operator("request_spawn", name="bob"))["approval_id"]
        (waiting,) = (await daemon.operator("pending"))["approvals"]
        assert (waiting["id"], waiting["agent"], waiting["status"]) == (number, "bob", "pending")
        assert (await daemon.operator("list"))["agents"] == ["manager"]
        assert (await daemon.operator("approve", id=number))["ok"]
        assert (await daemon.operator("list"))["agents"] == ["manager", "bob"]


async def test_a_graceful_stop_waits_for_the_turn_and_lets_no_other_begin(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        mark = daemon.hive.paths.agent_state(AgentName("alice")) / "hyperhive-paused"
        await daemon.hive.view.rescan()
        await daemon.agent("alice", "report_state", status="online", turn_state="thinking")
        await until(lambda: daemon.hive.view.row(AgentName("alice")).turn_state == "thinking")
        replies: list[bool] = []

        async def stop() -> None:
            scope = {"agent_names": ["alice"]}
            replies.append((await daemon.operator("stop", scope=scope, graceful=True))["ok"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            await until(mark.exists)
            await trio.testing.wait_all_tasks_blocked(0.1)
            assert (await daemon.runtime.status(AgentName("alice"))).is_running
            await daemon.agent("alice", "report_state", status="paused", turn_state="idle")
        assert replies == [True]
        assert not (await daemon.runtime.status(AgentName("alice"))).is_running
        assert (await daemon.operator("start", scope={"agent_names": ["alice"]}))["ok"]
        assert not mark.exists()


async def test_a_graceful_stop_does_not_wait_for_a_harness_that_never_spoke(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.hive.view.rescan()
        with trio.fail_after(5):
            scope = {"agent_names": ["alice"]}
            assert (await daemon.operator("stop", scope=scope, graceful=True))["ok"]


async def test_deciding_twice_at_once_runs_once(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        number = (await daemon.operator("request_spawn", name="bob"))["approval_id"]
        replies: list[bool] = []

        async def decide(cmd: str) -> None:
            replies.append((await daemon.operator(cmd, id=number))["ok"])

        async with trio.open_nursery() as nursery:
            for cmd in ("approve", "approve", "approve"):
                nursery.start_soon(decide, cmd)
        assert sorted(replies) == [False, False, True]
        assert [spec.name for spec in daemon.runtime.started].count("bob") == 1


async def test_a_denied_agent_is_not_made_and_the_manager_hears_the_reason(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        number = (await daemon.operator("request_spawn", name="bob"))["approval_id"]
        assert (await daemon.operator("deny", id=number, note="not now"))["ok"]
        assert (await daemon.operator("approve", id=number))["code"] == "conflict"
        messages = (await daemon.agent("manager", "recv", max=9))["messages"]
    event = json.loads(messages[-1]["body"])
    assert (event["event"], event["status"], event["note"]) == (
        "approval_resolved",
        "denied",
        "not now",
    )


async def test_kill_and_start_and_destroy(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        assert (await daemon.operator("kill", name="alice"))["ok"]
        rows = (await daemon.operator("agent_status"))["agent_statuses"]
        started = await daemon.operator("start", scope={"agent_names": ["alice"]})
        assert started["ok"]
        assert (await daemon.operator("destroy", name="alice"))["ok"]
        assert (await daemon.operator("list"))["agents"] == ["manager"]
        assert daemon.hive.paths.agents.joinpath("alice").exists()
    assert [row["name"] for row in rows] == ["manager", "alice"]


async def test_purge_removes_what_was_kept(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        assert (await daemon.operator("destroy", name="alice", purge=True))["ok"]
        assert not daemon.hive.paths.agents.joinpath("alice").exists()


@pytest.mark.parametrize(
    ("cmd", "fields", "code"),
    [
        ("spawn", {"name": ".."}, "bad_request"),
        ("spawn", {"name": "operator"}, "bad_request"),
        ("spawn", {"name": "a" * 10}, "bad_request"),
        ("spawn", {"name": "Alice"}, "bad_request"),
        ("spawn", {"name": "manager"}, "bad_request"),
        ("kill", {"name": "nobody"}, "not_found"),
        ("destroy", {"name": "manager"}, "refused"),
        ("destroy", {"name": "hm1nd"}, "refused"),
        ("approve", {"id": 99}, "not_found"),
        ("deny", {"id": "1"}, "bad_request"),
        ("start", {"scope": {}}, "bad_request"),
        ("start", {"scope": {"agent_names": []}}, "bad_request"),
        ("stop", {"scope": {"agent_names": ["nobody"]}}, "not_found"),
        ("send", {"to": "nobody", "body": "x"}, "not_found"),
        ("send", {"to": "manager", "body": " "}, "bad_request"),
        ("send", {"to": "manager", "body": "x" * 4097}, "too_large"),
        ("logs", {"name": "manager", "lines": 501}, "bad_request"),
        ("inbox", {"limit": 0}, "bad_request"),
        ("list", {"extra": 1}, "bad_request"),
        ("recv", {}, "bad_request"),
    ],
)
async def test_bad_input_is_a_clear_error(
    short_tmp: Path, cmd: str, fields: dict[str, object], code: str
) -> None:
    async with running(short_tmp) as daemon:
        reply = await daemon.operator(cmd, **fields)
    assert (reply["version"], reply["ok"], reply["code"]) == (1, False, code)
    assert len(reply["error"]) > 10


COMMANDS = sorted({tag_of(kind) for kind in get_args(AdminRequest)} - {"subscribe_agent_status"})


def test_no_request_makes_an_internal_error(short_tmp: Path) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(COMMANDS),
                st.dictionaries(
                    st.sampled_from(["name", "id", "to", "body", "scope", "note", "limit"]),
                    JSON,
                    max_size=4,
                ),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def every(requests: list[tuple[str, dict[str, object]]]) -> None:
        for cmd, fields in requests:
            reply = trio.from_thread.run(call, cmd, fields)
            assert reply["version"] == 1
            assert reply.get("code") != "internal", (cmd, fields, reply)

    async def call(cmd: str, fields: dict[str, object]) -> dict[str, object]:
        return await calls.call(
            paths_below(short_tmp).host_socket, {**fields, "cmd": cmd}, timeout_s=10
        )

    async def main() -> None:
        async with running(short_tmp):
            await trio.to_thread.run_sync(every)

    trio.run(main)


async def test_status_changes_are_streamed(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        stream = await calls.connect(daemon.hive.paths.host_socket)
        await stream.send_all(b'{"cmd":"subscribe_agent_status"}\n')
        got = b""
        with trio.fail_after(10):
            while b"\n" not in got:
                got += await stream.receive_some()
            await daemon.operator("spawn", name="alice")
            while b'"alice"' not in got:
                got += await stream.receive_some()
        await stream.aclose()
    first, second, *_ = [json.loads(line) for line in got.splitlines()]
    assert first == {"version": 1, "ok": True}
    assert len(second["agent_statuses"]) == 1


async def test_a_second_daemon_on_the_same_root_is_refused(short_tmp: Path) -> None:
    async with running(short_tmp):
        with pytest.RaisesGroup(Conflict, allow_unwrapped=True, flatten_subgroups=True):
            async with running(short_tmp):
                pass


async def test_a_restarted_daemon_adopts_and_starts_no_second_copy(short_tmp: Path) -> None:
    host = FakeHost()
    async with running(short_tmp, host) as first:
        await first.operator("spawn", name="alice")
    async with running(short_tmp, host) as second:
        assert second.runtime.started == []
        assert (await second.operator("list"))["agents"] == ["manager", "alice"]


async def test_a_stopped_agent_stays_stopped_over_a_restart(short_tmp: Path) -> None:
    async with running(short_tmp) as first:
        await first.operator("spawn", name="alice")
        await first.operator("kill", name="alice")
    async with running(short_tmp) as second:
        assert [spec.name for spec in second.runtime.started] == ["manager"]


async def test_a_stop_interrupts_a_start_that_takes_long(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.operator("kill", name="alice")
        daemon.runtime.scripts[agent_name("alice")] = Script(takes_s=600)
        replies: dict[str, dict[str, object]] = {}

        async def start() -> None:
            replies["start"] = await daemon.operator("start", scope={"agent_names": ["alice"]})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(start)
            while daemon.hive.transients.get(agent_name("alice")) is None:
                await trio.lowlevel.checkpoint()
            replies["kill"] = await daemon.operator("kill", name="alice")
        rows = (await daemon.operator("agent_status"))["agent_statuses"]
    assert replies["kill"]["ok"] is True
    assert replies["start"]["code"] == "conflict"
    assert [row["running"] for row in rows] == [True, False]


async def test_nothing_of_a_destroyed_agents_secrets_stays(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        given = daemon.hive.paths.given(agent_name("alice"))
        assert given.exists()
        await daemon.operator("destroy", name="alice")
        assert not given.exists()

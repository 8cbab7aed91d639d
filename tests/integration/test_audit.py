"""The audit log of a running daemon: everything done is in it, and nobody floods it."""

from __future__ import annotations

import inspect
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
import trio

from hive import cli
from hive.core import actions, notify_actions
from hive.core.hive import Hive
from hive.store import audit_anchor, audit_files
from hive.wire.audit import AuditEntry
from tests.fakes.full_disk import full_disk
from tests.fakes.http_client import fetch
from tests.fakes.running import Running, paths_below, running
from tests.integration.web.dashboard import FORM, browsing

ROOT = Path(__file__).parents[2]
KILLED_AT = (1, 7, 60)


async def entries(hive: Hive) -> list[AuditEntry]:
    """Return the lines of a hive's log, oldest first."""
    await hive.audit.settle()
    return [row.entry for row in hive.audit.newest(200)][::-1]


async def of(hive: Hive, action: str) -> list[AuditEntry]:
    """Return the lines of one action."""
    return [each for each in await entries(hive) if each.action == action]


def log_of(root: Path) -> list[dict[str, Any]]:
    """Return the lines of a hive that is not running."""
    return [json.loads(line) for _, line in audit_files.export(paths_below(root).audit)]


@pytest.mark.parametrize("room", [actions, notify_actions])
def test_every_action_of_the_operator_is_recorded(room: ModuleType) -> None:
    verbs = {
        name: verb
        for name, verb in vars(room).items()
        if inspect.isfunction(verb)
        and not name.startswith("_")
        and verb.__module__ == room.__name__
    }
    assert verbs
    assert [name for name, verb in verbs.items() if not hasattr(verb, "__wrapped__")] == []


async def test_an_action_on_the_socket_is_begun_and_ends_with_who_and_what(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        sent = await daemon.operator("send", to="alice", body="a secret plan")
        begun, done = await of(daemon.hive, "send")
        spawned = [each for each in await of(daemon.hive, "spawn") if each.subject == "alice"]
    assert (begun.actor, begun.surface, begun.subject, begun.outcome) == (
        "operator",
        "socket",
        "alice",
        "begun",
    )
    assert {"uid", "pid"} <= set(begun.detail)
    assert (done.outcome, done.detail["result"]) == ("done", sent["id"])
    assert [(each.surface, each.outcome) for each in spawned] == [
        ("socket", "begun"),
        ("socket", "done"),
        ("queue", "done"),
    ]
    assert "a secret plan" not in str([begun, done])


async def test_what_is_refused_and_what_fails_is_recorded_with_the_sentence(
    short_tmp: Path,
) -> None:
    async with running(short_tmp, fails={"bob": "no room in the box"}) as daemon:
        assert (await daemon.operator("kill", name="nobody"))["code"] == "not_found"
        assert not (await daemon.operator("spawn", name="bob"))["ok"]
        refused = (await of(daemon.hive, "stop"))[-1]
        failed = (await of(daemon.hive, "spawn"))[-1]
    assert (refused.outcome, refused.subject) == ("refused", "nobody")
    assert "there is no agent" in str(refused.detail["why"])
    assert (failed.outcome, failed.subject, failed.actor) == ("failed", "bob", "operator")
    assert "no room in the box" in str(failed.detail["why"])


async def test_the_page_and_a_token_are_told_apart(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        token = browser.hive.access.create_token("nightly")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": FORM}
        body = b"to=bob&body=hello"
        await fetch(browser.port, "POST", "/op-send", headers=headers, body=body)
        await browser.post("/op-send", to="bob", body="hello")
        by_token, _, by_page, _ = await of(browser.hive, "send")
        logins = await of(browser.hive, "log_in")
    assert (by_token.surface, by_token.detail["token"]) == ("token", "nightly")
    assert by_page.surface == "page"
    assert [each.outcome for each in logins] == ["begun", "done"]
    assert by_page.detail["session"] == logins[1].detail["session"]
    assert str(by_page.detail["session"]) not in browser.cookie


async def test_what_the_door_refuses_is_recorded(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        port, own = browser.port, browser.headers(is_write=True)
        await fetch(port, "GET", "/", headers={"Host": f"evil.example:{port}"})
        await fetch(port, "POST", "/kill/bob", headers={**own, "Origin": "http://evil.example"})
        await fetch(port, "POST", "/kill/bob", headers={"Origin": own["Origin"]})
        await fetch(port, "GET", "/api/state", headers={"Authorization": "Bearer nonsense"})
        for _ in range(500):
            browser.hive.audit.denied(
                actor="nobody", surface="page", action="log_in", subject="GET /login", why="used"
            )
        await fetch(port, "GET", "/login?token=nonsense")
        found = [each for each in await entries(browser.hive) if each.actor == "nobody"]
    assert {(each.action, each.subject) for each in found} == {
        ("ask_by_another_name", "GET /"),
        ("act_from_elsewhere", "POST /kill/bob"),
        ("act_without_login", "POST /kill/bob"),
        ("use_token", "GET /api/state"),
        ("log_in", "GET /login"),
    }
    assert {each.outcome for each in found} == {"refused"}
    assert 500 in {each.detail["count"] for each in found}


async def test_an_agent_that_oversteps_is_recorded_and_cannot_flood_the_log(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="eve")
        before = len(await entries(daemon.hive))
        for number in range(300):
            reply = await daemon.agent("eve", "destroy", name=f"a{number}")
            assert reply["kind"] == "error"
        await daemon.agent("eve", "send", to="operator", body="hi", **{"from": "operator"})
        await daemon.agent("eve", "answer", id=1, answer="yes")
        # What is no word at all is nobody's, and nothing fails by it.
        reply = await daemon.agent("eve", cast("str", ["destroy"]))
        assert reply["code"] == "bad_request"
        found = (await entries(daemon.hive))[before:]
    assert {(each.actor, each.surface, each.outcome) for each in found} == {
        ("eve", "agent socket", "refused"),
    }
    assert "(others)" in {each.action for each in found}
    assert len(found) < 30
    counted = sum(int(str(each.detail["count"])) for each in found)
    assert counted == 301


async def test_a_manager_that_asks_without_end_is_gathered(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        for _ in range(200):
            reply = await daemon.agent(
                "manager", "request_apply_commit", agent="nobody", commit_ref="0a9d3f1"
            )
            assert reply["code"] == "not_found"
        found = [each for each in await entries(daemon.hive) if each.actor == "manager"]
    ends = [each for each in found if each.outcome == "refused"]
    assert len(found) < 140
    assert sum(int(str(each.detail.get("count", 1))) for each in ends) == 200


async def test_what_cannot_be_recorded_is_not_done(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        with full_disk(browser.hive):
            reply = await browser.post("/op-send", to="bob", body="unrecorded")
            assert (reply.status, reply.code) == (503, "unavailable")
            assert "nothing is done that cannot be recorded" in reply.json()["error"]["message"]
            link = await browser.daemon.operator("login_link")
            assert link["code"] == "unavailable"
            notices = (await browser.get("/api/state")).json()["notices"]
            assert any("audit log" in each["message"] for each in notices)
            assert (await browser.daemon.agent("bob", "recv"))["messages"] == []
        reply = await browser.post("/op-send", to="bob", body="recorded")
        assert reply.status == 200
        (message,) = (await browser.daemon.agent("bob", "recv", max=5))["messages"]
        assert message["body"] == "recorded"
        assert (await browser.hive.audit.verify()).problems == ()


async def test_a_daemon_tells_of_its_start_its_stop_and_of_what_happens_to_agents(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.operator("restart", name="alice")
    lines = log_of(short_tmp)
    words = [(each["action"], each["subject"], each["outcome"]) for each in lines]
    assert words[0] == ("start", "", "done")
    assert words[-1] == ("stop", "", "done")
    assert ("restarting", "alice", "done") in words
    assert audit_anchor.look(paths_below(short_tmp).broker_db).n == len(lines)
    async with running(short_tmp) as daemon:
        assert (await daemon.hive.audit.verify()).lines > len(lines)


async def test_a_log_that_was_changed_meanwhile_is_said_on_the_page(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")
    (path,) = audit_files.list_segments(paths_below(short_tmp).audit)
    path.write_bytes(path.read_bytes().replace(b'"alice"', b'"carol"', 1))
    async with browsing(short_tmp) as browser:
        verified = await browser.daemon.operator("verify_audit")
        page = (await browser.get("/api/state")).json()
        shown = (await browser.get("/api/audit?limit=5")).json()
    assert "was changed" in verified["audit"]["problems"][0]
    assert any("hive.pyz audit verify" in each["message"] for each in page["notices"])
    assert shown["faults"]
    assert len(shown["rows"]) == 5


def _killed(directory: Path, lines: int) -> int:
    """Let a child write, kill it after so many answers; returns the last number it answered."""
    command = [sys.executable, "-m", "tests.integration.auditing_child", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        said += child.stdout.readlines()
    return max(int(line) for line in said if line.endswith(b"\n"))


@pytest.mark.parametrize("lines", KILLED_AT)
def test_a_killed_writer_leaves_a_log_that_verifies_with_all_it_answered(
    tmp_path: Path, lines: int
) -> None:
    answered = 0
    for _ in range(2):
        answered = max(answered, _killed(tmp_path, lines))
        anchor = audit_anchor.look(tmp_path / "broker.sqlite")
        report = audit_files.verify(tmp_path / "audit", [(anchor, "the database")])
        assert report.problems == ()
        assert report.head is not None
        assert report.head.n >= answered


def _run(*words: str) -> int:
    return cli.main(["audit", *words])


async def _made(root: Path) -> Running:
    async with running(root) as daemon:
        await daemon.operator("spawn", name="alice")
        await daemon.operator("spawn", name="bob")
        return daemon


async def test_the_verbs_read_the_files_where_no_daemon_runs(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await _made(short_tmp)
    root = ("--root", str(short_tmp))
    assert _run("verify", *root) == 0
    told = capsys.readouterr().out
    assert "each as it was written, and none is missing" in told
    head = told.splitlines()[-1].removeprefix("head ")
    assert _run("verify", *root, "--head", head) == 0
    assert _run("verify", *root, "--head", f"2:{'0' * 64}") == 1
    assert "is not the one" in capsys.readouterr().out
    assert _run("export", *root, "--agent", "bob", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["subject"] for each in lines} == {"bob"}
    assert _run("export", *root, "--since", "1h") == 0
    assert "operator (socket)" in capsys.readouterr().out
    assert _run("export", *root, "--until", "2001-01-01") == 0
    assert capsys.readouterr().out == ""


async def test_the_verbs_ask_a_daemon_that_runs(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="alice")

        async def say(*words: str) -> subprocess.CompletedProcess[bytes]:
            command = [sys.executable, "-m", "hive", "audit", *words, "--root", str(short_tmp)]
            return await trio.run_process(command, capture_stdout=True, check=False, cwd=ROOT)

        whole = await say("verify")
        assert (whole.returncode, b"the daemon's log" in whole.stdout) == (0, True)
        head = whole.stdout.decode().splitlines()[-1].removeprefix("head ")
        assert (await say("verify", "--head", head)).returncode == 0
        assert (await say("verify", "--head", f"1:{'0' * 64}")).returncode == 1
        lines = (await say("export", "--agent", "alice", "--json")).stdout.splitlines()
        assert {json.loads(line)["subject"] for line in lines} == {"alice"}


@pytest.mark.parametrize("words", [("export", "--since", "tomorrow"), ("verify", "--head", "x")])
def test_what_is_no_time_and_no_head_is_refused(
    words: tuple[str, ...], short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(*words, "--root", str(short_tmp)) == 2
    assert "hive: " in capsys.readouterr().err

"""Why an agent does not work: the same sentence by the socket, the page, the row and the verb."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from hive.nursery.crash_watch import Crash
from hive.wire.names import AgentName
from tests.fakes.http_client import EventReader, open_events
from tests.fakes.running import running
from tests.fakes.waiting import until
from tests.integration.test_operator_work import Shell
from tests.integration.web.dashboard import Browser, browsing

BOB = AgentName("bob")


async def told(browser: Browser) -> dict[str, Any]:
    """Ask every surface for bob's reason and return the one that they all gave."""
    daemon = browser.daemon
    (by_socket,) = (await daemon.operator("why", name="bob"))["why"]
    by_page = (await browser.get("/api/agents/bob/why")).json()
    rows = (await daemon.operator("agent_status"))["agent_statuses"]
    (by_status,) = [row["why"] for row in rows if row["name"] == "bob"]
    (row,) = [
        row
        for row in (await browser.get("/api/state")).json()["containers"]
        if row["name"] == "bob"
    ]
    known = {key: value for key, value in by_page.items() if value is not None}
    assert by_socket == known == {"name": "bob", **by_status}
    assert {"name": "bob", **row["why"]} == by_page
    found: dict[str, Any] = by_socket
    return found


async def report(browser: Browser, **fields: Any) -> None:
    """Let bob's harness say something."""
    plain = {"status": "online", "turn_state": "idle", "since": 1_795_410_000.0}
    assert (await browser.daemon.agent("bob", "report_state", **{**plain, **fields}))["kind"] == (
        "ok"
    )


async def test_every_surface_gives_the_same_reason_for_whatever_an_agent_is_at(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        assert (await told(browser))["code"] == "coming_up"
        await report(browser, phase="waiting")
        assert (await told(browser))["sentence"].startswith("it waits for a message since 2026-11")
        note = "claude's account is at its limit: resets 6pm"
        await report(
            browser, phase="rate_limited", status="rate_limited", note=note, until=1_795_413_600.0
        )
        found = await told(browser)
        assert (found["code"], found["until"]) == ("rate_limited", "2026-11-23T06:00:00Z")
        await report(browser, phase="thinking", turn_state="thinking")
        assert (await told(browser))["code"] == "working"
        everybody = (await browser.daemon.operator("why"))["why"]
        assert "bob" not in [row["name"] for row in everybody]

        await browser.post("/set-paused/bob", paused="true")
        await report(browser, phase="paused", status="paused", note="said by the harness")
        found = await told(browser)
        assert (found["code"], found["by"]) == ("paused", "operator")
        shell = Shell(browser.daemon, capsys)
        said = await shell.run("why", "bob")
        assert said == f"bob: {found['sentence']}\n  mend: hive.pyz resume bob\n"
        assert found["sentence"] in await shell.run("why")
        assert found["sentence"] in await shell.run("list")


async def test_the_strip_of_notices_follows_the_agents_on_the_stream(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:

        async def told_of(events: EventReader, kind: str) -> dict[str, Any] | None:
            with trio.fail_after(10):
                while (frame := (await events.next()).data)["kind"] != "notices_changed":
                    pass
            return next((one for one in frame["notices"] if one["kind"] == kind), None)

        target = "/dashboard/stream"
        async with open_events(browser.port, target, headers=browser.headers()) as events:
            await browser.post("/kill/bob")
            while (notice := await told_of(events, "off")) is None:
                pass
            assert (notice["level"], notice["about"]) == ("info", ["bob"])
            assert notice in (await browser.get("/api/state")).json()["notices"]
            await browser.post("/start/bob")
            while await told_of(events, "off") is not None:
                pass


async def test_who_stopped_an_agent_is_known_after_the_daemon_was_restarted(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        host = browser.daemon.runtime.host
        assert (await browser.daemon.agent("manager", "kill", name="bob"))["kind"] == "ok"
        before = await told(browser)
        assert (before["code"], before["by"]) == ("stopped", "manager")
    async with running(short_tmp, host) as daemon:
        (after,) = (await daemon.operator("why", name="bob"))["why"]
        assert (after["code"], after["by"]) == ("stopped", "manager")


async def test_a_crash_names_its_end_its_last_line_and_its_next_start(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Crash, "delay_s", lambda _: 60.0)
    async with browsing(short_tmp, "bob") as browser:
        daemon = browser.daemon
        daemon.runtime.say(BOB, "out of luck")
        daemon.runtime.crash(BOB, 3)

        def row_code() -> str:
            row = daemon.hive.view.row(BOB)
            return "" if row is None or row.why is None else row.why.code

        await until(lambda: row_code() == "crashed")
        row = daemon.hive.view.row(BOB)
        assert row is not None
        assert row.why is not None
        assert row.why.sentence.startswith(
            "it ended with 3: out of luck; it is started again at 20"
        )
        assert row.why.until is not None
        assert row.note == row.why.sentence


async def test_who_does_not_exist_yet_waits_for_a_decision_and_who_never_did_is_not_found(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with browsing(short_tmp) as browser:
        daemon = browser.daemon
        asked = await daemon.operator("request_spawn", name="dora")
        found = (await browser.get("/api/agents/dora/why")).json()
        assert found["code"] == "waits_for_approval"
        assert f"approval {asked['approval_id']}" in found["sentence"]
        everybody = (await daemon.operator("why"))["why"]
        assert [row["name"] for row in everybody] == ["manager", "dora"]
        assert (await browser.get("/api/agents/zed/why")).status == 404
        assert "there is no agent 'zed'" in await Shell(daemon, capsys).run("why", "zed", status=5)
        await daemon.operator("approve", id=asked["approval_id"])
        await daemon.operator("destroy", name="dora")
        (gone,) = (await daemon.operator("why", name="dora"))["why"]
        assert gone["code"] == "destroyed"

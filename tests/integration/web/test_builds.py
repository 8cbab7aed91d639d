"""Changes on the dashboard over a running daemon: diffs, the queue, updates, files, reminders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from hive.core import actions
from hive.wire.names import agent_name
from tests.fakes import manager_git, waiting
from tests.fakes.http_client import open_events
from tests.fakes.runtime import BuildScript
from tests.integration.web.dashboard import Browser, browsing

BOB = agent_name("bob")


async def state(browser: Browser) -> dict[str, Any]:
    """Return the snapshot."""
    found: dict[str, Any] = (await browser.get("/api/state")).json()
    return found


async def propose(browser: Browser, text: str, subject: str = "change") -> int:
    """Commit a new agent.toml of bob and request it, as the manager; returns the approval's id."""
    repo = browser.hive.paths.agent_config(BOB)
    commit = await trio.to_thread.run_sync(
        manager_git.commit, repo, {"agent.toml": text, "notes/why.md": f"{subject}\n"}, subject
    )
    before = {row["id"] for row in (await state(browser))["approvals"]}
    reply = await browser.daemon.agent(
        "manager", "request_apply_commit", agent="bob", commit_ref=commit[:12], description=subject
    )
    assert reply["kind"] != "error", reply
    (number,) = {row["id"] for row in (await state(browser))["approvals"]} - before
    return int(number)


async def ended(browser: Browser) -> list[dict[str, Any]]:
    """Wait until nothing is queued or runs; returns the jobs, the newest last."""
    await waiting.until(lambda: not (open_jobs(browser)), within_s=15)
    rows: list[dict[str, Any]] = (await state(browser))["jobs"]
    return rows


def open_jobs(browser: Browser) -> list[int]:
    """Return the numbers of the jobs that are not over."""
    rows = browser.hive.queue.rows()
    return [row.id for row in rows if row.state in {"queued", "running"}]


async def test_a_change_is_read_and_approved_and_its_commit_shows(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        first = await propose(browser, 'model = "opus"\n', "a stronger model")
        diff = (await browser.get(f"/api/approvals/{first}/diff")).json()
        assert [row["path"] for row in diff["files"]] == ["agent.toml", "notes/why.md"]
        assert '+model = "opus"' in diff["text"]
        assert diff["base_ref"] == "deployed/0"
        second = await propose(browser, 'model = "haiku"\n', "a quicker one")
        beside = (await browser.get(f"/api/approvals/{second}/diff?base=queued")).json()
        assert '-model = "opus"' in beside["text"]
        assert (await browser.post(f"/deny/{second}", note="too quick")).json() == {"ok": True}
        assert (await browser.post(f"/approve/{first}")).json() == {"ok": True}
        jobs = await ended(browser)
        assert (jobs[-1]["kind"], jobs[-1]["state"]) == ("deploy", "done")
        assert jobs[-1]["approval_id"] == first
        await waiting.until(lambda: tag_of(browser) == f"deployed/{first}")
        row = (await state(browser))["containers"][1]
        assert diff["sha"].startswith(row["deployed_sha"])
        history = (await state(browser))["approval_history"]
        assert {row["id"]: row["note"] for row in history} == {first: None, second: "too quick"}
        log = (await browser.get(f"/api/jobs/{jobs[-1]['id']}/log")).json()["lines"]
        rest = (await browser.get(f"/api/jobs/{jobs[-1]['id']}/log?after=1")).json()
        assert (rest["after"], rest["lines"]) == (1, log[1:])


def tag_of(browser: Browser) -> str | None:
    """Return the tag that bob's row shows."""
    row = browser.hive.view.row(BOB)
    return row.deployed_tag if row else None


async def test_what_a_build_says_comes_live_with_its_offset(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        browser.daemon.runtime.builds[BOB] = BuildScript(says=("one", "two"), fails="no such rg")
        number = await propose(browser, "# broken\n")
        target = "/dashboard/stream"
        lines: list[str] = []
        async with open_events(browser.port, target, headers=browser.headers()) as events:
            await browser.post(f"/approve/{number}")
            with trio.fail_after(15):
                while True:
                    frame = (await events.next()).data
                    if frame["kind"] == "job_logged":
                        assert frame["offset"] == len(lines)
                        lines += frame["lines"]
                    if frame["kind"] == "job_changed" and frame["job"]["state"] == "failed":
                        break
        assert lines.index("two") == lines.index("one") + 1
        assert "no such rg" in frame["job"]["note"]
        history = (await state(browser))["approval_history"]
        assert [row["status"] for row in history] == ["failed"]
        shown = (await browser.get(f"/api/jobs/{frame['job']['id']}/log")).json()["lines"]
        assert shown[: len(lines)] == lines


async def test_a_job_is_cancelled_once(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        browser.daemon.runtime.builds[BOB] = BuildScript(says=("begun",), takes_s=600)
        await browser.post(f"/approve/{await propose(browser, '# slow')}")
        await waiting.until(lambda: [row.step for row in browser.hive.queue.rows()][-1] is not None)
        (number,) = open_jobs(browser)
        assert (await browser.post(f"/cancel-job/{number}")).json() == {"ok": True}
        assert (await ended(browser))[-1]["state"] == "cancelled"
        assert [row["status"] for row in (await state(browser))["approval_history"]] == ["failed"]
        again = await browser.post(f"/cancel-job/{number}")
        assert (again.status, again.code) == (409, "conflict")
        assert (await browser.post("/cancel-job/999")).code == "not_found"
        assert (await browser.post("/cancel-job/../x")).status in {400, 404}


async def test_a_destroyed_agent_is_revived_as_it_was(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        assert (await browser.post("/revive/bob")).code == "conflict"
        assert (await browser.post("/revive/zed")).code == "not_found"
        assert (await browser.post("/revive/..")).code == "bad_request"
        await browser.post("/destroy/bob")
        await ended(browser)
        assert [row["name"] for row in (await state(browser))["tombstones"]] == ["bob"]
        answer = (await browser.post("/revive/bob")).json()
        assert (await browser.post(f"/approve/{answer['id']}")).json() == {"ok": True}
        jobs = await ended(browser)
        assert (jobs[-1]["kind"], jobs[-1]["state"]) == ("spawn", "done")
        assert (await state(browser))["tombstones"] == []


async def test_inputs_are_updated_and_unknown_ones_refused(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        names = [row["name"] for row in (await state(browser))["meta_inputs"]]
        assert names == ["hyperhive", "agent-bob", "agent-manager"]
        answer = (await browser.post("/meta-update", inputs="hyperhive, agent-bob")).json()
        jobs = await ended(browser)
        assert {row["id"]: row["state"] for row in jobs}[answer["job"]] == "done"
        for bad in ("", ",", "--upload-pack=x", "hyperhive,../x", "агент"):
            assert (await browser.post("/meta-update", inputs=bad)).code == "bad_request"
        assert (await browser.post("/update-all")).json() == {"ok": True, "jobs": []}


async def test_a_snapshot_does_not_wait_for_an_update_of_the_inputs(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        before = (await state(browser))["meta_inputs"]
        async with browser.hive.meta._mutex:  # type: ignore[attr-defined]
            with trio.fail_after(2):
                assert (await state(browser))["meta_inputs"] == before


async def test_only_files_that_may_be_read_are_links(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        folder = browser.hive.paths.agent_state(BOB)
        (folder / "report.md").write_text("# done\n")
        (folder / "secret").write_text("no")
        (folder / "secret").chmod(0o600)
        (folder / "link").symlink_to("/etc/passwd")
        body = "see /state/report.md, /state/secret and /state/link, /agents/bob/state/../secret"
        sent = await browser.daemon.agent("bob", "send", to="operator", body=body)
        number = sent["id"]
        refs = (await browser.get(f"/api/file-refs?messages={number},999")).json()["refs"]
        path = "/agents/bob/state/report.md"
        assert refs == {str(number): [{"text": "/state/report.md", "path": path}]}
        file = (await browser.get(f"/api/state-file?path={path}")).json()
        assert (file["text"], file["is_truncated"]) == ("# done\n", False)
        for bad in ("secret", "link", "../claude/x", "%00", "none"):
            reply = await browser.get(f"/api/state-file?path=/agents/bob/state/{bad}")
            assert reply.status in {400, 403, 404}, bad
        assert (await browser.get("/api/state-file?path=/state/report.md")).status == 403
        assert (await browser.get("/api/state-file")).code == "bad_request"
        many = ",".join(str(n) for n in range(51))
        assert (await browser.get(f"/api/file-refs?messages={many}")).code == "bad_request"


async def test_reminders_tell_of_their_changes(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        target = "/dashboard/stream"
        async with open_events(browser.port, target, headers=browser.headers()) as events:
            await browser.daemon.agent("bob", "remind", message="tea", delay_seconds=600)
            with trio.fail_after(5):
                while (frame := (await events.next()).data)["kind"] != "reminders_changed":
                    pass
            assert frame["agent"] == "bob"
            answer = (await browser.get("/api/reminders")).json()
            (reminder,) = answer["reminders"]
            assert answer["seq"] >= frame["seq"]
            assert (await browser.post(f"/retry-reminder/{reminder['id']}")).status == 200
            await browser.post(f"/cancel-reminder/{reminder['id']}")
            with trio.fail_after(5):
                seen = 0
                while seen < 2:
                    seen += (await events.next()).data["kind"] == "reminders_changed"
        assert (await browser.get("/api/reminders")).json()["reminders"] == []


async def test_the_journal_is_the_log_and_the_console_where_there_is_one(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        runtime = browser.daemon.runtime
        runtime.say("bob", "a line")
        answers = [await browser.get(f"/api/{word}/bob") for word in ("logs", "journal")]
        assert answers[0].json() == {"lines": ["a line"]}
        assert answers[1].json() == {"lines": ["a line"], "units": ["hive"]}
        assert (await browser.get("/api/journal/bob?unit=console")).code == "not_found"
        runtime.units = ("hive", "console")
        console = (await browser.get("/api/journal/bob?unit=console")).json()
        assert console == {"lines": ["A LINE"], "units": ["hive", "console"]}
        assert (await browser.get("/api/journal/..")).code == "bad_request"


async def test_a_diff_of_what_has_no_commit_or_beside_no_base_is_refused(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, "# a\n")
        for base in ("main", "--output=/tmp/x", "HEAD~1", "%0a"):
            reply = await browser.get(f"/api/approvals/{number}/diff?base={base}")
            assert reply.code == "bad_request"
        assert (await browser.get("/api/approvals/999/diff")).code == "not_found"
        assert (await browser.get("/api/approvals/x/diff")).code == "bad_request"
        inputs = await browser.daemon.agent("manager", "request_update_meta_inputs")
        assert inputs["kind"] != "error", inputs
        (update,) = [
            row["id"] for row in (await state(browser))["approvals"] if row["id"] != number
        ]
        assert (await browser.get(f"/api/approvals/{update}/diff")).code == "bad_request"
        await actions.deny(browser.hive, update, None)


async def test_a_host_is_allowed_by_a_button_and_an_approval(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        reply = await browser.post("/allow/bob", host="pypi.org:8443")
        number = reply.json()["id"]
        (row,) = (await state(browser))["approvals"]
        assert (row["id"], row["kind"], row["agent"]) == (number, "apply_commit", "bob")
        diff = (await browser.get(f"/api/approvals/{number}/diff")).json()
        assert '+allow = ["pypi.org:8443"]' in diff["text"]
        assert (await browser.post("/allow/bob", host="http://pypi.org")).status == 400
        await browser.post(f"/approve/{number}")
        await ended(browser)
        assert browser.hive.agents.get(BOB).config.allow == ("pypi.org:8443",)

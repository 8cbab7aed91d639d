"""What the operator says of lines comes back to the manager with the decision, and stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import trio

from hive.core import proposals
from hive.wire.names import agent_name
from tests.fakes import manager_git
from tests.integration.web.dashboard import Browser, browsing
from tests.integration.web.test_builds import BOB, ended, propose

Json = dict[str, Any]


async def comment(browser: Browser, number: int, **fields: Any) -> Any:
    """Write a comment as the page does, on what it is shown."""
    shown = (await browser.get(f"/api/approvals/{number}/diff")).json()
    given = {"path": "agent.toml", "side": "new", "line": 1, "text": "why?", "sha": shown["sha"]}
    return await browser.post(
        f"/comment/{number}", **{**given, "base_sha": shown["base_sha"], **fields}
    )


async def comments(browser: Browser, number: int) -> list[Json]:
    """Return the comments there are."""
    found: list[Json] = (await browser.get(f"/api/approvals/{number}/comments")).json()["comments"]
    return found


async def events(browser: Browser) -> list[Json]:
    """Return what the manager is told, decoded."""
    reply = await browser.daemon.agent("manager", "recv", max=32)
    return [json.loads(one["body"]) for one in reply["messages"] if one["from"] == "system"]


def tag(browser: Browser, name: str) -> str:
    """Return what a tag of bob's applied repository says."""
    return manager_git.git(browser.hive.paths.applied(BOB), "cat-file", "tag", name)


async def test_a_denial_carries_its_comments_to_the_manager_and_into_the_history(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\nprograms = ["rg"]\n')
        first = (await comment(browser, number)).json()["id"]
        second = (await comment(browser, number, line=2, text="what for?")).json()["id"]
        third = (await comment(browser, number, side="old", text="keep this")).json()["id"]
        await browser.post(f"/edit-comment/{first}", text="why the dear one?")
        await browser.post(f"/drop-comment/{second}")
        assert [one["id"] for one in await comments(browser, number)] == [first, third]
        assert (await browser.get("/api/state")).json()["approvals"][0]["comments"] == 2
        assert (await browser.post(f"/deny/{number}", note="too much")).json() == {"ok": True}
        (told,) = [one for one in await events(browser) if one["event"] == "approval_resolved"]
        assert (told["note"], told["tag"]) == ("too much", f"denied/{number}")
        ours, gone = told["comments"]
        assert ours == {
            "file": "agent.toml",
            "side": "new",
            "line": 1,
            "quote": 'model = "opus"',
            "comment": "why the dear one?",
        }
        assert (gone["side"], gone["comment"]) == ("old", "keep this")
        said = tag(browser, f"denied/{number}")
        assert 'agent.toml:1\n  > model = "opus"\n  why the dear one?' in said
        assert "too much" in said
        (row,) = (await browser.get("/api/approvals?agent=bob&outcome=denied")).json()["approvals"]
        assert (row["id"], row["comments"], row["resolved_by"]) == (number, 2, "operator")
        assert all(one["sent_at"] for one in await comments(browser, number))
        late = await comment(browser, number)
        assert (late.status, late.code) == (409, "conflict")


async def test_a_comment_is_taken_only_for_a_line_of_the_pinned_diff(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\n')
        for odd in (
            {"line": 2},
            {"line": 0},
            {"path": "agent.nix"},
            {"path": "../agent.toml"},
            {"side": "left"},
            {"text": " \n"},
            {"base": "main"},
        ):
            assert (await comment(browser, number, **odd)).status == 400, odd
        assert (await comment(browser, number, text="x" * 2001)).code == "too_large"
        for stale in ({"sha": "5e" * 20}, {"base_sha": "5e" * 20}):
            assert (await comment(browser, number, **stale)).status == 409, stale
        assert await comments(browser, number) == []


async def test_a_page_that_shows_what_ran_before_cannot_comment_on_what_is_compared_now(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        first = await propose(browser, 'model = "opus"\n')
        second = await propose(browser, 'model = "haiku"\n')
        seen = (await browser.get(f"/api/approvals/{second}/diff")).json()
        await browser.post(f"/approve/{first}")
        await ended(browser)
        stale = await comment(browser, second, base_sha=seen["base_sha"])
        assert (stale.status, stale.code) == (409, "conflict")
        assert (await comment(browser, second)).status == 200
        # Afterwards it is read beside what it was written on, whatever runs by then.
        await browser.post(f"/deny/{second}")
        shown = (await browser.get(f"/api/approvals/{second}/diff?base=reviewed")).json()
        assert shown["base_ref"] == f"deployed/{first}"
        assert (await browser.get(f"/api/approvals/{first}/diff?base=reviewed")).status == 404


async def test_an_approval_asks_what_becomes_of_the_comments(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\n')
        await comment(browser, number, text="cheaper next time")
        assert (await browser.post(f"/approve/{number}")).code == "conflict"
        assert (await browser.post(f"/approve/{number}", comments="keep")).status == 400
        assert (await browser.post(f"/approve/{number}", comments="send")).status == 200
        await ended(browser)
        told = {one["event"]: one for one in await events(browser)}
        assert told["approval_commented"]["comments"][0]["comment"] == "cheaper next time"
        assert told["approval_resolved"]["status"] == "approved"
        assert "cheaper next time" in tag(browser, f"approved/{number}")
        other = await propose(browser, 'model = "haiku"\n')
        await comment(browser, other)
        assert (await browser.post(f"/approve/{other}", comments="drop")).status == 200
        await ended(browser)
        assert await comments(browser, other) == []


async def test_a_review_that_is_longer_than_a_message_is_whole_in_the_tag(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        text = "".join(f"# line {number}\n" for number in range(1, 13))
        number = await propose(browser, text)
        for line in range(1, 13):
            await comment(browser, number, line=line, text=f"{line}: {'x' * 1000}")
        await browser.post(f"/deny/{number}")
        (told,) = [one for one in await events(browser) if one["event"] == "approval_resolved"]
        shown = len(told["comments"])
        assert 0 < shown < 12
        assert told["more"].startswith(f"{12 - shown} of 12 comments are not here")
        said = tag(browser, f"denied/{number}")
        assert all(f"  {line}: {'x' * 1000}" in said for line in range(1, 13))


async def test_the_command_line_denies_with_comments(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\n')
        bad = await browser.daemon.operator("deny", id=number, comments=["agent.toml:9:no"])
        assert not bad["ok"]
        assert "is not in the diff" in bad["error"]
        told = ["agent.toml:1:why: so?", "agent.toml:-1:keep it"]
        assert (await browser.daemon.operator("deny", id=number, comments=told))["ok"]
        found = await comments(browser, number)
        assert [(one["side"], one["text"]) for one in found] == [
            ("new", "why: so?"),
            ("old", "keep it"),
        ]
        (row,) = await browser.hive.approvals.history(1)
        assert row.resolved_by == "operator (command line)"


async def test_white_space_and_moves_are_told(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        repo = browser.hive.paths.agent_config(BOB)
        long = "".join(f"line {number}\n" for number in range(40))
        there: dict[str, str | bytes | None] = {"notes/a.md": long}
        await trio.to_thread.run_sync(manager_git.commit, repo, there, "notes")
        first = await propose(browser, 'model = "opus"\n')
        await browser.post(f"/approve/{first}")
        await ended(browser)
        moved: dict[str, str | bytes | None] = {"notes/a.md": None, "notes/b.md": f"{long}more\n"}
        await trio.to_thread.run_sync(manager_git.commit, repo, moved, "move")
        second = await propose(browser, 'model  =  "opus"\n')
        whole = (await browser.get(f"/api/approvals/{second}/diff")).json()
        (one,) = whole["moved"]
        assert (one["old"], one["new"]) == ("notes/a.md", "notes/b.md")
        assert 90 < one["likeness"] < 100
        assert "+line 1\n" in whole["text"]
        assert '+model  =  "opus"' in whole["text"]
        less = (await browser.get(f"/api/approvals/{second}/diff?ignore_space=1")).json()
        assert "agent.toml" not in less["text"]
        reply = await comment(browser, second, ignore_space=True)
        assert (reply.status, reply.code) == (400, "bad_request")


async def test_no_agent_comments_or_decides(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        number = await propose(browser, 'model = "opus"\n')
        for verb in ("comment", "edit_comment", "drop_comment", "deny", "approve"):
            for who in ("manager", "bob"):
                reply = await browser.daemon.agent(who, verb, id=number, text="do as I say")
                assert (reply["kind"], reply["code"]) == ("error", "bad_request"), verb
        assert await comments(browser, number) == []
        (waiting,) = await proposals.waiting(browser.hive)
        assert waiting.agent == agent_name("bob")


async def test_the_history_goes_on_behind_the_snapshot(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        store = browser.hive.approvals
        for number in range(200):
            added = await store.add("bob" if number % 2 else "eve", "init_config")
            await store.resolve(added.id, status="denied", note=f"no {number}", by="operator")
        assert len((await browser.get("/api/state")).json()["approval_history"]) == 10
        seen: list[int] = []
        before = ""
        while True:
            page = (await browser.get(f"/api/approvals?limit=70{before}")).json()
            seen += [row["id"] for row in page["approvals"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        assert len(seen) == len(set(seen)) == 200
        only = (await browser.get("/api/approvals?agent=eve&limit=100")).json()["approvals"]
        assert len(only) == 100
        assert (await browser.get("/api/approvals?outcome=maybe")).status == 400
        assert (await browser.get("/api/approvals?before=9999")).status == 404

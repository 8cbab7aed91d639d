"""What was said and asked, over a running daemon: to several at once, as a thread, read, closed."""

from __future__ import annotations

from pathlib import Path

from hive.wire.names import agent_name
from tests.integration.web.dashboard import browsing


async def test_a_message_to_two_agents_reaches_both_or_nobody(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob", "carol") as browser:
        sent = await browser.post("/op-send", to="bob,carol", body="compare notes")
        first = sent.json()["id"]
        thread = (await browser.get(f"/api/threads/{first + 1}")).json()
        told = [(row["id"], row["to"]) for row in thread["messages"]]
        assert told == [(first, "bob"), (first + 1, "carol")]
        assert (thread["root"], thread["total"], thread["is_end"]) == (first, 2, True)
        for to, status in (
            ("bob,nobody", 404),
            ("bob,*", 400),
            ("bob,operator", 400),
            ("bob,", 400),
        ):
            assert (await browser.post("/op-send", to=to, body="again")).status == status
        history = (await browser.get("/dashboard/history")).json()["events"]
        assert [each["body"] for each in history if each["from"] == "operator"] == [
            "compare notes",
            "compare notes",
        ]
        assert (await browser.get("/api/threads/999")).status == 404


async def test_the_history_is_narrowed_to_an_agent_and_to_a_kind(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob", "carol") as browser:
        await browser.post("/op-send", to="bob,carol", body="go")
        await browser.daemon.agent("bob", "send", to="carol", body="took it")
        await browser.daemon.agent("carol", "send", to="operator", body="done")

        async def found(query: str) -> list[str]:
            events = (await browser.get(f"/dashboard/history?{query}")).json()["events"]
            return [one["body"] for one in events]

        assert await found("agent=bob") == ["go", "took it"]
        assert await found("kind=between") == ["took it"]
        assert await found("kind=from-operator&agent=carol") == ["go"]
        assert await found("kind=to-operator&before=999") == ["done"]
        assert await found("kind=external") == []
        assert (await browser.get("/dashboard/history?kind=nonsense")).status == 400


async def test_one_message_is_marked_as_read_and_no_other(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for body in ("one", "two"):
            await browser.daemon.agent("bob", "send", to="operator", body=body)
        newest = (await browser.get("/api/state")).json()["inbox"][0]
        assert (await browser.post(f"/mark-read/{newest['id']}")).json()["marked"] == 1
        assert (await browser.post(f"/mark-read/{newest['id']}")).json()["marked"] == 0
        inbox = (await browser.get("/api/state")).json()["inbox"]
        assert [(row["body"], row["acked_at"] is None) for row in inbox] == [
            ("two", False),
            ("one", True),
        ]
        assert (await browser.post("/mark-read/999")).status == 404


async def test_closed_questions_are_found_by_how_and_the_files_they_name(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        state = browser.hive.paths.agent_root(agent_name("bob")) / "state"
        (state / "plan.md").write_text("the plan")
        (browser.hive.paths.shared / "notes.txt").write_text("notes")
        await browser.daemon.agent("bob", "ask", question="is /state/plan.md good?")
        await browser.daemon.agent("bob", "ask", question="shall I?", options=["yes", "no"])
        await browser.post("/answer-question/1", answer="yes, with /shared/notes.txt")
        await browser.post("/cancel-question/2")
        refs = (await browser.get("/api/file-refs?questions=1,2")).json()
        assert refs["question_refs"]["1"] == [
            {"text": "/state/plan.md", "path": "/agents/bob/state/plan.md"}
        ]
        assert [one["path"] for one in refs["answer_refs"]["1"]] == ["/shared/notes.txt"]
        closed = (await browser.get("/api/questions?how=cancelled")).json()
        assert [(one["id"], one["how"]) for one in closed["questions"]] == [(2, "cancelled")]
        page = (await browser.get("/api/questions?limit=1")).json()
        assert ([one["id"] for one in page["questions"]], page["is_end"]) == ([2], False)
        for wrong in ("how=somehow", "to=bob", "limit=0", "before=x", "name=" + "n" * 65):
            assert (await browser.get(f"/api/questions?{wrong}")).status == 400

"""The dashboard over a running daemon: what each route does, and what it says when it will not."""

from __future__ import annotations

import gzip
import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hive.core import readings
from hive.wire import codec
from hive.wire.names import agent_name
from tests.fakes import waiting
from tests.fakes.http_client import connect, fetch, open_events
from tests.fakes.manager_git import commit
from tests.fakes.running import running
from tests.integration.web.dashboard import READS, WRITES, Browser, browsing, log_in


async def test_the_snapshot_has_what_the_page_shows(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        await until(browser, lambda rows: [row["running"] for row in rows] == [True, True])
        before = browser.hive.feed.seq
        state = (await browser.get("/api/state")).json()
        assert list(state) == [
            *("seq", "version", "demo", "isolation", "notices", "containers", "approvals"),
            *("approval_history", "questions", "question_history", "reminders", "tombstones"),
            *("inbox", "tasks", "jobs", "meta_inputs", "forge"),
        ]
        assert before <= state["seq"] <= browser.hive.feed.seq
        assert state["demo"] is True
        assert [row["name"] for row in state["containers"]] == ["manager", "bob"]
        assert "dashboard" in [row["name"] for row in state["tasks"]]
        assert state["notices"][0]["level"] == "info"


async def test_a_disk_below_its_reserve_is_warned_of_and_nobody_is_stopped(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob", disk_reserve_mib=2**40) as browser:
        await until(browser, lambda rows: [row["running"] for row in rows] == [True, True])
        notices = (await browser.get("/api/state")).json()["notices"]
        (said,) = [each["message"] for each in notices if each["level"] == "error"]
        assert "MiB left: make room" in said


async def test_a_message_is_sent_and_shows_on_the_stream_and_in_the_history(
    short_tmp: Path,
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        target = "/dashboard/stream"
        async with open_events(browser.port, target, headers=browser.headers()) as events:
            reply = await browser.post("/op-send", to="bob", body="hello", in_reply_to="")
            number = reply.json()["id"]
            with trio.fail_after(5):
                while (event := await events.next()).data["kind"] != "sent":
                    pass
        assert event.data["id"] == number
        assert (event.data["from"], event.data["to"]) == ("operator", "bob")
        history = (await browser.get("/dashboard/history")).json()
        assert {frame["kind"] for frame in history["events"]} == {"sent"}
        assert history["events"][-1]["body"] == "hello"
        assert history["seq"] >= event.data["seq"]


async def test_a_long_answer_comes_gzipped_to_whoever_takes_it(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for _ in range(20):
            await browser.hive.broker.send("bob", "manager", "the same words again " * 10)
        plain = await browser.get("/dashboard/history")
        takes = {**browser.headers(), "Accept-Encoding": "br, gzip"}
        small = await fetch(browser.port, "GET", "/dashboard/history", headers=takes)
        assert (plain.header("content-encoding"), small.header("content-encoding")) == (
            None,
            "gzip",
        )
        assert plain.header("vary") == small.header("vary") == "Accept-Encoding"
        assert len(small.body) * 4 < len(plain.body)
        assert json.loads(gzip.decompress(small.body))["events"] == plain.json()["events"]
        tiny = await fetch(browser.port, "GET", "/api/reminders", headers=takes)
        assert tiny.header("content-encoding") is None


async def test_messages_are_found_and_read_on_from_in_both_directions(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        numbers = [
            (await browser.post("/op-send", to="bob", body=f"word {at} \u00fc")).json()["id"]
            for at in range(5)
        ]
        first = (await browser.get("/api/search?q=WORD+u+kind:message&limit=3")).json()
        assert [hit["id"] for hit in first["hits"]] == numbers[:1:-1]
        more = f"/api/search?q=word&limit=3&cursor={first['next']}"
        assert [hit["id"] for hit in (await browser.get(more)).json()["hits"]] == numbers[1::-1]
        refused = await browser.get("/api/search?q=%22open")
        assert (refused.status, refused.code) == (400, "bad_request")
        assert (await browser.get("/api/search?q=x&limit=1000")).status == 400

        async def read(which: str) -> list[int]:
            found = (await browser.get(f"/dashboard/history?{which}")).json()["events"]
            return [frame["id"] for frame in found if frame["to"] == "bob"]

        assert await read(f"before={numbers[2]}") == numbers[:2]
        assert await read(f"after={numbers[2]}") == numbers[3:]
        assert (await browser.get("/dashboard/history?before=1&after=1")).status == 400


async def test_an_agent_answers_and_the_operator_reads_it(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        sent = await browser.daemon.agent("bob", "send", to="operator", body="done")
        assert sent["kind"] == "ok"
        inbox = (await browser.get("/api/state")).json()["inbox"]
        assert [(row["from"], row["body"], row["acked_at"]) for row in inbox] == [
            ("bob", "done", None)
        ]
        assert (await browser.post("/api/agent/operator/mark-all-read")).json()["marked"] == 1


async def test_an_agent_is_asked_for_approved_stopped_and_destroyed(short_tmp: Path) -> None:
    async with browsing(short_tmp) as browser:
        asked = await browser.post("/request-spawn", name="bob", description="helps")
        asked_for = (await browser.get("/api/state")).json()["approvals"]
        assert [(row["agent"], row["description"]) for row in asked_for] == [("bob", "helps")]
        assert (await browser.post(f"/approve/{asked.json()['id']}")).json() == {"ok": True}
        await until(browser, lambda rows: [settled(row) for row in rows[1:]] == [True])
        await waiting.until(lambda: {row.state for row in browser.hive.queue.rows()} == {"done"})
        assert (await browser.post("/set-paused/bob", paused="true")).status == 200
        await until(browser, lambda rows: rows[1]["paused"])
        row = (await browser.get("/api/agent/bob/row")).json()
        assert row == (await browser.get("/api/state")).json()["containers"][1]
        assert (await browser.post("/kill/bob")).json() == {"ok": True}
        await until(browser, lambda rows: not rows[1]["running"])
        assert (await browser.post("/destroy/bob", purge="true")).json() == {"ok": True}
        await until(browser, lambda rows: len(rows) == 1)
        assert (await browser.get("/api/agent/bob/row")).status == 404


async def test_a_row_has_the_icon_and_the_links_of_what_is_deployed(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        repo = browser.hive.paths.agent_config(agent_name("bob"))
        looks = {"icon": "🌦", "links": [{"label": "turns", "url": "stats"}]}
        text = 'icon = "🌦"\n[[links]]\nlabel = "turns"\nurl = "{}"\n'
        ask = partial(browser.daemon.agent, "manager", "request_apply_commit", agent="bob")
        files = {"agent.toml": text.format("javascript:alert(1)")}
        bad = await ask(commit_ref=await trio.to_thread.run_sync(commit, repo, files))
        assert "agent.toml line 4: links.1.url is not one" in bad["note"]
        files = {"agent.toml": text.format("stats")}
        asked = await ask(commit_ref=await trio.to_thread.run_sync(commit, repo, files))
        rows = (await browser.get("/api/state")).json()["containers"]
        assert [(row["icon"], row["links"]) for row in rows] == [("", []), ("", [])]
        assert (await browser.post(f"/approve/{asked['id']}")).json() == {"ok": True}
        await until(browser, lambda rows: looks.items() <= rows[1].items())
        assert looks.items() <= (await browser.get("/api/agent/bob/row")).json().items()


def settled(row: Any) -> bool:
    """Return whether an agent runs and nothing is being done to it."""
    return bool(row["running"] and row["transient"] is None)


async def until(browser: Browser, is_there: Any) -> None:
    """Wait until the rows of the containers are as wanted, and see that the page says so."""

    def is_so() -> bool:
        return bool(is_there([codec.to_json(row) for row in browser.hive.view.rows()]))

    await waiting.until(is_so, within_s=10)
    assert is_there((await browser.get("/api/state")).json()["containers"])


async def test_a_question_is_answered(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        await browser.daemon.agent("bob", "ask", question="which?", options=["a", "b"])
        (question,) = (await browser.get("/api/state")).json()["questions"]
        assert (await browser.post(f"/answer-question/{question['id']}", answer="a")).status == 200
        state = (await browser.get("/api/state")).json()
        assert state["questions"] == []
        assert [row["answer"] for row in state["question_history"]] == ["a"]


async def test_logs_are_lines(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for number in range(60):
            browser.daemon.runtime.say("bob", f"line {number}")
        assert len((await browser.get("/api/logs/bob")).json()["lines"]) == 50
        few = (await browser.get("/api/logs/bob?lines=2")).json()["lines"]
        assert few == ["line 58", "line 59"]
        assert (await browser.get("/api/logs/bob?lines=501")).code == "bad_request"


async def test_the_pages_are_served(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        for target in ("/", "/agent/bob/", "/agent/manager/"):
            reply = await browser.get(target)
            assert reply.status == 200
            assert reply.header("content-type") == "text/html; charset=utf-8"
        assert (await browser.get("/agent/bob")).header("location") == "/agent/bob/"
        for target in ("/static/shared/base.css", "/agent/bob/static/shared/base.css"):
            assert (await browser.get(target)).header("content-type") == "text/css; charset=utf-8"
        assert (await browser.get("/favicon.ico")).status == 200
        worker = await browser.get("/service-worker.js")
        assert worker.header("content-type") == "text/javascript; charset=utf-8"
        assert worker.header("cache-control") == "no-cache"


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/nonsense", 404, "not_found"),
        ("GET", "/op-send", 405, "method_not_allowed"),
        ("POST", "/api/state", 405, "method_not_allowed"),
        ("POST", "/dashboard/stream", 405, "method_not_allowed"),
        ("POST", "/static/shared/base.css", 405, "method_not_allowed"),
        ("POST", "/start/nobody", 404, "not_found"),
        ("POST", "/start/..", 400, "bad_request"),
        ("POST", "/start/%2e%2e", 400, "bad_request"),
        ("POST", "/start/BOB", 400, "bad_request"),
        ("POST", "/start/operator", 400, "bad_request"),
        ("POST", "/approve/x", 400, "bad_request"),
        ("POST", "/approve/%D9%A1", 400, "bad_request"),
        ("POST", "/approve/999", 404, "not_found"),
        ("POST", "/destroy/manager", 403, "refused"),
        ("GET", "/agent/nobody/", 404, "not_found"),
        ("GET", "/agent/../", 400, "bad_request"),
        ("GET", "/agent/bob/secrets", 404, "not_found"),
        ("GET", "/agent/bob/static/../../guard.py", 404, "not_found"),
        ("GET", "/agent/bob/api/state", 503, "coming_up"),
        ("DELETE", "/agent/bob/api/state", 405, "method_not_allowed"),
        ("GET", "/static/../guard.py", 404, "not_found"),
    ],
)
async def test_what_cannot_be_is_told_as_a_problem(
    short_tmp: Path, method: str, target: str, status: Any, code: str
) -> None:
    async with browsing(short_tmp, "bob") as browser:
        headers = browser.headers(is_write=True)
        reply = await fetch(browser.port, method, target, headers=headers)
        assert (reply.status, reply.code) == (status, code)
        assert reply.header("content-type") == "application/problem+json"
        assert reply.header("x-content-type-options") == "nosniff"
        problem = reply.json()
        assert problem["error"] == {"code": code, "message": problem["detail"]}
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["type"] == f"urn:hive:problem:{code}"


@pytest.mark.parametrize(
    ("target", "sentence"),
    [("/agent/nobody/", b"There is no agent"), ("/nothing", b"There is nothing at this address")],
)
async def test_a_browser_gets_a_failure_as_a_page(
    short_tmp: Path, target: str, sentence: bytes
) -> None:
    async with browsing(short_tmp) as browser:
        reply = await browser.get(target, Accept="text/html,application/xhtml+xml")
        assert (reply.status, reply.header("content-type")) == (404, "text/html; charset=utf-8")
        assert sentence in reply.body
        assert b'href="/"' in reply.body
        bad = await browser.get("/agent/%3Cscript%3E/", Accept="text/html")
        assert b"<script>" not in bad.body


async def test_too_much_is_refused(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        reply = await browser.post("/op-send", to="bob", body="x" * 5000)
        assert (reply.status, reply.code) == (413, "too_large")
        for target in ("/op-send", "/agent/bob/send", "/agent/bob/api/model"):
            reply = await browser.post(target, raw=b"x" * 100_000)
            assert (reply.status, reply.code) == (413, "too_large")


async def test_an_action_ends_though_its_browser_left(short_tmp: Path) -> None:
    async with browsing(short_tmp, "bob") as browser:
        start = browser.hive.feed.seq
        async with await connect(browser.port) as stream:
            lines = {**browser.headers(is_write=True), "Host": browser.host}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            body = b"to=bob&body=hello"
            await stream.send_all(
                f"POST /op-send HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode()
                + body
            )
        await waiting.until(
            lambda: any(b'"from":"operator"' in line for _, line in browser.hive.feed.since(start))
        )
        history = (await browser.get("/dashboard/history")).json()
        assert history["events"][-1]["body"] == "hello"


async def test_a_daemon_with_open_streams_stops_in_time(short_tmp: Path) -> None:
    async with trio.open_nursery() as nursery, running(short_tmp) as daemon:
        browser = await log_in(daemon)
        ended = []

        async def watch() -> None:
            target = "/dashboard/stream"
            async with open_events(browser.port, target, headers=browser.headers()) as events:
                while await events.next() is not None:
                    pass
                ended.append(events.is_ended)

        for _ in range(20):
            nursery.start_soon(watch)
        await waiting.until(lambda: daemon.hive.feed.watchers == 20)
        started = trio.current_time()
    assert trio.current_time() - started < 8
    assert ended == [True] * 20


async def test_what_nobody_foresaw_is_logged_once(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> None:
        raise ValueError("a secret of the inside")

    async with browsing(short_tmp) as browser:
        monkeypatch.setattr(readings, "inbox", fails)
        caplog.clear()
        reply = await browser.get("/api/state")
        assert (reply.status, reply.code) == (500, "internal")
        assert b"secret" not in reply.body
        assert reply.header("x-content-type-options") == "nosniff"
        assert [record.name for record in caplog.records if record.exc_info] == ["hive.web.replies"]


async def test_many_who_are_the_first_to_ask_are_all_answered(short_tmp: Path) -> None:
    statuses: list[int] = []

    async def ask(browser: Browser) -> None:
        statuses.append((await browser.get("/api/state")).status)

    async with browsing(short_tmp) as browser, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask, browser)
    assert statuses == [200] * 5


async def test_an_action_that_takes_too_long_is_given_up(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await trio.sleep_forever()

    async with browsing(short_tmp) as browser:
        monkeypatch.setattr(readings, "inbox", hangs)
        monkeypatch.setattr("hive.web.dashboard.app.ANSWER_S", 0.1)
        reply = await browser.get("/api/state")
        assert (reply.status, reply.code) == (503, "unavailable")


BODIES = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(["to", "body", "name", "note", "paused", "answer", "x", "in_reply_to"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.just([])),
        max_size=4,
    ).map(lambda value: json.dumps(value).encode()),
)
TYPES = st.sampled_from(["application/x-www-form-urlencoded", "application/json", "text/x", ""])
NAMES = st.text(st.characters(codec="latin-1", categories=["L", "N", "P"]), max_size=12)
TARGETS = st.one_of(
    st.sampled_from(READS + WRITES),
    st.builds(
        lambda word, name: f"/{word}/{name.encode().hex()}",
        st.sampled_from(["start", "deny"]),
        NAMES,
    ),
    st.binary(max_size=20).map(
        lambda data: (
            "/" + "".join(f"%{byte:02x}" if byte < 48 else chr(byte % 127) for byte in data)
        )
    ),
).filter(lambda target: "stream" not in target and not set(target) & set("\x00\x7f \r\n#"))
REQUESTS = st.tuples(st.sampled_from(["GET", "POST", "PUT", "HEAD"]), TARGETS, TYPES, BODIES)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(REQUESTS, min_size=40, max_size=80))
def test_no_input_is_the_hives_fault(requests: Any) -> None:
    async def main() -> None:
        with TemporaryDirectory(prefix="h", dir="/tmp") as folder:
            async with browsing(Path(folder), "bob") as browser:
                for method, target, content_type, body in requests:
                    if target == "/logout":
                        continue
                    headers = browser.headers(is_write=True) | {"Content-Type": content_type}
                    reply = await fetch(browser.port, method, target, headers=headers, body=body)
                    is_away = target.startswith("/agent/bob/") and reply.status == 503
                    assert reply.status < 500 or is_away, (method, target, reply)
                assert (await browser.get("/api/state")).status == 200

    trio.run(main)

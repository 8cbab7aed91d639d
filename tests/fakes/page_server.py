"""A server of the pages alone: our own files under the real policy, scripted snapshots and frames.

It stands in for the daemon and for a harness at once, so that a browser test decides what happens
and when: `publish` sends a frame to every open stream, `history` is what the reads answer, and
`requests` holds every POST. Nothing here knows how hive works inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import attrs
import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from hive import resources
from hive.errors import NotFound
from hive.web import offline_shell, plain_page, replies
from hive.web.agent_page.app import SHELLS
from hive.web.secure_headers import SECURE_HEADERS
from hive.web.static import Assets
from hive.wire.stats import Turn
from tests.fakes import agent_scenes
from tests.fakes import page_scenes as scenes
from tests.fakes import page_talk as talk
from tests.fakes.screen_side import ScreenSide
from tests.fakes.turns import statistics

Json = dict[str, Any]
FAILED = "/agent/nobody/"
"""Answers as an agent's page does that is not there."""
AGENT = re.compile(r"/agent/[a-z0-9-]+(/.*)")


@attrs.define
class Side:
    """One page's data: the snapshot, the frames kept as history, and the open streams."""

    state: Json
    history: list[Json] = attrs.field(factory=list)
    seq: int = 1000
    frames: list[Json] = attrs.field(factory=list)
    streams: set[trio.MemorySendChannel[bytes]] = attrs.field(factory=set)
    resumes: list[str | None] = attrs.field(factory=list)
    """The Last-Event-ID of each stream that was opened."""
    delivered: list[int] = attrs.field(factory=list)
    acked: list[int] = attrs.field(factory=list)
    """Ids of the messages that their recipients hold, or are done with."""
    _gathered: bytearray | None = None

    def publish(self, kind: str, **fields: Any) -> int:
        """Number a frame and send it to every open stream."""
        self.seq += 1
        frame = {"kind": kind, **fields, "seq": self.seq}
        self.frames.append(frame)
        data = b"id: %d\ndata: %s\n\n" % (self.seq, json.dumps(frame).encode())
        self.send(data)
        return self.seq

    def send(self, data: bytes) -> None:
        """Write raw bytes of an event stream to everybody."""
        if self._gathered is not None:
            self._gathered += data
            return
        for stream in list(self.streams):
            stream.send_nowait(data)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Send what is published in the block in one piece at its end."""
        self._gathered = bytearray()
        yield
        data, self._gathered = bytes(self._gathered), None
        self.send(data)

    def cut(self) -> None:
        """End every open stream, as a restart would."""
        for stream in list(self.streams):
            stream.close()
        self.streams.clear()


@attrs.define
class PageServer:
    """Both pages on one loopback port."""

    dashboard: Side
    agent: Side
    port: int = 0
    requests: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)
    answers: dict[str, tuple[int, Json]] = attrs.field(factory=dict)
    """What a path answers instead of its usual self."""
    on_post: Callable[[str, dict[str, str]], None] | None = None
    loose_ends: list[Json] = attrs.field(factory=list)
    turns: list[Turn] = attrs.field(factory=list)
    """What the agent's statistics are made of, newest first."""
    why: Json = attrs.field(factory=lambda: scenes.container("alice")["why"])
    """Why the agent does not work, as the daemon says it."""
    network: Json = attrs.field(factory=agent_scenes.network)
    comments: list[Json] = attrs.field(factory=list)
    """What was said of lines of any approval."""
    decided: list[Json] = attrs.field(factory=list)
    """What a page of the history holds."""
    old_jobs: list[Json] = attrs.field(factory=list)
    """Those that are asked for one by one."""
    job_lines: list[str] = attrs.field(factory=list)
    journal: list[str] = attrs.field(factory=lambda: ["one line", "another line"])
    """What every container has printed."""
    """What every job's log holds."""
    files: dict[str, str] = attrs.field(factory=dict)
    """What may be read of state and shared, by path."""
    closed_questions: list[Json] = attrs.field(factory=list)
    """Of which the snapshot has the newest; without them those of the snapshot are all."""
    reads: list[str] = attrs.field(factory=list)
    screen: ScreenSide = attrs.field(factory=ScreenSide)
    assets: Assets = attrs.field(factory=lambda: Assets(resources.assets()))
    _posted: trio.Event = attrs.field(factory=trio.Event)

    @property
    def url(self) -> str:
        """The dashboard's address."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def agent_url(self) -> str:
        """The address of an agent's page."""
        return f"http://127.0.0.1:{self.port}/agent/alice/"

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled."""
        config = Config()
        # Run again, it is found where it was.
        config.bind = [f"127.0.0.1:{self.port}"]
        config.graceful_timeout = 0.1
        async with trio.open_nursery() as nursery:
            binds = await nursery.start(
                lambda task_status: serve(self._app, config, task_status=task_status, mode="asgi")
            )
            self.port = int(binds[0].rsplit(":", 1)[1])
            task_status.started()

    async def wait_posted(self, path: str) -> dict[str, str]:
        """Wait until something was posted to `path`; returns the last one's fields."""
        with trio.fail_after(10):
            while True:
                for posted, fields in reversed(self.requests):
                    if posted == path:
                        return fields
                await self._posted.wait()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            given = parse_qs(scope["query_string"].decode())["ticket"][0]
            await self.screen.join(given, receive, send)
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        async def secured(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *SECURE_HEADERS]}
            await send(message)

        match = AGENT.fullmatch(scope["path"])
        if scope["path"] == FAILED:
            match = None
        side = self.agent if match else self.dashboard
        path = match[1] if match else scope["path"]
        if scope["method"] == "POST":
            await self._post(scope["path"], receive, secured)
        elif path in self.answers:
            await _json(secured, *self.answers[path])
        elif (file := _file(path, is_agent=match is not None)) is not None:
            await self.assets.answer(scope, secured, file)
        elif path in {"/login", "/healthz", FAILED, offline_shell.PATH}:
            await self._before_the_door(path, scope, secured)
        elif path.endswith("/stream"):
            await self._stream(side, scope, receive, secured)
        else:
            await self._read(side, path, scope, secured)

    async def _before_the_door(self, path: str, scope: Any, send: Any) -> None:
        """Answer what needs no login."""
        if path == offline_shell.PATH:
            await offline_shell.answer(self.assets, scope, send)
        elif path == "/login":
            login = plain_page.log_in("You are not logged in.")
            await replies.send_body(scope, send, 200, plain_page.HTML, login)
        elif path == FAILED:
            await plain_page.tell(scope, send, NotFound("there is no agent named nobody"))
        else:
            await _json(send, 200, {"ok": True})

    async def _post(self, path: str, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        self.requests.append((path, fields))
        self._posted.set()
        self._posted = trio.Event()
        usual = self.screen.ticket(fields) if path.endswith("/screen/ticket") else {"ok": True}
        status, answer = self.answers.get(path, (200, usual))
        if self.on_post is not None and status == 200:
            self.on_post(path, fields)
        await _json(send, status, answer)

    async def _read(self, side: Side, path: str, scope: Any, send: Any) -> None:
        self.reads.append(path)
        query = parse_qs(scope["query_string"].decode())
        if path == "/api/state":
            await _json(send, 200, {**side.state, "seq": side.seq})
        elif path.endswith("/history"):
            marks = {"delivered": side.delivered, "acked": side.acked}
            await _json(send, 200, {"seq": side.seq, **marks, **_history(side, query)})
        elif path == "/api/loose-ends":
            await _json(send, 200, {"loose_ends": self.loose_ends})
        elif path == "/api/stats":
            await _json(send, 200, statistics(self.turns, query["window"][0]))
        else:
            found = self._extra(side, path, query)
            missing = {"error": {"code": "not_found", "message": f"no {path}"}}
            await _json(send, 404 if found is None else 200, found or missing)

    def _extra(self, side: Side, path: str, query: dict[str, list[str]]) -> Json | None:
        """Answer what the dashboard asks for piece by piece."""
        if path.startswith("/api/network/"):
            return self.network
        if path.startswith("/api/agents/"):
            return {"name": "alice", **self.why}
        if path.startswith("/api/agent/"):
            name = path.split("/")[3]
            rows = self.dashboard.state["containers"]
            return next((row for row in rows if row["name"] == name), scenes.container(name))
        if path.startswith("/api/journal/"):
            is_console = query.get("unit") == ["console"]
            lines = ["its console"] if is_console else self.journal
            return {"lines": lines, "units": ["hive", "console"]}
        if path == "/api/reminders":
            return {"seq": side.seq, "reminders": side.state["reminders"]}
        if path.startswith("/api/approvals"):
            return self._of_approvals(path, query)
        if path.startswith("/api/jobs/") and path.count("/") == 3:
            return next((one for one in self.old_jobs if str(one["id"]) == path[10:]), None)
        if path.startswith("/api/jobs/"):
            after = int(query["after"][0])
            return {"after": after, "lines": self.job_lines[after:]}
        if path == "/api/state-file" and query["path"][0] in self.files:
            text = self.files[query["path"][0]]
            return {
                "path": query["path"][0],
                "size": len(text),
                "text": text,
                "is_truncated": False,
            }
        return self._talk(side, path, query)

    def _talk(self, side: Side, path: str, query: dict[str, list[str]]) -> Json | None:
        """Answer what is asked of what was said."""
        if path.startswith("/api/threads/"):
            after, limit = int(query["after"][0]), int(query["limit"][0])
            return talk.thread(side.history, int(path.split("/")[3]), after, limit)
        if path.startswith("/api/questions/"):
            wanted = path.rpartition("/")[2]
            return next((one for one in self.closed_questions if str(one["id"]) == wanted), None)
        if path == "/api/questions":
            return talk.closed(self.closed_questions or side.state["question_history"], query)
        if path == "/api/file-refs":
            found = [{"text": path, "path": path} for path in self.files]
            kinds = (("refs", "messages"), ("question_refs", "questions"))
            return {
                kind: dict.fromkeys(query.get(field, [""])[0].split(","), found)
                for kind, field in (*kinds, ("answer_refs", "questions"))
            }
        return None

    def _of_approvals(self, path: str, query: dict[str, list[str]]) -> Json | None:
        if path == "/api/approvals":
            return {"approvals": self.decided, "next": None}
        if path.endswith("/comments"):
            return {"comments": self.comments}
        if path.count("/") == 3:
            return next((one for one in self.decided if one["id"] == int(path.split("/")[3])), None)
        return scenes.diff(query["base"][0])

    async def _stream(self, side: Side, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        last = headers.get(b"last-event-id")
        side.resumes.append(last.decode() if last else None)
        kind = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        start = side.seq if last is None else int(last)
        missed = [frame for frame in side.frames if frame["seq"] > start]
        first = b"retry: 50\nid: %d\n\n" % start
        for frame in missed:
            first += b"id: %d\ndata: %s\n\n" % (frame["seq"], json.dumps(frame).encode())
        await send({"type": "http.response.body", "body": first, "more_body": True})
        with _joined(side) as news:
            async for data in news:
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _file(path: str, *, is_agent: bool) -> str | None:
    """Return which of our files an address shows."""
    if path.startswith("/static/"):
        return path.removeprefix("/static/")
    if is_agent:
        return SHELLS.get(path)
    return "dashboard/index.html" if path == "/" else None


@contextmanager
def _joined(side: Side) -> Iterator[trio.MemoryReceiveChannel[bytes]]:
    give, take = trio.open_memory_channel[bytes](20000)
    side.streams.add(give)
    try:
        yield take
    finally:
        side.streams.discard(give)
        give.close()
        take.close()


def _history(side: Side, query: dict[str, list[str]]) -> Json:
    """Return what `/events/history` answers: a page of it, or what holds some words."""
    limit = int(query.get("limit", ["200"])[0])
    history = [one for one in side.history if talk.is_wanted(one, query)]
    if "after" in query:
        newer = [one for one in history if _number(one) > int(query["after"][0])]
        return {"events": newer[:limit]}
    before = int(query.get("before", ["9" * 16])[0])
    words = query.get("q", [""])[0].lower()
    kinds = query.get("kinds", [""])[0]
    older = [frame for frame in history if _number(frame) < before]
    if words:
        older = [one for one in older if words in json.dumps(one, ensure_ascii=False).lower()]
    if kinds:
        older = [one for one in older if one["kind"] in kinds.split(",")]
    is_cut = bool(words or kinds) and len(older) > limit
    return {
        "events": older[-limit:],
        **({"next_before": older[-limit]["seq"]} if is_cut else {}),
    }


def _number(frame: Json) -> int:
    """Return what a history is paged by: a frame's number, of a message its own."""
    number: int = frame["id"] if frame["kind"] == "sent" else frame.get("seq", 0)
    return number


async def _json(send: Any, status: int, value: Json) -> None:
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

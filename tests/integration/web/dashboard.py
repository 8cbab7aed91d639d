"""A running daemon seen from a browser: logged in, with the headers a browser sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import attrs

from hive.core.hive import Hive
from tests.fakes import described
from tests.fakes.http_client import Reply, fetch
from tests.fakes.running import Running, running

FORM = "application/x-www-form-urlencoded"
READS = (
    "/",
    "/api/state",
    "/api/openapi.json",
    "/dashboard/history",
    "/dashboard/stream",
    "/api/search?q=kind:message",
    "/api/logs/bob",
    "/api/journal/bob",
    "/api/reminders",
    "/api/audit",
    "/api/notifications",
    "/api/network/bob",
    "/api/agents/bob/why",
    "/api/approvals/1",
    "/api/approvals/1/diff",
    "/api/approvals/1/comments",
    "/api/approvals",
    "/api/jobs/1",
    "/api/jobs/1/log",
    "/api/file-refs?messages=1",
    "/api/state-file?path=/shared/a",
    "/api/threads/1",
    "/api/questions?how=expired",
    "/api/questions/1",
    "/api/agent/bob/row",
    "/agent/bob",
    "/agent/bob/",
    "/agent/bob/api/state",
    "/agent/bob/events/stream",
    "/agent/bob/stats",
    "/agent/bob/api/screen",
    "/agent/bob/screen",
    "/agent/bob/api/stats?window=1h",
    "/agent/bob/api/stats/export.csv",
    "/agent/bob/api/stats/export.json",
    "/nonsense",
)
WRITES = (
    "/request-spawn",
    "/approve/1",
    "/deny/1",
    "/comment/1",
    "/edit-comment/1",
    "/drop-comment/1",
    "/cancel-job/1",
    "/meta-update",
    "/update-all",
    "/revive/bob",
    "/start/bob",
    "/kill/bob",
    "/restart/bob",
    "/rebuild/bob",
    "/allow/bob",
    "/destroy/bob",
    "/set-paused/bob",
    "/op-send",
    "/api/agent/bob/mark-all-read",
    "/mark-read/1",
    "/answer-question/1",
    "/cancel-question/1",
    "/cancel-reminder/1",
    "/retry-reminder/1",
    "/purge-tombstone/bob",
    "/notifications/outlet",
    "/notifications/quiet",
    "/notifications/test",
    "/notifications/key",
    "/notifications/subscribe",
    "/notifications/unsubscribe/1",
    "/notifications/resend/1",
    "/agent/bob/send",
    "/agent/bob/screen/ticket",
    "/agent/bob/api/cancel",
    "/agent/bob/api/compact",
    "/agent/bob/api/model",
    "/agent/bob/api/new-session",
    "/agent/bob/api/login-start",
    "/agent/bob/api/login-code",
    "/agent/bob/api/login-cancel",
    "/logout",
)


@attrs.frozen
class Browser:
    """A browser that is logged in; what it is answered has to be as the routes are described."""

    port: int
    cookie: str
    daemon: Running

    @property
    def hive(self) -> Hive:
        """What is behind the page."""
        return self.daemon.hive

    @property
    def host(self) -> str:
        """The address in the address bar."""
        return f"127.0.0.1:{self.port}"

    def headers(self, *, is_write: bool = False) -> dict[str, str]:
        """Return what a browser sends from the page itself."""
        found = {"Cookie": f"other=1; hive_session={self.cookie}", "Sec-Fetch-Site": "same-origin"}
        return {**found, "Origin": f"http://{self.host}"} if is_write else found

    async def get(self, target: str, **headers: str) -> Reply:
        """Read something."""
        reply = await fetch(self.port, "GET", target, headers={**self.headers(), **headers})
        described.hold("GET", target, reply)
        return reply

    async def post(self, target: str, /, raw: bytes | None = None, **fields: Any) -> Reply:
        """Send a form, or a body as it is."""
        data = urlencode(fields).encode() if raw is None else raw
        headers = {**self.headers(is_write=True), "Content-Type": FORM}
        reply = await fetch(self.port, "POST", target, headers=headers, body=data)
        described.hold("POST", target, reply)
        return reply


def port_of(hive: Hive) -> int:
    """Return the port the dashboard took."""
    assert hive.address.url is not None
    return int(hive.address.url.rpartition(":")[2])


async def log_in(daemon: Running) -> Browser:
    """Open a fresh login link."""
    port = port_of(daemon.hive)
    reply = await fetch(port, "GET", daemon.hive.access.new_login_link())
    assert (reply.status, reply.header("location")) == (303, "/")
    cookie = reply.header("set-cookie") or ""
    return Browser(port, cookie.partition("=")[2].partition(";")[0], daemon)


@asynccontextmanager
async def browsing(root: Path, *agents: str, **settings: Any) -> AsyncIterator[Browser]:
    """Run a daemon with `agents` and a browser on its page."""
    async with running(root, **settings) as daemon:
        for name in agents:
            reply = await daemon.operator("spawn", name=name)
            assert reply["ok"], reply
        yield await log_in(daemon)

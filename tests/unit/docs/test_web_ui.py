"""docs/web-ui.md lists every route, frame and command, and none that does not exist."""

from __future__ import annotations

import re
from types import UnionType
from typing import Any, get_args

import attrs
import pytest

from hive.agent.screen import Screen
from hive.feed import Feed
from hive.web import guard
from hive.web.agent_page import app as agent_app
from hive.web.agent_page import table as agent_table
from hive.web.dashboard import table as dashboard_table
from hive.wire import codec, live
from hive.wire.dashboard import DashboardFrame
from tests.unit.docs.pages import ROOT, code, page, section, table

OF_THE_DAEMON = {(route.method, route.path) for route in agent_table.OF_DAEMON}


def listed(heading: str) -> list[tuple[str, str]]:
    return [
        (row[0], code(row[1])[0]) for row in table(section(page("web-ui.md"), heading)) if row[1:]
    ]


def test_the_dashboards_routes_are_those_listed() -> None:
    served = {(route.method, route.path) for route in dashboard_table.ROUTES}
    assert served == set(listed("Routes of the dashboard"))
    assert guard._OPEN.fullmatch("/healthz")


def test_an_agents_routes_are_those_listed() -> None:
    served = {(route.method, route.path) for route in agent_table.ROUTES}
    assert served == set(listed("Routes of an agent's page"))


class _Statistics:
    """An agent that had no turn."""

    def now(self) -> float:
        return 0.0

    async def statistics(self, window: str) -> dict[str, Any]:
        return {"window": window}

    async def turns(self, *page: Any) -> list[Any]:
        del page
        return []

    def faults(self) -> list[str]:
        return []


class FakePage:
    """A harness that knows nothing."""

    def __init__(self) -> None:
        self.feed = Feed(0.0)

    @property
    def statistics(self) -> Any:
        return _Statistics()

    @property
    def screen(self) -> Any:
        return Screen(1)

    async def snapshot(self) -> dict[str, Any]:
        return {}

    async def following(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        del after, limit
        return []

    async def history(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        del before, limit
        return []

    async def search(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    async def cancel(self) -> None:
        """Do nothing."""

    async def compact(self) -> None:
        """Do nothing."""

    async def new_session(self) -> None:
        """Do nothing."""

    async def set_model(self, model: str) -> None:
        """Do nothing."""

    async def login_start(self) -> None:
        """Do nothing."""

    async def login_code(self, code: str) -> None:
        """Do nothing."""

    async def login_cancel(self) -> None:
        """Do nothing."""


async def status_of(method: str, path: str) -> int:
    """Ask an agent's page; the client is gone as soon as its body is read."""
    said: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [],
        "query_string": b"",
        "http_version": "1.1",
        "extensions": {},
    }
    await agent_app.make_app(FakePage())(scope, receive, send)
    return int(said[0]["status"])


@pytest.mark.parametrize(("method", "route"), listed("Routes of an agent's page"))
async def test_an_agents_page_serves_each_route(method: str, route: str) -> None:
    path = route.replace("<path>", "shared/base.css")
    expected = {404} if (method, route) in OF_THE_DAEMON else {200, 400}
    assert await status_of(method, path) in expected


def test_every_route_that_the_agents_script_uses_is_listed() -> None:
    source = (ROOT / "hive/web/assets/agent_page/urls.js").read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!/)(?:api|events)/[a-z-]+", source))
    of_the_daemon = set(re.findall(r"`(/api/[a-z-]+)/", source))
    assert of_the_daemon <= {
        route.partition("/<")[0] for _, route in listed("Routes of the dashboard")
    }
    assert used <= {route[1:] for _, route in listed("Routes of an agent's page")}


def frames(union: UnionType) -> dict[str, list[str]]:
    return {
        codec.tag_of(kind): [field.name.rstrip("_") for field in attrs.fields(kind)]
        for kind in get_args(union)
    }


@pytest.mark.parametrize(
    ("heading", "union"),
    [
        ("Frames of the dashboard", DashboardFrame),
        ("Frames of an agent's page", live.LiveFrame),
    ],
)
def test_every_frame_is_listed_with_its_fields(heading: str, union: UnionType) -> None:
    rows = table(section(page("web-ui.md"), heading))
    assert {code(row[0])[0]: code(row[1]) for row in rows} == frames(union)


def test_the_first_frames_listed_are_those_that_are_kept() -> None:
    rows = table(section(page("web-ui.md"), "Frames of an agent's page"))
    assert [code(row[0])[0] for row in rows[:4]] == [codec.tag_of(kind) for kind in live.KEPT]


def test_the_prompts_commands_are_those_listed() -> None:
    source = (ROOT / "hive/web/assets/agent_page/commands.js").read_text(encoding="utf-8")
    known = set(re.findall(r'\{ name: "([a-z-]+)"', source))
    rows = table(section(page("web-ui.md"), "An agent's page"))
    assert {code(row[0])[0].split()[0] for row in rows} == {f"/{name}" for name in known}

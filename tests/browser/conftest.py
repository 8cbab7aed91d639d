"""A browser for the session, and for each test a tab and a server of scripted pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from tests.fakes import agent_scenes
from tests.fakes import page_scenes as scenes
from tests.fakes.browser import Chromium, Page, open_page
from tests.fakes.page_server import PageServer, Side


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One process for all tests."""
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
async def page(chromium: Chromium, server: PageServer) -> AsyncIterator[Page]:
    """A tab; a complaint of its console or a breach of the policy fails the test.

    It asks for the server only to be closed before it.
    """
    del server
    async with open_page(chromium) as tab:
        await tab.viewport(1280, 900)
        await tab.media(prefers_color_scheme="dark", prefers_reduced_motion="reduce")
        yield tab
    assert tab.problems == []


@pytest.fixture
async def server(nursery: trio.Nursery) -> PageServer:
    """A hive that was just started, and alice with an empty history."""
    made = PageServer(Side(scenes.empty_dashboard()), Side(agent_scenes.agent_state()))
    await nursery.start(lambda task_status: made.run(task_status=task_status))
    return made


@pytest.fixture
def lively(server: PageServer) -> PageServer:
    """The same hive with something in every section."""
    server.dashboard.state = scenes.lively_dashboard()
    server.dashboard.history = scenes.conversation()
    return server

"""What the operator does on an agent's page: prompt, header and drawers, by mouse and by keys."""

from __future__ import annotations

import pytest

from tests.browser import LIVE, opened
from tests.fakes import agent_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_scenes import NOW, container
from tests.fakes.page_server import PageServer

PROMPT = "document.querySelector('#prompt').value"
LOOSE = {"age_seconds": 5.0, "asker": None, "target": None, "owner": None, "due_at": None}


@pytest.fixture
def server(server: PageServer) -> PageServer:
    """alice, with everything her page can be told."""
    server.agent.state |= {
        "models": ["haiku", "sonnet", "opus"],
        "context_window": 200_000,
        "cost_usd": 1.234,
        "screen": True,
    }
    return server


async def test_what_was_sent_before_comes_back_and_a_draft_outlives_a_reload(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    for words in ("one", "two"):
        await page.type(words)
        await page.press("Enter")
        await page.wait(f"{PROMPT} === ''")
    await page.type("a draft")
    seen = []
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"):
        await page.press(key)
        seen.append(await page.eval(PROMPT))
    assert seen == ["two", "one", "one", "two", "a draft"]
    await page.type(" half written")
    await opened(page, server.agent_url)
    assert await page.eval(PROMPT) == "a draft half written"
    await page.click("#prompt")
    await page.press("ArrowUp")
    assert await page.eval(PROMPT) == "two"


async def test_commands_pause_resume_complete_a_model_search_and_show_logs(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    await page.click("#prompt")
    for command, paused in (("/pause", "true"), ("/resume", "false")):
        await page.type(command)
        await page.press("Enter")
        await page.wait(f"{PROMPT} === ''")
        assert await server.wait_posted("/set-paused/alice") == {"paused": paused}
    await page.type("/model so")
    await page.press("Tab")
    await page.press("Enter")
    assert await server.wait_posted("/agent/alice/api/model") == {"model": "sonnet"}
    await page.wait(f"{PROMPT} === ''")
    await page.type("/search nothing of it")
    await page.press("Enter")
    await page.wait("document.querySelector('.found [role=status]').innerText === 'nothing found'")
    await page.press("Escape")
    await page.wait("document.querySelector('.found').hidden")
    await page.click("#prompt")
    await page.type("/logs")
    await page.press("Enter")
    await page.wait("document.querySelector('dialog.side pre').innerText.includes('another line')")


async def test_the_header_says_what_fits_what_it_cost_and_where_else_to_look(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    assert await page.text("#ctx") == "ctx · 118k of 200k"
    assert await page.text("#price") == "$1.23 list price"
    links = await page.eval(
        "[...document.querySelectorAll('.links a:not([hidden])')].map((n) => n.pathname)"
    )
    assert links == ["/agent/alice/stats", "/agent/alice/screen"]
    usage = {**scenes.agent_state()["ctx_usage"], "cache_read_input_tokens": 190_000}
    frame = {"ctx": usage, "cost": usage, "window": 1_000_000, "cost_usd": 2.0}
    server.agent.publish("token_usage_changed", **frame)
    await page.wait("document.querySelector('#ctx').innerText === 'ctx · 198k of 1M'")
    assert await page.eval("document.querySelector('#ctx').className") == "badge go"
    await page.click("#model")
    await page.wait("document.querySelector('#models [aria-current]').innerText === 'sonnet'")
    await page.eval("document.querySelector('#models button[value=opus]').click()")
    assert await server.wait_posted("/agent/alice/api/model") == {"model": "opus"}
    await page.wait("!document.querySelector('#models')")
    server.agent.publish("status_changed", status="paused")
    await page.wait("[...document.querySelectorAll('form[action=\"/set-paused/alice\"]')]"
                    ".map((f) => f.hidden).join() === 'true,false'")  # fmt: skip


async def test_an_agent_at_its_limits_or_of_an_older_hive_says_so_and_is_rebuilt(
    page: Page, server: PageServer
) -> None:
    alice = container("alice", limits_met=["memory_mib", "tasks"], needs_update=True)
    server.dashboard.state["containers"] = [alice]
    await opened(page, server.agent_url)
    await page.wait(
        "document.querySelector('#limits').innerText === '▲ at its limit: memory, processes'"
    )
    assert await page.text("#stale") == "↻ needs update"
    await page.click("form[action='/rebuild/alice'] button")
    await server.wait_posted("/rebuild/alice")
    server.dashboard.state["containers"] = [container("alice")]
    server.agent.publish("turn_end", ok=True, note=None, duration_ms=10)
    await page.wait("document.querySelector('#limits').hidden")
    assert await page.eval("document.querySelector('#stale').hidden")


async def test_the_inbox_is_marked_read_and_loose_ends_are_cancelled(
    page: Page, server: PageServer
) -> None:
    server.loose_ends = [
        {**LOOSE, "kind": "question", "id": 3, "text": "Delete?", "asker": "alice"},
        {**LOOSE, "kind": "reminder", "id": 4, "text": "look", "owner": "alice", "due_at": NOW},
        {**LOOSE, "kind": "approval", "id": 7, "text": "more memory", "owner": "manager"},
    ]
    await opened(page, server.agent_url)
    await page.wait("document.querySelectorAll('#loose-ends .item').length === 3")
    assert await page.eval("document.querySelector('#loose-ends .item a').hash") == "#approval-7"
    for path in ("/cancel-question/3", "/cancel-reminder/4"):
        await page.eval(f"document.querySelector('form[action=\"{path}\"] button').click()")
        await page.click("dialog .primary")
        await server.wait_posted(path)
        await page.wait("!document.querySelector('dialog')")
    server.agent.state["inbox"] = []
    await page.eval("document.querySelector('#inbox').open = true")
    await page.wait("document.querySelector('#inbox').innerText.includes('waits')")
    await page.eval("document.querySelector('#inbox .drawer-tools button').click()")
    await page.click("dialog .primary")
    await server.wait_posted("/api/agent/alice/mark-all-read")
    await page.wait("document.querySelector('#inbox').hidden")


async def test_everything_is_reached_by_keys_and_named(page: Page, server: PageServer) -> None:
    await page.viewport(360, 740)
    server.agent.history = scenes.history(scenes.turn())
    await opened(page, server.agent_url)
    await page.wait(LIVE)
    nameless = (
        "[...document.querySelectorAll('button, a, input, select, textarea, [role=region]')]"
        ".filter((n) => n.checkVisibility() && !(n.ariaLabel || n.innerText.trim()"
        " || n.title || n.placeholder)).map((n) => n.outerHTML)"
    )
    assert await page.eval(nameless) == []
    await page.eval("document.querySelector('.skip-link').focus()")
    seen = set()
    for _ in range(60):
        await page.press("Tab")
        seen.add(await page.eval("document.activeElement.id || document.activeElement.className"))
    assert {"model", "search", "hold", "log", "prompt", "logs"} <= seen
    assert await page.eval("document.querySelector('#search').clientWidth") > 180
    small = (
        "[...document.querySelectorAll('.log')].every((n) => n.clientHeight > 150)"
        " && document.querySelector('.prompt').getBoundingClientRect().bottom <= innerHeight + 1"
    )
    assert await page.eval(small)

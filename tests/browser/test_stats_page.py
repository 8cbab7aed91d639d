"""The statistics of an agent in a real browser: charts, their tables, windows, and odd data."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.browser import Page
from tests.fakes.page_scenes import NOW
from tests.fakes.page_server import PageServer
from tests.fakes.turns import busy_month, statistics, turn

DRAWN = "document.querySelectorAll('.plot canvas').length === 7"
INK = """(() => { const canvas = document.querySelector('%s canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) {
    const key = data.slice(i, i + 3).join(); seen.set(key, (seen.get(key) ?? 0) + 1); }
  return [...seen].sort((a, b) => b[1] - a[1])[0][0]; })()"""
"""The colour that covers most of a chart."""


async def test_a_month_is_drawn_in_both_themes_with_every_figure_in_a_table(
    page: Page, server: PageServer
) -> None:
    server.turns = busy_month()
    await page.navigate(server.agent_url + "stats?window=30d")
    await page.wait(DRAWN)
    tiles = await page.text(".tiles")
    found = statistics(server.turns, "30d")
    assert f"{found['turns']}" in tiles
    assert "list price" in tiles
    assert await page.eval(INK % "#chart-cost") == "166,227,161"
    await page.click("#theme")
    await page.wait(f"{INK % '#chart-cost'} === '32,97,26'")
    await page.click("#chart-turns summary")
    await page.wait("document.querySelector('#chart-turns tbody tr')")
    rows = await page.eval(
        "[...document.querySelectorAll('#chart-turns tbody tr')].map((row) =>"
        " [...row.querySelectorAll('td')].reduce((sum, cell) => sum + Number(cell.innerText), 0))"
    )
    assert rows == [bucket["turns"] for bucket in found["buckets"]]
    spoken = await page.eval("document.querySelector('#chart-turns .plot').ariaLabel")
    assert spoken.startswith("Turns: How they ended. In all: ok ")
    assert await page.eval("document.querySelector('#chart-tools meter').ariaLabel") is not None


async def test_the_address_keeps_the_window_and_the_way_back_leads_to_the_last_one(
    page: Page, server: PageServer
) -> None:
    server.turns = [turn(NOW - 5), turn(NOW - 7200)]
    await page.navigate(server.agent_url + "stats")
    await page.wait("document.querySelector('.tile .figure').innerText === '2'")
    await page.click("[data-window='1h']")
    await page.wait("document.querySelector('.tile .figure').innerText === '1'")
    assert await page.eval("location.search") == "?window=1h"
    assert await page.eval("document.querySelector('[aria-current]').innerText") == "1h"
    sheet = "document.querySelector('a[download$=csv]')"
    assert await page.eval(f"[{sheet}.getAttribute('href'), {sheet}.download]") == [
        "api/stats/export.csv?window=1h",
        "alice-turns-1h.csv",
    ]
    await page.eval("history.back()")
    await page.wait("document.querySelector('.tile .figure').innerText === '2'")


@pytest.mark.parametrize("width", [360, 1280])
async def test_no_width_makes_the_statistics_scroll_sideways(
    page: Page, server: PageServer, width: int
) -> None:
    server.turns = [turn(NOW - 9, model="m" * 90, tools={"mcp__" + "x" * 90: 3}), *busy_month()]
    await page.viewport(width, 740)
    await page.navigate(server.agent_url + "stats?window=3d")
    await page.wait(DRAWN)
    await page.eval("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert await page.overflow() == 0


async def test_an_empty_window_says_so_and_a_failure_leaves_what_was_shown(
    page: Page, server: PageServer
) -> None:
    await page.navigate(server.agent_url + "stats?window=nonsense")
    await page.wait("document.querySelector('.empty')")
    assert "No turn of alice ended in the last 24 hours." in await page.text("#main")
    error = {"error": {"code": "unavailable", "message": "its disk is full"}}
    server.answers["/api/stats"] = (503, error)
    page.expected.append("503")
    await page.click("[data-window='7d']")
    await page.wait("!document.querySelector('#trouble').hidden")
    assert "its disk is full" in await page.text("#trouble")
    assert "No turn of alice" in await page.text("#main")


async def test_whatever_a_harness_answers_is_shown_as_text_or_not_at_all(
    page: Page, server: PageServer
) -> None:
    evil = "<img src=x onerror=alert(1)>"
    found: dict[str, Any] = statistics([turn(NOW - 5, model=evil, tools={evil: 2})], "24h")
    found |= {"faults": [evil], "cost_usd": "much", "senders": {evil: -4}, "wakes": [7]}
    found["buckets"][3] = None
    found["tokens"] = {"input": 1e308}
    server.answers["/api/stats"] = (200, json.loads(json.dumps(found)))
    await page.navigate(server.agent_url + "stats")
    await page.wait(DRAWN)
    assert evil in await page.text("#faults")
    assert evil in await page.text("#chart-models")
    assert await page.count("img") == 0

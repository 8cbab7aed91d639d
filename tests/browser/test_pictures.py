"""The pictures of README and docs: of a hive at work, each night and by `./build.sh shots`."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from hive.wire.names import MANAGER, agent_name
from tests.browser import LIVE
from tests.browser.test_real_hive import log_in
from tests.browser.test_real_screen import commit
from tests.e2e.stage import STAND_IN, Stage, spawn, stage
from tests.fakes.browser import Page
from tests.fakes.by_role import Person
from tests.fakes.page_server import PageServer
from tests.fakes.pictures import MOST_BYTES, PICTURES, Picture, look, size_of, take
from tests.fakes.turns import busy_month

pytestmark = pytest.mark.slow

SHOTS = Path(os.environ.get("HIVE_SHOTS", "tests/shots"))
AGENTS = ("alice", "bob", "carol")
TOML = """\
# What hive runs alice with; docs/agent-config.md explains every key.
description = "reads the logs of the night and says what failed"
model = "{model}"
packages = ["git", "jq"]
allow = [{allow}]

[env]
LOG_LEVEL = "{level}"

[limits]
memory_mib = {memory}
"""
FIRST = {"model": "haiku", "allow": "", "level": "info", "memory": 1024}
THEN = {"model": "haiku", "allow": '"pypi.org"', "level": "warning", "memory": 512}
REPORT = """\
The night in short:

| job | took | ended |
| --- | --- | --- |
| backup | 41 min | ✓ |
| index | 12 min | ✓ |
| `report-pdf` | 3 s | ✗ `disk full` on **/var/spool** |

I freed nothing yet. The full list is in `/state/report.md`.
"""
QUESTION = "`/var/spool` holds **41 GiB** of sessions older than 90 days. May I archive them?"


async def at_work(hive: Stage) -> None:
    """Bring a hive to a morning on which something of everything is there to be seen."""
    await spawn(hive, *AGENTS)
    folder = hive.paths.agents / "alice" / "config"
    first = await hive.as_agent(
        MANAGER, "request_apply_commit", agent="alice", commit_ref=commit(folder, written(FIRST))
    )
    assert (await hive.operator("approve", id=first["id"]))["ok"]
    for name in (MANAGER, *AGENTS):
        await hive.wait_settled(name)
    await hive.send("manager", "Let alice read what the backup said tonight.")
    await settled(hive)
    await talk(hive)
    why = "half the memory is enough, and the parser it wants is on PyPI"
    await hive.as_agent(
        MANAGER,
        "request_apply_commit",
        agent="alice",
        commit_ref=commit(folder, written(THEN)),
        description=why,
    )
    await hive.operator("request_spawn", name="dave", description="archives what nobody reads")
    options = ["yes, all of them", "only those of closed accounts", "no"]
    await hive.as_agent("bob", "ask", question=QUESTION, options=options, ttl_seconds=5400)
    later = "look whether /var/spool has shrunk"
    await hive.as_agent("carol", "remind", message=later, delay_seconds=1500)
    for name, status in (
        ("alice", "the night is read; waiting for work"),
        ("bob", "waiting for an answer on /var/spool"),
        ("carol", "watching the disks"),
    ):
        await hive.as_agent(name, "set_status", text=status)
    assert (await hive.operator("set_paused", name="carol", paused=True))["ok"]


def written(values: dict[str, object]) -> str:
    """Return alice's configuration with these values."""
    return TOML.format(**values)


async def settled(hive: Stage) -> None:
    """Wait until nobody has anything to do; who is told something tells others."""
    for _ in range(2):
        for name in (MANAGER, *AGENTS):
            await hive.wait_settled(name)


async def talk(hive: Stage) -> None:
    """Let agents and operator write to each other."""
    asked = await hive.operator("send", to="alice", body="Who fills /var/spool?")
    await settled(hive)
    passed = await hive.as_agent(
        "alice",
        "send",
        to="bob",
        body="The operator asks who fills `/var/spool`.",
        in_reply_to=asked["id"],
    )
    await hive.as_agent(
        "bob",
        "send",
        to="alice",
        body="Old sessions: `du` says 41 GiB, most of it from March.",
        in_reply_to=passed["id"],
    )
    await hive.as_agent("alice", "send", to="operator", body=REPORT)
    await hive.as_agent(
        "alice",
        "send",
        to="operator",
        body="bob found it: **old sessions**, 41 GiB. He asks you what to do with them.",
        in_reply_to=asked["id"],
    )
    await settled(hive)


async def dashboard(page: Page, home: str) -> None:
    """Everything at a glance."""
    await page.navigate(home)
    await page.wait(f"{LIVE} && document.querySelector('.changes .files li')", 30)


async def approval(page: Page, home: str) -> None:
    """The diff of a change, with yes and no below it."""
    await dashboard(page, home)
    await Person(page).do("show the diff of change of configuration alice")
    await page.wait("document.querySelectorAll('.diff-file').length", 30)


async def agent(page: Page, home: str) -> None:
    """What an agent does, as it does it."""
    await page.navigate(f"{home}agent/alice/")
    await page.wait(f"{LIVE} && document.querySelector('.log .turn-ok')", 30)


async def search(page: Page, home: str) -> None:
    """What was found of a word, above its place in the conversation."""
    await page.navigate(f"{home}?q=spool")
    await page.wait("document.querySelectorAll('#found .hit').length > 3", 30)


async def thread(page: Page, home: str) -> None:
    """A question, who was asked in turn, and what came of it."""
    await dashboard(page, home)
    me = Person(page)
    row = await me.saying("bob found it", "article")
    await me.click("button", re.compile("^Thread of message"), row)
    await me.reads("most of it from March", "list", re.compile("^Messages of this thread"))


VIEWS: dict[str, Callable[[Page, str], Awaitable[None]]] = {
    one.__name__: one for one in (dashboard, approval, agent, search, thread)
}


async def test_pictures_are_taken_of_a_hive_at_work(short_tmp: Path, page: Page) -> None:
    async with stage(short_tmp, STAND_IN, "live") as hive:
        await at_work(hive)
        await log_in(hive, page)
        home = (await hive.operator("urls"))["urls"]["home"].rstrip("/") + "/"
        for picture in PICTURES:
            if picture.view in VIEWS:
                await shown(page, picture, home)
        await page.navigate("about:blank")
    assert sum((SHOTS / one.name).stat().st_size for one in PICTURES if one.view in VIEWS) < (
        MOST_BYTES
    )


async def shown(page: Page, picture: Picture, home: str) -> None:
    """Bring a view to the screen and take its picture."""
    await look(page, picture)
    await VIEWS[picture.view](page, home)
    assert await page.overflow() == 0, picture.name
    # What was found may still be on its way to where it stands.
    await page.eval("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))")
    await take(page, picture, SHOTS)
    png = await trio.Path(SHOTS / picture.name).read_bytes()
    assert size_of(png) == picture.size


async def test_a_picture_is_taken_of_a_months_statistics(page: Page, server: PageServer) -> None:
    server.turns = busy_month()
    for picture in PICTURES:
        if picture.view == "statistics":
            await look(page, picture)
            await page.navigate(server.agent_url + "stats?window=30d")
            await page.wait("document.querySelectorAll('.plot canvas').length === 7", 30)
            await take(page, picture, SHOTS)


def test_every_picture_has_a_way_to_be_taken() -> None:
    assert {one.view for one in PICTURES} == {*VIEWS, "statistics"}
    assert agent_name("alice") in AGENTS

"""The screen of an agent in its sandbox: a real VNC server, hive's relay, and a browser."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

from hive.wire.names import MANAGER, AgentName
from tests.browser.test_real_hive import log_in
from tests.browser.test_screen_page import COLOUR, SEEN, phase, take_control
from tests.e2e.stage import STAND_IN, Stage, spawn, stage
from tests.fakes import xvnc
from tests.fakes.browser import Page
from tests.fakes.x_window import XWindow

ALICE = AgentName("alice")
SHOTS = Path(os.environ.get("HIVE_SHOTS", "tests/shots"))
PORT, DISPLAY = 5907, 7
"""Inside of the sandbox, which has a loopback and a /tmp of its own."""
HAS_SCREEN = "fetch('api/screen').then((got) => got.ok && got.json()).then((got) => got.screen)"

RECORDED = """fetch('/api/audit?limit=200').then((got) => got.json())
  .then((got) => got.rows.map((row) => row.entry.action))"""


def commit(folder: Path, toml: str) -> str:
    """Commit an agent.toml as the manager would; return the commit."""
    (folder / "agent.toml").write_text(toml)
    # It is the manager's, and we may be root.
    git = ["git", "-C", str(folder), "-c", "user.name=m", "-c", "user.email=m@hive"]
    git += ["-c", f"safe.directory={folder}"]
    subprocess.run([*git, "commit", "-qam", "a screen"], check=True)
    words = [*git, "rev-parse", "HEAD"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


async def deploy(hive: Stage, sha: str) -> None:
    """Propose a commit of alice's as the manager and approve it as the operator."""
    queued = await hive.as_agent(MANAGER, "request_apply_commit", agent="alice", commit_ref=sha)
    reply = await hive.operator("approve", id=queued["id"])
    assert reply["ok"], reply


def display(hive: Stage) -> Path | None:
    """Return where alice's X server listens, as seen from outside of her sandbox."""
    for pid in hive.processes("alice"):
        inside = Path(f"/proc/{pid}/root{xvnc.SOCKETS}/X{DISPLAY}")
        if inside.exists():
            return inside
    return None


async def begin_screen(hive: Stage) -> XWindow:
    """Let alice start a VNC server in her sandbox, and put a window on it from outside."""
    serve = shlex.join([*xvnc.words(PORT), f":{DISPLAY}"])
    shell = f"({serve} >/state/xvnc.log 2>&1 &)"
    bash = {"command": shell, "description": "start a screen"}
    await hive.send("alice", f"!tool Bash {json.dumps(bash)}")

    async def serves() -> bool:
        return display(hive) is not None

    await hive.wait(serves)
    found = display(hive)
    assert found is not None
    return await XWindow.open(found, COLOUR)


async def test_an_agents_screen_is_seen_from_its_sandbox_and_held_by_who_took_control(
    short_tmp: Path, page: Page
) -> None:
    # While it has no screen, and while it is restarted with one.
    page.expected += ["404", "503"]
    async with stage(short_tmp, STAND_IN, "live") as hive:
        await log_in(hive, page)
        await spawn(hive, "alice")
        await hive.wait_settled("alice")
        home = (await hive.operator("urls"))["urls"]["home"].rstrip("/")
        await page.navigate(f"{home}/agent/alice/screen")
        await page.wait(phase("absent"), 30)
        await deploy(hive, commit(hive.paths.agent_config(ALICE), f"[screen]\nport = {PORT}\n"))
        await hive.wait(lambda: page.eval(HAS_SCREEN))
        window = await begin_screen(hive)
        await page.click("#again")
        await page.wait(phase("connected"), 45)
        await page.wait(SEEN, 30)
        await page.screenshot(SHOTS / "screen-real.png")
        await page.press("a")
        await take_control(page)
        await page.press("b")
        assert await window.strokes(2) == [("press", ord("b")), ("release", ord("b"))]
        await page.click("#stage canvas")
        assert (await window.next()).kind == "button"
        await page.screenshot(SHOTS / "screen-real-control.png")
        await page.navigate(f"{home}/agent/alice/")
        await page.wait("document.querySelector('[href=screen]').checkVisibility()", 20)
        recorded = await page.eval(RECORDED)
        await page.navigate("about:blank")
        await window.aclose()
    assert {"watch_screen_ticket", "control_screen_ticket", "control_screen"} <= {*recorded}

"""A headless Chromium, driven over its DevTools protocol; Trio only.

`Chromium` is one process for many tests; `open_page` gives each test a browser context of its own.
A page collects what its console complains about, uncaught errors and breaches of the content
security policy: `Page.problems` must be empty at the end of a test.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, open_websocket_url

Json = dict[str, Any]
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--hide-scrollbars=false",
    "--remote-debugging-port=0",
)
MESSAGE_BYTES = 64 * 1024 * 1024
ANSWER_S = 30.0
_KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "ArrowDown": (40, ""),
    "ArrowUp": (38, ""),
    "Backspace": (8, ""),
    "Home": (36, ""),
    "Control": (17, ""),
    "Alt": (18, ""),
    " ": (32, " "),
    "/": (191, "/"),
    ":": (186, ":"),
    "?": (191, "?"),
}
_CODES = {"Control": "ControlLeft", "Alt": "AltLeft", " ": "Space"}
_SHIFT = 8
_CONTROL = 2
_ALT_CONTROL = 1 | _CONTROL


class Chromium:
    """One browser process with an empty profile, ended with `close`."""

    def __init__(self) -> None:
        """Start it and read the address it listens on."""
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            raise FileNotFoundError("chromium is missing: install your system's package of it")
        self._profile = Path(tempfile.mkdtemp(prefix="hive-chromium"))
        self._log = (self._profile / "log").open("wb")
        command = [program, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.PIPE
        )
        self.url = self._address()

    def _address(self) -> str:
        if self._process.stderr is None:
            raise RuntimeError("chromium has no standard error")
        seen = []
        for line in self._process.stderr:
            text = line.decode(errors="replace").strip()
            seen.append(text)
            if text.startswith("DevTools listening on "):
                return text.removeprefix("DevTools listening on ")
        raise RuntimeError("chromium did not start: " + " / ".join(seen[-5:]))

    def close(self) -> None:
        """End the process and forget its profile."""
        self._process.kill()
        self._process.wait(10)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)


@attrs.define
class _Wire:
    """Commands and events of one connection."""

    socket: WebSocketConnection
    _next: int = 0
    _answers: dict[int, trio.MemorySendChannel[Json]] = attrs.field(factory=dict)
    pages: dict[str, Page] = attrs.field(factory=dict)

    async def send(self, method: str, params: Json | None = None, session: str = "") -> Json:
        self._next += 1
        number = self._next
        command: Json = {"id": number, "method": method, "params": params or {}}
        if session:
            command["sessionId"] = session
        give, take = trio.open_memory_channel[Json](1)
        self._answers[number] = give
        await self.socket.send_message(json.dumps(command))
        with trio.fail_after(ANSWER_S):
            answer = await take.receive()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error'].get('message')}")
        result: Json = answer["result"]
        return result

    async def read(self) -> None:
        while True:
            try:
                message = json.loads(await self.socket.get_message())
            except ConnectionClosed:
                return
            if "id" in message:
                self._answers.pop(message["id"]).send_nowait(message)
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].hear(message["method"], message["params"])


@attrs.define
class Page:
    """One tab."""

    _wire: _Wire
    _session: str
    problems: list[str] = attrs.field(factory=list)
    expected: list[str] = attrs.field(factory=list)
    """Parts of complaints that a test provokes on purpose."""
    requests: list[str] = attrs.field(factory=list)
    listener: Callable[[str, Json], None] | None = None
    """Is told every event of the tab."""
    _loaded: trio.Event = attrs.field(factory=trio.Event)

    def hear(self, method: str, params: Json) -> None:
        """Take one event of the tab."""
        if self.listener is not None:
            self.listener(method, params)
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self._complain(str(details.get("exception", {}).get("description", details["text"])))
        elif method == "Log.entryAdded" and params["entry"]["level"] in {"error", "warning"}:
            entry = params["entry"]
            self._complain(f"{entry['text']} {entry.get('url', '')}")
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
            said = [str(one.get("value", one.get("description"))) for one in params["args"]]
            self._complain(" ".join(said))

    def _complain(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.problems.append(text)

    async def send(self, method: str, **params: Any) -> Json:
        """Give a DevTools command to this tab."""
        return await self._wire.send(method, params, self._session)

    async def navigate(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self._loaded = trio.Event()
        await self.send("Page.navigate", url=url)
        with trio.fail_after(ANSWER_S):
            await self._loaded.wait()

    async def eval(self, script: str) -> Any:
        """Evaluate an expression, awaiting a promise; returns its JSON value."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def wait(self, condition: str, timeout_s: float = 10) -> Any:
        """Wait until an expression is true, looking at every change of the document and frame."""
        script = f"""new Promise((resolve, reject) => {{
          const probe = () => {{ try {{ return ({condition}); }} catch {{ return false; }} }};
          const end = setTimeout(() => {{ watch.disconnect(); done = true;
            reject(new Error("never: " + {json.dumps(condition)})); }}, {timeout_s * 1000});
          let done = false;
          const look = () => {{
            const value = done ? null : probe();
            if (!value) return;
            done = true; clearTimeout(end); watch.disconnect(); resolve(value);
          }};
          const watch = new MutationObserver(look);
          watch.observe(document, {{ subtree: true, childList: true, attributes: true,
            characterData: true }});
          const step = () => {{ if (done) return; look(); requestAnimationFrame(step); }};
          step();
        }})"""
        return await self.eval(script)

    async def text(self, selector: str) -> str:
        """Return the visible text of an element."""
        text = await self.eval(f"document.querySelector({json.dumps(selector)}).innerText")
        return str(text)

    async def count(self, selector: str) -> int:
        """Return how many elements match."""
        return int(await self.eval(f"document.querySelectorAll({json.dumps(selector)}).length"))

    async def click(self, selector: str, *, nth: int = 1) -> None:
        """Click the middle of an element with the mouse, scrolling to it first.

        With `nth` 2 it is the second click of a double click.
        """
        await self.wait(f"document.querySelector({json.dumps(selector)})")
        box = await self.eval(
            f"""(() => {{ const node = document.querySelector({json.dumps(selector)});
            node.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
            const box = node.getBoundingClientRect();
            return {{x: box.x + box.width / 2, y: box.y + box.height / 2}}; }})()"""
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=nth, **box
            )

    async def type(self, text: str) -> None:
        """Insert text where the focus is."""
        await self.send("Input.insertText", text=text)

    async def press(
        self, key: str, *, shift: bool = False, control: bool = False, repeat: bool = False
    ) -> None:
        """Press and release one key: a letter, or one that has a name.

        With `repeat` it is what a key says that has been held down for a while.
        """
        modifiers = (_SHIFT if shift else 0) | (_CONTROL if control else 0)
        await self._key("keyDown", key, modifiers, repeat=repeat)
        await self._key("keyUp", key, modifiers)

    async def chord(self, key: str) -> None:
        """Press Ctrl, Alt and a key, and let go of them."""
        for down in ("Control", "Alt", key):
            await self._key("keyDown", down, _ALT_CONTROL)
        for up in (key, "Alt", "Control"):
            await self._key("keyUp", up, _ALT_CONTROL)

    async def _key(self, kind: str, key: str, modifiers: int, *, repeat: bool = False) -> None:
        is_letter = len(key) == 1 and key.isalpha()
        code, text = (ord(key.upper()), key) if is_letter else _KEYS[key]
        about: Json = {
            "key": key,
            "code": f"Key{key.upper()}" if is_letter else _CODES.get(key, key),
            "windowsVirtualKeyCode": code,
            "modifiers": modifiers,
            "autoRepeat": repeat,
        }
        if kind == "keyDown":
            about["text"] = "" if modifiers & _ALT_CONTROL else text
        await self.send("Input.dispatchKeyEvent", type=kind, **about)

    async def viewport(self, width: int, height: int) -> None:
        """Set the window's size in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def media(self, **features: str) -> None:
        """Emulate media features, as `prefers_color_scheme="dark"`."""
        wanted = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        await self.send("Emulation.setEmulatedMedia", features=wanted)

    async def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        shot = await self.send("Page.captureScreenshot", format="png")
        target = trio.Path(path)
        await target.parent.mkdir(parents=True, exist_ok=True)
        await target.write_bytes(base64.b64decode(shot["data"]))

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        script = "document.scrollingElement.scrollWidth - window.innerWidth"
        return max(0, int(await self.eval(script)))


@asynccontextmanager
async def open_page(browser: Chromium) -> AsyncIterator[Page]:
    """Open a tab in a context of its own; closes both."""
    async with open_websocket_url(browser.url, max_message_size=MESSAGE_BYTES) as socket:
        wire = _Wire(socket)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.read)
            context = (await wire.send("Target.createBrowserContext"))["browserContextId"]
            made = await wire.send(
                "Target.createTarget", {"url": "about:blank", "browserContextId": context}
            )
            joined = await wire.send(
                "Target.attachToTarget", {"targetId": made["targetId"], "flatten": True}
            )
            page = Page(wire, joined["sessionId"])
            wire.pages[joined["sessionId"]] = page
            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.send(f"{domain}.enable")
            try:
                yield page
            finally:
                with trio.move_on_after(5, shield=True):
                    await wire.send("Target.disposeBrowserContext", {"browserContextId": context})
                nursery.cancel_scope.cancel()

"""Somebody at a tab of the browser, who finds things by what they are and what they are called.

Roles and names are those of Chromium's own accessibility tree: what is found here, a screen reader
finds too, and what is clicked lies under the mouse.
"""

from __future__ import annotations

import re
from typing import Any

import attrs
import trio

from tests.fakes.browser import Page

LOOK_S = 0.03
PATIENCE_S = 20.0
Named = str | re.Pattern[str]
"""A whole name, or what is found somewhere in one."""
ANY = re.compile("")

_STANDS_STILL = """async function () {
  const box = () => { const { x, y, width, height } = this.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 }; };
  this.scrollIntoView({ block: "center", inline: "center", behavior: "instant" });
  const before = box();
  await new Promise(requestAnimationFrame);
  const now = box();
  const hit = document.elementFromPoint(now.x, now.y);
  if (!hit || before.x !== now.x || before.y !== now.y) return null;
  const isHit = this.contains(hit) || hit.closest("label")?.control === this;
  return isHit ? now : null;
}"""
_HAS_FOCUS = "function () { return document.activeElement === this }"
_TEXT = "function () { return this.innerText }"


def _is_off(node: dict[str, Any]) -> bool:
    """Whether it cannot be used now, or is no part of the document."""
    told = {each["name"]: each["value"].get("value") for each in node.get("properties", ())}
    return told.get("disabled") is True or "backendDOMNodeId" not in node


@attrs.frozen
class Thing:
    """Something on the page."""

    role: str
    name: str
    node: int


@attrs.frozen
class Person:
    """Whoever uses a tab."""

    page: Page

    async def all(self, role: str, name: Named, within: Thing | None = None) -> list[Thing]:
        """Return what has that role and name now and is not switched off, in the page's order."""
        about: dict[str, Any] = {"role": role}
        if isinstance(name, str):
            about["accessibleName"] = name
        if within is None:
            top = await self.page.send("Runtime.evaluate", expression="document")
            about["objectId"] = top["result"]["objectId"]
        else:
            about["backendNodeId"] = within.node
        nodes = (await self.page.send("Accessibility.queryAXTree", **about))["nodes"]
        found = []
        for node in nodes:
            called = str(node.get("name", {}).get("value", ""))
            is_meant = name == called if isinstance(name, str) else name.search(called)
            if is_meant and not node["ignored"] and not _is_off(node):
                found.append(Thing(role, called, node["backendDOMNodeId"]))
        return found

    async def find(self, role: str, name: Named, within: Thing | None = None) -> Thing:
        """Wait until something is there, and return the first."""
        with trio.move_on_after(PATIENCE_S):
            while True:
                found = await self.all(role, name, within)
                if found:
                    return found[0]
                # Nothing tells that the tree has changed.
                await trio.sleep(LOOK_S)
        shown = await self.page.text("body")
        raise AssertionError(f"no {role} is called {name!r} on this page:\n{shown}")

    async def gone(self, role: str, name: Named) -> None:
        """Wait until nothing of that role and name is there."""
        with trio.fail_after(PATIENCE_S):
            # Nothing tells that the tree has changed.
            while await self.all(role, name):  # noqa: ASYNC110
                await trio.sleep(LOOK_S)

    async def click(self, role: str, name: Named, within: Thing | None = None) -> None:
        """Click it with the mouse once it stands still and nothing lies over it."""
        place = None
        with trio.move_on_after(2 * PATIENCE_S):
            while place is None:
                place = await self._call(await self.find(role, name, within), _STANDS_STILL)
                await trio.sleep(0 if place else LOOK_S)
        assert place is not None, f"{role} {name!r} lies below something or does not stand still"
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.page.send(
                "Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place
            )

    async def fill(self, role: str, name: Named, text: str) -> None:
        """Click into a field and write."""
        await self.click(role, name)
        await self.page.type(text)

    async def tab_to(self, role: str, name: Named, most: int = 60) -> None:
        """Press Tab until it has the focus."""
        for _ in range(most):
            await self.page.press("Tab")
            wanted = await self.all(role, name)
            for thing in wanted:
                if await self._call(
                    thing, "function () { return document.activeElement === this }"
                ):
                    return
        raise AssertionError(f"Tab does not come to a {role} {name!r}")

    async def do(self, words: str) -> None:
        """Do by the palette of commands what the words mean; the keyboard is enough for it."""
        await self.gone("dialog", ANY)
        await self.page.press("k", control=True)
        await self.find("combobox", "What to do")
        await self.page.type(words)
        await self.find("option", re.compile("^" + re.escape(words), re.IGNORECASE))
        await self.page.press("Enter")
        await self.gone("combobox", "What to do")

    async def saying(
        self, words: str, role: str, name: Named = ANY, within: Thing | None = None
    ) -> Thing:
        """Wait until something of that role and name says these words; return the first."""
        said: list[str] = []
        with trio.move_on_after(PATIENCE_S):
            while True:
                things = await self.all(role, name, within)
                said = [str(await self._call(one, _TEXT)) for one in things]
                for thing, text in zip(things, said, strict=True):
                    if words in text:
                        return thing
                await trio.sleep(LOOK_S)
        raise AssertionError(f"{words!r} is not in what {role} {name!r} says: {said}")

    async def reads(self, words: str, role: str, name: Named = ANY) -> None:
        """Wait until something of that role and name says these words."""
        await self.saying(words, role, name)

    async def _call(self, thing: Thing, function: str) -> Any:
        """Call a function on it; None when it is gone meanwhile."""
        try:
            found = await self.page.send("DOM.resolveNode", backendNodeId=thing.node)
            answer = await self.page.send(
                "Runtime.callFunctionOn",
                functionDeclaration=function,
                objectId=found["object"]["objectId"],
                awaitPromise=True,
                returnByValue=True,
            )
        except RuntimeError:
            return None
        return answer["result"].get("value")

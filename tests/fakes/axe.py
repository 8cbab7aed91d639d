"""axe-core in a page of the browser: what of it breaks WCAG 2.2 AA or good practice.

The library is a development dependency of package.json and is never served: it is evaluated by
the browser's own debugger, which the page's content security policy does not bind.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes.browser import Page

LIBRARY = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
Looks = tuple[tuple[int, int, str], ...]
LOOKS: Looks = ((1280, 900, "dark"), (360, 740, "light"))
"""Each width and each theme once."""
OTHERS: Looks = ((1280, 900, "light"), (360, 740, "dark"))
# Behind a gradient axe measures no contrast at all: the ground itself is measured instead.
_READY = "document.body.style.backgroundImage = 'none'; typeof window.axe"
_RUN = """window.axe.run(%s, {
  runOnly: { type: "tag", values: %s }, resultTypes: ["violations"], preload: false,
  rules: { "target-size": { enabled: true } },
}).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map((node) =>
  `${id}: ${node.target.join(" ")}: ${node.failureSummary.replace(/\\s+/g, " ")}`)))"""


async def violations(page: Page, looks: Looks, within: str = "html") -> list[str]:
    """Return what axe finds below a selector, as it stands, at every size and in its theme."""
    if await page.eval(_READY) == "undefined":
        await page.eval(LIBRARY.read_text(encoding="utf-8") + "\n;true")
    run = _RUN % (json.dumps(within), json.dumps(TAGS))
    found = []
    for width, height, theme in looks:
        await page.viewport(width, height)
        await page.media(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
        found += [f"{theme} {width}: {one}" for one in await page.eval(run)]
    return found

"""The pages in a real browser; what its tests share."""

from __future__ import annotations

from tests.fakes.browser import Page

LIVE = "document.querySelector('#connection').dataset.status === 'live'"


async def opened(page: Page, url: str) -> None:
    """Open one of our pages and wait until it follows its stream."""
    await page.navigate(url)
    await page.wait(LIVE)

"""The pages in a real browser; what its tests share."""

from __future__ import annotations

from tests.fakes.browser import Page

TABS = ("home", "agents", "decisions", "talk", "system")
LIVE = "document.querySelector('#connection').dataset.status === 'live'"


async def show_tab(page: Page, tab: str) -> None:
    """Go to a tab of the dashboard by its address."""
    await page.eval(f"location.hash = '{tab}'")
    await page.wait(f"document.querySelector('#main').dataset.tab === '{tab}'")


async def leave_dialog(page: Page) -> None:
    """Leave the dialog that is open, as one does by the keyboard."""
    await page.press("Escape")
    await page.wait("!document.querySelector('dialog')")


async def opened(page: Page, url: str) -> None:
    """Open one of our pages and wait until it follows its stream."""
    await page.navigate(url)
    await page.wait(LIVE)

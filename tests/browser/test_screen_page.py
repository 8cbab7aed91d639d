"""An agent's screen in a real browser: seen, taken control of, given back, and lost."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

from tests.fakes import odd_vnc, xvnc
from tests.fakes.browser import Page
from tests.fakes.odd_vnc import OddVnc
from tests.fakes.page_server import PageServer
from tests.fakes.waiting import until

COLOUR = 0x3A7BD5
PIXEL = """(() => {
  const one = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  one.drawImage(document.querySelector('#stage canvas'), %d, %d, 1, 1, 0, 0, 1, 1);
  return [...one.getImageData(0, 0, 1, 1).data].slice(0, 3).join(); })()"""
SEEN = f"{PIXEL % (320, 200)} === '58,123,213'"
IN_CONTROL = "document.querySelector('#control').checkVisibility()"
TICKET = "/agent/alice/screen/ticket"
CONTROL, ALT, DELETE = 0xFFE3, 0xFFE9, 0xFFFF


def phase(name: str) -> str:
    return f"document.querySelector('#screen-state').dataset.phase === '{name}'"


def noise(side: int) -> bytes:
    """Return a reddish square as a camera would see it in the dark."""
    made = random.Random(1)
    return b"".join(
        bytes((made.randrange(60), made.randrange(60), 180 + made.randrange(60), 0))
        for _ in range(side * side)
    )


def refusal(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


async def opened(page: Page, server: PageServer) -> None:
    await page.navigate(server.agent_url + "screen")
    await page.wait(phase("connected"), 30)


async def take_control(page: Page, *, drawn: bool = True) -> None:
    """Take it; a key that is pressed before the first picture can be let go unseen by Xvnc."""
    await page.click("#take")
    await page.wait(f"{IN_CONTROL} && ({SEEN} || {json.dumps(not drawn)})", 30)


async def test_keys_and_pointer_reach_the_screen_only_while_control_is_taken(
    page: Page, server: PageServer
) -> None:
    # noVNC says so of what comes while it decodes a picture and is left.
    page.expected.append("Got data while in an invalid state")
    async with xvnc.serving(COLOUR) as screen:
        server.screen.port = screen.port
        await opened(page, server)
        await page.wait(SEEN, 30)
        # What is no plain colour comes as JPEG, which the page's policy has to let through.
        await screen.window.paint(noise(200), 200, 200)
        await page.wait(f"Number({PIXEL % (100, 100)}.split(',')[0]) > 150", 30)
        assert any(url.startswith("data: image/jpeg") for url in page.requests)
        assert await page.text("#screen-state") == "●\nview only"
        await page.click("#stage canvas")
        await page.press("a")
        await take_control(page)
        await page.press("b")
        assert await screen.window.strokes(2) == [("press", ord("b")), ("release", ord("b"))]
        await page.click("#stage canvas")
        seen = await screen.window.next()
        assert seen.kind == "button"
        assert abs(seen.x - xvnc.WIDTH // 2) <= 2
        assert abs(seen.y - xvnc.HEIGHT // 2) <= 2
        await page.click("#give")
        await page.wait(f"{phase('connected')} && !{IN_CONTROL}", 30)
        await page.click("#stage canvas")
        await page.press("c")
        await take_control(page)
        await page.press("d")
        assert await screen.window.strokes(1) == [("press", ord("d"))]
        await page.navigate("about:blank")
    assert list(server.screen.tickets.values()) == [True, False, True, False]


async def test_the_keyboard_leads_out_of_the_screen_and_nothing_stays_pressed(
    page: Page, server: PageServer
) -> None:
    async with xvnc.serving(COLOUR) as screen:
        server.screen.port = screen.port
        await opened(page, server)
        await take_control(page)
        await page.wait("document.activeElement.tagName === 'CANVAS'")
        assert "Ctrl+Alt+Home" in await page.eval("document.activeElement.ariaLabel")
        await page.chord("Home")
        assert sorted(await screen.window.strokes(4)) == sorted(
            (kind, key) for kind in ("press", "release") for key in (CONTROL, ALT)
        )
        assert await page.eval("document.activeElement.id") == "give"
        await page.click("#keys summary")
        await page.click("[data-chord='Ctrl+Alt+Del']")
        pressed = [("press", key) for key in (CONTROL, ALT, DELETE)]
        released = [("release", key) for key in (DELETE, ALT, CONTROL)]
        assert await screen.window.strokes(6) == pressed + released
        await page.click("#hands summary")
        assert await page.count("#keys[open]") == 0
        await page.click("#hand-text")
        await page.type("hi")
        await page.click("#hand-type")
        typed = [(kind, ord(key)) for key in "hi" for kind in ("press", "release")]
        assert await screen.window.strokes(4) == typed
        await page.navigate("about:blank")


async def test_a_view_that_breaks_off_is_found_again_by_itself_without_control(
    page: Page, server: PageServer
) -> None:
    async with xvnc.serving(COLOUR) as screen:
        server.screen.port = screen.port
        await opened(page, server)
        await take_control(page)
        await page.eval("""(() => { window.said = [];
          new MutationObserver(() => window.said.push(document.querySelector('#why').textContent))
            .observe(document.querySelector('#why'), { childList: true }); })()""")
        server.screen.cut(1011, "its VNC server has gone\u202e")
        await page.wait(f"{phase('connected')} && !{IN_CONTROL}", 30)
        said = await page.eval("window.said.find((text) => text !== '')")
        lost = "You no longer have control. Trying again in 1 s."
        assert said == f"its VNC server has goneU+202E. {lost}"
        await page.navigate("about:blank")


async def test_what_was_refused_waits_for_the_operator(page: Page, server: PageServer) -> None:
    page.expected += ["1008"]
    server.screen.refusal = (1008, "this ticket was used before")
    await page.navigate(server.agent_url + "screen")
    await page.wait(phase("ended"), 30)
    assert await page.text("#why") == "this ticket was used before."
    assert await page.eval("document.querySelector('#take').ariaDisabled") == "true"
    server.screen.refusal = None
    await page.click("#again")
    await page.wait(phase("connecting"), 30)
    await until(lambda: len(server.screen.joined) == 2, within_s=30)
    assert server.screen.tickets == {"ticket-1": True, "ticket-2": True}


async def test_who_has_no_screen_is_told_how_to_get_one(page: Page, server: PageServer) -> None:
    page.expected.append("404")
    server.answers[TICKET] = (404, refusal("not_found", "alice has no screen to show"))
    await page.viewport(360, 740)
    await page.navigate(server.agent_url + "screen")
    await page.wait(phase("absent"), 30)
    assert await page.text("#why") == "alice has no screen to show."
    assert "[screen]\nport = 5901" in await page.text("#how")
    assert await page.overflow() == 0


async def test_why_there_is_no_ticket_is_said(page: Page, server: PageServer) -> None:
    page.expected += ["503", "403", "401"]
    server.answers[TICKET] = (503, refusal("coming_up", "alice is coming up"))
    await page.navigate(server.agent_url + "screen")
    await page.wait(phase("waiting"), 30)
    assert "alice is coming up. Trying again in " in await page.text("#why")
    server.answers[TICKET] = (403, refusal("refused", "another page asked"))
    await page.wait(phase("ended"), 30)
    assert await page.text("#why") == "another page asked."
    server.answers[TICKET] = (401, refusal("unauthorized", ""))
    await page.click("#again")
    await page.wait(phase("logged_out"), 30)
    assert "hive.pyz login-link" in await page.text("#why")


async def test_no_width_makes_the_screen_scroll_sideways(page: Page, server: PageServer) -> None:
    async with xvnc.serving(COLOUR) as screen:
        server.screen.port = screen.port
        for width in (1280, 360):
            await page.viewport(width, 740)
            await opened(page, server)
            await take_control(page)
            assert await page.overflow() == 0
            await page.click("#hands summary")
            assert await page.overflow() == 0
            await page.click("#size")
            real = "document.querySelector('#stage canvas').getBoundingClientRect().width"
            await page.wait(f"{real} === {xvnc.WIDTH}")
            assert await page.overflow() == 0
            await page.click("#size")
        await page.navigate("about:blank")


async def test_texts_pass_only_while_in_control_and_never_by_themselves(
    page: Page, server: PageServer
) -> None:
    field = "document.querySelector('#hand-text').value"
    async with odd_vnc.serving(OddVnc(name="\u202eodd\nname")) as odd:
        server.screen.port = odd.port
        await opened(page, server)
        await page.wait("document.querySelector('.desktop').textContent === 'U+202Eodd\\nname'")
        await odd.copy("while looking")
        await take_control(page, drawn=False)
        await odd.copy("<b>from</b> there")
        await page.wait(f"{field} === '<b>from</b> there'")
        await page.click("#hands summary")
        await page.click("#hand-text")
        await page.type(" and back")
        await page.click("#hand-copy")
        assert await odd.wait_copied() == "<b>from</b> there and back"
        await page.click("#give")
        await page.wait(f"{phase('connected')} && !{IN_CONTROL}", 30)
        assert not await page.eval("document.querySelector('#hands').checkVisibility()")
        await page.navigate("about:blank")


async def give_password(page: Page) -> None:
    await page.wait(phase("asking"), 30)
    assert await page.eval("document.activeElement.id") == "screen-password"
    await page.type("sesame")
    await page.press("Enter")


async def test_a_password_is_asked_for_once_and_again_when_it_was_wrong(
    page: Page, server: PageServer
) -> None:
    page.expected += ["wrong password"]
    async with odd_vnc.serving(OddVnc(security=bytes((odd_vnc.PASSWORD,)), refusals=1)) as odd:
        server.screen.port = odd.port
        await page.navigate(server.agent_url + "screen")
        await give_password(page)
        await page.wait(phase("ended"), 30)
        assert await page.text("#why") == "its VNC server refused: wrong password."
        await page.click("#again")
        await give_password(page)
        await page.wait(phase("connected"), 30)
        await take_control(page, drawn=False)
        assert await page.eval("document.querySelector('#screen-password').value") == ""
        await page.navigate("about:blank")
    assert len(server.screen.joined) == 3


async def test_westons_question_for_its_user_is_answered_without_the_operator(
    page: Page, server: PageServer
) -> None:
    page.expected += ["wrong password"]
    async with odd_vnc.serving(OddVnc(security=odd_vnc.WESTON)) as odd:
        server.screen.port = odd.port
        await opened(page, server)
        await take_control(page, drawn=False)
        # Of one that wants to know more a person is asked.
        odd.refusals = 1
        await page.navigate(server.agent_url + "screen")
        await page.wait(phase("asking"), 30)
        assert await page.eval("document.activeElement.id") == "screen-username"
        await page.type("me")
        await page.press("Enter")
        await page.wait(phase("connected"), 30)
        await page.navigate("about:blank")


async def test_a_page_that_nobody_sees_lets_go_of_the_screen_but_not_of_control(
    page: Page, server: PageServer
) -> None:
    hide = """(() => { Object.defineProperty(document, 'hidden', { value: %s, configurable: true });
      document.dispatchEvent(new Event('visibilitychange')); })()"""
    async with odd_vnc.serving(OddVnc()) as odd:
        server.screen.port = odd.port
        await opened(page, server)
        await page.eval("""(() => { const later = window.setTimeout;
          window.setTimeout = (then, ms) => later(then, ms === 60000 ? 0 : ms); })()""")
        await page.eval(hide % "true")
        await until(lambda: server.screen.open == 0, within_s=30)
        await page.eval(hide % "false")
        await until(lambda: server.screen.open == 1, within_s=30)
        await page.wait(phase("connected"), 30)
        await take_control(page, drawn=False)
        await until(lambda: server.screen.open == 1, within_s=30)
        await page.eval(hide % "true")
        await page.eval("new Promise((done) => setTimeout(done, 60000))")
        assert await page.eval(phase("connected"))
        assert server.screen.open == 1
        await page.navigate("about:blank")


async def test_what_is_no_vnc_server_is_said_to_be_none(page: Page, server: PageServer) -> None:
    page.expected += ["Failed when connecting"]
    async with odd_vnc.serving(OddVnc(greeting=b"SSH-2.0-OpenSSH_9.2p1\r\n")) as odd:
        server.screen.port = odd.port
        await page.navigate(server.agent_url + "screen")
        await page.wait(phase("ended"), 30)
        assert "does not speak VNC" in await page.text("#why")
        await page.navigate("about:blank")


async def test_an_impossible_screen_and_garbage_end_the_view_and_not_the_page(
    page: Page, server: PageServer
) -> None:
    page.expected += ["Failed while connected"]
    async with odd_vnc.serving(OddVnc(size=(65535, 65535))) as odd:
        server.screen.port = odd.port
        await opened(page, server)
        tight = 7
        await odd.say(struct.pack(">BxHHHHHi", 0, 1, 60000, 60000, 10, 10, tight) + b"\xee" * 4000)
        await page.wait(phase("ended"), 30)
        assert "cannot be understood" in await page.text("#why")
        odd.size = (64, 48)
        await page.click("#again")
        await page.wait(phase("connected"), 30)
        await page.navigate("about:blank")

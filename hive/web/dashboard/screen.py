"""Views of agents' screens: who may open one, and the bytes between browser and harness.

A ticket is asked for as an action and shown by the websocket, which the door has asked the same as
any request. A view that may only look has a filter in front of what its viewer says. No side is
read from faster than the other takes it, and whatever a view waits for has an end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TYPE_CHECKING

import attrs
import trio

from hive.core import audit
from hive.core.hive import Hive
from hive.errors import Conflict, HiveError, NotFound, Refused
from hive.web import replies
from hive.web.agent_page.table import SCREEN, TicketBody
from hive.web.dashboard import harness_door
from hive.web.dashboard.tickets import TICKET_S, Ticket, Tickets
from hive.web.exchange import STAYS, Receive, Scope, Send
from hive.web.rfb import Unfollowable, ViewOnly
from hive.web.websocket import FAILED, GOING_AWAY, POLICY, UNSUPPORTED, Bytes, Gone
from hive.wire.names import AgentName

if TYPE_CHECKING:
    from hive.web.dashboard.screen_link import Link

VIEW = SCREEN
VIEWS_MOST = 16
VIEWS_OF_ONE = 4
LOOK_S = 20.0
"""How often it is looked whether a view may go on."""
PONG_S = 40.0
IDLE_S = 3600.0
WHOLE_S = 12 * 3600.0
_SECRET_CHARACTERS = 256


@attrs.frozen
class End:
    """How a view ended, as its viewer is told."""

    code: int
    why: str


class Screens:
    """The tickets and the open views of one hive."""

    def __init__(self, hive: Hive, has_screen: Callable[[AgentName], Awaitable[bool]]) -> None:
        """Over `hive`; `has_screen` asks an agent's harness, and raises `Unavailable`."""
        self._hive = hive
        self._has_screen = has_screen
        self._tickets = Tickets()
        self._open: Counter[AgentName] = Counter()

    async def ticket(self, name: AgentName, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a ticket; raises `NotFound` without a screen, `Conflict` with too many views."""
        replies.need_method(scope, "POST")
        wanted = await replies.read_typed(scope, receive, TicketBody)
        async with self._recorded(name, "screen_ticket", view_only=wanted.view_only):
            self._check_room(name)
            if not await self._has_screen(name):
                raise NotFound(harness_door.no_screen(name))
            secret = self._tickets.issue(name, audit.who(), view_only=wanted.view_only)
        answer = {"ticket": secret, "view_only": wanted.view_only, "expires_in": int(TICKET_S)}
        await replies.send_json(scope, send, answer)

    async def view(self, name: AgentName, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a view for whoever shows a ticket; raises hive's errors before that."""
        secret = replies.query(scope).get("ticket", "")
        if len(secret) > _SECRET_CHARACTERS:
            raise Refused("this is no ticket")
        ticket = self._take(secret, name)
        self._check_room(name)
        self._open[name] += 1
        try:
            view_only = ticket.view_only
            async with self._recorded(name, "screen", view_only=view_only) as recording:
                begun = trio.current_time()
                viewer = Bytes(scope, receive, send)
                view = View(viewer, view_only=view_only, stays=scope[STAYS])
                end = await view.run(name, partial(harness_door.connect, self._hive, name))
                recording.detail["seconds"] = round(trio.current_time() - begun)
                recording.detail["why"] = end.why
        finally:
            self._open[name] -= 1
            self._open += Counter()

    def _recorded(
        self, name: AgentName, what: str, *, view_only: bool
    ) -> AbstractAsyncContextManager[audit.Recording]:
        """Record it; a page that may only look tries again for as long as a screen is gone."""
        if view_only:
            return audit.counted(self._hive.audit, f"watch_{what}", name)
        return audit.recorded(self._hive.audit, f"control_{what}", name)

    def _take(self, secret: str, name: AgentName) -> Ticket:
        try:
            return self._tickets.take(secret, name, audit.who())
        except Refused as error:
            who = audit.who()
            self._hive.audit.denied(
                actor=who.actor,
                surface=who.surface,
                action="watch_screen",
                subject=name,
                why=error.message,
            )
            raise

    def _check_room(self, name: AgentName) -> None:
        if self._open[name] >= VIEWS_OF_ONE:
            raise Conflict(f"{name} has {VIEWS_OF_ONE} views of its screen open: close one")
        if self._open.total() >= VIEWS_MOST:
            raise Conflict(f"{VIEWS_MOST} views of screens are open: close one")


class View:
    """One open view."""

    def __init__(self, viewer: Bytes, *, view_only: bool, stays: Callable[[], bool]) -> None:
        """For a viewer that was not taken on yet; `stays` says whether it is still let in."""
        self._viewer = viewer
        self._filter = ViewOnly() if view_only else None
        self._stays = stays
        self._end = End(FAILED, "hive failed at this view: its log says why")
        self._moved_at = trio.current_time()
        self._heard_at = trio.current_time()

    async def run(self, name: AgentName, connect: Callable[[], Awaitable[trio.abc.Stream]]) -> End:
        """Pass bytes on until one side ends or the view may not go on; returns how it ended."""
        try:
            await self._viewer.accept()
        except Gone:
            return End(GOING_AWAY, "its viewer was gone")
        # With it comes trio-websocket, and few look at screens.
        from hive.web.dashboard import screen_link

        try:
            await screen_link.speak(name, await connect(), self._work)
        except HiveError as error:
            self._end = End(FAILED, error.message)
        await self._viewer.close(self._end.code, self._end.why)
        return self._end

    async def _work(self, link: Link) -> None:
        async with trio.open_nursery() as nursery:
            for part in (self._up, self._down, self._look):
                nursery.start_soon(self._until_end, part, link, nursery.cancel_scope)

    async def _until_end(
        self, part: Callable[[Link], Awaitable[End]], link: Link, scope: trio.CancelScope
    ) -> None:
        try:
            self._end = await part(link)
        except Unfollowable as error:
            self._end = End(POLICY, error.message)
        except HiveError as error:
            self._end = End(FAILED, error.message)
        scope.cancel()

    async def _up(self, link: Link) -> End:
        """Pass on what the viewer says, of a viewer that may only look what asks for pictures."""
        while True:
            try:
                data = await self._viewer.receive()
            except Gone as gone:
                if gone.is_stop:
                    return End(GOING_AWAY, "hive stops: open the screen anew when it is back")
                return End(GOING_AWAY, "its viewer has left")
            if data is None:
                return End(UNSUPPORTED, "a screen takes bytes, not text")
            if self._filter is not None:
                data = self._filter.from_viewer(data)
            if data:
                await link.send(data)
                self._moved_at = trio.current_time()

    async def _down(self, link: Link) -> End:
        """Pass on what the VNC server shows."""
        while True:
            data = await link.receive()
            self._moved_at = self._heard_at = trio.current_time()
            if self._filter is not None:
                self._filter.from_server(data)
            await self._viewer.send(data)

    async def _look(self, link: Link) -> End:
        """See to it that a view which may not or need not go on does not."""
        begun = trio.current_time()
        while True:
            await trio.sleep(LOOK_S)
            now = trio.current_time()
            if not self._stays():
                return End(POLICY, "you are logged out: log in again")
            if now - begun >= WHOLE_S:
                return End(POLICY, f"this view was open for {WHOLE_S / 3600:g} hours: open it anew")
            if now - self._moved_at >= IDLE_S:
                return End(POLICY, f"nothing moved for {IDLE_S / 60:g} minutes: open it anew")
            if now - self._heard_at >= LOOK_S:
                await link.ping(PONG_S)

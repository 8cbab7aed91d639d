"""The agents' pages below `/agent/<name>/`: our shell, and a harness's data.

What a harness says is not trusted: it reaches the browser as data only. The shell, its scripts and
all that the operator acts on are the daemon's own; of a harness's answer a few content types pass,
under headers made anew and a policy that makes a document of it powerless. Cookies and tokens never
travel to a harness.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import h11
import trio

from hive.core import actions, audit, kept_turns
from hive.core.hive import Hive
from hive.errors import HiveError, NotFound, Unavailable
from hive.web import replies, routes, stats
from hive.web.agent_page import table
from hive.web.agent_page.table import SHELLS, PageMessageBody
from hive.web.dashboard import harness_door, harness_exchange, screen
from hive.web.dashboard.harness_exchange import Exchange
from hive.web.exchange import Message, Receive, Scope, Send
from hive.web.static import Assets
from hive.wire import codec
from hive.wire.names import AgentName, agent_name

SMALL_BYTES = 4096
_PATH = re.compile(r"/agent/([^/]*)(/.*)?", re.DOTALL)
_PASSED_ON = (b"accept", b"content-type", b"last-event-id")


@attrs.frozen
class _Kept:
    """The turns of an agent that does not run, from its file."""

    _hive: Hive
    _name: AgentName

    def now(self) -> float:
        return self._hive.clock()

    async def statistics(self, window: str) -> dict[str, Any]:
        return await kept_turns.statistics(self._hive, self._name, window)

    async def turns(self, since: float, before: int, limit: int) -> list[kept_turns.Row]:
        return await kept_turns.page(self._hive, self._name, since, before, limit)

    def faults(self) -> list[str]:
        return []


class AgentPages:
    """ASGI application of everything below `/agent/`."""

    def __init__(self, hive: Hive, assets: Assets) -> None:
        """Serve the pages of `hive`'s agents, with `assets` as their files."""
        self._hive = hive
        self._assets = assets
        self._screens = screen.Screens(hive, self._has_screen)
        self._own: dict[str, Callable[[AgentName, Scope, Receive, Send], Awaitable[None]]] = {
            "/send": self._send,
            "/api/loose-ends": self._loose_ends,
            table.TICKET: self._screens.ticket,
        }
        routes.check(table.OF_DAEMON, {*self._own, table.SCREEN})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; raises hive's errors."""
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            raise NotFound("there is nothing at this address")
        name = agent_name(match[1])
        self._hive.agents.get(name)
        rest = match[2]
        if scope["type"] != "http":
            if rest != screen.VIEW:
                raise NotFound("there is no websocket here")
            await self._screens.view(name, scope, receive, send)
        elif rest is None:
            replies.need_method(scope, *replies.READING)
            location = [(b"location", b"/agent/%b/" % name.encode())]
            await replies.send_body(scope, send, 308, b"text/plain", b"", location)
        elif rest in SHELLS:
            await self._assets.answer(scope, send, SHELLS[rest])
        elif rest.startswith("/static/"):
            await self._assets.answer(scope, send, rest.removeprefix("/static/"))
        elif rest in self._own:
            await self._own[rest](name, scope, receive, send)
        elif routes.find(table.OF_HARNESS, scope["method"], rest) is None:
            raise NotFound("there is nothing at this address")
        else:
            await self._ask(name, rest, scope, receive, send)

    async def _ask(
        self, name: AgentName, rest: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Pass a request on to the harness; what changes something is recorded."""
        if scope["method"] == "POST":
            async with audit.recorded(self._hive.audit, rest.rpartition("/")[2], name):
                await self._forward(name, rest, scope, receive, send)
        else:
            await self._forward(name, rest, scope, receive, send)

    async def _send(self, name: AgentName, scope: Scope, receive: Receive, send: Send) -> None:
        """Send as the operator; the harness has no part in it."""
        replies.need_method(scope, "POST")
        wanted = await replies.read_typed(scope, receive, PageMessageBody)
        number = await actions.send(self._hive, name, wanted.body, wanted.in_reply_to)
        await replies.send_json(scope, send, {"ok": True, "id": number})

    async def _loose_ends(
        self, name: AgentName, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Say what is open, whatever the harness would: the operator answers what stands there."""
        del receive
        replies.need_method(scope, *replies.READING)
        rows = await self._hive.loose_ends.for_agent(name)
        await replies.send_json(scope, send, {"loose_ends": [codec.to_json(row) for row in rows]})

    async def _has_screen(self, name: AgentName) -> bool:
        """Ask the harness; raises `Unavailable`."""
        answer = bytearray()

        async def take(message: Message) -> None:
            answer.extend(message.get("body", b""))
            if len(answer) > SMALL_BYTES:
                raise Unavailable(f"{name} answered too much")

        asked = {"method": "GET", "query_string": b"", "headers": []}
        try:
            with trio.fail_after(harness_exchange.ANSWER_S):
                await Exchange(self._hive, name, take).run(_request(asked, "/api/screen", b""), b"")
        except trio.TooSlowError as error:
            raise Unavailable(f"{name} does not answer: restart it") from error
        # A harness of an older hive says that there is nothing at this address.
        return bytes(answer) == b'{"screen":true}'

    async def _forward(
        self, name: AgentName, rest: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = await replies.read_body(receive) if scope["method"] == "POST" else b""
        exchange = Exchange(self._hive, name, send)
        failure: HiveError | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(replies.wait_gone, receive, nursery.cancel_scope)
            nursery.start_soon(replies.wait_shut_out, scope, nursery.cancel_scope)
            try:
                await exchange.run(_request(scope, rest, body), body)
            except HiveError as error:
                # Kept, because a nursery would wrap it.
                failure = error
            nursery.cancel_scope.cancel()
        if isinstance(failure, harness_door.Stopped) and rest in stats.PATHS:
            # Its turns are on file, and the file is there whether it runs or not.
            await stats.answer(_Kept(self._hive, name), rest, scope, _powerless(send))
        elif failure is not None:
            raise failure


def _powerless(send: Send) -> Send:
    """Return what sends under the policy of whatever comes from an agent."""

    async def with_policy(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], harness_exchange.POLICY[0]]}
        await send(message)

    return with_policy


def _request(scope: Scope, rest: str, body: bytes) -> h11.Request:
    """Return the request for the harness: few headers, and none that says who asks."""
    target = rest.encode()
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    headers = [(b"host", b"agent"), (b"connection", b"close")]
    headers += [pair for pair in scope["headers"] if pair[0].lower() in _PASSED_ON]
    if scope["method"] == "POST":
        headers.append((b"content-length", b"%d" % len(body)))
    return h11.Request(method=scope["method"], target=target, headers=headers)

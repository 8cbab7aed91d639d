"""The proxy that one client's connection speaks to: tunnels, plain requests, and the gateway.

A refusal is an answer of one sentence that names the mend, also in its first line, which is what
most programs show. Nothing goes out for what is refused, and a redirect is the client's to follow.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress

import attrs
import h11
import trio

from hive.egress import requests
from hive.egress.dial import Resolve, dial
from hive.egress.gateway import Way
from hive.egress.ledger import Ledger
from hive.egress.link import ANSWER_S, BODY_S, Link
from hive.egress.requests import Call, Connect, Forward
from hive.egress.rules import Policy
from hive.egress.side import Gone, Side
from hive.errors import BadRequest, HiveError, NotFound, Refused, Unavailable
from hive.relay import relay
from hive.wire.destinations import Target

HEAD_S = 15.0
"""How long a client may take for its first head."""
KEEP_S = 90.0
"""How long it may stay without a request, the next head included."""
REFUSE_S = 5.0
REASON_CHARS = 300

__all__ = ["ANSWER_S", "BODY_S", "Exit", "serve"]


@attrs.frozen
class Exit:
    """What one agent's proxy works with."""

    policy: Callable[[], Policy]
    """Asked for each request, so that a change counts at once."""
    gateway: Callable[[bytes], Way | None]
    """Where a path of the gateway's own leads; None: nowhere."""
    ledger: Ledger
    denied: Callable[[Target, str], None]
    """Told of a connection that was refused, and why."""
    resolve: Resolve
    tls: Callable[[], ssl.SSLContext]
    is_gateway: bool = False
    """Whether nothing but the gateway is served."""


async def serve(stream: trio.SocketStream, exit_: Exit) -> None:
    """Serve a client until it or the other end is done; closes its connection."""
    client = Side(h11.SERVER, stream)
    conversation = _Conversation(client, stream, exit_)
    try:
        await conversation.run()
    except Gone:
        return
    finally:
        await conversation.end()
        await client.close()


async def turn_away(stream: trio.SocketStream, why: str) -> None:
    """Answer a client that there is no room for; closes its connection."""
    head = f"HTTP/1.1 503 hive: {why}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with trio.move_on_after(REFUSE_S), suppress(trio.BrokenResourceError):
        await stream.send_all(head.encode("ascii"))
    await trio.aclose_forcefully(stream)


class _Conversation:
    """A client, and the one connection that is kept for it."""

    def __init__(self, client: Side, stream: trio.SocketStream, exit_: Exit) -> None:
        self._client = client
        self._stream = stream
        self._exit = exit_
        self._link: Link | None = None
        self._has_json = False

    async def run(self) -> None:
        within_s = HEAD_S
        while True:
            try:
                if not await self._one(within_s):
                    return
            except HiveError as error:
                await self._refuse(error)
                return
            except h11.RemoteProtocolError as error:
                status = error.error_status_hint
                await self._refuse(BadRequest(f"that is no request: {error}"), status)
                return
            self._client.http.start_next_cycle()
            within_s = KEEP_S

    async def end(self) -> None:
        if self._link is not None:
            await self._link.close()

    async def _one(self, within_s: float) -> bool:
        """Answer one request; whether another may follow."""
        try:
            event = await self._client.next_event(within_s)
        except trio.TooSlowError:
            raise Gone("no request came") from None
        if not isinstance(event, h11.Request):
            raise Gone("the client has left")
        asked = requests.read(event)
        if self._exit.is_gateway and not isinstance(asked, Call):
            raise Refused("this is hive's gateway and no proxy: connect by yourself")
        match asked:
            case Connect(target):
                await self._tunnel(target)
                return False
            case Forward(target, path):
                head = requests.forwarded(event, path, requests.host_header(target, 80))
                return await self._pass_on(target, head)
            case Call(path):
                return await self._call(event, path)

    async def _tunnel(self, target: Target) -> None:
        far = await self._dial(target)
        passage = self._exit.ledger.opened(target, _peer(far))
        try:
            while not isinstance(await self._client.next_event(HEAD_S), h11.EndOfMessage):
                pass
            done = h11.Response(status_code=200, headers=[], reason=b"Connection established")
            await self._client.send(done)
            early, _ = self._client.http.trailing_data
            if early:
                passage.add(len(early), 0)
                await far.send_all(early)
            await relay(self._stream, far, passage.add)
        except (trio.BrokenResourceError, trio.TooSlowError):
            return
        finally:
            passage.close()
            await trio.aclose_forcefully(far)

    async def _call(self, request: h11.Request, path: bytes) -> bool:
        gateway = self._exit.gateway(path)
        self._has_json = gateway is None or gateway.has_json
        if gateway is None:
            raise NotFound("this is a proxy: ask it for http://HOST/PATH, or by CONNECT")
        head = gateway.head(request, path)
        context = self._exit.tls() if gateway.origin.is_https else None
        return await self._pass_on(gateway.origin.target, head, context, gateway.dropped)

    async def _pass_on(
        self,
        target: Target,
        head: h11.Request,
        context: ssl.SSLContext | None = None,
        dropped: frozenset[bytes] = frozenset(),
    ) -> bool:
        key = (target, context is not None)
        if self._link is not None and not self._link.can_serve(key):
            await self._link.close()
            self._link = None
        if self._link is None:
            far = await self._dial(target)
            self._link = await Link.open(key, far, _peer(far), context)
        else:
            # What was allowed a moment ago may not be any more.
            self._check(target)
        passage = self._exit.ledger.opened(target, self._link.address)
        try:
            return await self._link.exchange(self._client, head, passage.add, dropped)
        finally:
            passage.close()

    async def _dial(self, target: Target) -> trio.SocketStream:
        try:
            return await dial(target, self._exit.policy(), self._exit.resolve)
        except Refused as error:
            self._exit.denied(target, error.message)
            raise
        except Unavailable as error:
            self._exit.ledger.failed(target, error.message)
            raise

    def _check(self, target: Target) -> None:
        try:
            self._exit.policy().check(target)
        except Refused as error:
            self._exit.denied(target, error.message)
            raise

    async def _refuse(self, error: HiveError, status: int | None = None) -> None:
        """Say why, as far as anything can still be said, and let the connection end."""
        if self._client.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        if status is None:
            status = 502 if isinstance(error, Unavailable) else error.http_status
        sentence = f"hive: {error.message}"
        body, kind = f"{sentence}\n", "text/plain; charset=utf-8"
        if self._has_json:
            about = {"type": "hive_error", "message": sentence}
            body, kind = json.dumps({"type": "error", "error": about}), "application/json"
        data = body.encode()
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(data))),
            ("Connection", "close"),
        ]
        answer = h11.Response(
            status_code=status, headers=headers, reason=_printable(sentence[:REASON_CHARS])
        )
        with trio.move_on_after(REFUSE_S), suppress(trio.BrokenResourceError):
            await self._client.send(answer)
            await self._client.send(h11.Data(data=data))
            # What the client still sends would make the kernel drop the answer.
            await self._stream.send_eof()
            while await self._stream.receive_some(65536):
                pass


def _printable(text: str) -> bytes:
    return "".join(each if " " <= each <= "~" else "?" for each in text).encode("ascii")


def _peer(stream: trio.SocketStream) -> str:
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        # It has gone again already; the next write says so.
        return ""

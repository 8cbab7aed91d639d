"""A connection to a server, and one exchange over it on behalf of a client.

The request's body goes out while the answer already comes in, so that neither waits for the other;
an answer that is complete ends the exchange whatever the client still wanted to send.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Callable

import h11
import trio

from hive.egress import requests
from hive.egress.side import Gone, Side
from hive.errors import BadRequest, HiveError, Unavailable
from hive.wire.destinations import Target

TLS_S = 15.0
BODY_S = 60.0
"""How long a client may pause within the body of its request."""
ANSWER_S = 900.0
"""How long a server may be silent: longer than claude itself waits."""

Key = tuple[Target, bool]


class Link:
    """One connection to a server; see `open`."""

    def __init__(self, key: Key, sock: trio.SocketStream, address: str, side: Side) -> None:
        """Made by `open`."""
        self._key = key
        self._sock = sock
        self._side = side
        self._fault: HiveError | Gone | None = None
        self.address = address

    @classmethod
    async def open(
        cls,
        key: Key,
        sock: trio.SocketStream,
        address: str,
        context: ssl.SSLContext | None,
    ) -> Link:
        """Take over a connection, with TLS on it where there is a context.

        Raises `Unavailable` when the server does not prove to be the one that is meant.
        """
        target = key[0]
        if context is None:
            return cls(key, sock, address, Side(h11.CLIENT, sock))
        stream = trio.SSLStream(sock, context, server_hostname=target.host, https_compatible=True)
        is_done = False
        try:
            with trio.fail_after(TLS_S):
                await stream.do_handshake()
            is_done = True
        except (trio.BrokenResourceError, trio.TooSlowError) as error:
            raise Unavailable(f"{target} speaks no TLS with us: {_reason(error)}") from error
        finally:
            if not is_done:
                await trio.aclose_forcefully(sock)
        return cls(key, sock, address, Side(h11.CLIENT, stream))

    def can_serve(self, key: Key) -> bool:
        """Whether another request for the same server may be sent here."""
        if key != self._key or self._side.http.our_state is not h11.IDLE:
            return False
        # What is readable while nobody asked is its end.
        poll = select.poll()
        poll.register(self._sock.socket.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def close(self) -> None:
        """Let the connection go; cannot be cancelled."""
        await self._side.close()

    async def exchange(
        self,
        client: Side,
        head: h11.Request,
        count: Callable[[int, int], None],
        dropped: frozenset[bytes] = frozenset(),
    ) -> bool:
        """Send a request and pass its answer on; whether the client may ask again.

        `dropped` names headers of the answer, in small letters, that are not passed on.
        Raises `Unavailable` when no answer began, `Gone` when it broke off.
        """
        self._side.count = count
        try:
            if client.http.they_are_waiting_for_100_continue:
                await client.send(h11.InformationalResponse(status_code=100, headers=[]))
            await self._side.send(head)
        except Gone as error:
            raise Unavailable("the server closed the connection") from error
        failure: HiveError | Gone | None = None
        is_whole = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_body, client)
            try:
                is_whole = await self._answer(client, dropped)
            except (HiveError, Gone) as error:
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise self._fault or failure
        http = self._side.http
        if is_whole and http.our_state is h11.DONE and http.their_state is h11.DONE:
            http.start_next_cycle()
        return client.http.our_state is h11.DONE and client.http.their_state is h11.DONE

    async def _send_body(self, client: Side) -> None:
        """Pass the body on, then watch whether the client stays; without it nobody is answered."""
        try:
            while True:
                event = await client.next_event(BODY_S)
                if isinstance(event, h11.EndOfMessage):
                    break
                if not isinstance(event, h11.Data):
                    raise Gone("the client left within its request")  # noqa: TRY301 - as when it breaks
                await self._side.send(h11.Data(data=event.data))
            await self._side.send(h11.EndOfMessage())
            if await client.read_more():
                return
            self._fault = Gone("the client has left")
        except Gone as error:
            self._fault = error
        except trio.TooSlowError:
            self._fault = BadRequest(f"the body paused for more than {BODY_S:g} s")
        except h11.ProtocolError as error:
            self._fault = BadRequest(f"that is no body of a request: {error}")
        # The other end sees at once that nobody waits any more.
        await self.close()

    async def _answer(self, client: Side, dropped: frozenset[bytes]) -> bool:
        """Pass the answer on; whether it was whole."""
        try:
            response = await self._response()
        except (Gone, trio.ClosedResourceError) as error:
            raise Unavailable("the server closed the connection without an answer") from error
        except trio.TooSlowError as error:
            raise Unavailable(f"the server did not answer within {ANSWER_S:g} s") from error
        except h11.RemoteProtocolError as error:
            raise Unavailable(f"the server's answer is no HTTP: {error}") from error
        is_last = client.http.their_state is h11.MUST_CLOSE
        await client.send(requests.answered(response, is_last=is_last, dropped=dropped))
        try:
            while True:
                event = await self._side.next_event(ANSWER_S)
                if isinstance(event, h11.Data):
                    await client.send(h11.Data(data=event.data))
                    continue
                if not isinstance(event, h11.EndOfMessage):
                    raise Gone("the answer broke off")
                await client.send(h11.EndOfMessage())
                return True
        except (trio.TooSlowError, h11.RemoteProtocolError) as error:
            raise Gone("the answer broke off") from error

    async def _response(self) -> h11.Response:
        while True:
            event = await self._side.next_event(ANSWER_S)
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                raise Gone("no answer")


def _reason(error: Exception) -> str:
    return str(error.__cause__ or error) or "no answer"

"""hive's end of an agent's socket, in memory: the broker's rules without a database.

`DirectClient` is the harness's client over it, requests and replies as JSON data, so that a test
needs no socket and can stop the world at any request. The real broker is used by the tests that
have one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive import lines
from hive.agent.client import HiveClient
from hive.errors import BadRequest, DaemonUnreachable, HiveError, NotFound
from hive.wire import agent, codec, manager
from hive.wire.messages import DeliveredMessage

Hook = Callable[[str], Awaitable[None]]
"""Called with `before <cmd>` and `after <cmd>` around each request."""


@attrs.define
class Mail:
    """One message and its state."""

    id: int
    body: str
    from_: str = "operator"
    origin: str = "operator"
    sent_at: float = 100.0
    is_held: bool = False
    is_redelivered: bool = False
    acks: int = 0
    deliveries: int = 0


@attrs.define
class FakeHive:
    """One agent's inbox and outbox."""

    mail: list[Mail] = attrs.field(factory=list)
    sent: list[agent.Send] = attrs.field(factory=list)
    requests: list[Any] = attrs.field(factory=list)
    is_away: bool = False
    refuses_acks: bool = False
    refused: dict[str, str] = attrs.field(factory=dict)
    """Request to the sentence it is refused with."""
    hook: Hook | None = None
    parked: int = 0
    """How many wait for mail."""
    _arrival: trio.Event = attrs.field(factory=trio.Event)

    def put(self, body: str, **fields: Any) -> Mail:
        """Store a message to the agent."""
        mail = Mail(len(self.mail) + 1, body, **fields)
        self.mail.append(mail)
        self._arrival.set()
        self._arrival = trio.Event()
        return mail

    @property
    def is_idle(self) -> bool:
        """Whether everything is acknowledged."""
        return all(mail.acks for mail in self.mail)

    async def exchange(self, line: dict[str, Any]) -> Any:
        """Answer one request; raises `DaemonUnreachable` while away."""
        if self.is_away:
            raise DaemonUnreachable("no hive answers")
        request = codec.from_tagged("cmd", manager.ManagerRequest, line)
        name = codec.tag_of(type(request))
        await self._tell(f"before {name}")
        self.requests.append(request)
        try:
            if name in self.refused:
                raise NotFound(self.refused[name])
            reply = await self._answer(request)
        except HiveError as error:
            reply = agent.Error(error.code, error.message)
        await self._tell(f"after {name}")
        return codec.to_tagged("kind", reply)

    async def _tell(self, where: str) -> None:
        await trio.lowlevel.checkpoint()
        if self.hook is not None:
            await self.hook(where)

    async def _answer(self, request: Any) -> manager.ManagerReply:
        match request:
            case agent.Recv(wait, most, origin):
                return agent.Messages(tuple(await self._lease(wait, most, origin)))
            case agent.Status():
                return agent.StatusReply(len(self._waiting()))
            case agent.AckTurn(ids):
                return self._ack(ids)
            case agent.RequeueInflight():
                return agent.Ok(count=self._requeue())
            case agent.Send():
                return self._send(request)
            case agent.Recent():
                return agent.RecentReply(())
            case agent.GetLooseEnds():
                return agent.LooseEnds(())
            case agent.Whoami():
                return agent.WhoamiReply("bob", "agent", "they/them", "1")
            case agent.Ask():
                return agent.QuestionQueued(7)
        return self._answer_manager(request)

    @staticmethod
    def _answer_manager(request: Any) -> manager.ManagerReply:
        if isinstance(request, manager.GetLogs):
            return manager.Logs(("one", "two"))
        if codec.tag_of(type(request)).startswith("request_"):
            return manager.ApprovalQueued(5)
        return agent.Ok(id=9)

    def _waiting(self, origin: str | None = None) -> list[Mail]:
        return [
            mail
            for mail in self.mail
            if not mail.acks and not mail.is_held and origin in (None, mail.origin)
        ]

    async def _lease(self, wait: float, most: int, origin: str | None) -> list[DeliveredMessage]:
        self.parked += 1
        try:
            with trio.move_on_after(wait):
                while not self._waiting(origin):
                    await self._arrival.wait()
        finally:
            self.parked -= 1
        found = self._waiting(origin)[:most]
        for mail in found:
            mail.is_held = True
            mail.deliveries += 1
        return [
            DeliveredMessage(
                mail.id,
                mail.from_,
                mail.body,
                mail.is_redelivered,
                None,
                mail.sent_at,
                origin=mail.origin,
            )
            for mail in found
        ]

    def _ack(self, ids: tuple[int, ...] | None) -> agent.AgentReply:
        if self.refuses_acks:
            raise BadRequest("message 1 was not sent to you")
        count = 0
        for mail in self.mail:
            if not mail.acks and (mail.is_held if ids is None else mail.id in ids):
                mail.acks += 1
                mail.is_held = False
                count += 1
        self._requeue()
        return agent.Ok(count=count)

    def _requeue(self) -> int:
        held = [mail for mail in self.mail if mail.is_held]
        for mail in held:
            mail.is_held = False
            mail.is_redelivered = True
        return len(held)

    def _send(self, request: agent.Send) -> agent.AgentReply:
        for number, known in enumerate(self.sent, 1):
            if request.dedupe_key is not None and known.dedupe_key == request.dedupe_key:
                return agent.Ok(id=number)
        self.sent.append(request)
        return agent.Ok(id=len(self.sent))


class DirectClient(HiveClient):
    """The harness's client without a socket."""

    def __init__(self, hive: FakeHive) -> None:
        super().__init__(Path("/nowhere"))
        self.hive = hive

    async def _exchange(self, line: dict[str, Any], timeout_s: float) -> Any:
        with trio.fail_after(timeout_s):
            return await self.hive.exchange(line)


@asynccontextmanager
async def serving(hive: FakeHive, path: Path) -> AsyncIterator[None]:
    """Play a hive on a socket for as long as the block lasts."""
    async with answering(path, hive.exchange):
        yield


@asynccontextmanager
async def answering(
    path: Path, handle: Callable[[Any], Awaitable[dict[str, Any]]]
) -> AsyncIterator[None]:
    """Answer on a socket for as long as the block lasts, as the daemon does on an agent's."""
    door = lines.Door(
        name="fake hive",
        handle=handle,
        fail=lambda error: codec.to_tagged("kind", agent.Error(error.code, error.message)),
        parks=lambda request: request.get("cmd") == "recv",
    )
    listener = await lines.listen(path, 0o600)
    async with trio.open_nursery() as nursery:
        await nursery.start(lines.serve, listener, door)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()

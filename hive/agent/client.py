"""Typed calls on the hive socket, with a deadline each and patience with a restarting daemon.

A call that cannot reach the daemon is made again after 0.2 s, then after longer and longer, for
about a minute, so that a restart of the daemon stays invisible. One whose reply was lost is made
again only when making it twice does no harm: it carries a `dedupe_key`, or it asks, or it sets the
same thing once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from hive import calls
from hive.errors import DaemonUnreachable, Unavailable, from_code
from hive.wire import agent, codec, manager
from hive.wire.limits import OUTCOME_WAIT_S
from hive.wire.messages import DeliveredMessage, MessageRow

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
CALL_S = 10.0
"""How long an ordinary call may take."""
WORK_S = OUTCOME_WAIT_S + 15.0
"""How long one may take that has git or a container at work."""
RECV_MARGIN_S = 10.0
"""How much longer than its wait a `recv` may take."""

R = TypeVar("R")

_KEYED = (agent.Send, agent.Ask, agent.Remind)
_REQUESTS = (
    manager.RequestInitConfig,
    manager.RequestSpawn,
    manager.RequestApplyCommit,
    manager.RequestUpdateMetaInputs,
)
_LIFECYCLE = (manager.Kill, manager.Start, manager.Restart, manager.Update)
_ONCE = (
    agent.Answer,
    agent.CancelLooseEnd,
    agent.Wake,
    agent.Recv,
    manager.Restart,
    *_REQUESTS,
)
"""Not made again once the daemon may have seen them: the second answer would be another one."""


@attrs.frozen
class Answer:
    """A reply that is not an error, and how often the call was made again."""

    reply: Any
    """A member of `hive.wire.manager.ManagerReply`."""
    retries: int = 0


def is_repeatable(request: manager.ManagerRequest) -> bool:
    """Whether the request may be made again although the daemon may have seen it."""
    if isinstance(request, _KEYED):
        return request.dedupe_key is not None
    return not isinstance(request, _ONCE)


def deadline_s(request: manager.ManagerRequest) -> float:
    """Return how long one attempt at this request may take, in seconds."""
    if isinstance(request, agent.Recv):
        return request.wait_seconds + RECV_MARGIN_S
    if isinstance(request, (*_REQUESTS, *_LIFECYCLE)):
        return WORK_S
    return CALL_S


class HiveClient:
    """Makes requests as the agent that the socket belongs to."""

    def __init__(
        self, socket: Path, *, keep: bool = False, backoff_s: Sequence[float] = BACKOFF_S
    ) -> None:
        """With `keep` one connection serves every call, one call at a time; else one per call."""
        self._socket = socket
        self._backoff_s = tuple(backoff_s)
        self._kept = calls.Caller(socket) if keep else None
        self._lost = trio.Event()

    async def request(
        self, request: manager.ManagerRequest, *, backoff_s: Sequence[float] | None = None
    ) -> Answer:
        """Make a request, again and again as far as it may be, and return its reply.

        Raises the error that the daemon answered, `DaemonUnreachable` when nobody answered for
        about a minute, and `Unavailable` when the reply of a request that must not be repeated was
        lost.
        """
        line = codec.to_tagged("cmd", request)
        pauses = list(self._backoff_s if backoff_s is None else backoff_s)
        if self._kept is not None:
            # A kept connection is stale after a restart of the daemon, and only this tells.
            pauses.insert(0, 0.0)
        retries = 0
        while True:
            try:
                data = await self._exchange(line, deadline_s(request))
                break
            except Unavailable as error:
                self._lost.set()
                self._lost = trio.Event()
                unsent = isinstance(error, DaemonUnreachable)
                if retries >= len(pauses) or not (unsent or is_repeatable(request)):
                    raise
                await trio.sleep(pauses[retries])
                retries += 1
        # A newer daemon may say more than this harness knows, until the agent is built anew.
        reply = codec.from_tagged("kind", manager.ManagerReply, data, may_grow=True)
        if isinstance(reply, agent.Error):
            raise from_code(reply.code, reply.message)
        return Answer(reply, sum(pause > 0 for pause in pauses[:retries]))

    async def wait_lost(self) -> None:
        """Wait until a call is not answered: the daemon is gone, or another one is there."""
        await self._lost.wait()

    def close(self) -> None:
        """Let go of the kept connection."""
        if self._kept is not None:
            self._kept.close()

    async def send(
        self,
        to: str,
        body: str,
        *,
        in_reply_to: int | None = None,
        dedupe_key: str | None = None,
    ) -> int:
        """Send a message and return its id."""
        reply = await self._ask(agent.Send(to, body, in_reply_to, dedupe_key), agent.Ok)
        return reply.id or 0

    async def recv(
        self, *, wait_s: float = 0, max_count: int = 1, origin: str | None = None
    ) -> tuple[DeliveredMessage, ...]:
        """Lease up to `max_count` messages, waiting up to `wait_s` for the first.

        With `origin`, only those that came from there.
        """
        request = agent.Recv(wait_s, max_count, origin)
        return (await self._ask(request, agent.Messages)).messages

    async def unread(self) -> int:
        """Return how many messages wait and are not held."""
        return (await self._ask(agent.Status(), agent.StatusReply)).unread

    async def recent(self, limit: int) -> tuple[MessageRow, ...]:
        """Return the newest messages to this agent, newest first; fails at once."""
        reply = await self._ask(agent.Recent(limit), agent.RecentReply, backoff_s=())
        return reply.rows

    async def ack_turn(self, ids: Sequence[int]) -> None:
        """Acknowledge exactly these; whatever else is held goes back to the inbox."""
        await self._ask(agent.AckTurn(tuple(ids)), agent.Ok)

    async def requeue_inflight(self) -> None:
        """Put everything that is held back into the inbox."""
        await self._ask(agent.RequeueInflight(), agent.Ok)

    async def wake(self, label: str, body: str) -> int:
        """Put a message into this agent's own inbox under a free label; fails at once."""
        reply = await self._ask(agent.Wake(label, body), agent.Ok, backoff_s=())
        return reply.id or 0

    async def _ask(
        self,
        request: agent.AgentRequest,
        kind: type[R],
        *,
        backoff_s: Sequence[float] | None = None,
    ) -> R:
        answer = await self.request(request, backoff_s=backoff_s)
        if not isinstance(answer.reply, kind):
            raise Unavailable(
                f"the daemon answered {codec.tag_of(type(answer.reply))} to"
                f" {codec.tag_of(type(request))}: it is of another version, restart it"
            )
        return answer.reply

    async def _exchange(self, line: dict[str, Any], timeout_s: float) -> Any:  # noqa: ANN401
        if self._kept is not None:
            return await self._kept.call(line, timeout_s=timeout_s)
        return await calls.call(self._socket, line, timeout_s=timeout_s)

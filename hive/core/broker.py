"""The broker: send, receive, acknowledge; wakes whoever waits once the commit is on disk.

A message is leased by `recv` and held by its recipient until it is acknowledged or comes back. All
state is in the database; the broker remembers only who is parked. Frames are published after the
commit, never before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import trio

from hive.errors import BadRequest, NotFound, Refused
from hive.store.messages import ALL, Draft, MessageStore
from hive.wire.dashboard import Acked, Delivered, Requeued, Sent
from hive.wire.limits import RECV_MAX, RECV_WAIT_S, check_body
from hive.wire.names import EVERYBODY, MANAGER, OPERATOR

if TYPE_CHECKING:
    from hive.store.database import Clock
    from hive.wire.messages import DeliveredMessage, MessageRow, Thread, Wanted

GIVE_BACK_DEADLINE_S = 5.0

Publish = Callable[[object], None]


def _everybody(sender: str) -> Sequence[str] | None:
    """Restrict nobody."""
    del sender
    return None


class Broker:
    """Messages between the operator, the manager, the agents and hive itself."""

    def __init__(
        self,
        messages: MessageStore,
        *,
        clock: Clock,
        known: Callable[[], Iterable[str]],
        roster: Callable[[], Iterable[str]],
        publish: Publish,
        allowed: Callable[[str], Sequence[str] | None] = _everybody,
    ) -> None:
        """`known` may receive besides the operator; `roster` is who a broadcast goes to.

        `allowed` says whom a sender may write to beside the manager; None or nobody: everybody.
        """
        self._messages = messages
        self._clock = clock
        self._known = known
        self._roster = roster
        self._publish = publish
        self._allowed = allowed
        self._arrivals: dict[str, trio.Event] = {}

    async def send(
        self,
        sender: str,
        to: str | tuple[str, ...],
        body: str,
        *,
        in_reply_to: int | None = None,
        dedupe_key: str | None = None,
        origin: str = "peer",
        via: tuple[str, ...] = (),
    ) -> int:
        """Store a message and return its id once it is on disk; `*` goes to everybody else.

        To several it goes to each of them or, refused, to none; their ids follow one another. The
        same `dedupe_key` of the same sender stores nothing and answers the first id again. A
        broadcast answers the id of its first copy. Raises `TooLarge`, `NotFound` for an unknown
        recipient, `Refused` for one that the sender's configuration does not allow, `BadRequest`
        for a bad `in_reply_to`. Cancelled, it is either stored and announced, or not stored.
        """
        check_body("the message", body)
        draft = Draft(
            sender,
            self._recipients(sender, to),
            body,
            self._clock(),
            in_reply_to,
            dedupe_key,
            to == EVERYBODY,
            origin,
            via,
        )
        added = await self._messages.add(draft)
        if added.is_new:
            self.announce(draft, added.ids, added.via)
        return added.ids[0]

    def announce(
        self, draft: Draft, ids: Sequence[int], via: tuple[str, ...] | None = None
    ) -> None:
        """Publish a draft that was committed under `ids`, and wake its recipients.

        `via` are the marks it was stored with; None: its own.
        """
        for recipient, id_ in zip(draft.recipients, ids, strict=True):
            self._publish(
                Sent(
                    id_,
                    draft.sender,
                    recipient,
                    draft.body,
                    draft.sent_at,
                    draft.in_reply_to,
                    draft.is_broadcast,
                    draft.origin,
                    draft.via if via is None else via,
                )
            )
            self._wake(recipient)

    def check_recipient(self, name: str) -> None:
        """Raise `NotFound`, naming who there is, unless `name` can receive messages."""
        if name == OPERATOR:
            return
        known = self._known()
        if name not in known:
            names = ", ".join(sorted({*known, OPERATOR}))
            raise NotFound(f"there is no agent {name!r}: there are {names}")

    def check_allowed(self, sender: str, name: str) -> None:
        """Raise `Refused` unless the sender's configuration lets it write to `name`."""
        if not self._may_write(sender, name):
            listed = ", ".join(sorted({MANAGER, *(self._allowed(sender) or ())}))
            raise Refused(
                f"{sender} may write to {listed} and not to {name}: to change that, have the"
                f" manager add {name!r} to allowed_recipients in {sender}'s agent.toml"
            )

    async def recv(
        self, recipient: str, *, wait_s: float = 0, max_count: int = 1, origin: str | None = None
    ) -> list[DeliveredMessage]:
        """Lease up to `max_count` waiting messages, oldest first; empty when `wait_s` passed.

        With `origin`, only those that came from there; the others go on waiting.

        Both are held to the limits of the interface. The recipient holds what it got until it
        acknowledges or requeues. Cancelled, nothing is leased: a lease that was already committed
        is given back.
        """
        max_count = min(max_count, RECV_MAX)
        if max_count < 1:
            return []
        deadline = trio.current_time() + min(wait_s, RECV_WAIT_S)
        while True:
            # The event is taken before looking, so that nothing arrives unseen in between.
            arrival = self._arrivals.get(recipient)
            if arrival is None:
                arrival = self._arrivals[recipient] = trio.Event()
            if await self._messages.has_waiting(recipient, origin):
                leased = await self._lease(recipient, max_count, origin)
                if leased:
                    return leased
            with trio.move_on_at(deadline):
                await arrival.wait()
            if not arrival.is_set():
                return []

    async def ack_turn(self, recipient: str, ids: Sequence[int] | None) -> int:
        """Close a clean turn: acknowledge `ids` and requeue the rest, or all with None.

        Returns how many were newly acknowledged. Raises `BadRequest` for somebody else's message;
        one acknowledged before is fine.
        """
        acked, requeued = await self._messages.acknowledge(recipient, ids, self._clock())
        if acked:
            self._publish(Acked(recipient, tuple(acked)))
        self._tell_requeued(recipient, requeued)
        return len(acked)

    async def requeue_inflight(self, recipient: str) -> int:
        """Let everything the recipient holds wait again, marked redelivered; return how many."""
        ids = await self._messages.requeue(recipient)
        self._tell_requeued(recipient, ids)
        return len(ids)

    async def give_back(self, recipient: str, ids: Sequence[int]) -> None:
        """Undo a lease whose messages never reached their recipient; safe while cancelled.

        Raises `Unavailable` when the database fails: then they wait for a requeue.
        """
        with trio.move_on_after(GIVE_BACK_DEADLINE_S, shield=True):
            self._tell_requeued(recipient, await self._messages.give_back(recipient, ids))

    async def mark_all_read(self, recipient: str) -> int:
        """Acknowledge whatever is open for the recipient, held or waiting; return how many."""
        acked = await self._messages.acknowledge_open(recipient, self._clock())
        if acked:
            self._publish(Acked(recipient, tuple(acked)))
        return len(acked)

    async def mark_read(self, recipient: str, id_: int) -> int:
        """Acknowledge one message, held or waiting; 0 when it was before. Raises `NotFound`."""
        is_new = await self._messages.read_one(recipient, id_, self._clock())
        if is_new:
            self._publish(Acked(recipient, (id_,)))
        return int(is_new)

    async def unread(self, recipient: str) -> int:
        """How many messages wait; those held are not counted."""
        return await self._messages.count_waiting(recipient)

    async def unread_counts(self) -> dict[str, int]:
        """How many messages wait, by recipient; recipients without any are left out."""
        return await self._messages.count_waiting_each()

    async def recent(self, recipient: str, limit: int, unread: int = 0) -> list[MessageRow]:
        """The newest messages to the recipient, newest first, and so many that it has not read."""
        return await self._messages.recent(recipient, limit, unread)

    async def history(self, limit: int) -> list[MessageRow]:
        """The newest messages of all, newest last."""
        return await self._messages.newest(limit)

    async def history_near(
        self,
        limit: int,
        *,
        before: int | None = None,
        after: int | None = None,
        wanted: Wanted = ALL,
    ) -> list[MessageRow]:
        """The messages of all next to one: those in front of `before`, or behind `after`."""
        return await self._messages.near(limit, before=before, after=after, wanted=wanted)

    async def some(self, ids: Sequence[int]) -> list[MessageRow]:
        """Those messages of these that are there, oldest first."""
        return await self._messages.some(ids)

    async def thread(self, number: int, *, after: int, limit: int) -> Thread:
        """A page of the thread that a message is in; raises `NotFound` for one not there."""
        return await self._messages.thread(number, after, limit)

    async def vacuum(self, acked_before: float) -> int:
        """Delete what was acknowledged before then (Unix seconds); return how many."""
        return await self._messages.sweep(acked_before)

    def _tell_requeued(self, recipient: str, ids: Sequence[int]) -> None:
        if ids:
            self._publish(Requeued(recipient, tuple(ids)))
            self._wake(recipient)

    async def _lease(
        self, recipient: str, max_count: int, origin: str | None
    ) -> list[DeliveredMessage]:
        now = self._clock()
        leased = await self._messages.lease(recipient, max_count, now, origin)
        if leased and trio.current_effective_deadline() == float("-inf"):
            # The caller is gone: nobody has seen these, so they wait as if never leased.
            await self.give_back(recipient, [message.id for message in leased])
            await trio.lowlevel.checkpoint_if_cancelled()
            return []
        for message in leased:
            self._publish(
                Delivered(
                    message.id,
                    message.from_,
                    recipient,
                    message.body,
                    now,
                    message.in_reply_to,
                    message.broadcast,
                    message.origin,
                    message.via,
                )
            )
        return leased

    def _recipients(self, sender: str, to: str | tuple[str, ...]) -> tuple[str, ...]:
        if isinstance(to, tuple):
            return tuple(name for each in to for name in self._recipients(sender, each))
        if to != EVERYBODY:
            self.check_recipient(to)
            self.check_allowed(sender, to)
            return (to,)
        others = tuple(name for name in self._roster() if name != sender)
        if others and not any(self._may_write(sender, name) for name in others):
            self.check_allowed(sender, others[0])
        others = tuple(name for name in others if self._may_write(sender, name))
        if not others:
            raise BadRequest(
                "there is nobody else to send to: name the operator, or start an agent"
            )
        return others

    def _may_write(self, sender: str, name: str) -> bool:
        listed = self._allowed(sender)
        return not listed or name in {sender, MANAGER, *listed}

    def _wake(self, recipient: str) -> None:
        arrival = self._arrivals.pop(recipient, None)
        if arrival is not None:
            arrival.set()

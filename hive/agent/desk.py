"""What the operator wants of the turn loop, as the page left it; the loop alone acts on it."""

from __future__ import annotations

import attrs
import trio

from hive.agent.driver import Lent
from hive.errors import HiveError


@attrs.define
class Chat:
    """An operator's wish to chat with claude, from the asking to the end."""

    lent: Lent | None = None
    """Set by the loop, which is parked from then on."""
    is_granted: trio.Event = attrs.field(factory=trio.Event)
    is_over: trio.Event = attrs.field(factory=trio.Event)
    """Set by whoever asked; whatever became of it, nothing of the chat runs any more."""
    failure: HiveError | None = None
    """Why the conversation could not be lent."""


@attrs.define
class Desk:
    """Wishes that wait, and a bell."""

    wants_compact: bool = False
    wants_new_session: bool = False
    wants_restart: bool = False
    """claude is to be started anew before the next turn, because a setting of it changed."""
    is_cancelled: bool = False
    """The running turn was cancelled by the operator."""
    chat: Chat | None = None
    """There is one from the asking to its end."""
    is_turning: bool = False
    """A turn or a compaction runs."""
    idle_since: float = 0.0
    """When the loop began or its last turn ended, on trio's clock."""
    _bell: trio.Event = attrs.field(factory=trio.Event)

    @property
    def has_wish(self) -> bool:
        """Whether the loop has something to do that is no message."""
        wishes = self.wants_compact or self.wants_new_session or self.wants_restart
        return wishes or self.chat is not None

    def ring(self) -> None:
        """Wake whoever sleeps at this desk."""
        self._bell.set()
        self._bell = trio.Event()

    async def sleep(self, seconds: float) -> bool:
        """Sleep, but not through the bell; True when it rang."""
        with trio.move_on_after(seconds) as scope:
            await self._bell.wait()
        return not scope.cancelled_caught

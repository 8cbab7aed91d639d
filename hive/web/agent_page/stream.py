"""The event stream of one agent's page and the history behind it."""

from __future__ import annotations

from typing import Any, Protocol

from hive.feed import Feed
from hive.web import replies
from hive.web.exchange import Scope
from hive.web.sse import EventStream

PATH = "/events/stream"
HISTORY_DEFAULT = 500
HISTORY_MOST = 2000
_SEQ_MOST = 2**53


class History(Protocol):
    """Where the frames of a harness come from."""

    @property
    def feed(self) -> Feed:
        """The frames from now on."""
        ...

    async def history(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest kept frames with a number below `before`, oldest first."""
        ...


def make_stream(source: History) -> EventStream:
    """Return the ASGI application of `PATH`."""
    return EventStream(source.feed)


async def history(source: History, scope: Scope) -> dict[str, Any]:
    """Answer `/events/history?before=&limit=`; raises `BadRequest` for numbers that are none."""
    fields = replies.query(scope)
    before = None
    if "before" in fields:
        before = replies.whole_number(fields, "before", 0, high=_SEQ_MOST)
    limit = replies.whole_number(fields, "limit", HISTORY_DEFAULT, low=1, high=HISTORY_MOST)
    seq = source.feed.seq
    return {"seq": seq, "events": await source.history(before=before, limit=limit)}

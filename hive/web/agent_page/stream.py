"""The event stream of one agent's page and the history behind it."""

from __future__ import annotations

from typing import Any, Protocol

from hive.errors import BadRequest
from hive.feed import Feed
from hive.web import replies
from hive.web.agent_page import table
from hive.web.agent_page.table import HISTORY_DEFAULT, HISTORY_MOST, SEQ_MOST, WORDS_MOST
from hive.web.exchange import Scope
from hive.web.sse import EventStream
from hive.wire import codec, live

PATH = table.STREAM


class History(Protocol):
    """Where the frames of a harness come from."""

    @property
    def feed(self) -> Feed:
        """The frames from now on."""
        ...

    async def following(self, *, after: int, limit: int) -> list[dict[str, Any]]:
        """Return the oldest kept frames with a number above `after`, oldest first."""
        ...

    async def history(self, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest kept frames with a number below `before`, oldest first."""
        ...

    async def search(
        self, *, words: str, kinds: frozenset[str], before: int | None, limit: int
    ) -> dict[str, Any]:
        """Return `events` that have these words and are of these kinds, and `next_before`."""
        ...


def make_stream(source: History) -> EventStream:
    """Return the ASGI application of `PATH`."""
    return EventStream(source.feed)


async def history(source: History, scope: Scope) -> dict[str, Any]:
    """Answer `/events/history?before=&limit=&q=&kinds=`; raises `BadRequest` for other values.

    With words or kinds the answer also says from where the next search goes on.
    """
    fields = replies.query(scope, "before", "after", "limit", "q", "kinds")
    before = replies.number_or_none(fields, "before", SEQ_MOST)
    limit = replies.whole_number(fields, "limit", HISTORY_DEFAULT, low=1, high=HISTORY_MOST)
    if "after" in fields:
        # Onward from there, instead of back from `before`.
        after, seq = replies.whole_number(fields, "after", 0, high=SEQ_MOST), source.feed.seq
        return {"seq": seq, "events": await source.following(after=after, limit=limit)}
    seq = source.feed.seq
    if fields.get("q") or fields.get("kinds"):
        words, kinds = fields.get("q", ""), _kinds(fields.get("kinds", ""))
        if len(words) > WORDS_MOST:
            raise BadRequest(f"q is at most {WORDS_MOST} characters")
        found = await source.search(words=words, kinds=kinds, before=before, limit=limit)
        return {"seq": seq, **found}
    return {"seq": seq, "events": await source.history(before=before, limit=limit)}


def _kinds(text: str) -> frozenset[str]:
    """Return the kinds of `kinds=note,turn_end`; raises `BadRequest` for one that is not kept."""
    kinds = frozenset(filter(None, text.split(",")))
    kept = [codec.tag_of(kind) for kind in live.KEPT]
    if not kinds.issubset(kept):
        raise BadRequest(f"kinds are some of {', '.join(kept)}, with commas between")
    return kinds

"""What was said and asked, piece by piece: a thread, questions; it only reads."""

from __future__ import annotations

from hive.core.hive import Hive
from hive.web import replies
from hive.web.dashboard.actions import number
from hive.web.dashboard.table import (
    IDS_MAX,
    NAME_LONGEST,
    QUESTION_ROWS,
    QUESTION_ROWS_MOST,
    THREAD_ROWS,
    THREAD_ROWS_MOST,
)
from hive.web.replies import Json, as_object
from hive.web.routes import Fields, Handlers
from hive.wire.questions import HOWS, TO_OPERATOR, TO_PEER


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of threads and of questions."""

    @routes.get("/api/threads/<text>")
    async def thread(text: str, fields: Fields) -> Json:
        after = replies.whole_number(fields, "after", 0, high=IDS_MAX)
        limit = replies.whole_number(fields, "limit", THREAD_ROWS, low=1, high=THREAD_ROWS_MOST)
        first = min(number(text), IDS_MAX)
        return as_object(await hive.broker.thread(first, after=after, limit=limit))

    @routes.get("/api/questions/<text>")
    async def question(text: str) -> Json:
        return as_object(await hive.questions.get(number(text)))

    @routes.get("/api/questions")
    async def closed_questions(fields: Fields) -> Json:
        limit = replies.whole_number(fields, "limit", QUESTION_ROWS, low=1, high=QUESTION_ROWS_MOST)
        page = await hive.questions.closed(
            limit,
            before=replies.number_or_none(fields, "before", IDS_MAX),
            to=replies.one_of(fields, "to", (TO_OPERATOR, TO_PEER)),
            name=replies.short_text(fields, "name", NAME_LONGEST),
            how=replies.one_of(fields, "how", HOWS),
        )
        return as_object(page)

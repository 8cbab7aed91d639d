"""Reviewing on the page: diffs, comments on their lines, and what was decided before."""

from __future__ import annotations

from hive.core import reviews
from hive.core.hive import Hive
from hive.core.proposals import BASES
from hive.web import replies
from hive.web.dashboard.actions import OK, add_numbered, number
from hive.web.dashboard.bodies import CommentBody, TextBody
from hive.web.dashboard.table import DECIDED_MOST, DECIDED_ROWS, IDS_MAX
from hive.web.replies import Json, as_object
from hive.web.routes import Fields, Handlers
from hive.wire import codec
from hive.wire.approvals import OUTCOMES
from hive.wire.names import agent_name


def add(routes: Handlers, hive: Hive) -> None:
    """Add what the side panel of an approval asks for."""
    _add_proposals(routes, hive)
    _add_comments(routes, hive)


def _add_proposals(routes: Handlers, hive: Hive) -> None:
    @routes.get("/api/approvals/<text>")
    async def approval(text: str) -> Json:
        return as_object(await hive.approvals.get(number(text)))

    @routes.get("/api/approvals/<text>/diff")
    async def diff(text: str, fields: Fields) -> Json:
        base = fields.get("base", BASES[0])
        ignores_space = replies.whole_number(fields, "ignore_space", 0, high=1) == 1
        return as_object(await reviews.diff(hive, number(text), base, ignores_space=ignores_space))

    @routes.get("/api/approvals")
    async def decided(fields: Fields) -> Json:
        limit = replies.whole_number(fields, "limit", DECIDED_ROWS, low=1, high=DECIDED_MOST)
        rows = await hive.approvals.history(
            limit + 1,
            agent=agent_name(fields["agent"]) if "agent" in fields else None,
            status=replies.one_of(fields, "outcome", OUTCOMES),
            before=replies.number_or_none(fields, "before", IDS_MAX),
        )
        shown = rows[:limit]
        return {
            "approvals": [codec.to_json(row) for row in shown],
            "next": shown[-1].id if len(rows) > limit else None,
        }


def _add_comments(routes: Handlers, hive: Hive) -> None:
    add_numbered(routes, hive, {"/drop-comment": reviews.drop})

    @routes.get("/api/approvals/<text>/comments")
    async def comments(text: str) -> Json:
        found = await reviews.of(hive, number(text))
        return {"comments": [codec.to_json(each) for each in found]}

    @routes.post("/comment/<text>")
    async def comment(text: str, body: CommentBody) -> Json:
        place = reviews.Place(
            body.path,
            body.side,
            body.line,
            body.base,
            body.sha,
            body.base_sha,
            ignores_space=body.ignore_space,
        )
        made = await reviews.comment(hive, number(text), place, body.text)
        return {**OK, "id": made.id}

    @routes.post("/edit-comment/<text>")
    async def edit(text: str, body: TextBody) -> Json:
        await reviews.edit(hive, number(text), body.text)
        return OK

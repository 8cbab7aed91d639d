"""Comments on a proposal as texts: in the message that tells of them, and in the tag of its commit.

A message holds as many as fit, and says where all of them are: in the tag that says what became of
the commit, which only the daemon writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import attrs

from hive.core import notices
from hive.core.hive import Hive
from hive.wire import approvals as kinds
from hive.wire import codec
from hive.wire.approvals import Approval
from hive.wire.helper_events import ApprovalCommented, ApprovalResolved, LineComment
from hive.wire.limits import BODY_BYTES
from hive.wire.reviews import NEW, Comment

QUOTE_TOLD_CHARS = 200


def body_of(
    event: ApprovalResolved | ApprovalCommented, comments: Sequence[Comment], where: str
) -> str:
    """Return the body of an event with as many comments as fit, in their order."""
    told = [
        LineComment(one.path, one.side, one.line, one.quote[:QUOTE_TOLD_CHARS], one.text)
        for one in comments
    ]
    for count in range(_at_most(told), 0, -1):
        left = len(told) - count
        more = f"{left} of {len(told)} comments are not here: {where}" if left else None
        body = notices.text_of(attrs.evolve(event, comments=tuple(told[:count]), more=more))
        if len(body.encode()) <= BODY_BYTES:
            return body
    more = None
    if told:
        more = f"none of {len(told)} comments fits in here: {where}"
    elif len(notices.text_of(event).encode()) > BODY_BYTES:
        more = f"the beginning of the note does not fit in here: {where}"
    fields = attrs.asdict(attrs.evolve(event, more=more), recurse=False)
    return notices.body_of(codec.tag_of(type(event)), fields)


def where(decided: Approval, status: str) -> str:
    """Return where the manager reads all that was said of a commit."""
    if decided.kind not in kinds.WITH_COMMIT:
        return "ask the operator"
    tag = f"{status}/{decided.id}"
    begun = f" (failed/{decided.id} where it was never begun)" if status == kinds.APPROVED else ""
    return f"git fetch --tags applied, then git cat-file tag {tag}{begun}"


async def tag_text(hive: Hive, approval: Approval) -> str:
    """Return what the tag of a decided commit says: the note, and every comment that was sent."""
    sent = [one for one in await hive.reviews.of(approval.id) if one.sent_at is not None]
    return "\n\n".join(filter(None, [approval.note or "", *map(spell, sent)]))


def spell(one: Comment) -> str:
    """Return a comment as text: where it stands, the line quoted, and what is said of it."""
    path = one.path if re.fullmatch(r'[^"\\\s:]+', one.path) else json.dumps(one.path)
    side = "" if one.side == NEW else " (as it was before)"
    said = "\n".join(f"  {line}" for line in one.text.split("\n"))
    return f"{path}:{one.line}{side}\n  > {one.quote}\n{said}"


def _at_most(told: Sequence[LineComment]) -> int:
    """Return how many of the first could fit at most, so that few have to be tried."""
    size = 0
    for count, one in enumerate(told):
        size += len(json.dumps(attrs.asdict(one), ensure_ascii=False).encode())
        if size > BODY_BYTES:
            return count
    return len(told)

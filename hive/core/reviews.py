"""The operator's comments on lines of what is proposed, and how they reach whoever proposed it.

A comment is taken only for a line that the pinned diff shows, and quotes it. It waits with its
proposal, where every browser sees it, and goes out with the decision in the same transaction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import attrs

from hive.core import audit, proposals, review_text
from hive.core.hive import Hive
from hive.errors import BadRequest, Conflict, NotFound
from hive.host.diff_lines import lines_of
from hive.host.repos import Diff
from hive.store.messages import Draft
from hive.store.reviews import Review
from hive.wire import approvals as kinds
from hive.wire.approvals import Approval
from hive.wire.dashboard import CommentsChanged
from hive.wire.helper_events import ApprovalCommented, ApprovalResolved
from hive.wire.limits import COMMENT_BYTES, check_size
from hive.wire.messages import FROM_OPERATOR
from hive.wire.names import MANAGER, SYSTEM, agent_name
from hive.wire.reviews import FATES, NEW, OLD, SEND, SIDES, Comment, NewComment

REVIEWED = "reviewed"
"""The base that comments were written against, for whoever reads them afterwards."""
QUOTE_CHARS = 400
PATH_BYTES = 4096
_SPELLED = re.compile(r"(?P<path>.+?):(?P<line>-?[0-9]{1,9}):(?P<text>.+)", re.DOTALL)


@attrs.frozen
class Place:
    """A line that somebody looks at, and what they take it for."""

    path: str
    side: str
    line: int
    base: str = "running"
    sha: str | None = None
    """The commit that they see; None for whoever takes what is pinned."""
    base_sha: str | None = None
    """What they see it compared with; with `sha` only."""
    ignores_space: bool = False


@audit.action("comment")
async def comment(hive: Hive, number: int, place: Place, text: str) -> Comment:
    """Write a comment on a line of a proposal that waits.

    Raises `BadRequest` for a line that the diff does not show, `Conflict` for a proposal that is
    decided or that was looked at beside something else.
    """
    approval = await hive.approvals.get(number)
    _need_pending(approval)
    made = await hive.reviews.add(number, await _placed(hive, number, place, text))
    await _publish(hive, number)
    return made


@audit.action("edit_comment")
async def edit(hive: Hive, number: int, text: str) -> Comment:
    """Change a comment of a proposal that waits; raises `NotFound`, `Conflict`."""
    changed = await hive.reviews.edit(number, _checked(text))
    await _publish(hive, changed.approval_id)
    return changed


@audit.action("drop_comment")
async def drop(hive: Hive, number: int) -> Comment:
    """Remove a comment from a proposal that waits; raises `NotFound`, `Conflict`."""
    gone = await hive.reviews.drop(number)
    await _publish(hive, gone.approval_id)
    return gone


async def of(hive: Hive, number: int) -> list[Comment]:
    """Return the comments on a proposal; raises `NotFound`."""
    await hive.approvals.get(number)
    return await hive.reviews.of(number)


async def diff(hive: Hive, number: int, base: str, *, ignores_space: bool = False) -> Diff:
    """Return what a proposal changes, also against what its comments were written on."""
    if base != REVIEWED:
        return await proposals.diff(hive, number, base, ignores_space=ignores_space)
    counted = Counter((one.base_ref, one.base_sha) for one in await of(hive, number))
    if not counted:
        raise NotFound(f"approval {number} has no comments: compare it with `running`")
    (seen, _), *_ = counted.most_common(1)
    approval = await hive.approvals.get(number)
    name = agent_name(approval.agent)
    return await hive.repos.diff_with(name, number, seen, ignores_space=ignores_space)


async def of_denial(hive: Hive, approval: Approval, note: str, spelled: Sequence[str]) -> Review:
    """Return what a denial does with the comments: all go to whoever asked, with the note.

    `spelled` are further ones, as `FILE:LINE:TEXT`; raises `BadRequest` for one that is on no line.
    """
    given = []
    for each in spelled:
        place, text = read(each)
        given.append(await _placed(hive, approval.id, place, text))

    is_heard = MANAGER in hive.agents

    def told(decided: Approval, comments: tuple[Comment, ...]) -> Draft | None:
        if not is_heard:
            return None
        event = ApprovalResolved(
            id=decided.id,
            agent=decided.agent,
            commit_ref=decided.commit_ref,
            status=kinds.DENIED,
            note=note or None,
            sha=decided.fetched_sha,
            tag=proposals.outcome_tag(decided, kinds.DENIED),
        )
        body = review_text.body_of(event, comments, review_text.where(decided, kinds.DENIED))
        return _draft(body, decided, is_operators=bool(note or comments))

    return Review(told, SEND, tuple(given))


def of_approval(hive: Hive, fate: str | None) -> Review:
    """Return what an approval does with the comments; raises `BadRequest` for an unknown fate."""
    if fate is not None and fate not in FATES:
        raise BadRequest(f"comments must be one of {', '.join(FATES)}")

    is_heard = MANAGER in hive.agents

    def told(decided: Approval, comments: tuple[Comment, ...]) -> Draft | None:
        if not comments or not is_heard:
            return None
        event = ApprovalCommented(id=decided.id, agent=decided.agent, sha=decided.fetched_sha)
        body = review_text.body_of(event, comments, review_text.where(decided, kinds.APPROVED))
        return _draft(body, decided, is_operators=True)

    return Review(told, fate)


def read(spelled: str) -> tuple[Place, str]:
    """Read `FILE:LINE:TEXT`, `-LINE` for a line that would go; raises `BadRequest`."""
    found = _SPELLED.fullmatch(spelled)
    if found is None or int(found["line"]) == 0:
        raise BadRequest(
            f"{spelled[:80]!r} is no comment: write FILE:LINE:TEXT, as agent.toml:3:why so much?,"
            " with -LINE for a line that would go"
        )
    line = int(found["line"])
    return Place(found["path"], NEW if line > 0 else OLD, abs(line)), found["text"]


def _draft(body: str, decided: Approval, *, is_operators: bool) -> Draft:
    """Return the message to whoever asked, of the time of the decision."""
    via = (FROM_OPERATOR,) if is_operators else ()
    at = decided.resolved_at or 0.0
    return Draft(SYSTEM, (MANAGER,), body, at, origin="system", via=via)


async def _placed(hive: Hive, number: int, place: Place, text: str) -> NewComment:
    """Return a comment with the line it stands on, as the pinned diff has it."""
    _checked(text)
    check_size("the path", place.path, PATH_BYTES)
    if place.side not in SIDES:
        raise BadRequest(f"side must be one of {', '.join(SIDES)}")
    shown = await diff(hive, number, place.base, ignores_space=place.ignores_space)
    if place.sha is not None and (place.sha, place.base_sha) != (shown.sha, shown.base_sha):
        raise Conflict(
            "what is shown is not what is compared now: look at the diff again, then comment"
        )
    wanted = (place.path, place.side, place.line)
    for line in lines_of(shown.text):
        if (line.path, line.side, line.line) == wanted:
            quote = line.text[:QUOTE_CHARS]
            return NewComment(*wanted, quote, text, shown.base_ref, shown.base_sha)
    raise BadRequest(
        f"line {place.line} of {place.path[:200]!r} ({place.side}) is not in the diff of approval"
        f" {number}: `hive.pyz diff {number}` shows the lines there are"
    )


def _checked(text: str) -> str:
    if not text.strip():
        raise BadRequest("the comment is empty: write something, or remove it")
    check_size("a comment", text, COMMENT_BYTES)
    return text


def _need_pending(approval: Approval) -> None:
    if approval.status != kinds.PENDING:
        raise Conflict(f"approval {approval.id} is {approval.status} already: it takes no comments")


async def _publish(hive: Hive, number: int) -> None:
    hive.publish(CommentsChanged(number, len(await hive.reviews.of(number))))

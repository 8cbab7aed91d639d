"""What a daemon does first about what an earlier one left in the middle."""

from __future__ import annotations

import logging

from hive.core import proposals
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.wire.approvals import CANCELLED, DENIED, FAILED, PENDING, Approval

DECIDED_LOOKED_AT = 20
"""Newest decided approvals that are looked at; an end of the daemon can only concern the last."""

log = logging.getLogger(__name__)


async def recover(hive: Hive) -> None:
    """Undo what was staged, tag what was decided, and queue again what was not finished."""
    await hive.meta.recover()
    await _count_on(hive)
    for approval in await hive.approvals.pending():
        await _look_at(hive, approval)
    for approval in await hive.approvals.history(DECIDED_LOOKED_AT):
        if approval.status in {DENIED, FAILED, CANCELLED}:
            await _look_at(hive, approval)
    await hive.queue.load()


async def _count_on(hive: Hive) -> None:
    """Let no proposal get the number of one that the database has forgotten.

    One that was put back is older than the repositories beside it, where that one has its tags.
    """
    try:
        await hive.approvals.count_on(await hive.repos.last_number())
    except HiveError as error:
        # As below; the request that meets such a tag is refused.
        log.error("the numbers of proposals were not looked at: %s", error)  # noqa: TRY400 - foreseen


async def _look_at(hive: Hive, approval: Approval) -> None:
    """Fail what can never be approved, tag what was decided."""
    try:
        if approval.status == PENDING and proposals.is_unpinned(approval):
            await proposals.fail(hive, approval, proposals.UNPINNED)
        elif approval.status == PENDING:
            await proposals.still_possible(hive, approval)
        else:
            await proposals.settle(hive, approval)
    except HiveError as error:
        # One repository that cannot be used must not keep the whole hive down.
        what = f"approval {approval.id} for {approval.agent}"
        log.error("%s was not looked at: %s", what, error)  # noqa: TRY400 - foreseen

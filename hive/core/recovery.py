"""What a daemon does first about what an earlier one left in the middle."""

from __future__ import annotations

from hive.core import proposals
from hive.core.hive import Hive
from hive.wire.approvals import CANCELLED, DENIED, FAILED

DECIDED_LOOKED_AT = 20
"""Newest decided approvals that are looked at; an end of the daemon can only concern the last."""


async def recover(hive: Hive) -> None:
    """Undo what was staged, tag what was decided, and queue again what was not finished."""
    await hive.meta.recover()
    await proposals.fail_unpinned(hive)
    for approval in await hive.approvals.history(DECIDED_LOOKED_AT):
        if approval.status in {DENIED, FAILED, CANCELLED}:
            await proposals.settle(hive, approval)
    await hive.queue.load()

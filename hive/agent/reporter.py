"""Tells the daemon what the agent's page shows, so that the dashboard's row shows it too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from hive.agent.client import HiveClient
from hive.agent.state import AgentState
from hive.errors import HiveError
from hive.wire.agent import ReportState

AGAIN_S = 30.0
"""How often the same is told again, because a daemon that was restarted has forgotten it."""
AWAY_S = 2.0
SETTLE_S = 0.02
"""Changes that come closer together than this share one report, which is thus out of the way when a
turn begins and when it is acknowledged."""


async def run(
    client: HiveClient,
    state: AgentState,
    wait_lost: Callable[[], Awaitable[None]] = trio.sleep_forever,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Report each change, and now and then what did not change, until cancelled.

    `wait_lost` waits until a call found the daemon gone: the one that comes next knows nothing yet.
    """
    task_status.started()
    while True:
        report = state.report()
        pause = AGAIN_S
        try:
            await client.request(report, backoff_s=())
        except HiveError:
            # The daemon is away; the turn loop is the one that says so on the page.
            pause = AWAY_S
        with trio.move_on_after(pause):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end, wait_lost, nursery.cancel_scope)
                await _wait_other(state, report)
                nursery.cancel_scope.cancel()
        await trio.sleep(SETTLE_S)


async def _end(wait_lost: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
    await wait_lost()
    scope.cancel()


async def _wait_other(state: AgentState, report: ReportState) -> None:
    while state.report() == report:
        await state.wait_changed()

"""The end of a daemon or a harness by a signal: in order, and by force when that hangs."""

from __future__ import annotations

import logging
import signal

import trio

log = logging.getLogger(__name__)


async def obey(
    scope: trio.CancelScope, force_after_s: int, *, task_status: trio.TaskStatus[None]
) -> None:
    """Cancel `scope` at SIGINT or SIGTERM; a second one, or the time, ends the process."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            log.info("%s: stopping", signal.Signals(number).name)
            # From here on a second signal ends the process, and so does the alarm when it hangs.
            signal.alarm(force_after_s)
            scope.cancel()
            return

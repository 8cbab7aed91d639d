"""Keeps the index of the messages up with what is sent, a little behind it and never in its way."""

from __future__ import annotations

import logging

import trio

from hive.core.hive import Hive
from hive.errors import HiveError
from hive.store.message_index import IndexDamaged

LOOK_S = 2.0
PAUSE_S = 0.1
PAUSE_TIMES = 50
"""Between two steps of a long way it waits so long, or so many times as long as the step took: a
hive that sends without end, or a machine with much to do, still has the writer for itself."""
RETRY_S = 60.0

log = logging.getLogger(__name__)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Index for ever; a database of a hive that had no index is brought up step by step."""
    task_status.started()
    index = hive.searches.index
    try:
        await index.check()
    except HiveError as error:
        # A search says so; everything else works.
        log.error("%s", error)  # noqa: TRY400 - foreseen
        await trio.sleep_forever()
    while True:
        began = trio.current_time()
        try:
            is_behind = await index.step()
        except IndexDamaged as error:
            log.error("%s", error)  # noqa: TRY400 - foreseen
            await index.make_anew()
            is_behind = True
        except HiveError as error:
            # A full disk is no reason to end the hive, as a task does that goes on failing.
            log.error("messages were not indexed: %s", error)  # noqa: TRY400 - foreseen
            await trio.sleep(RETRY_S)
            continue
        took = trio.current_time() - began
        await trio.sleep(max(PAUSE_S, PAUSE_TIMES * took) if is_behind else LOOK_S)

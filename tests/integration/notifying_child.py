"""A process of its own that sends to the operator and notifies, for the test that kills it.

`python -m tests.integration.notifying_child DIRECTORY URL NOW` prints the id of each message once
its `send` has returned, and tells the webhook at URL of what is due; its clock begins at NOW.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

from hive.wire.notifications import WEBHOOK
from tests.fakes.notifying import Desk, notifying
from tests.fakes.post import HandClock


async def _send_for_ever(desk: Desk, sender: str) -> None:
    while True:
        number = await desk.message(sender, "x" * 300)
        os.write(1, f"{number}\n".encode())


async def main(directory: Path, url: str, now: float) -> None:
    async with (
        notifying(directory, HandClock(now), webhook_url=url) as desk,
        trio.open_nursery() as nursery,
    ):
        await desk.only(WEBHOOK)
        for sender in ("ada", "bob", "cy", "manager"):
            nursery.start_soon(_send_for_ever, desk, sender)
        while True:
            # A minute passes with each look.
            await desk.pump(60)
            await trio.lowlevel.checkpoint()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))

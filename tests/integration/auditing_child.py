"""A process of its own that writes an audit log until it is killed.

`python -m tests.integration.auditing_child DIRECTORY` prints the number of each line once it is on
disk; many writers share the log, some of which wait and some of which do not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

from hive.store import audit
from hive.store.database import open_database
from hive.wire.audit import AuditEntry

WRITERS = 10


async def main(directory: Path) -> None:
    """Write for ever."""
    async with (
        open_database(directory / "broker.sqlite") as database,
        audit.open_log(directory / "audit", database) as (log, _),
        trio.open_nursery() as nursery,
    ):

        async def write(writer: int) -> None:
            while True:
                entry = AuditEntry(1.0, "operator", "page", "send", f"{writer}" * 50, "begun")
                number = await log.write(entry)
                log.put(entry)
                os.write(1, f"{number}\n".encode())

        nursery.start_soon(log.run)
        for writer in range(WRITERS):
            nursery.start_soon(write, writer)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))

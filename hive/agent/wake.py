"""`agent wake`: put a message into this agent's own inbox under a free label."""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from hive.agent.client import HiveClient
from hive.wire.limits import BODY_BYTES, check_body
from hive.wire.names import wake_label


def main(socket: Path, label: str, body: str) -> int:
    """Send it, `-` being standard input; returns the exit status, raises `HiveError`."""
    if body == "-":
        # One byte more than fits tells too long from just fitting, whatever is piped in.
        body = sys.stdin.buffer.read(BODY_BYTES + 1).decode(errors="replace")
    check_body("the body", body)
    number = trio.run(HiveClient(socket).wake, wake_label(label), body)
    sys.stdout.write(f"message {number}\n")
    return 0

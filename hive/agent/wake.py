"""`agent wake`: put a message into this agent's own inbox under a free label."""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from hive import light
from hive.agent.client import HiveClient
from hive.wire import agent, codec
from hive.wire.limits import BODY_BYTES, check_body
from hive.wire.names import wake_label


def main(socket: Path, label: str, body: str, *, as_json: bool = False) -> int:
    """Send it, `-` being standard input; returns the exit status, raises `HiveError`."""
    if body == "-":
        # One byte more than fits tells too long from just fitting, whatever is piped in.
        body = sys.stdin.buffer.read(BODY_BYTES + 1).decode(errors="replace")
    check_body("the body", body)
    number = trio.run(HiveClient(socket).wake, wake_label(label), body)
    if as_json:
        light.print_json(codec.to_tagged("kind", agent.Ok(id=number)))
    else:
        sys.stdout.write(f"message {number}\n")
    return 0

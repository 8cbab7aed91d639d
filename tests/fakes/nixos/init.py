"""The first process of a container in the tests: runs what hive gave it, and ends as that ends.

In the place of a whole systemd with `hive.service`, whose container ends with its harness too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

COMMAND = "/etc/hive/run"
CANNOT_RUN = (126, 127)
LOOK_S = 0.15
LINGER_S = 0.2


def notify() -> None:
    address = os.environ.get("NOTIFY_SOCKET", "/run/host/notify")
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.sendall(b"READY=1")


def main() -> None:
    was_asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        was_asked.append(number)
        os.kill(-1, signal.SIGTERM)

    signal.signal(signal.SIGRTMIN + 3, ask)
    command = subprocess.Popen([COMMAND], stdin=subprocess.DEVNULL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        command.wait(LOOK_S)
    if command.returncode in CANNOT_RUN:
        sys.exit(command.returncode)
    notify()
    if command.returncode is not None:
        time.sleep(LINGER_S)
    code = command.wait()
    sys.exit(0 if was_asked else code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()

"""Tells systemd how the daemon is: that it is up, that it still lives, that it stops.

Only what systemd started hears of it. A sign of life comes from Trio's own loop, so that a daemon
that hangs is ended and started again; its containers go on meanwhile.
"""

from __future__ import annotations

import logging
import os
import socket

import trio

from hive import environment

SIGNS = 3
"""How many signs of life are sent in the time after which systemd misses one."""

log = logging.getLogger(__name__)


class ServiceManager:
    """The socket on which systemd listens, or nothing."""

    def __init__(self, address: str | None, watchdog_s: float | None) -> None:
        """`address` as in `NOTIFY_SOCKET`: a path, or an abstract name behind an `@`."""
        self._address = "\0" + address[1:] if address and address[0] == "@" else address
        self._watchdog_s = watchdog_s

    def say(self, *lines: str) -> None:
        """Send some assignments; never waits. What cannot be sent is logged."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.warning("systemd was not told %s: %s", lines[0], os.strerror(error.errno or 0))

    async def run(self, status: str) -> None:
        """Say that the hive is up, then give signs of life until cancelled, and say that too."""
        self.say("READY=1", f"STATUS={status}")
        try:
            while self._watchdog_s is not None:
                self.say("WATCHDOG=1")
                await trio.sleep(self._watchdog_s / SIGNS)
            await trio.sleep_forever()
        finally:
            self.say("STOPPING=1", "STATUS=stopping")


def of_environment() -> ServiceManager:
    """Return the one that started this process."""
    return ServiceManager(environment.notify_socket(), environment.watchdog_s())

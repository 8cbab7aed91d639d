"""A real VNC server with a screen of its own: TigerVNC's Xvnc, without a password, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from tests.fakes.x_window import XWindow

START_S = 60.0
SOCKETS = Path("/tmp/.X11-unix")
"""Where X servers listen for the programs they show."""
WIDTH, HEIGHT = 640, 400


@attrs.frozen
class Xvnc:
    """A running server."""

    port: int
    """Where it speaks VNC."""
    window: XWindow
    """What is on it."""


def words(port: int) -> list[str]:
    """Return the command that serves a screen at a port of loopback, to everybody there."""
    found = shutil.which("Xvnc") or shutil.which("Xtigervnc")
    if found is None:
        raise FileNotFoundError("Xvnc is missing: install tigervnc-standalone-server")
    # Debian's is a link into a folder that a sandbox does not have.
    command = [str(Path(found).resolve()), "-rfbport", str(port), "-localhost", "-ac"]
    command += ["-SecurityTypes", "None", "-nolisten", "tcp", "-noreset", "-desktop", "screen"]
    # On a slow machine a key is long enough down to be repeated.
    command.append("-r")
    return [*command, "-geometry", f"{WIDTH}x{HEIGHT}", "-depth", "24"]


@asynccontextmanager
async def serving(colour: int) -> AsyncIterator[Xvnc]:
    """Run one for the length of the block, a window of that colour all over it."""
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        got, give = os.pipe()
        command = [*words(port), "-displayfd", str(give)]
        process = subprocess.Popen(  # noqa: ASYNC220 - as quick as a fork
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[give]
        )
        os.close(give)
        try:
            display = await _display(got)
            if display is None:
                log.seek(0)
                raise AssertionError(log.read().decode(errors="replace"))
            window = await XWindow.open(SOCKETS / f"X{display}", colour)
            try:
                yield Xvnc(port, window)
            finally:
                await window.aclose()
        finally:
            # Told to end, it takes its lock and socket below /tmp with it.
            process.terminate()
            await trio.to_thread.run_sync(process.wait)


async def _display(got: int) -> int | None:
    """Return the number it says once it serves; None when it ends instead."""
    async with trio.lowlevel.FdStream(got) as pipe:
        said = b""
        with trio.fail_after(START_S):
            while not said.endswith(b"\n"):
                more = await pipe.receive_some(64)
                if not more:
                    return None
                said += more
    return int(said)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])

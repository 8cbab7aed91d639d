"""Where the VNC server of this agent's screen listens: its agent.toml, or what NixOS set up.

The system of a NixOS container says it in a file, which may come after the harness. What the server
says is no concern of this room.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import attrs
import trio

from hive.errors import BadRequest, Unavailable
from hive.wire import codec

GUI = Path("/etc/hyperhive/gui.json")
FILE_BYTES = 4096


@attrs.frozen
class Gui:
    """What the file says."""

    vnc_port: int
    auth: str = "none"
    """How the server asks who somebody is; the viewer learns it from the server."""


@attrs.frozen
class Screen:
    """The screen of one agent, if it has one."""

    port: int | None
    """The port that agent.toml names."""
    file: Path = GUI

    async def find(self) -> int | None:
        """Return the port on the container's loopback; None without a screen.

        Raises `Unavailable` when the file cannot be read.
        """
        if self.port is not None:
            return self.port
        return await trio.to_thread.run_sync(partial(_read, self.file))


def _read(file: Path) -> int | None:
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read {file}: {error.strerror}") from error
    try:
        port = codec.from_json(Gui, codec.loads(data)).vnc_port
    except BadRequest as error:
        raise Unavailable(f"{file} is not in order: {error.message}") from error
    if not 0 < port < 65536:
        raise Unavailable(f"{file} is not in order: {port} is no port")
    return port

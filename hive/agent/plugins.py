"""Installs the plugins that agent.toml names, before claude is started for the first time.

claude does it itself, in the agent's sandbox and by the agent's way out. What is installed already
takes it a moment. A plugin that cannot be had is left out: the start goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import trio

from hive import process
from hive.agent.driver import Launch, MakeLaunch
from hive.agent.equipment import Equipment
from hive.config import HarnessConfig
from hive.errors import HiveError, ProgramFailed
from hive.wire.plugins import parse_plugin

BLANKS = " \t✘"
TAIL_LINES, TAIL_CHARS = 12, 1200
"""So much of the end of what claude said of a failure is shown and told."""


@attrs.frozen
class Deadlines:
    """How long the first turn may be kept waiting."""

    each_s: float = 90.0
    """Most of it is a clone."""
    all_s: float = 240.0


DEADLINES = Deadlines()


async def install(
    config: HarnessConfig,
    equipment: Equipment,
    make_launch: MakeLaunch,
    deadlines: Deadlines = DEADLINES,
) -> None:
    """Install each, and note which are there and which could not be had; never raises."""
    left = list(config.plugins)
    with trio.move_on_after(deadlines.all_s):
        while left:
            try:
                id_ = await _install(config, left[0], await make_launch(), deadlines.each_s)
            except HiveError as error:
                equipment.plugin_failed(left[0], _why(error, deadlines.each_s))
            else:
                equipment.plugins = (*equipment.plugins, id_)
            del left[0]
    for plugin in left:
        equipment.plugin_failed(
            plugin, f"all of them took longer than {deadlines.all_s:g} s to install"
        )


async def _install(config: HarnessConfig, plugin: str, launch: Launch, timeout_s: float) -> str:
    """Return claude's id of the installed plugin."""
    words = (*config.claude, "plugin", "install", *parse_plugin(plugin).words, "--json")
    done = await process.run(
        words, timeout_s=timeout_s, env=launch.env, cwd=Path(launch.cwd), check=False
    )
    said = _result(done.stdout)
    id_ = said.get("pluginId")
    if done.status != 0 or not isinstance(id_, str):
        raise ProgramFailed(words, done.status, done.stderr or str(said.get("message") or ""))
    return id_


def _result(text: str) -> dict[str, Any]:
    """Return the one line of JSON that claude prints; empty where it printed something else."""
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _why(error: HiveError, timeout_s: float) -> str:
    """Return a reason with the end of what claude said."""
    if not isinstance(error, ProgramFailed):
        return error.message
    lines = [line.strip(BLANKS) for line in error.stderr.splitlines() if line.strip()]
    said = "\n".join(lines[-TAIL_LINES:])[-TAIL_CHARS:] or "it said nothing"
    how = f"did not finish in {timeout_s:g} s" if error.status is None else "failed"
    return f"installing it {how}: {said}"

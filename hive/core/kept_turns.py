"""An agent's turns as they lie in its state directory: read for the operator, also when it is off.

The file is the agent's. A fenced program reads it, see `store/agent_databases`, and every row is
checked once more here.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import attrs
import trio

from hive import process, turn_sums
from hive.core.hive import Hive
from hive.errors import BadRequest, ProgramFailed, Unavailable
from hive.store import agent_databases
from hive.store.turn_stats import turn_of
from hive.wire import codec
from hive.wire.names import AgentName
from hive.wire.stats import EXPORT_MOST, Turn, window_of

TIMEOUT_S = 60.0
OUTPUT_BYTES = 16 * 1024 * 1024
PAGE = 1000
"""Turns of one page."""
FIRST = 2**62
"""Behind it is the newest turn."""
_SAID = 200

Json = dict[str, Any]
Row = tuple[int, Turn]
"""A turn, and the id that the next older ones are asked for by."""


async def statistics(hive: Hive, name: AgentName, window_name: str) -> Json:
    """Return the sums of one window; raises `HiveError` when the file cannot be read."""
    window, now = window_of(window_name), hive.clock()
    rows = await _read(hive, name, now - window.span_s, FIRST, EXPORT_MOST + 1)
    turns = [turn for _, turn in rows]
    work = partial(turn_sums.summary, turns, window_name, window, now, EXPORT_MOST)
    found = await trio.to_thread.run_sync(work)
    return {"name": name, **found, "faults": []}


async def page(
    hive: Hive, name: AgentName, since: float, before: int | None = None, limit: int = PAGE
) -> list[Row]:
    """Return turns that ended since then, newest first, with ids below `before`."""
    return await _read(hive, name, since, FIRST if before is None else before, limit)


async def _read(hive: Hive, name: AgentName, since: float, before: int, limit: int) -> list[Row]:
    hive.agents.get(name)
    done = await ask(hive, "turns", name, repr(since), str(before), str(limit))
    return await trio.to_thread.run_sync(_rows, done.raw)


def _rows(said: bytes) -> list[Row]:
    """Return what the program printed; raises `Unavailable` for what is no turn."""
    found = []
    for line in said.splitlines():
        try:
            number, *cells = codec.loads(line)
        except (BadRequest, TypeError, ValueError) as error:
            raise Unavailable(f"{agent_databases.TURNS} holds what is no turn") from error
        if type(number) is not int:
            raise Unavailable(f"{agent_databases.TURNS} holds a turn without a number")
        found.append((number, turn_of(cells)))
    return found


async def ask(
    hive: Hive, verb: str, name: AgentName, *words: str, input_text: str = ""
) -> process.Completed:
    """Run the program on one agent's files; raises `Unavailable` with what was wrong.

    `input_text` is what it reads.
    """
    command = [sys.executable, "-I", "-S", agent_databases.__file__]
    command += [verb, str(hive.paths.agents), name, *words]
    if not hive.runtime.isolates:
        # There is nothing to be fenced off: an agent may do itself what its file could do here.
        command.append("unfenced")
    try:
        done = await process.run(
            command,
            timeout_s=TIMEOUT_S,
            env={},
            input_text=input_text,
            check=False,
            output_max=OUTPUT_BYTES,
        )
    except ProgramFailed as error:
        raise Unavailable(error.message[:_SAID]) from error
    if done.is_cut:
        raise Unavailable(f"the files of {name} hold more than can be read at once")
    if done.status == agent_databases.NO_FENCE:
        raise Unavailable(
            "this kernel has no Landlock, so the files of an agent are left to its harness"
        )
    if done.status != agent_databases.DONE:
        said = done.stderr.strip().splitlines()[-1:] or [f"its reader ended with {done.status}"]
        # repr: what a file makes it say may hold anything.
        raise Unavailable(repr(said[0][:_SAID]))
    return done


def fields(turn: Turn) -> Json:
    """Return a turn as plain JSON data."""
    return attrs.asdict(turn, recurse=False)

"""The list of everything that is tried, in its order, and the page that is made of it."""

from __future__ import annotations

from itertools import groupby

from tests.fakes.hostile_agent import broker, files, hogs, kernel, network, plants, proxy
from tests.fakes.hostile_agent.trial import Attempt

ROOMS = (files, kernel, network, proxy, broker, plants, hogs)
"""What spoils the agent itself comes late, and what it is stopped for last."""
ATTEMPTS: tuple[Attempt, ...] = tuple(each for room in ROOMS for each in room.ROOM.attempts)
HEAD = """# What a hostile agent tried

A program in a real sandbox, beside a real harness, tries all of this.
Where the daemon is root and each agent a user of its own, none of it works.
Where the daemon is an ordinary user, agents are that user too: what the last column says works.
`tests/e2e/test_hostile_agent.py` runs it both ways, and looks from outside whether harm was done.
`./build.sh format` makes this page from the list in `tests/fakes/hostile_agent`.
What is open in spite of it stands in [boundary.md](boundary.md).
"""


COLUMNS = ("attempt", "what it tries", "what stops it", "where the daemon is an ordinary user")


def _cells(each: Attempt) -> tuple[str, ...]:
    return each.name, each.tries, each.stopped_by, each.where_shared


def page() -> str:
    """Return docs/attacks.md."""
    parts = [HEAD]
    for title, attempts in groupby(ATTEMPTS, key=lambda each: each.room):
        parts.append(f"\n## {title}\n\n| {' | '.join(COLUMNS)} |\n")
        parts.append(f"|{' --- |' * len(COLUMNS)}\n")
        parts += [f"| {' | '.join(_cells(each))} |\n" for each in attempts]
    return "".join(parts)

"""The list of everything that is tried, in its order, and the page that is made of it."""

from __future__ import annotations

from itertools import groupby

from tests.fakes.hostile_agent import broker, files, hogs, kernel, network, plants, proxy
from tests.fakes.hostile_agent.trial import Attempt

ROOMS = (files, kernel, network, proxy, broker, hogs, plants)
"""What spoils the agent itself comes last."""
ATTEMPTS: tuple[Attempt, ...] = tuple(each for room in ROOMS for each in room.ROOM.attempts)
HEAD = """# What a hostile agent tried

A program in a real sandbox, beside a real harness, tries all of this, and none of it works.
`tests/e2e/test_hostile_agent.py` runs it and looks from outside whether anybody took harm.
`./build.sh format` makes this page from the list in `tests/fakes/hostile_agent`.
What is open in spite of it stands in [boundary.md](boundary.md).
"""


def page() -> str:
    """Return docs/attacks.md."""
    parts = [HEAD]
    for title, attempts in groupby(ATTEMPTS, key=lambda each: each.room):
        parts.append(f"\n## {title}\n\n| attempt | what it tries | what stops it |\n")
        parts.append("| --- | --- | --- |\n")
        parts += [f"| {each.name} | {each.tries} | {each.stopped_by} |\n" for each in attempts]
    return "".join(parts)

"""How the stand-in plays a manager that makes an agent in two steps, and then changes it.

A task that nobody is there for makes it ask for a repository; at `config_ready` it commits a
configuration and asks for the agent; at `spawned` it hands the task on; and the first answer makes
it propose a small change, whose difference against what runs the operator can look at.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence

from hive.agent.stand_in import shell
from hive.agent.stand_in.steps import OUTPUT, Call, Say, Step

NEW_AGENT = "scout"
PURPOSE = "reads what it is given, word by word"
PAUSE_S = 0.7
REPOSITORY = "/agents/{name}/config"

_FIRST = """\
# What hive runs {name} with; docs/agent-config.md explains every key.
description = "{purpose}"
model = "haiku"

[env]
GREETING = "hello"

[limits]
memory_mib = 1024
"""


def ask_for_repository() -> Call:
    """The first step: nothing is built, and nothing to look at yet."""
    why = f"{PURPOSE}; first its configuration, then the agent itself"
    return Call("request_init_config", {"name": NEW_AGENT, "description": why})


def propose_agent(name: str) -> list[Step]:
    """The second step: a commit, and the request for the agent made of it."""
    text = _FIRST.format(name=name, purpose=PURPOSE)
    write = f"printf %s {shlex.quote(text)} > agent.toml"
    return [
        Say(f"The repository of {name} is there: I write down what it is made of.", PAUSE_S),
        _commit(name, write, f"describe {name}"),
        Call("request_spawn", {"name": name, "description": PURPOSE}),
        Say("The operator sees the commit now and decides."),
    ]


def propose_change(name: str) -> list[Step]:
    """A later commit, small enough to be read at a glance."""
    change = 's/^memory_mib = 1024$/memory_mib = 512/; s/^GREETING = .*/GREETING = "good day"/'
    arguments = {
        "agent": name,
        "commit_ref": OUTPUT,
        "description": f"{name} gets by with half the memory, and greets politely",
    }
    return [
        _commit(name, f"sed -i {shlex.quote(change)} agent.toml", "half the memory"),
        Call("request_apply_commit", arguments),
        Say("I proposed a change of its configuration; the operator decides."),
    ]


def event_of(body: str) -> dict[str, object]:
    """Return an event that the system tells of; empty when it is none."""
    try:
        event = json.loads(body)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def agents(bodies: Iterable[str]) -> list[str]:
    """Return who is there by what the system told, oldest first."""
    found: dict[str, None] = {}
    for event in map(event_of, bodies):
        name = str(event.get("agent"))
        if event.get("event") == "spawned" and event.get("ok"):
            found[name] = None
        elif event.get("event") == "destroyed":
            found.pop(name, None)
    return list(found)


def is_own(name: str, bodies: Sequence[str]) -> bool:
    """Whether the manager asked for that agent itself."""
    events = map(event_of, bodies)
    return any(e.get("event") == "config_ready" and e.get("agent") == name for e in events)


def _commit(name: str, change: str, subject: str) -> Call:
    folder = REPOSITORY.format(name=name)
    git = "git -c user.name=manager -c user.email=manager@hyperhive"
    command = (
        f"cd {folder} && {change} && {git} commit -qam {shlex.quote(subject)} && git rev-parse HEAD"
    )
    cannot = Say("I could not commit it; the answer above says why.")
    return Call(shell.NAME, {"command": command, "description": subject}, otherwise=(cannot,))

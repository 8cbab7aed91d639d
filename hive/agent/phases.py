"""The states of an agent's turn loop as one machine: what each shows, and which may follow which.

`AgentState.enter` is the only way from one to another and holds to the table here. The picture in
docs/turn-loop.md is drawn from the same table by `picture`.
"""

from __future__ import annotations

from enum import Enum

import attrs

from hive.wire import live


@attrs.frozen
class Shown:
    """What a phase looks like from outside."""

    status: str
    """Whether the agent can work at all; one of the statuses of `wire.live`."""
    turn_state: str
    """What claude is doing: `idle`, `thinking` or `compacting`."""
    needs_trouble: bool
    """True when the agent does not work: one sentence has to say why."""
    meaning: str
    """For people."""


class Phase(Enum):
    """What the loop is at."""

    STARTING = "starting"
    WAITING = "waiting"
    PARKED = "parked"
    PAUSED = "paused"
    THINKING = "thinking"
    COMPACTING = "compacting"
    CHECKPOINT = "checkpoint"
    CLOSING = "closing"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    NEEDS_LOGIN = "needs_login"
    NO_CLAUDE = "no_claude"
    FAILING = "failing"
    CHATTING = "chatting"
    RETRYING = "retrying"


def _works(turn_state: str, meaning: str) -> Shown:
    return Shown(live.ONLINE, turn_state, False, meaning)


def _stopped(status: str, meaning: str) -> Shown:
    return Shown(status, live.IDLE, True, meaning)


SHOWN = {
    Phase.STARTING: _works(live.IDLE, "settles what an earlier run left"),
    Phase.WAITING: _works(live.IDLE, "waits for a message"),
    Phase.PARKED: _works(live.IDLE, "waits for a message, with claude's process let go"),
    Phase.PAUSED: _stopped(live.PAUSED, "takes no messages until it is resumed"),
    Phase.THINKING: _works(live.THINKING, "works on a message"),
    Phase.RETRYING: _works(live.THINKING, "has claude try a request again that its API refused"),
    Phase.COMPACTING: _works(live.COMPACTING, "has its conversation compacted"),
    Phase.CHECKPOINT: _works(live.THINKING, "writes down what a compaction would lose"),
    Phase.CLOSING: _works(live.IDLE, "acknowledges the message of a turn, or gives it back"),
    Phase.RATE_LIMITED: _stopped(live.RATE_LIMITED, "waits until its account works again"),
    Phase.OVERLOADED: _stopped(live.ONLINE, "waits for claude's service to have room"),
    Phase.NEEDS_LOGIN: _stopped(live.NEEDS_LOGIN_IDLE, "waits for a login"),
    Phase.NO_CLAUDE: _stopped(live.ONLINE, "waits until claude can be started"),
    Phase.FAILING: _stopped(live.ONLINE, "waits before it tries a message again"),
    Phase.CHATTING: _stopped(live.ONLINE, "leaves claude to the operator, who chats with it"),
}

_HELD_UP = (
    Phase.RATE_LIMITED,
    Phase.OVERLOADED,
    Phase.NEEDS_LOGIN,
    Phase.NO_CLAUDE,
    Phase.FAILING,
)

ALLOWED: dict[Phase, tuple[Phase, ...]] = {
    Phase.STARTING: (Phase.WAITING, Phase.NEEDS_LOGIN),
    Phase.WAITING: (
        Phase.PARKED,
        Phase.PAUSED,
        Phase.THINKING,
        Phase.COMPACTING,
        Phase.CLOSING,
        Phase.CHATTING,
    ),
    Phase.PARKED: (Phase.WAITING,),
    Phase.PAUSED: (Phase.WAITING,),
    Phase.THINKING: (Phase.RETRYING, Phase.COMPACTING, Phase.CLOSING),
    Phase.RETRYING: (
        Phase.THINKING,
        Phase.COMPACTING,
        Phase.CHECKPOINT,
        Phase.CLOSING,
        Phase.WAITING,
    ),
    Phase.COMPACTING: (Phase.RETRYING, Phase.THINKING, Phase.WAITING),
    Phase.CHECKPOINT: (Phase.RETRYING, Phase.COMPACTING, Phase.WAITING),
    Phase.CLOSING: (Phase.WAITING, Phase.CHECKPOINT, *_HELD_UP),
    **dict.fromkeys(_HELD_UP, (Phase.WAITING,)),
    Phase.CHATTING: (Phase.WAITING,),
}
"""Which phase may follow which. Beside these, every one may be followed by `STARTING`: the loop is
begun anew when it fails."""


def may_follow(before: Phase, after: Phase) -> bool:
    """Whether the machine may go from one phase to the other."""
    return after is Phase.STARTING or after in ALLOWED[before]


def picture() -> str:
    """Return the machine as a Mermaid diagram."""
    lines = ["stateDiagram-v2", "    [*] --> starting"]
    for before, followers in ALLOWED.items():
        lines += [f"    {before.value} --> {after.value}" for after in followers]
    return "\n".join(lines)


def table() -> str:
    """Return what each phase means and shows as a table of Markdown."""
    rows = ["| state | what the agent does | status | turn state |", "| --- | --- | --- | --- |"]
    for phase, shown in SHOWN.items():
        cells = (f"`{phase.value}`", shown.meaning, f"`{shown.status}`", f"`{shown.turn_state}`")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)

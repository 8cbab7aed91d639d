"""What the stand-in does with a prompt: the directives in it, or a small play of two agents.

The play: the operator gives the manager a task; the manager hands it to an agent (the one that is
named, else one it has heard of, else one it asks for: see `proposals`); that one works on it and
answers; the manager reports to the operator. Only an answer that begins with `Done:` is reported
and nothing answers a report, so that two stand-ins never talk in circles.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hive.agent.stand_in import directives, proposals
from hive.agent.stand_in.steps import Call, Say, Step

TASK = "Task: "
DONE = "Done: "
PAUSE_S = 0.7
STATUS_MOST = 60

_WAKE = re.compile(
    r"^Message (\d+) from (the outside source )?`([^`\n]+)`.*?\n--- ([0-9a-f]+)\n(.*)\n--- \4$",
    re.MULTILINE | re.DOTALL,
)
_NAME = r"([a-z](?:[a-z0-9-]{0,7}[a-z0-9])?)\b"
_ADDRESSED = re.compile(
    rf"(?:@|\b(?:ask|tell|have|let|give|use)\s+(?:agent\s+)?){_NAME}", re.IGNORECASE
)
_NOBODY = frozenset(
    {
        "a",
        "all",
        "an",
        "any",
        "anybody",
        "anyone",
        "each",
        "every",
        "everybody",
        "everyone",
        "her",
        "him",
        "it",
        "me",
        "one",
        "some",
        "somebody",
        "someone",
        "that",
        "the",
        "them",
        "this",
        "us",
        "you",
        "your",
        "manager",
        "operator",
        "system",
        "reminder",
    }
)


@dataclass(frozen=True)
class Who:
    """Who the stand-in is, as hive told it."""

    name: str
    role: str


@dataclass(frozen=True)
class Wake:
    """A message, as a prompt tells of it."""

    number: int
    sender: str
    is_external: bool
    body: str


def wake_of(text: str) -> Wake | None:
    """Return the message a prompt tells of, or None when it tells of none."""
    match = _WAKE.search(text)
    if match is None:
        return None
    return Wake(int(match[1]), match[3], match[2] is not None, match[5])


def needs_identity(text: str) -> bool:
    """Whether the script depends on who plays it."""
    return wake_of(text) is not None and not directives.read(text)


def script(text: str, who: Who | None, earlier: Sequence[str]) -> list[Step]:
    """Return the steps for a prompt; `earlier` are the prompts before it, oldest first."""
    found = directives.read(text)
    if found:
        return found
    wake = wake_of(text)
    if wake is None or who is None:
        return [Say(f"I am a scripted stand-in for claude. You said: {text}")]
    if wake.sender == "system" and not wake.is_external and who.role == "manager":
        return _on_event(wake, earlier)
    if wake.is_external or wake.sender in {"system", "reminder"}:
        return [Say(f"Noted from {wake.sender}: {_noted(wake.body)}", PAUSE_S)]
    if wake.sender == "operator":
        return _for_operator(wake, who, earlier)
    if wake.body.startswith(TASK):
        return _work(wake)
    if wake.body.startswith(DONE):
        return _report(wake, earlier)
    return [Say(f"{wake.sender} tells me: {_short(wake.body)}. Nothing to do for me.", PAUSE_S)]


def _for_operator(wake: Wake, who: Who, earlier: Sequence[str]) -> list[Step]:
    peer = _addressee(wake.body, who) or (_known(earlier) if who.role == "manager" else None)
    if peer is None and who.role != "manager":
        return _work(wake)
    wants = Say(f"The operator wants: {_short(wake.body)}", PAUSE_S)
    if peer is not None:
        return [wants, *_handed(wake, peer, "Now I wait for the answer.")]
    told = (
        f"Nobody is there for that, so I ask for an agent, {proposals.NEW_AGENT}. Look under the"
        " pending approvals: first for its configuration, then, with a diff, for the agent itself."
        " Your task goes to it when it runs."
    )
    return [
        wants,
        Say("Nobody is there for it: I ask for a new agent.", PAUSE_S),
        replace(
            proposals.ask_for_repository(),
            otherwise=tuple(_handed(wake, "*", "Everybody has it now.")),
        ),
        Call("set_status", {"text": "waiting for an approval"}),
        _to_operator(told, wake),
        Say("Now I wait for the operator."),
    ]


def _handed(wake: Wake, to: str, last: str) -> list[Step]:
    whom = "everybody" if to == "*" else to
    told = f"I have given it to {whom} and will report when it is done."
    unknown = (
        f"I cannot reach {whom}. Name an agent that is on the dashboard, or request a new one."
    )
    return [
        Say(f"That is work for {whom}; I hand it on.", PAUSE_S),
        Call(
            "send",
            {"to": to, "body": TASK + wake.body},
            otherwise=(_to_operator(unknown, wake), Say("I said so to the operator.")),
        ),
        Call("set_status", {"text": f"waiting for {whom}"}),
        _to_operator(told, wake),
        Say(last, PAUSE_S),
    ]


def _on_event(wake: Wake, earlier: Sequence[str]) -> list[Step]:
    """What the manager does when hive tells it something."""
    noted = Say(f"Noted from {wake.sender}: {_noted(wake.body)}", PAUSE_S)
    event = proposals.event_of(wake.body)
    name = str(event.get("agent"))
    if event.get("event") == "config_ready":
        return proposals.propose_agent(name)
    if event.get("event") != "spawned" or not event.get("ok"):
        return [noted]
    heard = [one for one in map(wake_of, earlier) if one is not None and not one.is_external]
    tasks = [one for one in heard if one.sender == "operator" and not directives.read(one.body)]
    if not tasks or not proposals.is_own(name, _told(earlier)):
        return [noted]
    return [noted, *_handed(tasks[-1], name, "Now I wait for the answer.")]


def _told(earlier: Sequence[str]) -> list[str]:
    """Return what the system told."""
    heard = [one for one in map(wake_of, earlier) if one is not None and not one.is_external]
    return [one.body for one in heard if one.sender == "system"]


def _work(wake: Wake) -> list[Step]:
    task = wake.body.removeprefix(TASK)
    words = re.findall(r"\w+", task)
    longest = max(words, key=len, default="-")
    answer = (
        f"{DONE}I have looked at \u201c{_short(task)}\u201d: {len(words)} words, the longest is"
        f" \u201c{longest}\u201d. (A scripted stand-in did this, not a model.)"
    )
    return [
        Call("set_status", {"text": f"working on: {_short(task)}"[:STATUS_MOST]}),
        Say(f"{wake.sender} wants something from me: {_short(task)}", PAUSE_S),
        Say("I read it word by word.", PAUSE_S),
        Say(f"I count {len(words)} words.", PAUSE_S),
        Call("send", {"to": wake.sender, "body": answer, "in_reply_to": wake.number}),
        Call("set_status", {"text": "waiting for work"}),
        Say("I have answered.", PAUSE_S),
    ]


def _report(wake: Wake, earlier: Sequence[str]) -> list[Step]:
    text = f"{wake.sender} has finished. {wake.body.removeprefix(DONE)}"
    heard = [one for one in map(wake_of, earlier) if one is not None]
    is_first = not any(one.sender == wake.sender and one.body.startswith(DONE) for one in heard)
    is_own = is_first and proposals.is_own(wake.sender, _told(earlier))
    return [
        Say(f"{wake.sender} has finished; I tell the operator.", PAUSE_S),
        Call("send", {"to": "operator", "body": text}),
        Call("set_status", {"text": "waiting for work"}),
        Say("Reported.", PAUSE_S),
        *(proposals.propose_change(wake.sender) if is_own else []),
    ]


def _to_operator(text: str, wake: Wake) -> Call:
    return Call("send", {"to": "operator", "body": text, "in_reply_to": wake.number})


def _addressee(body: str, who: Who) -> str | None:
    """Return the agent that a text names, itself left out."""
    for match in _ADDRESSED.finditer(body):
        name = match[1].lower()
        if name not in _NOBODY and name != who.name:
            return name
    return None


def _known(earlier: Sequence[str]) -> str | None:
    """Return the agent that wrote last, else the newest that there is."""
    for text in reversed(earlier):
        wake = wake_of(text)
        if wake is not None and not wake.is_external and wake.sender not in _NOBODY:
            return wake.sender
    there = proposals.agents(_told(earlier))
    return there[-1] if there else None


def _noted(body: str) -> str:
    return str(proposals.event_of(body).get("event") or _short(body))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= STATUS_MOST else words[: STATUS_MOST - 1] + "\u2026"

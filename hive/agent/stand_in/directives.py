"""Scripts in a prompt: lines that begin with `!` say what the stand-in shall do, in order.

| line | does |
| --- | --- |
| `!say TEXT` or `!say {"text": ..., "pause_s": ...}` | says it |
| `!tool NAME {...}` | calls a tool of hive by its plain name, another's by its whole name, Bash |
| `!fail STATUS`, `!429 [reset=UNIX]`, `!529`, `!401`, `!too-long`, `!dropped` | the API refuses |
| `!retry TIMES STATUS` | the API refuses that often, and claude tries again |
| `!crash`, `!hang` | once per prompt |
| `!refuse-compaction` | the next compaction fails |

After a refusal, a crash or an interrupt, a prompt to go on takes the steps that are left.
"""

from __future__ import annotations

import json
import re

from hive.agent.stand_in import steps
from hive.agent.stand_in.steps import Call, Crash, Hang, RefuseCompaction, Retry, Say, Step

_LINE = re.compile(r"^!([a-z0-9-]+)(?:[ \t]+(.*?))?[ \t\r]*$", re.MULTILINE)
_RESET = re.compile(r"reset=(\d+)")
_PLAIN: dict[str, Step] = {
    "401": steps.failure(401),
    "529": steps.failure(529),
    "too-long": steps.TOO_LONG,
    "dropped": steps.DROPPED,
    "crash": Crash(),
    "hang": Hang(),
    "refuse-compaction": RefuseCompaction(),
}


def read(text: str) -> list[Step]:
    """Return the steps that a prompt asks for; none when it has no directive."""
    found = [_step(match[1], match[2] or "") for match in _LINE.finditer(text)]
    if found and not isinstance(found[-1], Say):
        found.append(Say("done"))
    return found


def _step(word: str, rest: str) -> Step:
    if word in _PLAIN:
        return _PLAIN[word]
    if word == "429":
        reset = _RESET.search(rest)
        return steps.rate_limited(int(reset[1]) if reset else None)
    try:
        if word == "fail":
            return steps.failure(int(rest.split()[0]))
        if word == "retry":
            times, status = map(int, rest.split())
            return Retry(times, status)
        if word == "say":
            return Say(**json.loads(rest)) if rest.startswith("{") else Say(rest)
        if word == "tool":
            name, _, arguments = rest.partition(" ")
            return Call(name, json.loads(arguments or "{}"))
    except (ValueError, TypeError, IndexError) as error:
        return Say(f"I cannot read !{word} {rest}: {error}")
    return Say(f"I do not know the directive !{word}")

"""A claude that behaves oddly: `odd_claude.py BEHAVIOUR`, for what the real one does seldom.

Standard library only; run as a program by a driver.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HUGE = 3_000_000


def say(**line: Any) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def result(prompt: str, text: str) -> None:
    """End a turn."""
    say(
        type="result",
        subtype="success",
        is_error=False,
        result=text,
        user_message_uuid=prompt,
        user_message_uuids=[prompt],
        num_turns=1,
    )


def started(prompt: str) -> None:
    """Begin a turn."""
    say(type="command_lifecycle", command_uuid=prompt, state="started")


def stale(prompt: str) -> None:
    """Print what an earlier turn left behind first."""
    say(type="command_lifecycle", command_uuid="another", state="started")
    result("another", "of an earlier turn")
    say(type="command_lifecycle", command_uuid="another", state="completed")
    started(prompt)
    result(prompt, "of this turn")


def silent(_prompt: str) -> None:
    """Never say anything."""
    time.sleep(3600)


def deaf(prompt: str) -> None:
    """Begin, and never end."""
    started(prompt)
    say(type="system", subtype="init", session_id="", mcp_servers=[])
    time.sleep(3600)


def dies(_prompt: str) -> None:
    """End with a word on standard error."""
    sys.stderr.write("out of luck\n")
    sys.exit(3)


def huge(prompt: str) -> None:
    """Answer with one very long line."""
    started(prompt)
    result(prompt, "x" * HUGE)


def garbage(prompt: str) -> None:
    """Print things that are no lines of claude."""
    sys.stdout.write("Segmentation fault (not really)\n\n[1, 2]\n")
    started(prompt)
    say(type="of the future", anything=1)
    say(type="control_request", request_id="r", request={"subtype": "can_use_tool"})
    answer = json.loads(sys.stdin.readline())
    result(prompt, answer["response"]["subtype"])


def unread(prompt: str) -> None:
    """Ask for a tool and never read the answer."""
    started(prompt)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    request = {"subtype": "mcp_message", "server_name": "hyperhive", "message": message}
    say(type="control_request", request_id="r", request=request)
    time.sleep(3600)


def leaves(prompt: str) -> None:
    """Leave processes behind in sessions of their own."""
    started(prompt)
    argv = ["setsid", "-f", "sleep", "3599"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    result(prompt, "left")


def uncut(prompt: str) -> None:
    """Die of the second prompt, once; know nothing of cutting a conversation."""
    dead = Path("dead")
    if prompt.startswith("2") and not dead.exists():
        dead.touch()
        sys.exit(1)
    started(prompt)
    say(type="assistant", uuid="33333333-3333-4333-8333-333333333333", message={"content": []})
    result(prompt, " ".join(sys.argv))


def forgetful(prompt: str) -> None:
    """Know no conversation that was begun before."""
    if "--resume" not in sys.argv:
        started(prompt)
        result(prompt, " ".join(sys.argv))
        return
    errors = ["No conversation found with session ID: 1"]
    say(type="result", subtype="error_during_execution", is_error=True, num_turns=0, errors=errors)
    sys.exit(1)


BEHAVIOURS: dict[str, Callable[[str], None]] = {
    each.__name__: each
    for each in (stale, silent, deaf, dies, huge, garbage, unread, leaves, uncut, forgetful)
}


def main(behaviour: str) -> None:
    """Behave so for every prompt until standard input ends."""
    if behaviour == "uncut" and "--resume-session-at" in sys.argv:
        sys.exit("unknown option")
    while line := sys.stdin.readline():
        given = json.loads(line)
        if given["type"] == "user":
            BEHAVIOURS[behaviour](given["uuid"])


if __name__ == "__main__":
    main(sys.argv[1])

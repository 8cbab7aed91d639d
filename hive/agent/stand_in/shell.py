"""The one tool of claude's own that the stand-in has: `Bash`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

NAME = "Bash"
RUN_S = 120.0
TEXT_MOST = 30_000


class ShellFailed(Exception):
    """The command could not be run or ended with a status; carries what it printed."""


def run(arguments: Mapping[str, Any]) -> str:
    """Run `command` and return what it printed; raises `ShellFailed`."""
    words = ["/bin/sh", "-c", str(arguments.get("command", ""))]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=RUN_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ShellFailed(str(error)) from error
    text = done.stdout.decode(errors="replace").strip()[:TEXT_MOST]
    if done.returncode != 0:
        raise ShellFailed(f"Exit code {done.returncode}\n{text}")
    return text

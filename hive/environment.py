"""What the daemon is told by its environment, and what of it the host's programs get."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CLAUDE_SECRETS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
CLAUDE_SETTINGS = ("ANTHROPIC_BASE_URL", "CLAUDE_CODE_MAX_RETRIES")
SYSTEMD_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What systemd tells the daemon alone, and no program that it starts."""


def claude_variables(env: Mapping[str, str] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the user gave hive for claude: the plain variables, and the secret ones."""
    env = os.environ if env is None else env
    plain = {key: env[key] for key in CLAUDE_SETTINGS if env.get(key)}
    secret = {key: env[key] for key in CLAUDE_SECRETS if env.get(key)}
    return plain, secret


def agent_socket() -> Path:
    """The agent's socket that a verb speaks to which is told no other."""
    return Path(os.environ.get("HIVE_SOCKET") or "/run/hive/mcp.sock")


def claude_override() -> str | None:
    """The claude named by `HIVE_CLAUDE`, if any."""
    return os.environ.get("HIVE_CLAUDE") or None


def git_override() -> str | None:
    """The git named by `HIVE_GIT`, if any."""
    return os.environ.get("HIVE_GIT") or None


def notify_socket() -> str | None:
    """Where systemd is told how the daemon is, when it started us and wants to know."""
    return os.environ.get("NOTIFY_SOCKET") or None


def watchdog_s() -> float | None:
    """How long systemd waits for a sign of life before it ends us; None when it does not."""
    text, whose = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    is_ours = whose in {"", str(os.getpid())}
    return int(text) / 1e6 if text.isdecimal() and int(text) > 0 and is_ours else None


def search_path() -> str:
    """The host's PATH, for finding programs."""
    return os.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin"


def program_environment() -> dict[str, str]:
    """The daemon's environment for a host's program: without what is claude's, git's, systemd's."""
    return {
        key: value
        for key, value in os.environ.items()
        if key not in {*CLAUDE_SECRETS, *CLAUDE_SETTINGS, *SYSTEMD_VARIABLES}
        and not key.startswith("GIT_")
    }


def wants_colour(*, is_terminal: bool) -> bool:
    """Whether to print colours: on a terminal that is not told otherwise by `NO_COLOR`."""
    return is_terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def has_display() -> bool:
    """Whether a browser could be shown to whoever started this."""
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))

"""Telling the manager's git which repositories of the daemon's it may look into.

git refuses a repository that belongs to another user unless the machine's or the user's own
settings name it. Only those of the daemon's are named: what git obeys in any other one could be an
agent's.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from hive.errors import Unavailable

FILE = "safe.gitconfig"
SYSTEM = f"""\
[safe]
\tdirectory = /meta
\tdirectory = /meta/.git
[include]
\tpath = /applied/{FILE}
"""
"""The /etc/gitconfig of the manager's container."""


def write(applied: Path) -> None:
    """Name every applied repository in a file beside them; blocks. Raises `Unavailable`."""
    try:
        names = sorted(folder.name for folder in applied.iterdir() if folder.is_dir())
        lines = [f"\tdirectory = /applied/{name}{end}\n" for name in names for end in ("", "/.git")]
        new = applied / f".{FILE}.{secrets.token_hex(4)}"
        new.write_text("".join(["[safe]\n", *lines]))
        new.chmod(0o644)
        new.replace(applied / FILE)
    except OSError as error:
        raise Unavailable(f"cannot write {applied / FILE}: {error.strerror}") from error

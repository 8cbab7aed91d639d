"""systemd as the NixOS runtime uses it: a unit, its drop-in, versions known to be weak."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from hive.wire.agent_config import Limits

DOWN = frozenset({"inactive", "failed"})
PROPERTIES = ("Id", "ActiveState", "SubState", "Result", "MainPID", "NeedDaemonReload")
DROP_IN = "50-hive.conf"


@attrs.frozen
class Unit:
    """What systemd knows of one unit."""

    name: str
    active: str = "inactive"
    """systemd's ActiveState."""
    sub: str = "dead"
    result: str = "success"
    main_pid: int = 0
    needs_reload: bool = False

    @property
    def is_running(self) -> bool:
        """Whether anything of it may be running: also while it comes up or goes down."""
        return self.active not in DOWN


@attrs.frozen
class Escape:
    """A known way out of an nspawn container."""

    name: str
    since: int
    """The first version that has it."""
    mended: dict[int, int]
    """In which patch level of which version it is mended."""
    mended_in: int
    """This version and every later one is without it."""
    closed_by: str = ""
    """What hive does that closes it; empty: only another systemd does."""

    def is_in(self, version: tuple[int, int]) -> bool:
        """Whether that version, as it was released, has it."""
        major, patch = version
        if not self.since <= major < self.mended_in:
            return False
        return patch < self.mended[major] if major in self.mended else True


ESCAPES = (
    Escape(
        "CVE-2026-40226",
        since=233,
        mended={257: 12, 258: 6, 259: 4},
        mended_in=260,
        closed_by="--settings=no",
    ),
)


def unit_name(container: str) -> str:
    """Return the name of a container's unit."""
    return f"container@{container}.service"


def parse_units(text: str) -> list[Unit]:
    """Read what `systemctl show` printed of one unit or of several."""
    units = []
    for block in text.strip().split("\n\n"):
        found = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in found:
            units.append(
                Unit(
                    name=found["Id"],
                    active=found.get("ActiveState", "inactive"),
                    sub=found.get("SubState", ""),
                    result=found.get("Result", ""),
                    main_pid=int(found.get("MainPID") or 0),
                    needs_reload=found.get("NeedDaemonReload") == "yes",
                )
            )
    return units


def parse_version(text: str) -> tuple[int, int] | None:
    """Read `systemctl --version`: version and patch level, `systemd 257 (257.9)` for example."""
    first = text.partition("\n")[0]
    found = re.search(r"\((\d+)\.(\d+)", first) or re.search(r"systemd (\d+)(?:\.(\d+))?", first)
    return (int(found.group(1)), int(found.group(2) or 0)) if found else None


def drop_in(limits: Limits, ended: Path) -> str:
    """Return the drop-in of a container's unit.

    Whether a container that has ended comes back is decided by hive alone: systemd would start it
    again behind its back, and give up after five times. `ended` is a script that writes down how it
    ended, which systemd forgets of a unit that ended well.
    """
    lines = [
        "[Unit]",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Restart=no",
        "RestartForceExitStatus=",
        f"ExecStopPost=-/bin/sh {ended}",
    ]
    if limits.memory_mib is not None:
        # Without swap: a limit that one can swap past is none.
        lines += [f"MemoryMax={limits.memory_mib}M", "MemorySwapMax=0"]
    if limits.cpu_percent is not None:
        lines.append(f"CPUQuota={limits.cpu_percent}%")
    if limits.tasks is not None:
        lines.append(f"TasksMax={limits.tasks}")
    if limits.open_files is not None:
        lines.append(f"LimitNOFILE={limits.open_files}")
    return "\n".join(lines) + "\n"


def ended_script(status: Path) -> str:
    """Return the script that systemd runs when a container has ended, with its own variables.

    It appends one line in the form in which `Record.told` reads it. A signal's name becomes 128 and
    its number, as a shell would say.
    """
    signals = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "SEGV": 11, "TERM": 15}
    cases = "".join(f"  {name}) code={128 + number} ;;\n" for name, number in signals.items())
    return (
        'case "$EXIT_STATUS" in\n'
        "  '') exit 0 ;;\n"
        f"{cases}"
        "  *[!0-9]*) code=255 ;;\n"
        "  *) code=$EXIT_STATUS ;;\n"
        "esac\n"
        f'echo "{{ \\"exit-code\\": $code }}" >>{status}\n'
    )

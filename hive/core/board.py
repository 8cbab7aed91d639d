"""What the operator must know of this hive as a whole: typed notices, worded here alone.

They follow the rows, the disk, the forge, the tasks and the audit log; `Board` publishes them when
they are others than before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hive.core.hive import Hive
from hive.wire import destinations
from hive.wire.dashboard import ContainerRow, Notice, NoticesChanged
from hive.wire.why import ERROR, INFO, WARNING, Code

MIB = 1024 * 1024
_ORDER = {ERROR: 0, WARNING: 1, INFO: 2}
PARKED = frozenset({Code.RATE_LIMITED, Code.OVERLOADED})
LOGIN = (
    "claude is not logged in, and messages wait. Log each of these in on its page, or start the"
    " hive with ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token` makes one)"
)


class Board:
    """The notices as they were published last."""

    def __init__(self) -> None:
        """Nothing was published yet."""
        self._last: tuple[Notice, ...] = ()

    def look(self, hive: Hive) -> None:
        """Publish the notices when they are others than at the last look."""
        now = notices(hive)
        if now != self._last:
            self._last = now
            hive.publish(NoticesChanged(now))


def notices(hive: Hive) -> tuple[Notice, ...]:
    """Return what the operator must know now, the worst first: of the hive, then of its agents."""
    rows = hive.view.rows()
    found = (*_of_the_demo(hive), *_of_the_host(hive), *_of_the_log(hive), *of_the_rows(rows))
    return tuple(sorted(found, key=lambda one: _ORDER[one.level]))


def _of_the_demo(hive: Hive) -> Iterator[Notice]:
    if hive.config.demo:
        yield Notice(
            "demo",
            INFO,
            "This is a demonstration: a script answers in claude's place."
            " Write a task to the manager, and it proposes an agent.",
        )
    elif hive.installation.claude_found is None:
        text = "claude was not found: install it, or name it with HIVE_CLAUDE."
        yield Notice("no_claude", ERROR, text)


def _of_the_host(hive: Hive) -> Iterator[Notice]:
    runtime = hive.runtime
    if runtime.kind == "process":
        text = "Agents run without isolation: each can read and change what you can."
        yield Notice("no_isolation", WARNING, text)
    elif runtime.kind in ("bubblewrap", "nixos") and runtime.shares_user is not None:
        yield Notice("shared_user", INFO, f"{_capital(runtime.shares_user)}.")
    for each in runtime.weak:
        yield Notice("weak_systemd", WARNING, f"{_capital(each)}.")
    if hive.disk.is_low:
        free = (hive.disk.free_bytes or 0) // MIB
        yield Notice(
            "disk_low",
            ERROR,
            f"The disk of {hive.paths.state} has {free} MiB left: make room."
            " Agents that fill it are stopped.",
        )
    if runtime.separates_network and hive.config.network == destinations.HOST:
        text = "Agents have this host's whole network by its settings: nothing is held back."
        yield Notice("host_network", WARNING, text)
    if hive.forge.trouble is not None:
        yield Notice("forge", WARNING, f"The forge: {hive.forge.trouble}")


def _of_the_log(hive: Hive) -> Iterator[Notice]:
    if hive.audit.faults:
        yield Notice(
            "audit_damaged",
            ERROR,
            "The audit log is not as it was written: hive.pyz audit verify says where."
            f" {hive.audit.faults[0]}",
        )
    if hive.audit.trouble is not None:
        yield Notice("audit_stuck", ERROR, f"Nothing can be done: {hive.audit.trouble}")
    ill = [task for task in hive.tasks() if task.state in ("backoff", "failed")]
    for task in ill:
        why = f": {task.last_error}" if task.last_error else ""
        yield Notice("task", WARNING, f"The daemon's task {task.name} fails{why}", (task.name,))


def of_the_rows(rows: Sequence[ContainerRow]) -> Iterator[Notice]:
    """Return what the reasons of the agents tell, those of one kind together."""
    missing = _whose(rows, {Code.NEEDS_LOGIN})
    if missing:
        text = f"{LOGIN}: {_names(missing)}"
        yield Notice("needs_login", WARNING, text, _all(missing))
    for row in rows:
        reason = row.why
        if reason is None or reason.level != ERROR or reason.code is Code.NEEDS_LOGIN:
            continue
        mend = "" if reason.mend is None else f" — {reason.mend}"
        yield Notice("failed", ERROR, f"{row.name}: {reason.sentence}{mend}", (row.name,))
    parked = _whose(rows, PARKED)
    if parked:
        first = min((row.why.until for row in parked if row.why and row.why.until), default=None)
        until = "" if first is None else f", the first until {_told(first)}"
        text = f"Parked, because claude's account or service takes no more{until}: {_names(parked)}"
        yield Notice("parked", WARNING, text, _all(parked))
    off = _whose(rows, {Code.STOPPED, Code.PAUSED})
    if off:
        level = WARNING if any(row.is_manager for row in off) else INFO
        text = f"Stopped or paused, and their messages wait: {_names(off)}"
        yield Notice("off", level, text, _all(off))


def _whose(rows: Sequence[ContainerRow], codes: set[Code] | frozenset[Code]) -> list[ContainerRow]:
    return [row for row in rows if row.why is not None and row.why.code in codes]


def _names(rows: Sequence[ContainerRow]) -> str:
    return ", ".join(row.name for row in rows)


def _all(rows: Sequence[ContainerRow]) -> tuple[str, ...]:
    return tuple(row.name for row in rows)


def _told(at: str) -> str:
    """Return a time as it stands in a sentence."""
    return at.replace("T", " ").replace("Z", " UTC")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

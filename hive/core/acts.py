"""Who stopped or paused an agent last, and when: as it is done, and as the audit log recalls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hive.core import audit
from hive.core.why_facts import Act
from hive.wire.audit import BEGUN, FAILED, REFUSED, AuditEntry, AuditRow

RECALLED = 200
"""Of how many lines of the audit log a daemon learns at its start who did what before."""
STOP, PAUSE = "stop", "set_paused"


class Acts:
    """The last act of each kind on each agent."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Nothing is known at first."""
        self._clock = clock
        self._acts: dict[tuple[str, str], Act] = {}

    def did(self, word: str, name: str) -> None:
        """Remember that whoever acts here does that to an agent."""
        self._acts[word, name] = Act(audit.who().actor, self._clock())

    def last(self, word: str, name: str) -> Act | None:
        """Return who did that to an agent, where it is known."""
        return self._acts.get((word, name))

    def forget(self, name: str) -> None:
        """Forget an agent that is gone: another may get its name."""
        for word in (STOP, PAUSE):
            self._acts.pop((word, name), None)

    def recall(self, rows: Sequence[AuditRow]) -> None:
        """Learn of what an earlier daemon did; `rows` are the newest first."""
        refused = {row.entry.detail.get("of") for row in rows if _is_refused(row.entry)}
        for row in reversed(rows):
            entry = row.entry
            is_wanted = entry.action == STOP or entry.detail.get("paused") is True
            is_done = entry.outcome == BEGUN and row.n not in refused
            if entry.action in (STOP, PAUSE) and is_wanted and is_done:
                self._acts[entry.action, entry.subject] = Act(entry.actor, entry.at)


def _is_refused(entry: AuditEntry) -> bool:
    return entry.outcome in (REFUSED, FAILED)

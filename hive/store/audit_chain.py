"""The hash chain of the audit log: a line is made, read and checked; nothing here touches a disk.

A line is one JSON object that ends with `prev`, the hash of the line before, and `hash`, which is
taken over all bytes of the line in front of it. So a line that was changed does not fit its own
hash, and one that was removed, put in or moved does not fit its neighbour's. Whoever can write the
files can make a whole new chain from some line on; the head that is kept elsewhere finds that.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import attrs

from hive.errors import BadRequest
from hive.wire.audit import TEXT_MOST, AuditEntry, AuditHead, AuditReport, AuditRow, Scalar

START = AuditHead(0, "0" * 64)
"""What the first line follows."""
PROBLEMS_MOST = 20
DETAILS_MOST = 16
_FIELDS = tuple(field.name for field in attrs.fields(AuditEntry))
_LINE = re.compile(
    rb'(\{"n":([1-9][0-9]{0,15}),"at":[^\n]*,"prev":"([0-9a-f]{64})"),"hash":"([0-9a-f]{64})"\}'
)


@attrs.frozen
class Link:
    """A line that fits its own hash."""

    n: int
    prev: str
    hash: str
    data: bytes
    """Without its newline."""

    @property
    def head(self) -> AuditHead:
        """The place behind this line."""
        return AuditHead(self.n, self.hash)


def make(entry: AuditEntry, after: AuditHead) -> Link:
    """Return the line of an entry that follows `after`."""
    number = after.n + 1
    fields = {
        "n": number,
        "at": round(entry.at, 3),
        "actor": _cut(entry.actor),
        "surface": _cut(entry.surface),
        "action": _cut(entry.action),
        "subject": _cut(entry.subject),
        "outcome": _cut(entry.outcome),
        "detail": _details(entry.detail),
        "prev": after.hash,
    }
    # ASCII only: what others wrote reaches no terminal and no line end as it is.
    body = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()[:-1]
    digest = hashlib.sha256(body).hexdigest()
    return Link(number, after.hash, digest, body + b',"hash":"%b"}' % digest.encode())


def read(line: bytes) -> Link | None:
    """Return a line without its newline; None when it does not fit its own hash."""
    match = _LINE.fullmatch(line)
    if match is None or hashlib.sha256(match[1]).hexdigest().encode() != match[4]:
        return None
    return Link(int(match[2]), match[3].decode(), match[4].decode(), line)


def row(link: Link) -> AuditRow:
    """Return a line as it is shown; raises `BadRequest` for one that hive never wrote."""
    try:
        fields: Any = json.loads(link.data)
        entry = AuditEntry(**{key: fields[key] for key in _FIELDS})
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"line {link.n} of the audit log is not one that hive wrote") from error
    return AuditRow(link.n, entry, link.hash)


class Checker:
    """Takes the lines of a log one after another and tells what is wrong with them."""

    def __init__(self, start: AuditHead = START) -> None:
        """The first line is to follow `start`."""
        self.lines = 0
        self.last = start
        self._problems: list[str] = []
        self._left_out = 0
        self._waits_for: dict[int, list[Callable[[str], str | None]]] = {}

    def expect(self, head: AuditHead, known_by: str) -> None:
        """Say that the line of that number is to have that hash, as `known_by` knows."""

        def check(found: str) -> str | None:
            if found == head.hash:
                return None
            return (
                f"line {head.n} is not the one that {known_by} knows: it, or something before it,"
                " was written anew"
            )

        if head.n > 0:
            self._waits_for.setdefault(head.n, []).append(check)

    def feed(self, line: bytes, where: str) -> None:
        """Take a line without its newline; `where` is named when something is wrong with it."""
        self.lines += 1
        link = read(line)
        if link is None:
            number = self.last.n + 1
            self._tell(f"{where}: line {number} was changed: it does not fit its own hash")
            # The next one is to be the line behind it, whatever it says it follows.
            self.last = AuditHead(number, "")
            return
        if link.n != self.last.n + 1:
            self._tell(f"{where}: line {link.n} stands where {self.last.n + 1} should")
        elif self.last.hash and link.prev != self.last.hash:
            self._tell(f"{where}: line {link.n} does not follow what stands before it")
        for check in self._waits_for.pop(link.n, []):
            told = check(link.hash)
            if told is not None:
                self._tell(told)
        self.last = link.head

    def tell(self, problem: str) -> None:
        """Add what was noticed elsewhere."""
        self._tell(problem)

    def report(self, remarks: tuple[str, ...] = ()) -> AuditReport:
        """Return what was found; no line comes any more."""
        for number in sorted(self._waits_for):
            self._tell(
                f"line {number} was written and is not there: the log ends with {self.last.n}"
                if number > self.last.n
                else f"line {number} was written and is not there"
            )
        self._waits_for.clear()
        problems = list(self._problems)
        if self._left_out:
            problems.append(f"and {self._left_out} more of the kind")
        head = self.last if self.last.n and self.last.hash else None
        return AuditReport(self.lines, head, tuple(problems), remarks)

    def _tell(self, problem: str) -> None:
        if len(self._problems) < PROBLEMS_MOST:
            self._problems.append(problem)
        else:
            self._left_out += 1


def wanted(
    entry: AuditEntry, *, since: float | None, until: float | None, agent: str | None
) -> bool:
    """Whether a line is of that time (Unix seconds, `until` not included) and of that agent."""
    if since is not None and entry.at < since:
        return False
    if until is not None and entry.at >= until:
        return False
    return agent is None or agent in {entry.actor, entry.subject, entry.detail.get("agent")}


def parse(line: bytes, where: str) -> AuditRow:
    """Return a line as it is shown; raises `BadRequest` for one that was damaged."""
    link = read(line)
    if link is None:
        raise BadRequest(f"{where} holds a line that was changed: see hive.pyz audit verify")
    return row(link)


def _details(given: dict[str, Scalar]) -> dict[str, Scalar]:
    some = list(given.items())[:DETAILS_MOST]
    return {_cut(key): _cut(each) if isinstance(each, str) else each for key, each in some}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MOST else text[: TEXT_MOST - 1] + "…"

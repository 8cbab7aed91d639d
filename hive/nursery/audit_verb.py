"""`audit verify` and `audit export`: asked of the daemon, or read from its files where none runs.

What is printed of a line with `--json` is the line as it is in the file, so that its hash can be
checked by anybody.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hive import light
from hive.errors import BadRequest
from hive.paths import Paths, paths_for
from hive.store import audit_anchor, audit_chain, audit_files
from hive.wire import codec
from hive.wire.audit import ROWS_MOST, AuditHead, AuditReport
from hive.wire.names import agent_name

CHECK_S = 600.0
_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_HEAD = re.compile(r"([1-9][0-9]{0,15}):([0-9a-f]{64})")


def verify(arguments: argparse.Namespace) -> int:
    """Print what checking the log found; 0 when it is whole, 1 when it is not."""
    known = _head(arguments.head) if arguments.head else None
    try:
        answer = _ask(arguments, {"cmd": "verify_audit"})
        report = codec.from_json(AuditReport, answer["audit"])
        where = "the daemon's log"
        if known is not None:
            report = _with_head(report, known, _rows_of(arguments, after=known.n - 1))
    except _NoDaemonError:
        paths = _paths(arguments)
        anchors = [(audit_anchor.look(paths.broker_db), "the database")]
        if known is not None:
            anchors.append((known, "whoever noted it"))
        report = audit_files.verify(paths.audit, anchors)
        where = str(paths.audit)
    if arguments.json:
        light.print_json(codec.to_json(report))
    else:
        for line in _told(report, where):
            print(light.printable(line))
    return 1 if report.problems else 0


def export(arguments: argparse.Namespace) -> int:
    """Print lines of the log, oldest first."""
    for line in _lines(arguments):
        if arguments.json:
            print(line)
        else:
            print(light.printable(_shown(json.loads(line))))
    return 0


def _told(report: AuditReport, where: str) -> Iterator[str]:
    yield from report.remarks
    yield from report.problems
    if report.problems:
        yield f"{where}: NOT as it was written"
    else:
        yield f"{where}: {report.lines} lines, each as it was written, and none is missing"
    if report.head is not None:
        yield f"head {report.head.n}:{report.head.hash}"


def _shown(line: dict[str, Any]) -> str:
    """Return a line for people: number, time, who, where, what, to whom, what came of it."""
    detail = dict(line["detail"])
    why = detail.pop("why", None)
    more = " ".join(f"{key}={value}" for key, value in detail.items() if key != "first_at")
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line["at"]))
    who = f"{line['actor']} ({line['surface']})"
    head = f"{line['n']:>6}  {at}  {who:<20} {line['action']} {line['subject']}".rstrip()
    tail = "  ".join(part for part in (line["outcome"], more, why) if part)
    return f"{head}  {tail}"


def _with_head(report: AuditReport, known: AuditHead, lines: Iterable[str]) -> AuditReport:
    """Add whether the line of a number still has the hash that somebody noted."""
    first = next(iter(lines), None)
    link = None if first is None else audit_chain.read(first.encode())
    if link is not None and link.head == known:
        return report
    problem = f"line {known.n} is not the one that was noted: the log was written anew"
    return AuditReport(report.lines, report.head, (*report.problems, problem), report.remarks)


def _lines(arguments: argparse.Namespace) -> Iterator[str]:
    wanted: dict[str, Any] = {
        "since": _moment(arguments.since),
        "until": _moment(arguments.until),
        "agent": None if arguments.agent is None else agent_name(arguments.agent),
    }
    try:
        yield from _rows_of(arguments, **wanted)
    except _NoDaemonError:
        for _, line in audit_files.export(_paths(arguments).audit, **wanted):
            yield line.decode()


def _rows_of(arguments: argparse.Namespace, after: int = 0, **wanted: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield lines of a running daemon, page by page."""
    while True:
        request = {"cmd": "export_audit", "after": after, **wanted}
        lines: list[str] = _ask(arguments, request)["audit_lines"]
        yield from lines
        if len(lines) < ROWS_MOST:
            return
        after = int(json.loads(lines[-1])["n"])


class _NoDaemonError(Exception):
    """Nobody answers on the socket."""


def _ask(arguments: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any]:
    path = light.operator_socket(arguments.socket, arguments.root)
    try:
        return light.call(path, request, timeout_s=CHECK_S)
    except light.Failure as failure:
        if failure.code == "unreachable" and arguments.socket is None:
            raise _NoDaemonError(str(failure)) from failure
        raise


def _paths(arguments: argparse.Namespace) -> Paths:
    own = paths_for(Path(arguments.root) if arguments.root else None, system=False)
    system = paths_for(None, system=True)
    is_system = not arguments.root and not own.audit.exists() and system.audit.exists()
    return system if is_system else own


def _head(text: str) -> AuditHead:
    match = _HEAD.fullmatch(text)
    if match is None:
        raise BadRequest("a head is NUMBER:HASH, as `audit verify` prints it")
    return AuditHead(int(match[1]), match[2])


def _moment(text: str | None) -> float | None:
    """Return Unix seconds: of a date or a time of this place, or so long ago."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        now = time.time()  # noqa: TID251 - a command of one moment
        return now - int(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            f"{text[:40]!r} is no time: write 2026-11-23, 2026-11-23T05:20 or 2h for two hours ago"
        ) from error
    return found.astimezone(UTC).timestamp()

"""A program of its own: sweeps or reads one agent's databases, fenced in beforehand.

The files are the agent's, so whatever can be wrong with a database may be wrong with these: links
in place of one or of its journal, a journal that names other files, triggers without end, pages
that upset sqlite itself. Hence the daemon never opens them. This program does, after it has given
up, by Landlock, every right but those to that one directory, and within limits of time and memory.
It needs nothing but the standard library:

    agent_databases.py sweep AGENTS NAME EVENTS_CUTOFF TURNS_CUTOFF [unfenced]
    agent_databases.py turns AGENTS NAME SINCE BEFORE LIMIT [unfenced]
    agent_databases.py find AGENTS NAME [unfenced]

`sweep` drops what is older, and prints how many rows went, in parts, a line each. `turns` prints
the newest that ended since then, with ids below BEFORE, as a list of JSON a line, the id first.
`find` reads on its standard input what is looked for, and prints what has it, see `find_rows`.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sqlite3
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

EVENTS = "hyperhive-events.sqlite"
TURNS = "hyperhive-turn-stats.sqlite"
COLUMNS = (
    "started_at, ended_at, duration_ms, wake, wake_from, result, model, input_tokens,"
    " output_tokens, cache_read_tokens, cache_creation_tokens, context_tokens, context_window,"
    " cost_usd, messages, tool_calls, tools, note"
)
BATCH = 2000
"""Rows of one transaction: the harness waits no longer than that takes."""
WORK_S = 20.0
CPU_S = 30
MEMORY_BYTES = 512 * 1024 * 1024
BUSY_S = 5.0

TOKENS = "unicode61 remove_diacritics 2"
"""How the index of a search takes a text apart."""
FIND_ROWS, FIND_CHARACTERS = 200, 4 * 1024 * 1024
"""So many rows, or so much of them, are looked through at once."""
TEXT_MOST = 240
"""Characters that are shown around what was found."""
LEAD = 60
"""Of them, so many in front of it."""
MARKS_MOST = 20
IDS = ("_id", "_ids", "_uuid", "_uuids")
UNSAID = frozenset(
    {"type", "subtype", "kind", "role", "id", "uuid", "signature", "seq"}
    | {"usage", "model", "timestamp", "requestId", "tool_result_meta"}
)
"""Fields of a frame that say nothing to a person; `agent_page/search_text.js` has the same."""

DONE, FAILED, NO_FENCE = 0, 1, 3
"""Exit statuses; what was asked for is on the standard output with `DONE` alone."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVS = 38
_HANDLED = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many kinds of access to files each version knows; newer ones know those of the last."""
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG, _TRUNCATE = (
    1 << bit for bit in (1, 2, 3, 5, 8, 14)
)
_NEEDED = _WRITE_FILE | _READ_FILE | _READ_DIR | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_NETWORK_SINCE, _SCOPED_SINCE = 4, 6
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def main(words: list[str]) -> int:
    """Do what is asked with the files of one agent; returns the exit status."""
    verb, agents, name, *numbers = words
    is_unfenced = words[-1] == "unfenced"
    wanted = json.loads(sys.stdin.read()) if verb == "find" else {}
    limit()
    try:
        os.fchdir(enter(agents, name))
        become_owner()
    except FileNotFoundError:
        return DONE
    except OSError as error:
        sys.stderr.write(f"its directory cannot be reached: {error.strerror}\n")
        return FAILED
    if not is_unfenced and not fence():
        return NO_FENCE
    if verb == "turns":
        since, before, most = numbers[:3]
        return _guarded(TURNS, lambda: show_turns(float(since), int(before), int(most)))
    if verb == "find":
        until = time.monotonic() + wanted["seconds"]
        return max(
            _guarded(file, lambda kind=kind: find(kind, wanted, until))  # type: ignore[misc]
            for kind, file in (("event", EVENTS), ("turn", TURNS))
        )
    events, turns = (float(each) for each in numbers[:2])
    statuses = (
        _guarded(EVENTS, lambda: sweep(EVENTS, "events", "ts", events)),
        _guarded(TURNS, lambda: sweep(TURNS, "turns", "ended_at", turns)),
    )
    return max(statuses)


def _guarded(file: str, work: Callable[[], None]) -> int:
    """Do something with a file, which may be missing; what is wrong with it is said."""
    try:
        if not stat.S_ISREG(os.lstat(file).st_mode):
            sys.stderr.write(f"{file} is not a regular file\n")
            return FAILED
        work()
    except FileNotFoundError:
        return DONE
    except OSError as error:
        sys.stderr.write(f"{file} cannot be reached: {error.strerror}\n")
        return FAILED
    except (sqlite3.Error, ValueError, TypeError) as error:
        sys.stderr.write(f"{file} cannot be used: {error}\n")
        return FAILED
    return DONE


def limit() -> None:
    """Bound what a database that is made to cost can cost."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def enter(agents: str, name: str) -> int:
    """Return a descriptor of the agent's state directory, reached through no link."""
    folder = os.open(agents, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in (name, "state"):
        folder = os.open(part, _DIRECTORY, dir_fd=folder)
    return folder


def become_owner() -> None:
    """Be the user whose this directory is, and see nothing else, where root has given it away.

    What sqlite makes beside the file is then the agent's too.
    """
    about = os.lstat(".")
    if os.geteuid() != 0 or about.st_uid == 0:
        return
    os.chroot(".")
    os.setgroups([])
    os.setresgid(about.st_gid, about.st_gid, about.st_gid)
    os.setresuid(about.st_uid, about.st_uid, about.st_uid)


def fence() -> bool:
    """Give up all access to files but to those in this directory; False where that cannot be."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    kinds = (1 << _HANDLED[min(version, max(_HANDLED))]) - 1
    # No TCP, and no signal or abstract socket of who is outside.
    network = 0b11 if version >= _NETWORK_SINCE else 0
    scoped = 0b11 if version >= _SCOPED_SINCE else 0
    size = 24 if scoped else 16 if network else 8
    rules = call(_CREATE_RULESET, struct.pack("=QQQ", kinds, network, scoped), size, 0)
    if rules < 0:
        return False
    here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    allowed = struct.pack("=Qi", kinds & _NEEDED, here)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    is_fenced = bool(
        call(_ADD_RULE, rules, _PATH_BENEATH, allowed, 0) == 0
        and prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and call(_RESTRICT_SELF, rules, 0) == 0
    )
    os.close(here)
    os.close(rules)
    return is_fenced


def sweep(file: str, table: str, moment: str, cutoff: float) -> None:
    """Delete what is older than a moment in Unix seconds, some rows at a time, and say how many."""
    with _opened(file) as connection:
        while True:
            gone = connection.execute(
                f"DELETE FROM {table} WHERE id IN"
                f" (SELECT id FROM {table} WHERE {moment} < ? LIMIT ?)",
                (cutoff, BATCH),
            ).rowcount
            if gone > 0:
                sys.stdout.write(f"{gone}\n")
            if gone < BATCH:
                return


def show_turns(since: float, before: int, most: int) -> None:
    """Print turns, the newest first; raises `ValueError` for what JSON has no word for."""
    with _opened(TURNS) as connection:
        rows = connection.execute(
            f"SELECT id, {COLUMNS} FROM turns WHERE id < ? AND ended_at >= ?"
            " ORDER BY id DESC LIMIT ?",
            (before, since, most),
        )
        for row in rows:
            sys.stdout.write(json.dumps(row, allow_nan=False) + "\n")


_FROM = {
    "event": (EVENTS, "SELECT seq, ts, kind, payload_json FROM events", "seq", "ts"),
    "turn": (
        TURNS,
        "SELECT id, ended_at, result, json_array(wake_from, result, model, tools, note) FROM turns",
        "id",
        "ended_at",
    ),
}
_DATED = " WHERE {number} < ? AND {moment} >= ? AND {moment} < ? ORDER BY {number} DESC"


def find(kind: str, wanted: dict[str, Any], until: float) -> None:
    """Print the newest rows of one kind that have what is wanted, then how far it was looked.

    A row is `[kind, number, moment, label, text, marks]`; the end `["end", kind, number, moment]`,
    where the next search goes on: null when nothing older is left.
    """
    if wanted[kind] is None:
        return
    file, query, number, moment = _FROM[kind]
    query += _DATED.format(number=number, moment=moment)
    with _opened(file) as connection:
        rows = connection.execute(query, (wanted[kind], wanted["after"], wanted["before"]))
        left, last = wanted["most"], None
        for batch in _batches(rows, wanted["plain"]):
            found = find_rows(batch, wanted)[:left]
            left -= len(found)
            for row in found:
                sys.stdout.write(json.dumps([kind, *row]) + "\n")
            last = batch[-1][:2]
            if left == 0:
                last = found[-1][:2]
            if left == 0 or time.monotonic() > until:
                sys.stdout.write(json.dumps(["end", kind, *last]) + "\n")
                return
    sys.stdout.write(json.dumps(["end", kind, None, None]) + "\n")


Row = tuple[int, float, str, str]
"""Number, moment, label, and what it says."""


def _batches(rows: Iterable[tuple[Any, ...]], plain: list[str]) -> Iterator[list[Row]]:
    """Yield some rows at a time; of those that cannot have the words only the last, and empty."""
    batch: list[Row] = []
    walked = 0
    for number, moment, label, payload in rows:
        text = ""
        if _may_have(payload, plain):
            text = "\n".join(said(json.loads(payload))).replace("\0", " ")
            text = text.encode(errors="replace").decode()
        walked += len(payload)
        is_full = len(batch) + 1 >= FIND_ROWS or walked >= FIND_CHARACTERS
        if text or is_full:
            batch.append((int(number), float(moment), str(label), text))
        if is_full:
            yield batch
            batch, walked = [], 0
    if batch:
        yield batch


def _may_have(payload: str, plain: list[str]) -> bool:
    """Whether a frame may say these words; the cheap look, and sure where there is only ASCII."""
    if not plain or not payload.isascii() or "\\u" in payload:
        return True
    small = payload.lower()
    return all(word in small for word in plain)


def said(value: object) -> Iterator[str]:
    """Yield the texts of a frame: not the names of its fields, nor ids and kinds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from said(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key not in UNSAID and not key.endswith(IDS):
                yield from said(each)


def find_rows(
    rows: list[Row], wanted: dict[str, Any]
) -> list[tuple[int, float, str, str, list[tuple[int, int]]]]:
    """Return those that have what is wanted, with the part of them around it, and where it is.

    They are indexed as messages are, in memory and for as long as this takes, so that the same
    words find the same here and there.
    """
    memory = sqlite3.connect(":memory:", isolation_level=None)
    try:
        memory.execute("CREATE TABLE said (id INTEGER PRIMARY KEY, body TEXT)")
        memory.executemany("INSERT INTO said VALUES (?, ?)", enumerate(row[3] for row in rows))
        query, values = "SELECT id, body FROM said AS m WHERE body <> ''", []
        mark = os.urandom(12).hex()
        if wanted["match"] is not None:
            memory.execute(
                "CREATE VIRTUAL TABLE words USING"
                f" fts5(body, content='said', content_rowid='id', tokenize='{TOKENS}')"
            )
            memory.execute("INSERT INTO words (words) VALUES ('rebuild')")
            query = (
                "SELECT m.id, highlight(words, 0, ?, ?) FROM words"
                " CROSS JOIN said AS m ON m.id = words.rowid WHERE words MATCH ?"
            )
            values = [mark, mark, wanted["match"]]
        for part in wanted["parts"]:
            query += " AND instr(m.body, ?) > 0"
            values.append(part)
        found = []
        for at, marked in memory.execute(f"{query} ORDER BY m.id", values):
            number, moment, label, _ = rows[at]
            found.append((number, moment, label, *excerpt(marked, mark, wanted["parts"])))
        return found
    finally:
        memory.close()


def excerpt(marked: str, mark: str, parts: Iterable[str]) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text around the first thing that was found in it, and where that is.

    What the index found is between two `mark`s each; of the `parts`, the first of each is found.
    """
    pieces = marked.split(mark)
    text = "".join(pieces)
    found, at = [], 0
    for number, piece in enumerate(pieces):
        if number % 2 and piece:
            found.append((at, at + len(piece)))
        at += len(piece)
    places = [(text.find(part), len(part)) for part in parts]
    found = sorted(found + [(place, place + size) for place, size in places if place >= 0])
    start = max(0, found[0][0] - LEAD) if found else 0
    start = min(start, max(0, len(text) - TEXT_MOST))
    shown = text[start : start + TEXT_MOST]
    marks: list[tuple[int, int]] = []
    for begin, stop in found:
        first = max(begin - start, marks[-1][1] if marks else 0)
        end = min(stop - start, len(shown))
        if first < end and len(marks) < MARKS_MOST:
            marks.append((first, end))
    return shown, marks


@contextmanager
def _opened(file: str) -> Iterator[sqlite3.Connection]:
    """Open a database for a bounded time, and trust nothing in it."""
    connection = sqlite3.connect(f"file:{file}?mode=rw", uri=True, isolation_level=None)
    until = time.monotonic() + WORK_S
    connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
    try:
        for setting in (
            f"busy_timeout = {int(BUSY_S * 1000)}",
            "trusted_schema = OFF",
            "temp_store = MEMORY",
            "cell_size_check = ON",
            "mmap_size = 0",
        ):
            connection.execute(f"PRAGMA {setting}")
        yield connection
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

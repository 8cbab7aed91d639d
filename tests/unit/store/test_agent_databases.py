"""The program that opens agents' databases: what it does, and that a hostile file gets nowhere."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from hive.store import agent_databases, turn_events, turn_stats
from hive.store.agent_databases import DONE, EVENTS, FAILED, NO_FENCE, TURNS
from hive.store.turn_events import _VERSION_1
from hive.wire.search_query import parse
from hive.wire.stats import COLUMNS
from tests.fakes.turns import turn

DAY = 86400.0


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    (tmp_path / "agents/alice/state").mkdir(parents=True)
    return tmp_path / "agents"


def history(agents: Path, name: str = "alice", *, rows: int = 10) -> Path:
    """Make a history whose rows are one day apart, the newest from day `rows` on."""
    file = agents / name / "state" / EVENTS
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in _VERSION_1:
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO events (seq, ts, kind, payload_json) VALUES (?, ?, 'note', '{}')",
            [(number, number * DAY) for number in range(rows)],
        )
    connection.close()
    return file


def count(file: Path) -> int:
    connection = sqlite3.connect(file)
    found: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    connection.close()
    return found


def statistics(agents: Path, name: str = "alice", *, rows: int = 10) -> Path:
    """Make statistics whose turns ended one day apart, the first at day 0."""
    file = agents / name / "state" / TURNS
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for statement in turn_stats._VERSION_1:
            connection.execute(statement)
        connection.executemany(
            f"INSERT INTO turns ({turn_stats._LIST}) VALUES ({turn_stats._MARKS})",
            [turn_stats._cells(turn(number * DAY)) for number in range(rows)],
        )
    connection.close()
    return file


def count_turns(file: Path) -> int:
    connection = sqlite3.connect(file)
    found: int = connection.execute("SELECT count(*) FROM turns").fetchone()[0]
    connection.close()
    return found


def sweep(agents: Path, cutoff: float = 5 * DAY, *more: str) -> subprocess.CompletedProcess[str]:
    return ask(agents, "sweep", str(cutoff), str(cutoff), *more)


def ask(agents: Path, verb: str, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-S", agent_databases.__file__, verb, str(agents), "alice"]
    return subprocess.run(
        [*command, *words], env={}, input=said, capture_output=True, text=True, timeout=60
    )


def test_rows_older_than_the_cutoff_go(agents: Path) -> None:
    file = history(agents)
    done = sweep(agents)
    assert (done.returncode, done.stdout) == (DONE, "5\n"), done.stderr
    assert count(file) == 5


def test_more_than_a_batch_goes_too(agents: Path) -> None:
    file = history(agents, rows=2 * agent_databases.BATCH + 7)
    went = [int(line) for line in sweep(agents, 1e12).stdout.split()]
    assert sum(went) == 2 * agent_databases.BATCH + 7
    assert count(file) == 0


def test_a_harness_that_writes_meanwhile_goes_on(agents: Path) -> None:
    file = history(agents)
    writer = sqlite3.connect(file, isolation_level=None)
    insert = "INSERT INTO events (seq, ts, kind, payload_json) VALUES (99, ?, 'note', '{}')"
    writer.execute(insert, (99 * DAY,))
    assert sweep(agents).stdout == "5\n"
    writer.execute(insert, (99 * DAY,))
    assert writer.execute("SELECT count(*) FROM events").fetchone() == (7,)
    writer.close()


def test_no_history_is_no_error(agents: Path) -> None:
    assert (sweep(agents).returncode, sweep(agents).stdout) == (DONE, "")
    assert ask(agents, "turns", "0", "99", "9").returncode == DONE


def test_each_file_has_a_keep_of_its_own_and_one_that_is_spoilt_spares_the_other(
    agents: Path,
) -> None:
    events, turns = history(agents), statistics(agents)
    assert ask(agents, "sweep", str(5 * DAY), str(2 * DAY)).returncode == DONE
    assert (count(events), count_turns(turns)) == (5, 8)
    events.write_bytes(b"spoilt" * 100)
    done = ask(agents, "sweep", str(9 * DAY), str(9 * DAY))
    assert done.returncode == FAILED
    assert EVENTS in done.stderr
    assert count_turns(turns) == 1


def test_the_program_names_files_and_columns_as_hive_does() -> None:
    assert (EVENTS, TURNS) == (turn_events.FILE, turn_stats.FILE)
    assert ", ".join(COLUMNS) == agent_databases.COLUMNS


def test_turns_are_read_newest_first_and_page_by_page(agents: Path) -> None:
    statistics(agents)
    lines = ask(agents, "turns", str(2 * DAY), "8", "4").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row[0] for row in rows] == [7, 6, 5, 4]
    assert turn_stats.turn_of(rows[0][1:]) == turn(6 * DAY)
    rest = ask(agents, "turns", str(2 * DAY), "4", "4").stdout.splitlines()
    assert [json.loads(line)[0] for line in rest] == [3]


@pytest.mark.parametrize(
    "planted",
    [
        "UPDATE turns SET wake = x'00ff'",
        "UPDATE turns SET cost_usd = 9e999",
        "ALTER TABLE turns RENAME COLUMN note TO other",
        "DROP TABLE turns",
    ],
)
def test_planted_turns_are_no_turns(agents: Path, planted: str) -> None:
    with sqlite3.connect(statistics(agents)) as connection:
        connection.execute(planted)
    connection.close()
    done = ask(agents, "turns", "0", "99", "9")
    assert done.returncode == FAILED
    assert TURNS in done.stderr


def test_a_view_in_place_of_the_turns_is_ended(
    agents: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(statistics(agents)) as connection:
        connection.execute("ALTER TABLE turns RENAME TO kept")
        connection.execute(
            "CREATE VIEW turns AS WITH RECURSIVE n(i) AS"
            " (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT k.*, i FROM n JOIN kept k"
        )
    connection.close()
    monkeypatch.chdir(agents / "alice/state")
    monkeypatch.setattr(agent_databases, "WORK_S", 0.3)
    with pytest.raises(sqlite3.OperationalError, match="interrupt"):
        agent_databases.show_turns(0, 99, 9)
    assert capsys.readouterr().out == ""


def test_a_link_to_another_database_is_not_followed(agents: Path, tmp_path: Path) -> None:
    (tmp_path / "agents/bob/state").mkdir(parents=True)
    target = history(agents, "bob")
    (agents / "alice/state" / EVENTS).symlink_to(target)
    assert sweep(agents).returncode == FAILED
    assert count(target) == 10


@pytest.mark.parametrize("planted", ["alice", "alice/state"])
def test_a_link_in_place_of_a_directory_is_not_followed(agents: Path, planted: str) -> None:
    (agents / "bob/state").mkdir(parents=True)
    target = history(agents, "bob")
    (agents / "alice").rename(agents / "gone")
    if planted == "alice":
        (agents / "alice").symlink_to("bob")
    else:
        (agents / "alice").mkdir()
        (agents / "alice/state").symlink_to("../bob/state")
    assert sweep(agents).returncode == FAILED
    assert count(target) == 10


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_a_link_in_place_of_a_side_file_writes_nowhere_else(agents: Path, suffix: str) -> None:
    file = history(agents)
    precious = agents.parent / "precious"
    precious.write_bytes(b"p" * 5000)
    if suffix == "-journal":
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.close()
    file.with_name(EVENTS + suffix).symlink_to(precious)
    sweep(agents)
    assert precious.read_bytes() == b"p" * 5000


def test_a_trigger_without_end_is_ended(agents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = history(agents)
    with sqlite3.connect(file) as connection:
        connection.execute(
            "CREATE TRIGGER t AFTER DELETE ON events BEGIN SELECT count(*) FROM ("
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n); END"
        )
    connection.close()
    monkeypatch.chdir(agents / "alice/state")
    monkeypatch.setattr(agent_databases, "WORK_S", 0.3)
    began = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="interrupt"):
        agent_databases.sweep(EVENTS, "events", "ts", 5 * DAY)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "content", [b"", b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 900]
)
def test_what_is_no_history_is_said_and_left(agents: Path, content: bytes) -> None:
    file = agents / "alice/state" / EVENTS
    file.write_bytes(content)
    done = sweep(agents)
    assert done.returncode == FAILED
    assert EVENTS in done.stderr
    assert file.read_bytes() == content


def test_a_pipe_in_its_place_holds_nothing_up(agents: Path) -> None:
    os.mkfifo(agents / "alice/state" / EVENTS)
    assert sweep(agents).returncode == FAILED


PROBE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import agent_databases
os.chdir(sys.argv[2])
if not agent_databases.fence():
    sys.exit(3)
open("inside", "w").close()
os.rename("inside", "also-inside")
for path in ("/etc/hostname", "../outside", sys.argv[1] + "/turn_events.py"):
    try:
        open(path).close()
    except PermissionError:
        continue
    sys.exit("could open " + path)
try:
    os.execv("/bin/true", ["true"])
except PermissionError:
    print("fenced")
"""


def test_behind_the_fence_nothing_but_the_directory_can_be_opened(agents: Path) -> None:
    (agents / "alice/outside").write_text("o")
    words = [sys.executable, "-I", "-S", "-c", PROBE, str(Path(agent_databases.__file__).parent)]
    done = subprocess.run([*words, str(agents / "alice/state")], capture_output=True, text=True)
    if done.returncode == NO_FENCE:
        assert sweep(agents).returncode in {DONE, NO_FENCE}
    else:
        assert done.stdout == "fenced\n", done.stderr


def test_without_a_fence_it_is_left_alone_unless_that_was_asked_for(
    agents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = history(agents)
    monkeypatch.setattr(agent_databases, "fence", lambda: False)
    monkeypatch.setattr(agent_databases, "limit", lambda: None)
    monkeypatch.chdir(agents)
    words = ["sweep", str(agents), "alice", str(5 * DAY), "0"]
    assert agent_databases.main(words) == NO_FENCE
    assert count(file) == 10
    assert agent_databases.main([*words, "unfenced"]) == DONE
    assert count(file) == 5


def test_a_kernel_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_databases, "_CREATE_RULESET", 100_000)
    assert not agent_databases.fence()


if os.geteuid() == 0:

    def test_root_sweeps_as_the_user_whose_the_history_is(agents: Path) -> None:
        file, user = history(agents), 1_900_000_007
        # With a writer at work its log and index are there, and made by whoever opens it first.
        for path in (file.parent, *file.parent.iterdir()):
            os.chown(path, user, user)
        agents.chmod(0o700)
        kept = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        done = sweep(agents)
        assert (done.returncode, done.stdout) == (DONE, "5\n"), done.stderr
        kept.close()
        assert {path.stat().st_uid for path in file.parent.iterdir()} == {user}

    def test_as_that_user_it_follows_no_link_out_of_the_directory(agents: Path) -> None:
        (agents / "bob/state").mkdir(parents=True)
        victim = history(agents, "bob")
        (agents / "alice/state" / EVENTS).symlink_to(victim)
        os.chown(agents / "alice/state", 1_900_000_007, 1_900_000_007)
        assert sweep(agents).returncode == FAILED
        assert count(victim) == 10


def say(agents: Path, *said: object, name: str = "alice") -> Path:
    """Make a history of claude's lines, a day apart."""
    file = history(agents, name, rows=0)
    with sqlite3.connect(file) as connection:
        connection.executemany(
            "INSERT INTO events (seq, ts, kind, payload_json) VALUES (?, ?, 'stream', ?)",
            [
                (at, at * DAY, each if isinstance(each, str) else json.dumps({"line": each}))
                for at, each in enumerate(said)
            ],
        )
    connection.close()
    return file


def find(agents: Path, typed: str, **more: object) -> list[list[Any]]:
    """Search as the daemon does, and return the lines that were printed."""
    query = parse(typed, 100 * DAY)
    wanted = {
        **{kind: 2**62 if kind in query.kinds else None for kind in ("event", "turn")},
        "match": query.match,
        "parts": query.parts,
        "plain": query.plain_words,
        "after": query.after or 0,
        "before": query.before or 1e15,
        "most": 50,
        "seconds": 20,
        **more,
    }
    done = ask(agents, "find", "unfenced", said=json.dumps(wanted))
    assert (done.returncode, done.stderr) == (DONE, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(lines: list[list[Any]]) -> list[tuple[str, int]]:
    return [(kind, number) for kind, number, *_ in lines if kind != "end"]


def test_the_texts_of_a_history_are_searched_the_newest_first(agents: Path) -> None:
    say(
        agents, {"text": "the needle"}, {"type": "needle", "uuid": "needle"}, ["x", {"y": "Needle"}]
    )
    lines = find(agents, "needle")
    assert rows(lines) == [("event", 2), ("event", 0)]
    assert lines[0][2:4] == [2 * DAY, "stream"]
    assert lines[0][4:] == ["x\nNeedle", [[2, 8]]]
    assert lines[-1] == ["end", "event", None, None]


def test_words_with_accents_find_those_without_and_the_other_way_round(agents: Path) -> None:
    say(agents, {"text": "caf\u00e9"}, {"text": "cafe"}, {"text": "日本語です"}, {"text": "x"})
    assert rows(find(agents, "café")) == [("event", 1), ("event", 0)]
    assert rows(find(agents, "CAFE")) == [("event", 1), ("event", 0)]
    assert rows(find(agents, "caf*")) == [("event", 1), ("event", 0)]
    assert rows(find(agents, "本語")) == [("event", 2)]


def test_days_and_kinds_narrow_a_search(agents: Path) -> None:
    say(agents, *({"text": "word"} for _ in range(5)))
    statistics(agents, rows=3)
    assert rows(find(agents, "word after:99d before:97d")) == [("event", 2), ("event", 1)]
    assert {kind for kind, _ in rows(find(agents, "ok kind:turn"))} == {"turn"}
    assert len(rows(find(agents, "kind:turn"))) == 3
    assert rows(find(agents, "word", event=2)) == [("event", 1), ("event", 0)]


def test_a_search_says_where_it_goes_on(agents: Path) -> None:
    said = [{"text": f"word {at}"} for at in range(9)]
    say(agents, *said)
    lines = find(agents, "word", most=4)
    assert rows(lines) == [("event", at) for at in (8, 7, 6, 5)]
    assert lines[-1] == ["end", "event", 5, 5 * DAY]
    assert rows(find(agents, "word", most=99, event=5)) == [("event", at) for at in (4, 3, 2, 1, 0)]


def test_a_search_whose_time_is_over_says_how_far_it_came(agents: Path) -> None:
    most = agent_databases.FIND_ROWS
    say(agents, *({"text": "word" if at < 9 else "other"} for at in range(most + 50)))
    lines = find(agents, "word OR", seconds=-1)
    assert lines == [["end", "event", 0, 0.0]]
    lines = find(agents, "other", seconds=-1, most=10**6)
    assert len(rows(lines)) == most
    assert lines[-1] == ["end", "event", 50, 50 * DAY]


@pytest.mark.parametrize(
    "planted", ["[" * 10**5, "{", '{"a": "\\ud800 word"}', json.dumps({"a": "word\0word"})]
)
def test_a_planted_row_is_refused_or_read_and_nothing_else(agents: Path, planted: str) -> None:
    say(agents, {"text": "word"}, planted)
    query = parse("word", 0.0)
    wanted = {"event": 99, "turn": None, "match": query.match, "parts": (), "plain": ["word"]}
    more = {"after": 0, "before": 1e15, "most": 9, "seconds": 20}
    done = ask(agents, "find", "unfenced", said=json.dumps(wanted | more))
    if done.returncode == DONE:
        assert all(json.dumps(json.loads(line)).isascii() for line in done.stdout.splitlines())
        assert len(done.stdout.splitlines()) >= 2
    else:
        assert done.stderr

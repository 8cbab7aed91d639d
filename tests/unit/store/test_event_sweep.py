"""The sweep of an agent's history: old rows go, and a hostile file gets nowhere."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hive.store import event_sweep
from hive.store.event_sweep import DONE, FAILED, FILE, NO_FENCE
from hive.store.turn_events import _VERSION_1

DAY = 86400.0


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    (tmp_path / "agents/alice/state").mkdir(parents=True)
    return tmp_path / "agents"


def history(agents: Path, name: str = "alice", *, rows: int = 10) -> Path:
    """Make a history whose rows are one day apart, the newest from day `rows` on."""
    file = agents / name / "state" / FILE
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


def sweep(agents: Path, cutoff: float = 5 * DAY, *more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-I", "-S", event_sweep.__file__, str(agents), "alice", str(cutoff)]
    return subprocess.run([*words, *more], env={}, capture_output=True, text=True, timeout=60)


def test_rows_older_than_the_cutoff_go(agents: Path) -> None:
    file = history(agents)
    done = sweep(agents)
    assert (done.returncode, done.stdout) == (DONE, "5\n"), done.stderr
    assert count(file) == 5


def test_more_than_a_batch_goes_too(agents: Path) -> None:
    file = history(agents, rows=2 * event_sweep.BATCH + 7)
    assert sweep(agents, 1e12).stdout == f"{2 * event_sweep.BATCH + 7}\n"
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
    assert (sweep(agents).returncode, sweep(agents).stdout) == (DONE, "0\n")


def test_a_link_to_another_database_is_not_followed(agents: Path, tmp_path: Path) -> None:
    (tmp_path / "agents/bob/state").mkdir(parents=True)
    target = history(agents, "bob")
    (agents / "alice/state" / FILE).symlink_to(target)
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
    file.with_name(FILE + suffix).symlink_to(precious)
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
    monkeypatch.setattr(event_sweep, "WORK_S", 0.3)
    began = time.monotonic()
    with pytest.raises(sqlite3.OperationalError, match="interrupt"):
        event_sweep.sweep(5 * DAY)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "content", [b"", b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 900]
)
def test_what_is_no_history_is_said_and_left(agents: Path, content: bytes) -> None:
    file = agents / "alice/state" / FILE
    file.write_bytes(content)
    done = sweep(agents)
    assert done.returncode == FAILED
    assert FILE in done.stderr
    assert file.read_bytes() == content


def test_a_pipe_in_its_place_holds_nothing_up(agents: Path) -> None:
    os.mkfifo(agents / "alice/state" / FILE)
    assert sweep(agents).returncode == FAILED


PROBE = """
import os, sys
sys.path.insert(0, sys.argv[1])
import event_sweep
os.chdir(sys.argv[2])
if not event_sweep.fence():
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
    words = [sys.executable, "-I", "-S", "-c", PROBE, str(Path(event_sweep.__file__).parent)]
    done = subprocess.run([*words, str(agents / "alice/state")], capture_output=True, text=True)
    if done.returncode == NO_FENCE:
        assert sweep(agents).returncode in {DONE, NO_FENCE}
    else:
        assert done.stdout == "fenced\n", done.stderr


def test_without_a_fence_it_is_left_alone_unless_that_was_asked_for(
    agents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = history(agents)
    monkeypatch.setattr(event_sweep, "fence", lambda: False)
    monkeypatch.setattr(event_sweep, "limit", lambda: None)
    monkeypatch.chdir(agents)
    assert event_sweep.main([str(agents), "alice", str(5 * DAY)]) == NO_FENCE
    assert count(file) == 10
    assert event_sweep.main([str(agents), "alice", str(5 * DAY), "unfenced"]) == DONE
    assert count(file) == 5


def test_a_kernel_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sweep, "_CREATE_RULESET", 100_000)
    assert not event_sweep.fence()


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
        (agents / "alice/state" / FILE).symlink_to(victim)
        os.chown(agents / "alice/state", 1_900_000_007, 1_900_000_007)
        assert sweep(agents).returncode == FAILED
        assert count(victim) == 10

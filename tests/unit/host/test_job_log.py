"""A job's log: safe to show, bounded, numbered without gaps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.host import job_log
from hive.host.job_log import JobLog, clean


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jobs" / "7.log"


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\r\ntwo", ["one", "two"]),
        ("10%\r20%\r", ["10%", "20%"]),
        ("", []),
        ("\n\n", ["", ""]),
        ("\x1b[1;31merror\x1b[0m: \x1b]0;title\x07no", ["error: no"]),
        ("bell\x07 back\x08 \x9b31m nul\x00 tab\t.", ["bell back 31m nul tab\t."]),
        ("half \ud800 pair", ["half  pair"]),
        ("x" * 5000, ["x" * job_log.LINE_CHARS]),
    ],
)
def test_a_line_holds_nothing_a_terminal_acts_upon(said: str, lines: list[str]) -> None:
    assert clean(said) == lines


@given(st.text(st.characters()))
def test_whatever_is_said_can_be_written_and_read_again(said: str) -> None:
    for line in clean(said):
        assert line.encode("utf-8").decode() == line
        assert not set(line) & {"\n", "\r", "\x1b", "\x9b", "\x00"}
        assert len(line) <= job_log.LINE_CHARS


def test_lines_are_numbered_from_the_first(path: Path) -> None:
    log = JobLog(path)
    assert log.write(["a", "b\u2028c"]) == 0
    assert log.write(["d"]) == 2
    assert log.read() == ["a", "b\u2028c", "d"]
    assert log.read(2) == ["d"]
    assert log.read(9) == []
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_job_that_is_begun_again_goes_on_with_its_log(path: Path) -> None:
    JobLog(path).write(["a", "b"])
    log = JobLog(path, is_new=False)
    assert log.write(["c"]) == 2
    assert log.read() == ["a", "b", "c"]
    assert JobLog(path).read() == []


def test_a_long_log_keeps_its_newer_half_and_its_numbers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_log, "LOG_BYTES", 1000)
    log = JobLog(path)
    total = 0
    for number in range(300):
        assert log.write([f"line {number}"]) == total
        total += 1
        assert path.stat().st_size <= 1100
        newest = log.read(total - 3)
        assert newest == [f"line {each}" for each in range(max(0, number - 2), number + 1)]
    kept = log.read()
    left_out = int(kept[0].strip("(").split()[0])
    assert kept[1] == f"line {left_out}"
    assert left_out + len(kept) - 1 == total
    assert log.read(left_out) == kept[1:]


def test_what_is_written_at_once_may_be_longer_than_the_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_log, "LOG_BYTES", 1000)
    log = JobLog(path)
    log.write([f"{number:09}" for number in range(1000)])
    assert log.count == 1000
    assert log.read(999) == ["000000999"]
    assert path.stat().st_size < 1000


def test_the_oldest_logs_make_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_log, "KEEP_LOGS", 3)
    for number in (8, 9, 10, 11):
        JobLog(path.with_name(f"{number}.log")).write(["x"])
    path.with_name("note.log").write_text("not a job's")
    JobLog(path.with_name("12.log")).write(["x"])
    assert sorted(each.stem for each in path.parent.iterdir()) == ["10", "11", "12", "note"]


def test_no_log_reads_as_no_lines(path: Path) -> None:
    assert job_log.read(path) == []

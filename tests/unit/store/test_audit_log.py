"""The audit log: what is done to its files is found, a kill is mended, a full disk refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import Unavailable
from hive.store import audit, audit_anchor, audit_chain, audit_files
from hive.store.audit_files import AuditFiles
from hive.store.database import open_database
from hive.wire.audit import AuditEntry, AuditHead, AuditReport
from tests.fakes.waiting import until

TEXTS = st.text(max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(0, 1e9) | TEXTS
ENTRIES = st.builds(
    AuditEntry,
    at=st.floats(0, 4e9),
    actor=TEXTS,
    surface=TEXTS,
    action=TEXTS,
    subject=TEXTS,
    outcome=st.sampled_from(["begun", "done", "refused", "failed"]),
    detail=st.dictionaries(TEXTS, SCALARS, max_size=4),
)


def entry(action: str = "restart", subject: str = "alice", at: float = 1.0) -> AuditEntry:
    """Return an entry of the operator's."""
    return AuditEntry(at, "operator", "page", action, subject, "done")


def filled(folder: Path, entries: list[AuditEntry]) -> AuditHead:
    """Make the file of a log with these entries, and return the head; no disk is waited for."""
    head = audit_chain.START
    folder.mkdir(exist_ok=True)
    with (folder / "000000000001.jsonl").open("wb") as file:
        for each in entries:
            link = audit_chain.make(each, head)
            head = link.head
            file.write(link.data + b"\n")
    return head


def check(folder: Path, head: AuditHead) -> AuditReport:
    """Check a log whose head is known."""
    return audit_files.verify(folder, [(head, "the database")])


def the_file(folder: Path) -> Path:
    """Return the one file of a log."""
    (path,) = audit_files.list_segments(folder)
    return path


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[audit.AuditLog]:
    """Open a log with its database."""
    async with (
        open_database(root / "broker.sqlite", commits_in_loop=True) as database,
        audit.open_log(root / "audit", database) as (log, _),
    ):
        yield log


@given(st.lists(ENTRIES, min_size=1, max_size=5))
def test_what_is_written_is_read_again_and_is_whole(entries: list[AuditEntry]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        head = filled(folder, entries)
        report = check(folder, head)
        assert (report.lines, report.head, report.problems) == (len(entries), head, ())
        rows = [row for row, _ in audit_files.export(folder)]
        assert [row.entry.subject for row in rows] == [each.subject for each in entries]
        assert [row.n for row in rows] == list(range(1, len(entries) + 1))
        assert the_file(folder).read_bytes().isascii()


@given(st.data())
def test_any_change_of_any_byte_is_found(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        head = filled(folder, [entry(subject=word) for word in ("a", "b", "c", "d")])
        path = the_file(folder)
        text = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(text)
        assert check(folder, head).problems


@given(st.data())
def test_any_line_removed_doubled_or_moved_is_found(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        head = filled(folder, [entry(subject=str(number)) for number in range(6)])
        path = the_file(folder)
        lines = path.read_bytes().splitlines(keepends=True)
        wrong = data.draw(st.lists(st.sampled_from(lines), max_size=8).filter(lambda x: x != lines))
        path.write_bytes(b"".join(wrong))
        assert check(folder, head).problems


@given(st.data())
def test_a_log_cut_anywhere_is_found(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        head = filled(folder, [entry(subject=str(number)) for number in range(4)])
        path = the_file(folder)
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        assert check(folder, head).problems


def test_a_chain_made_anew_from_some_line_on_is_found_by_the_head(tmp_path: Path) -> None:
    head = filled(tmp_path / "audit", [entry(subject=word) for word in ("a", "b", "c")])
    forged = filled(tmp_path / "forged", [entry(subject=word) for word in ("a", "x", "c")])
    assert audit_files.verify(tmp_path / "forged").problems == ()
    (problem,) = check(tmp_path / "forged", head).problems
    assert "line 3 is not the one that the database knows" in problem
    assert forged.n == head.n


def test_files_follow_each_other_and_one_that_is_missing_is_found(tmp_path: Path) -> None:
    files = AuditFiles(tmp_path, segment_bytes=600)
    files.open(None)
    for number in range(10):
        files.append([entry(subject=str(number))])
    files.close()
    head = files.head
    segments = audit_files.list_segments(tmp_path)
    assert len(segments) > 2
    assert check(tmp_path, head).problems == ()
    after = [row.n for row, _ in audit_files.export(tmp_path, after=7)]
    assert after == [8, 9, 10]
    segments[1].unlink()
    assert check(tmp_path, head).problems
    assert AuditFiles(tmp_path).open(head).head == head


@given(st.integers(1, 10_000))
def test_a_line_that_was_never_finished_is_mended_at_the_next_start_and_said(cut: int) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "audit"
        head = filled(folder, [entry(subject=word) for word in ("a", "b")])
        path = the_file(folder)
        whole = path.read_bytes()
        torn = audit_chain.make(entry(subject="c"), head).data[: cut % 250 + 1]
        path.write_bytes(whole + torn)
        report = check(folder, head)
        assert report.problems == ()
        assert "a line that is not finished" in report.remarks[0]
        files = AuditFiles(folder)
        found = files.open(head)
        assert found.broken is None
        assert f"{len(torn)} bytes" in (found.mended or "")
        files.append([entry(subject="d")])
        files.close()
        assert check(folder, files.head) == AuditReport(3, files.head)


def test_a_cut_tail_is_not_mended_but_said_and_its_numbers_are_not_given_again(
    tmp_path: Path,
) -> None:
    head = filled(tmp_path, [entry(subject=word) for word in ("a", "b", "c")])
    path = the_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20])
    files = AuditFiles(tmp_path)
    found = files.open(head)
    assert found.mended is None
    assert "ended with line 1, and line 3 had been written" in (found.broken or "")
    files.append([entry(subject="d")])
    files.close()
    assert files.head.n == 4
    assert check(tmp_path, files.head).problems
    assert path.read_bytes() == lines[0] + lines[1][:20]


def test_a_full_disk_leaves_nothing_of_a_line_and_the_next_one_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = AuditFiles(tmp_path)
    files.open(None)
    files.append([entry()])
    real = os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data[: len(data) // 2])

    monkeypatch.setattr(audit_files.os, "write", half)
    with pytest.raises(Unavailable, match="nothing is done that cannot be recorded"):
        files.append([entry(subject="lost")])
    monkeypatch.undo()
    files.append([entry(subject="bob")])
    files.close()
    assert check(tmp_path, files.head) == AuditReport(2, files.head)


async def test_many_writers_share_a_few_syncs_and_each_has_its_own_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    real = os.fdatasync
    monkeypatch.setattr(
        audit_files.os, "fdatasync", lambda handle: (syncs.append(handle), real(handle))
    )
    numbers: list[int] = []
    async with opened(tmp_path) as log:

        async def write(number: int) -> None:
            numbers.append(await log.write(entry(subject=str(number))))

        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(write, number)
        assert sorted(numbers) == list(range(1, 101))
        assert len(syncs) <= 3
        assert (await log.verify()).problems == ()


async def test_what_is_put_is_written_by_the_task_and_its_head_is_kept_in_the_database(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as log:
        log.put(entry())
        assert log.head.n == 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.run)
            await until(lambda: audit_anchor.look(tmp_path / "broker.sqlite").n == 1)
            nursery.cancel_scope.cancel()
        assert [row.entry for row in log.newest(5)] == [entry()]
    assert audit_anchor.look(tmp_path / "broker.sqlite") == log.head


async def test_a_writer_that_is_cancelled_is_written_whole_or_not(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        with trio.CancelScope() as scope:
            scope.cancel()
            await log.write(entry(subject="cancelled"))
        await log.write(entry(subject="next"))
        report = await log.verify()
        assert report.problems == ()
        assert report.lines in {1, 2}


async def test_a_full_disk_refuses_who_waits_and_keeps_what_was_put(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as log:
        await log.write(entry(subject="first"))

        def full(handle: int, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(audit_files.os, "write", full)
        log.put(entry(subject="happened"))
        with pytest.raises(Unavailable):
            await log.write(entry(subject="refused"))
        assert log.trouble is not None
        monkeypatch.undo()
        await log.flush()
        assert log.trouble is None
        assert [row.entry.subject for row in log.newest(5)] == ["happened", "first"]


async def test_what_found_no_place_meanwhile_is_counted_and_said(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for _ in range(audit.WAITING_MOST + 3):
            log.put(entry())
        await log.flush()
        await log.flush()
        (row,) = log.newest(1)
        assert (row.entry.action, row.entry.detail) == ("lose_lines", {"count": 3})
        assert row.n == audit.WAITING_MOST + 1


async def test_checking_keeps_no_writer_waiting(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        for number in range(20):
            log.put(entry(subject=str(number)))
        await log.flush()
        reports: list[AuditReport] = []

        async def check_often() -> None:
            reports.extend([await log.verify() for _ in range(10)])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(check_often)
            for number in range(20):
                await log.write(entry(subject=f"meanwhile {number}"))
        assert all(report.problems == () for report in reports)


def test_lines_are_found_by_time_and_by_agent(tmp_path: Path) -> None:
    of_bob = attrs.evolve(entry(subject="", at=3.0), detail={"agent": "bob"})
    filled(tmp_path, [entry(at=1.0), entry(at=2.0), of_bob])
    assert [row.n for row, _ in audit_files.export(tmp_path, since=2.0)] == [2, 3]
    assert [row.n for row, _ in audit_files.export(tmp_path, until=2.0)] == [1]
    assert [row.n for row, _ in audit_files.export(tmp_path, agent="bob")] == [3]
    assert [row.n for row, _ in audit_files.export(tmp_path, agent="alice")] == [1, 2]

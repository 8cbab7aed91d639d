"""Reading a container's journal: the newest lines in order, in bounds, through no link."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hive.errors import ProgramFailed
from hive.host import journal

A_WORD = "_SYSTEMD_UNIT=hive.service"


def program(folder: Path, *records: object, status: int = 0) -> str:
    """Return a journalctl that notes how it was called and prints these messages, newest first."""
    file = folder / "journalctl"
    lines = [json.dumps({"MESSAGE": record}) for record in records]
    file.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f"json.dump(sys.argv[1:], open({str(folder / 'called')!r}, 'w'))\n"
        f"print({chr(10).join(lines)!r})\nsys.exit({status})\n"
    )
    file.chmod(0o755)
    return str(file)


def called(folder: Path) -> list[str]:
    words: list[str] = json.loads((folder / "called").read_text())
    return words


async def test_lines_come_oldest_first_whatever_a_message_holds(tmp_path: Path) -> None:
    found = program(tmp_path, "four", "two\nthree", list(b"one \xff"), "", None)
    lines = await journal.of_machine(found, "h-a", 10, since=1.5)
    assert lines == ["", "", "one \N{REPLACEMENT CHARACTER}", "two", "three", "four"]
    assert called(tmp_path)[-3:] == ["-M", "h-a", A_WORD]
    assert "@1.500000" in called(tmp_path)


async def test_a_message_that_a_container_gave_twice_is_both(tmp_path: Path) -> None:
    found = program(tmp_path, ["three", list(b"four\xff"), None], [], ["one", "two"])
    lines = await journal.of_machine(found, "h-a", 10, since=0)
    assert lines == ["one", "two", "", "three", "four\N{REPLACEMENT CHARACTER}"]


async def test_of_several_lines_in_a_message_only_the_newest_count(tmp_path: Path) -> None:
    found = program(tmp_path, "two\nthree", "one")
    assert await journal.of_unit(found, "u", 1, since=0) == ["three"]


async def test_amounts_are_bounded(tmp_path: Path) -> None:
    found = program(tmp_path, "x" * 5000)
    (line,) = await journal.of_unit(found, "u", 10**9, since=0)
    assert len(line) == journal.LINE_CHARS
    assert called(tmp_path)[called(tmp_path).index("-n") + 1] == str(journal.CAP)


@pytest.mark.parametrize("lines", [0, -1])
async def test_no_lines_are_no_call(tmp_path: Path, lines: int) -> None:
    assert await journal.of_unit(program(tmp_path, "x"), "u", lines, since=0) == []
    assert not (tmp_path / "called").exists()


async def test_a_machine_without_a_journal_has_no_lines(tmp_path: Path) -> None:
    assert await journal.of_machine(program(tmp_path), "h-a", 5, since=0) == []


async def test_a_journal_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="ended with status 1"):
        await journal.of_unit(program(tmp_path, status=1), "u", 5, since=0)
    with pytest.raises(ProgramFailed, match="cannot start it"):
        await journal.of_unit(str(tmp_path / "gone"), "u", 5, since=0)
    assert await journal.of_unit(program(tmp_path, "x", status=1), "u", 5, since=0) == ["x"]


def a_root(folder: Path) -> Path:
    root = folder / "root"
    (root / "var/log/journal/machine").mkdir(parents=True)
    (root / "var/log/journal/machine/system.journal").touch()
    return root


async def test_a_stopped_containers_journal_is_read_from_its_root(tmp_path: Path) -> None:
    root = a_root(tmp_path)
    assert await journal.of_root(program(tmp_path, "x"), root, 5, since=0) == ["x"]
    assert called(tmp_path)[-3:] == ["-D", str(root / "var/log/journal"), A_WORD]


@pytest.mark.parametrize(
    "place", ["var", "var/log", "var/log/journal", "var/log/journal/machine", "new", "deep"]
)
async def test_a_journal_with_a_link_in_it_is_not_read(tmp_path: Path, place: str) -> None:
    root = a_root(tmp_path)
    where = {"new": "var/log/journal/new", "deep": "var/log/journal/machine/x.journal"}
    link = root / where.get(place, place)
    if link.exists():
        link.rename(tmp_path / "moved")
    link.symlink_to(tmp_path / "moved" if (tmp_path / "moved").exists() else "/var/log/journal")
    assert await journal.of_root(program(tmp_path, "x"), root, 5, since=0) == []
    assert not (tmp_path / "called").exists()


async def test_a_journal_that_is_deeper_than_journals_are_is_not_read(tmp_path: Path) -> None:
    root = a_root(tmp_path)
    (root / "var/log/journal/machine/below").mkdir()
    assert await journal.of_root(program(tmp_path, "x"), root, 5, since=0) == []

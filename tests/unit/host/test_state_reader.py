"""Reading agents' files: what is theirs and open is read, what they planted is refused."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hive.errors import BadRequest, HiveError, NotFound, Refused
from hive.host import state_reader
from hive.host.state_reader import FILE_BYTES, check_below, read_below

STATE = ("alice", "state")


@pytest.fixture(params=["kernel", "steps"])
def agents(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agents' directory, once per way of resolving a path in it."""
    if request.param == "steps":
        monkeypatch.setattr(state_reader, "_OPENAT2", 100_000)
    for name in ("alice", "bob"):
        (tmp_path / "agents" / name / "state/notes").mkdir(parents=True)
    return tmp_path / "agents"


def read(agents: Path, *parts: str) -> state_reader.FileText:
    return read_below(agents, (*STATE, *parts), "/agents/alice/state/" + "/".join(parts))


def test_an_open_file_is_read(agents: Path) -> None:
    (agents / "alice/state/notes/a.md").write_text("grüße\n")
    found = read(agents, "notes", "a.md")
    assert (found.text, found.size, found.is_truncated) == ("grüße\n", 8, False)
    assert found.path == "/agents/alice/state/notes/a.md"


def test_of_a_long_file_the_beginning_is_read(agents: Path) -> None:
    (agents / "alice/state/long").write_text("x" + "ü" * FILE_BYTES)
    found = read(agents, "long")
    assert found.is_truncated
    assert found.size == 1 + 2 * FILE_BYTES
    assert found.text == "x" + "ü" * (FILE_BYTES // 2 - 1)


def link_at_the_end(agents: Path) -> tuple[str, ...]:
    (agents / "bob/state/open").write_text("bob's")
    (agents / "alice/state/file").symlink_to(agents / "bob/state/open")
    return ("file",)


def link_on_the_way(agents: Path) -> tuple[str, ...]:
    (agents / "bob/state/open").write_text("bob's")
    (agents / "alice/state/folder").symlink_to("../../bob/state")
    return ("folder", "open")


def link_in_place_of_state(agents: Path) -> tuple[str, ...]:
    (agents / "bob/state/open").write_text("bob's")
    (agents / "alice/state/notes").rmdir()
    (agents / "alice/state").rmdir()
    (agents / "alice/state").symlink_to("../bob/state")
    return ("open",)


def link_in_place_of_the_agent(agents: Path) -> tuple[str, ...]:
    (agents / "bob/state/open").write_text("bob's")
    (agents / "alice").rename(agents.parent / "gone")
    (agents / "alice").symlink_to("bob")
    return ("open",)


def magic_link(agents: Path) -> tuple[str, ...]:
    (agents / "alice/state/self").symlink_to("/proc/self/root")
    return ("self", "etc", "hostname")


def fifo(agents: Path) -> tuple[str, ...]:
    os.mkfifo(agents / "alice/state/pipe")
    (agents / "alice/state/pipe").chmod(0o644)
    return ("pipe",)


def folder(agents: Path) -> tuple[str, ...]:
    assert (agents / "alice/state/notes").is_dir()
    return ("notes",)


def private(agents: Path) -> tuple[str, ...]:
    (agents / "alice/state/secret").write_text("s")
    (agents / "alice/state/secret").chmod(0o640)
    return ("secret",)


def below_a_file(agents: Path) -> tuple[str, ...]:
    (agents / "alice/state/file").write_text("s")
    return ("file", "x")


PLANTED = [
    link_at_the_end,
    link_on_the_way,
    link_in_place_of_state,
    link_in_place_of_the_agent,
    magic_link,
    fifo,
    folder,
    private,
    below_a_file,
]


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("look", [read_below, check_below])
def test_what_was_planted_is_refused(
    agents: Path, plant: Callable[[Path], tuple[str, ...]], look: Callable[..., object]
) -> None:
    parts = plant(agents)
    with pytest.raises(Refused):
        look(agents, (*STATE, *parts), "it")


@pytest.mark.parametrize("plant", [fifo, private, link_at_the_end, folder])
def test_what_is_refused_was_never_opened(
    agents: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Path], tuple[str, ...]]
) -> None:
    """A device acts when it is opened, and whoever writes into a pipe goes on."""
    parts = plant(agents)
    opened: list[int] = []
    real = os.open

    def spying(path: Any, flags: int, *words: Any, **named: Any) -> int:
        opened.append(flags)
        return real(path, flags, *words, **named)

    monkeypatch.setattr(os, "open", spying)
    with pytest.raises(Refused):
        read(agents, *parts)
    assert opened
    assert all(flags & os.O_PATH for flags in opened)


@pytest.mark.parametrize("parts", [(), ("..", "x"), (".",), ("",), ("a/b",), ("a\0b",)])
def test_only_plain_names_are_taken(agents: Path, parts: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest):
        read_below(agents, parts, "it")


def test_what_is_not_there_is_not_found(agents: Path) -> None:
    with pytest.raises(NotFound):
        read(agents, "none")


def test_what_is_no_text_is_not_shown(agents: Path) -> None:
    (agents / "alice/state/data").write_bytes(b"a\0b")
    with pytest.raises(BadRequest, match="not a text"):
        read(agents, "data")


def test_a_name_that_is_too_long_is_refused(agents: Path) -> None:
    with pytest.raises(HiveError):
        read(agents, "x" * 300)


def test_no_descriptor_is_left_open(agents: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for plant in (link_at_the_end, private, fifo):
        with pytest.raises(Refused):
            read(agents, *plant(agents))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_kernel_that_knows_the_call_is_asked_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").write_text("x")
    asked: list[Any] = []
    real = ctypes.CDLL

    def spying(*words: Any, **named: Any) -> Any:
        asked.append(words)
        return real(*words, **named)

    monkeypatch.setattr(ctypes, "CDLL", spying)
    assert read_below(tmp_path, ("open",), "it").text == "x"
    assert len(asked) == 1

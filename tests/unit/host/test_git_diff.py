"""What the operator reads is what would be built: whole, from tags, with nothing hidden in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest, NotFound
from hive.host import git_diff
from hive.host.git_diff import FileStat, plain
from hive.host.repos import Repos
from tests.fakes.manager_git import ALICE, commit, git


async def test_a_diff_names_every_file_and_shows_its_lines(repos: Repos, proposed: Path) -> None:
    sha = commit(proposed, {"agent.toml": None, 'odd "name" é': "one\ntwo\n", "data": b"\0\1"})
    await repos.pin(ALICE, 1, sha)
    diff = await repos.diff(ALICE, 1, "running")
    assert (diff.base_ref, diff.sha, diff.is_truncated) == ("deployed/0", sha, False)
    assert set(diff.files) == {
        FileStat("agent.toml", 0, 1),
        FileStat('odd "name" é', 2, 0),
        FileStat("data", None, None),
    }
    assert "-# alice\n" in diff.text
    assert "+one\n+two\n" in diff.text
    assert "Binary files" in diff.text


async def test_each_base_is_another_question(repos: Repos, proposed: Path) -> None:
    for number in (1, 2, 3, 4):
        await repos.pin(ALICE, number, commit(proposed, {"a": f"{number}\n"}))
    await repos.mark(ALICE, 1, "approved")
    await repos.advance(ALICE, 1)
    await repos.mark(ALICE, 1, "deployed")
    await repos.mark(ALICE, 2, "approved")
    await repos.mark(ALICE, 2, "failed", "no")
    bases = {base: (await repos.diff(ALICE, 4, base)).base_ref for base in git_diff_bases()}
    assert bases == {"running": "deployed/1", "approved": "approved/2", "queued": "proposal/3"}
    await repos.mark(ALICE, 3, "denied", "no")
    assert (await repos.diff(ALICE, 4, "queued")).base_ref == "deployed/1"
    assert (await repos.diff(ALICE, 1, "running")).base_ref == "deployed/0"


def git_diff_bases() -> tuple[str, ...]:
    return ("running", "approved", "queued")


async def test_a_diff_of_nothing_known_is_refused(repos: Repos, proposed: Path) -> None:
    with pytest.raises(NotFound):
        await repos.diff(ALICE, 5, "running")
    await repos.pin(ALICE, 5, git(proposed, "rev-parse", "HEAD"))
    for base in ("main", "", "--output=/tmp/x", "deployed/0"):
        with pytest.raises(BadRequest):
            await repos.diff(ALICE, 5, base)


async def test_what_says_what_runs_stands_before_all_else(repos: Repos, proposed: Path) -> None:
    named = ["agent.toml", "agent.nix", "flake.nix", "flake.lock"]
    padding = {".a": "x\n" * git_diff.TEXT_BYTES, "a": "", "agent": "", "sub/agent.toml": ""}
    await repos.pin(ALICE, 1, commit(proposed, {**padding, **dict.fromkeys(named, "# new\n")}))
    diff = await repos.diff(ALICE, 1, "running")
    assert [file.path for file in diff.files] == [*named, ".a", "a", "agent", "sub/agent.toml"]
    assert diff.is_truncated
    assert diff.text.count("+# new\n") == 4


@pytest.mark.parametrize(
    "letter", "\u3164\u115f\uffa0\ufe0f\u034f\u2800\u00a0\u3000\ue000\U000e0101"
)
async def test_a_letter_that_is_drawn_as_nothing_is_written_out(
    repos: Repos, proposed: Path, letter: str
) -> None:
    assert plain(f"a{letter}b") == f"a<U+{ord(letter):04X}>b"
    assert plain("é 漢字 🙂") == "é 漢字 🙂"
    sha = commit(proposed, {f"agent.toml{letter}": "x"})
    with pytest.raises(BadRequest, match="letters nobody sees"):
        await repos.pin(ALICE, 1, sha)


async def test_a_long_diff_ends_with_a_whole_line_and_still_names_every_file(
    repos: Repos, proposed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_diff, "TEXT_BYTES", 1000)
    await repos.pin(ALICE, 1, commit(proposed, {f"f{n}": "line\n" * 200 for n in range(5)}))
    diff = await repos.diff(ALICE, 1, "running")
    assert diff.is_truncated
    assert len(diff.text) <= 1000
    assert diff.text.endswith("\n")
    assert len(diff.files) == 5


async def test_letters_that_nobody_sees_are_written_out(repos: Repos, proposed: Path) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "if x:\u202e )(\u200b\x1b[2K\r\n"}))
    text = (await repos.diff(ALICE, 1, "running")).text
    assert "+if x:<U+202E> )(<U+200B><U+001B>[2K<U+000D>\n" in text


@given(st.text())
def test_a_plain_text_has_only_letters_that_are_seen(text: str) -> None:
    made = plain(text)
    assert plain(made) == made
    assert "\x7f" not in made
    assert not set(made) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x1b\r\x00")

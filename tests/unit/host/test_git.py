"""git is run with nobody's settings but hive's, and says what went wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.errors import ProgramFailed, Unavailable
from hive.host.git import Git, find_git, make_repository, remove_stale_locks
from tests.fakes.manager_git import git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    made = tmp_path / "repo"
    made.mkdir()
    make_repository(made)
    return made


def test_what_keeps_a_commit_from_hiding_is_on_disk_with_its_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def note(handle: int) -> None:
        real(handle)
        synced.add(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    make_repository(tmp_path)
    for name in ("info/attributes", "config", "HEAD"):
        assert (tmp_path / ".git" / name).stat().st_ino in synced


def test_git_is_found_by_its_absolute_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert Path(find_git()).is_absolute()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="install git"):
        find_git()
    other = tmp_path / "git"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    assert find_git() == find_git(str(other)) == str(other)
    monkeypatch.setenv("HIVE_GIT", "/no/git")
    with pytest.raises(Unavailable, match="HIVE_GIT"):
        find_git()


async def test_the_settings_of_machine_and_user_are_not_read(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings"
    settings.write_text("[user]\n\tname = somebody\n[core]\n\tpager = false\n")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_DIR", "GIT_EXTERNAL_DIFF"):
        monkeypatch.setenv(name, str(settings))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(settings.read_text())
    listed = await Git().run(repo, "config", "--list", "--show-origin")
    assert "somebody" not in listed
    assert {line.split("\t")[0] for line in listed.splitlines()} == {
        "command line:",
        f"file:{repo}/.git/config",
    }


async def test_commits_are_hives(repo: Path) -> None:
    await Git().run(repo, "commit", "-q", "--allow-empty", "-m", "first")
    assert git(repo, "log", "-1", "--format=%an <%ae> %cn <%ce>") == (
        "hive <hive@hyperhive> hive <hive@hyperhive>"
    )


async def test_a_made_repository_is_one_for_every_git(repo: Path) -> None:
    assert git(repo, "status", "--porcelain", "--branch") == "## No commits yet on main"
    assert git(repo, "fsck", "--strict") in {"", "notice: HEAD points to an unborn branch (main)"}


async def test_another_repository_around_it_is_never_taken(tmp_path: Path) -> None:
    make_repository(tmp_path)
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(ProgramFailed, match="not a git repository"):
        await Git().run(inner, "rev-parse", "--git-dir")


async def test_a_failure_says_what_happened_and_not_the_last_advice(repo: Path) -> None:
    (repo / ".git/index.lock").write_text("")
    with pytest.raises(ProgramFailed, match=r"git read-tree ended with status 128: .*File exists"):
        await Git().run(repo, "read-tree", "--empty")


async def test_nothing_is_fetched_from_anywhere(repo: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_repository(other)
    for url in (str(other), f"file://{other}", "ext::sh -c id", "https://localhost:1/"):
        with pytest.raises(ProgramFailed, match="not allowed"):
            await Git().run(repo, "fetch", url)


async def test_only_what_a_killed_git_left_is_removed(repo: Path) -> None:
    await Git().run(repo, "commit", "-q", "--allow-empty", "-m", "first")
    locks = ("index.lock", "refs/heads/main.lock", "config.lock")
    left = (*locks, "objects/pack/tmp_pack_x", "packed-refs.new")
    for name in left:
        (repo / ".git" / name).write_text("")
    removed = remove_stale_locks(repo)
    assert sorted(path.relative_to(repo / ".git").as_posix() for path in removed) == sorted(left)
    assert git(repo, "fsck") == ""
    assert remove_stale_locks(repo / "nowhere") == []


async def test_doctor_sees_git_and_a_git_that_does_not_work(tmp_path: Path) -> None:
    finding = await Git().probe()
    assert finding.is_ok
    assert "git version" in finding.detail
    broken = tmp_path / "git"
    broken.symlink_to("/bin/false")
    assert not (await Git(str(broken)).probe()).is_ok

"""A proposed repository may be forged in every part: nothing of it is obeyed, nothing gets out."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.errors import BadRequest, Conflict, HiveError, NotFound
from hive.host import git_refs, git_tree, object_copy, quarantine
from hive.host.intake import TAKEN_AT_ONCE
from hive.host.repos import Repos
from hive.wire.names import AgentName
from tests.fakes.manager_git import (
    ALICE,
    commit,
    git,
    paths_of,
    plant,
    plant_commit,
    plant_tree,
    put,
)

MIB = 1 << 20


async def refused(repos: Repos, ref: str, match: str | None = None) -> None:
    """See that a commit is refused, and that nothing of it stays."""
    with pytest.raises(BadRequest, match=match):
        await repos.pin(ALICE, 1, ref)
    assert await repos.states(ALICE, 1) == set()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize(
    "ref",
    [
        "main", "HEAD", "", "-x", "--upload-pack=touch", "a/b", "..", "abcdef", "a" * 41,
        "ABCDEF0", "abcdef0\n", " abcdef0", "abcdef0^", "abcdef0~1", "abcdef0:agent.toml",
        "\u0660\u0661\u0662\u0663\u0664\u0665\u0666",
        "\uff41\uff42\uff43\uff44\uff45\uff460", "refs/heads/main",
        "@{-1}", "0000000\0",
    ],
)  # fmt: skip
async def test_only_hex_digits_name_a_commit(repos: Repos, proposed: Path, ref: str) -> None:
    await refused(repos, ref, "7 to 40")


async def test_digits_of_no_commit_are_refused(repos: Repos, proposed: Path) -> None:
    await refused(repos, "0123456", "no commit")
    await refused(repos, "0" * 40)
    blob = git(proposed, "hash-object", "-w", "--stdin", given=b"text")
    await refused(repos, blob, "no commit")


async def test_digits_that_begin_two_commits_are_refused(repos: Repos, proposed: Path) -> None:
    seen: dict[str, str] = {}
    tree = git(proposed, "rev-parse", "HEAD^{tree}")
    for number in range(100_000):
        # Made in memory until two agree: a shorter beginning than hive takes would be quicker.
        text = f"tree {tree}\nauthor a <a@b> {number} +0000\ncommitter a <a@b> {number} +0000\n\n"
        name = hashlib.sha1(f"commit {len(text)}\0{text}".encode()).hexdigest()
        if (other := seen.setdefault(name[:7], text)) != text:
            break
    for each in (text, other):
        plant(proposed, "commit", each.encode())
    await refused(repos, name[:7], "more than one")


async def test_no_program_a_repository_names_is_started(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    planted = tmp_path / "planted"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {planted}\nexit 0\n")
    script.chmod(0o755)
    sha = commit(
        proposed,
        {"a": "1", ".gitattributes": "* filter=x diff=x merge=x\n", ".gitmodules": "[submodule"},
    )
    settings = (
        "core.fsmonitor", "core.sshCommand", "core.editor", "core.pager", "core.gitProxy",
        "uploadpack.packObjectsHook", "filter.x.smudge", "filter.x.clean", "filter.x.process",
        "diff.x.textconv", "diff.x.command", "diff.external", "merge.x.driver", "gpg.program",
        "credential.helper", "alias.rev-parse", "core.alternateRefsCommand", "trailer.x.command",
    )  # fmt: skip
    for setting in settings:
        git(proposed, "config", setting, str(script))
    git(proposed, "config", "core.hooksPath", str(tmp_path / "hooks"))
    git(proposed, "config", "core.worktree", str(tmp_path))
    git(proposed, "config", "include.path", str(tmp_path / "included"))
    hooks = ("reference-transaction", "post-checkout", "pre-auto-gc", "update", "post-index-change")
    for folder in (tmp_path / "hooks", proposed / ".git/hooks"):
        folder.mkdir()
        for hook in hooks:
            shutil.copy(script, folder / hook)
    assert await repos.head_of_proposed(ALICE) == sha
    await repos.pin(ALICE, 1, sha)
    await repos.diff(ALICE, 1, "running")
    await repos.advance(ALICE, 1)
    await repos.export(ALICE, sha, tmp_path / "out")
    await repos.wire(ALICE)
    assert "planted" not in names_in(tmp_path)


def put_link(part: Path, elsewhere: Path) -> None:
    shutil.move(part, elsewhere)
    part.symlink_to(elsewhere)


@pytest.mark.parametrize("what", ["git", "objects", "folder", "file"])
async def test_no_link_in_a_repository_is_followed(
    repos: Repos, proposed: Path, tmp_path: Path, what: str
) -> None:
    sha = commit(proposed, {"a": "1"})
    loose = f".git/objects/{sha[:2]}"
    parts = {
        "git": ".git",
        "objects": ".git/objects",
        "folder": loose,
        "file": f"{loose}/{sha[2:]}",
    }
    put_link(proposed / parts[what], tmp_path / "elsewhere")
    await refused(repos, sha, "link")


async def test_no_link_in_place_of_a_repository_is_followed(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    sha = commit(proposed, {"a": "1"})
    for part in (proposed, proposed.parent):
        shutil.move(part, tmp_path / part.name)
        part.symlink_to(tmp_path / part.name)
        await refused(repos, sha, "link")
        with pytest.raises(BadRequest):
            await repos.head_of_proposed(ALICE)
        with pytest.raises(BadRequest):
            await repos.wire(ALICE)
        assert await repos.has_proposed(ALICE)
        with pytest.raises(Conflict):
            await repos.seed_proposed(ALICE)


async def test_a_link_in_place_of_the_settings_leads_nowhere(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("[core]\n")
    (proposed / ".git/config").unlink()
    (proposed / ".git/config").symlink_to(mine)
    with pytest.raises(BadRequest):
        await repos.wire(ALICE)
    assert mine.read_text() == "[core]\n"


async def test_a_git_that_is_a_file_or_a_work_tree_of_another_is_refused(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    sha = commit(proposed, {"a": "1"})
    shutil.move(proposed / ".git", tmp_path / "real")
    (proposed / ".git").write_text(f"gitdir: {tmp_path / 'real'}\n")
    await refused(repos, sha, "plain directory")
    (proposed / ".git").unlink()
    await refused(repos, sha, "no repository")
    with pytest.raises(NotFound):
        await repos.head_of_proposed(ALICE)


@pytest.mark.parametrize("part", ["HEAD", "config", "packed-refs", "objects/aa/" + "b" * 38])
async def test_a_pipe_in_a_repository_makes_nobody_wait(
    repos: Repos, proposed: Path, part: str
) -> None:
    file = proposed / ".git" / part
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    if part == "packed-refs":
        (proposed / ".git/refs/heads/main").unlink()
    os.mkfifo(file)
    if part.startswith("objects"):
        call = partial(repos.pin, ALICE, 1, "abcdef0")
    else:
        call = partial(repos.wire if part == "config" else repos.head_of_proposed, ALICE)
    with pytest.raises(BadRequest, match="plain file"):
        await call()


@pytest.mark.parametrize(
    "head",
    [
        b"", b"ref: ", b"ref: ../../../etc/passwd", b"ref: refs/heads/../../config",
        b"ref: refs/heads/\xff", b"ref: refs/heads/a\nb", b"x" * 5000, b"ref: HEAD",
        b"ref: refs/heads/.invalid", b"ref: /etc/passwd", b"a" * 64, b"ref: refs/heads/main.lock",
    ],
)  # fmt: skip
async def test_a_head_that_is_no_head_is_refused(repos: Repos, proposed: Path, head: bytes) -> None:
    (proposed / ".git/HEAD").write_bytes(head)
    with pytest.raises(BadRequest):
        await repos.head_of_proposed(ALICE)


async def test_a_branch_in_a_folder_and_a_head_without_branch_are_understood(
    repos: Repos, proposed: Path
) -> None:
    git(proposed, "checkout", "-q", "-b", "some/thing-1.x")
    sha = commit(proposed, {"a": "1"})
    assert await repos.head_of_proposed(ALICE) == sha
    git(proposed, "pack-refs", "--all")
    assert await repos.head_of_proposed(ALICE) == sha
    git(proposed, "checkout", "-q", "--detach")
    assert await repos.head_of_proposed(ALICE) == sha


async def test_objects_of_other_repositories_are_not_reached(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    git(secret, "init", "-q")
    git(secret, "config", "user.name", "x")
    git(secret, "config", "user.email", "x@y")
    sha = commit(secret, {"key": "s3cret"})
    (proposed / ".git/objects/info").mkdir(exist_ok=True)
    (proposed / ".git/objects/info/alternates").write_text(f"{secret}/.git/objects\n")
    assert git(proposed, "cat-file", "-t", sha) == "commit"
    await refused(repos, sha, "no commit")
    # A tree of one's own that names what only the other repository has.
    blob = git(secret, "rev-parse", "HEAD:key")
    here = plant_commit(proposed, plant_tree(proposed, ("100644", b"key", blob)), None)
    with pytest.raises(BadRequest):
        await repos.pin(ALICE, 1, here)


async def test_history_that_was_replaced_or_cut_counts_as_it_is(
    repos: Repos, proposed: Path
) -> None:
    main = git(proposed, "rev-parse", "HEAD")
    tree = git(proposed, "rev-parse", "HEAD^{tree}")
    orphan = plant_commit(proposed, tree, None)
    git(proposed, "replace", "--graft", orphan, main)
    (proposed / ".git/info").mkdir(exist_ok=True)
    (proposed / ".git/info/grafts").write_text(f"{orphan} {main}\n")
    await refused(repos, orphan, "rebase")
    cut = plant_commit(proposed, tree, "1" * 40)
    (proposed / ".git/shallow").write_text(f"{cut}\n")
    await refused(repos, cut)


async def test_a_forged_object_is_found(repos: Repos, proposed: Path) -> None:
    sha = commit(proposed, {"a": "1"})
    blob = git(proposed, "rev-parse", "HEAD:a")
    other = b"blob 1\0" + b"2"
    for forged in (zlib.compress(other), b"", b"junk", zlib.compress(b"blob 5\0"), b"\0" * 9000):
        put(proposed, blob, forged)
        await refused(repos, sha, "damaged")


async def test_a_missing_object_is_found(repos: Repos, proposed: Path) -> None:
    sha = commit(proposed, {"d/a": "1"})
    for what in ("HEAD:d/a", "HEAD:d"):
        name = git(proposed, "rev-parse", what)
        (proposed / f".git/objects/{name[:2]}/{name[2:]}").unlink()
        await refused(repos, sha)


async def test_what_unpacks_to_more_than_hive_takes_is_refused(
    repos: Repos, proposed: Path
) -> None:
    size = object_copy.OBJECT_BYTES + 1
    bomb = plant(proposed, "blob", bytes(size))
    tree = plant_tree(proposed, ("100644", b"bomb", bomb))
    sha = plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD"))
    await refused(repos, sha, "larger than hive takes")


async def test_a_message_without_end_is_refused_loose_and_packed(
    repos: Repos, proposed: Path
) -> None:
    sha = commit(proposed, {"a": "1"}, "x" * 70_000)
    await refused(repos, sha, "shorten it")
    git(proposed, "gc", "-q")
    await refused(repos, sha, "shorten it")


async def test_files_beyond_the_bounds_are_refused(
    repos: Repos, proposed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_tree, "FILE_BYTES", 1000)
    await refused(repos, commit(proposed, {"a": "x" * 1001}), "larger than")
    monkeypatch.setattr(git_tree, "TREE_BYTES", 1500)
    await refused(repos, commit(proposed, {"a": "x" * 999, "b": "x" * 998}), "together")
    monkeypatch.setattr(git_tree, "FILES_MAX", 2)
    await refused(repos, commit(proposed, {"a": "1", "b": "2"}), "more than 2")
    monkeypatch.setattr(git_tree, "LISTING_BYTES", 10)
    await refused(repos, git(proposed, "rev-parse", "HEAD"), "too many files")


async def test_repositories_beyond_the_bounds_are_refused(
    repos: Repos, proposed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = commit(proposed, {"a": "1"})
    with monkeypatch.context() as patch:
        patch.setattr(object_copy.Copy, "__init__", _with(object_copy.Copy.__init__, left=1))
        await refused(repos, sha, "git gc")
    with monkeypatch.context() as patch:
        patch.setattr(object_copy.Copy, "__init__", _with(object_copy.Copy.__init__, bytes_left=9))
        await refused(repos, sha, "larger than 9")
    git(proposed, "gc", "-q")
    monkeypatch.setattr(object_copy, "PACKS_MAX", 0)
    await refused(repos, sha, "more than 0 packs")


def _with(init: Callable[..., None], **bounds: int) -> Callable[..., None]:
    def made(self: object, *args: object) -> None:
        init(self, *args, **bounds)

    return made


async def test_a_tree_that_repeats_itself_is_refused_at_once(repos: Repos, proposed: Path) -> None:
    tree = plant(proposed, "blob", b"x")
    mode = "100644"
    for _ in range(10):
        names = [f"{letter}".encode() for letter in "0123456789"]
        tree = plant_tree(proposed, *((mode, name, tree) for name in names))
        mode = "40000"
    await refused(repos, plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD")), "too ma")


async def test_directories_nested_without_end_are_refused(repos: Repos, proposed: Path) -> None:
    tree = plant_tree(proposed, ("100644", b"f", plant(proposed, "blob", b"x")))
    for _ in range(500):
        tree = plant_tree(proposed, ("40000", b"d", tree))
    await refused(repos, plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD")))


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("100644", b".git"), ("40000", b".git"), ("100644", b".GIT"), ("100644", b".."),
        ("100644", b"."), ("100644", b""), ("100644", b"a/b"), ("100644", b"a\nb"),
        ("100644", b"a\x1bb"), ("100644", b"\xff"), ("100644", "a\u202eb".encode()),
        ("100644", "a\u200bb".encode()), ("160000", b"module"),
        ("120000", b".gitmodules"), ("100644", b"x" * 256), ("100644", b"x" * 2000),
    ],
)  # fmt: skip
async def test_a_file_nobody_should_have_is_refused(
    repos: Repos, proposed: Path, mode: str, name: bytes
) -> None:
    blob = plant(proposed, "blob", b"x")
    inner = plant_tree(proposed, ("100644", b"f", blob)) if mode == "40000" else blob
    if mode == "160000":
        inner = git(proposed, "rev-parse", "HEAD")
    tree = plant_tree(proposed, (mode, name, inner))
    await refused(repos, plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD")))


@pytest.mark.parametrize("target", [b"", b"x" * 2000, b"a\0b"])
async def test_a_link_that_leads_nowhere_is_refused(
    repos: Repos, proposed: Path, tmp_path: Path, target: bytes
) -> None:
    tree = plant_tree(proposed, ("120000", b"a", plant(proposed, "blob", target)))
    sha = plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD"))
    with pytest.raises(BadRequest, match="leads nowhere"):
        await repos.export(ALICE, await repos.pin(ALICE, 1, sha), tmp_path / "out" / sha)
    assert "out" not in names_in(tmp_path) or names_in(tmp_path / "out") == []


async def test_two_things_of_one_name_are_refused(repos: Repos, proposed: Path) -> None:
    blob = plant(proposed, "blob", b"/etc")
    inner = plant_tree(proposed, ("100644", b"passwd", blob))
    tree = plant_tree(proposed, ("120000", b"a", blob), ("40000", b"a", inner))
    sha = plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD"))
    await refused(repos, sha, "two things of one name")


def pack_of(*objects: bytes) -> bytes:
    body = b"PACK" + struct.pack(">II", 2, len(objects)) + b"".join(objects)
    return body + hashlib.sha1(body).digest()


def packed(kind: int, size: int, data: bytes, between: bytes = b"") -> bytes:
    first, rest = (kind << 4) | (size & 15), size >> 4
    head = bytearray()
    while rest:
        head.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    head.append(first)
    return bytes(head) + between + zlib.compress(data)


def varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def put_pack(proposed: Path, data: bytes) -> None:
    folder = proposed / ".git/objects/pack"
    folder.mkdir(exist_ok=True)
    (folder / f"pack-{'a' * 40}.pack").write_bytes(data)
    (folder / f"pack-{'a' * 40}.idx").write_bytes(b"forged")


@pytest.mark.parametrize(
    "data", [b"", b"PACK", b"\0" * 1000, pack_of()[:-1] + b"x", pack_of(packed(3, 99, b"x"))]
)
async def test_a_pack_that_is_none_is_refused(repos: Repos, proposed: Path, data: bytes) -> None:
    put_pack(proposed, data)
    await refused(repos, "abcdef0", "not in order")


async def test_a_pack_of_changes_that_grow_without_end_is_refused(
    repos: Repos, proposed: Path
) -> None:
    base = bytes(15 * MIB)
    name = plant(proposed, "blob", base)
    copies = 200
    copy = b"\xf0" + (15 * MIB).to_bytes(3, "little")
    change = varint(len(base)) + varint(len(base) * copies) + copy * copies
    put_pack(
        proposed,
        pack_of(packed(3, len(base), base), packed(7, len(change), change, bytes.fromhex(name))),
    )
    await refused(repos, "abcdef0", "not in order")


async def test_nothing_of_a_refused_repository_is_left_behind(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    sha = commit(proposed, {"a": "1"})
    put(proposed, git(proposed, "rev-parse", "HEAD:a"), b"junk")
    await refused(repos, sha)
    assert names_in(tmp_path / "state/quarantine") == []


async def test_attributes_change_nothing_of_what_is_shown_and_written(
    repos: Repos, proposed: Path, tmp_path: Path
) -> None:
    rules = "* -diff text eol=crlf ident export-subst export-ignore working-tree-encoding=UTF-16\n"
    text = "one $Id$ $Format:%H$\ntwo\n"
    tree = git(proposed, "rev-parse", "HEAD^{tree}")
    blob = plant(proposed, "blob", text.encode())
    attributes = plant(proposed, "blob", rules.encode())
    tree = plant_tree(
        proposed, ("100644", b".gitattributes", attributes), ("100644", b"agent.toml", blob)
    )
    sha = plant_commit(proposed, tree, git(proposed, "rev-parse", "HEAD"))
    await repos.pin(ALICE, 1, sha)
    shown = (await repos.diff(ALICE, 1, "running")).text
    assert "+one $Id$ $Format:%H$" in shown
    await repos.advance(ALICE, 1)
    await repos.export(ALICE, sha, tmp_path / "out")
    for folder in (tmp_path / "out", paths_of(tmp_path).applied(ALICE)):
        assert (folder / "agent.toml").read_bytes() == text.encode()


async def test_whatever_happens_while_it_is_read_ends_in_a_sentence(
    repos: Repos, proposed: Path
) -> None:
    sha = commit(proposed, {"a": "1"})
    folder = proposed / ".git/objects" / sha[:2]
    shutil.rmtree(folder)
    folder.write_text("a file")
    with pytest.raises(HiveError):
        await repos.pin(ALICE, 1, sha)


async def test_a_directory_in_place_of_an_object_is_refused(repos: Repos, proposed: Path) -> None:
    sha = commit(proposed, {"a": "1"})
    file = proposed / ".git/objects" / sha[:2] / sha[2:]
    file.unlink()
    file.mkdir()
    await refused(repos, sha, "make the repository anew")


async def test_few_repositories_are_looked_into_at_once(
    repos: Repos, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [AgentName(f"a{number}") for number in range(6)]
    inside: list[int] = []
    opened = quarantine.opened
    now = 0

    @asynccontextmanager
    async def counted(*args: Any) -> AsyncIterator[quarantine.Quarantine]:
        nonlocal now
        now += 1
        inside.append(now)
        try:
            async with opened(*args) as found:
                yield found
        finally:
            now -= 1

    for name in names:
        await repos.seed_proposed(name)
    monkeypatch.setattr(quarantine, "opened", counted)
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(repos.adopt, name)
    assert len(inside) == len(names)
    assert max(inside) <= TAKEN_AT_ONCE


@pytest.mark.parametrize("place", ["objects", "objects/00", "objects/pack"])
async def test_no_number_of_names_is_held_in_memory(
    repos: Repos, proposed: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    sha = commit(proposed, {"a": "x"})
    monkeypatch.setattr(git_refs, "ENTRIES_MAX", 300)
    folder = proposed / ".git" / place
    folder.mkdir(exist_ok=True)
    for number in range(301):
        (folder / f"junk-{number}").touch()
    await refused(repos, sha, "in the repository has more than 300 entries")

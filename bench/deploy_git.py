"""Measures the git work of a deploy beside plain `git` doing the same commands.

Both take one small commit from a proposed repository to a deployed one: fetch and pin it, show its
diff, tag it, move `main` and its work tree on, write the files out, tag it again. Plain git trusts
the proposed repository; hive does not, and is measured with what that costs. In turns, each in
repositories of its own, on the same disk and with the same durability.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import trio

from bench.figures import Figure, Report, median, spread
from hive.host.git import Git, make_repository
from hive.host.repos import Repos
from hive.paths import Paths
from hive.wire.names import AgentName

BAR = 1.5
DEPLOYS = 60
QUICK_DEPLOYS = 8
WARM_UP = 3
NAME = AgentName("alice")
FILES = {f"lib/part-{number}.txt": f"{number}\n" * 40 for number in range(12)}


def measure(*, quick: bool = False) -> Report:
    """Deploy one commit after another, both ways in turns."""
    root = Path(tempfile.mkdtemp(prefix="hive-git-", dir="/tmp"))
    try:
        plain, ours = trio.run(_measure, root, QUICK_DEPLOYS if quick else DEPLOYS)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    ratio = median(ours) / median(plain)
    return Report(
        "Git work of a deploy",
        (
            Figure("plain git", spread(plain)),
            Figure("hive", spread(ours), f"{ratio:.2f} times", f"<= {BAR:g} times", ratio <= BAR),
        ),
        (
            "One commit that changes one of 13 files: pinned from the proposed repository, its diff"
            " read, tagged approved and building, `main` and work tree moved on, the files written"
            " out, tagged deployed.",
            "Plain git does it with `fetch`, `merge-base`, `diff`, `tag`, `merge --ff-only` and"
            " `archive` into `tar`, and trusts the proposed repository; hive copies and checks"
            " every object that is new, and flushes what it writes out.",
        ),
    )


async def _measure(root: Path, deploys: int) -> tuple[list[float], list[float]]:
    paths = Paths(root / "state", root / "run")
    paths.agents.mkdir(parents=True)
    repos = Repos(paths, files=lambda _: {"agent.toml": "# alice\n", **FILES})
    await repos.seed_proposed(NAME)
    await repos.adopt(NAME)
    proposed, applied = root / "proposed", root / "applied"
    shutil.copytree(paths.agent_config(NAME), proposed)
    applied.mkdir()
    make_repository(applied)
    _git(applied, "pull", "-q", "--ff-only", str(proposed), "main")
    plain, ours = [], []
    for number in range(1, WARM_UP + deploys + 1):
        for repo in (proposed, paths.agent_config(NAME)):
            (repo / "agent.toml").write_text(f'model = "{number}"\n')
            _git(repo, "commit", "-q", "-a", "-m", f"change {number}")
        sha = _git(proposed, "rev-parse", "HEAD")
        began = time.perf_counter()
        _deploy_plainly(root, number, sha)
        half = time.perf_counter()
        await _deploy(repos, paths, number)
        ended = time.perf_counter()
        if number > WARM_UP:
            plain.append((half - began) * 1000)
            ours.append((ended - half) * 1000)
    return plain, ours


def _deploy_plainly(root: Path, number: int, sha: str) -> None:
    applied = root / "applied"
    _git(applied, "fetch", "-q", "--no-tags", str(root / "proposed"), "main")
    _git(applied, "tag", f"proposal/{number}", sha)
    _git(applied, "merge-base", "--is-ancestor", "main", f"proposal/{number}")
    _git(applied, "diff", "--numstat", f"main..proposal/{number}")
    _git(applied, "diff", f"main..proposal/{number}")
    _git(applied, "tag", f"approved/{number}", sha)
    _git(applied, "tag", f"building/{number}", sha)
    _git(applied, "merge", "-q", "--ff-only", f"proposal/{number}")
    target = root / "generations" / sha
    target.mkdir(parents=True)
    archive = subprocess.run(
        ("git", "-C", applied, "archive", sha), check=True, capture_output=True, env=_env()
    )
    subprocess.run(("tar", "-x", "-C", target), check=True, input=archive.stdout)
    _git(applied, "tag", f"deployed/{number}", sha)


async def _deploy(repos: Repos, paths: Paths, number: int) -> None:
    head = await repos.head_of_proposed(NAME)
    sha = await repos.pin(NAME, number, head)
    await repos.diff(NAME, number, "running")
    await repos.mark(NAME, number, "approved")
    await repos.mark(NAME, number, "building")
    await repos.advance(NAME, number)
    await repos.export(NAME, sha, paths.generation(NAME, sha))
    await repos.mark(NAME, number, "deployed")


def _git(repo: Path, *words: str) -> str:
    done = subprocess.run(
        (Git().program, "-C", str(repo), *words),
        check=True,
        capture_output=True,
        text=True,
        env=_env(),
    )
    return done.stdout.strip()


def _env() -> dict[str, str]:
    who = {
        f"GIT_{role}_{part}": "b@c"
        for role in ("AUTHOR", "COMMITTER")
        for part in ("NAME", "EMAIL")
    }
    return {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", **who}

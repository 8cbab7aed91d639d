"""Pushing one of the daemon's repositories to a forge, with the token in the environment alone.

The applied repositories are mounted in the manager's container and command lines are everybody's
to read: so the token is in no remote, no configuration file and no argument.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import trio

from hive.errors import ProgramFailed, Unavailable
from hive.host import git_refs
from hive.host.applied import STATES
from hive.host.forge import basic, shown
from hive.host.git import MAIN, Git

PUSH_S = 120.0
MEMORY_BYTES = 4 << 30
OUTPUT_BYTES = 16 << 20
"""A line for each reference, with as many words of the forge's as it likes."""
STALLED_BYTES_S = 1000
STALLED_S = 30
REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
"""`main` may be missing, and goes back when a deployment is rolled back."""


@attrs.frozen
class Destination:
    """A forge, and who pushes there."""

    url: str
    """Of the forge, without a slash at its end."""
    login: str
    token: str = attrs.field(repr=False)


async def push(git: Git, repo: Path, owner: str, name: str, to: Destination) -> None:
    """Make `main` and every tag of `owner/name` at the forge those of `repo`.

    Raises `Unavailable` with what git said.
    """
    said: list[str] = []

    def keep(line: str) -> None:
        if line.startswith(("fatal: ", "error: ", " ! ")):
            said[:] = [line]

    words = ("push", "--porcelain", "--no-verify", "--recurse-submodules=no")
    try:
        done = await git.do(
            repo,
            *words,
            f"{to.url}/{owner}/{name}.git",
            *REFSPECS,
            timeout_s=PUSH_S,
            output_max=OUTPUT_BYTES,
            memory_max=MEMORY_BYTES,
            env=environment(to),
            say=keep,
        )
    except ProgramFailed as failure:
        why = "it did not end in time" if failure.status is None else " ".join(said)
        text = shown(why or failure.message, to.token, basic(to.login, to.token))
        raise Unavailable(f"pushing to {owner}/{name} failed: {text}") from failure
    if done.is_cut:
        raise Unavailable(f"pushing to {owner}/{name} was ended: the forge had too much to say")


def environment(to: Destination) -> dict[str, str]:
    """Return what git needs beside its clean environment to reach that forge and nothing else."""
    settings = {
        f"http.{to.url}/.extraHeader": f"Authorization: {basic(to.login, to.token)}",
        "http.followRedirects": "false",
        "http.lowSpeedLimit": str(STALLED_BYTES_S),
        "http.lowSpeedTime": str(STALLED_S),
        "http.proxy": "",
    }
    env = {
        "GIT_ALLOW_PROTOCOL": urlsplit(to.url).scheme,
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


async def references(repo: Path) -> dict[str, str]:
    """Return what a push would carry: `main` and hive's tags, by their full names.

    Empty for a repository that is not there. Raises `BadRequest`, `Unavailable`.
    """
    try:
        return await trio.to_thread.run_sync(_references, repo)
    except OSError as error:
        raise Unavailable(f"cannot read {repo}: {error.strerror}") from error


def _references(repo: Path) -> dict[str, str]:
    try:
        folder = os.open(repo / ".git", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return {}
    try:
        found = {}
        for state in STATES:
            tags = git_refs.read_below(folder, ("refs", "tags", state))
            found.update({f"refs/tags/{state}/{number}": sha for number, sha in tags.items()})
        main = git_refs.read_ref(folder, MAIN)
        return {**found, MAIN: main} if main else found
    finally:
        os.close(folder)

"""Running git: found once, with nobody's configuration but ours, no hooks and a deadline.

Repositories that only the daemon writes are opened by their explicit directory, so no git ever
looks for another one or takes settings, hooks, filters or credentials from the machine or the
user. A repository that an agent can write to is never opened here: see `quarantine`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from hive import process
from hive.environment import git_override, search_path
from hive.errors import ProgramFailed, Unavailable
from hive.host.runtime import Finding
from hive.process import Completed

IDENTITY = "hive"
EMAIL = "hive@hyperhive"
MAIN = "refs/heads/main"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""What every git knows as the tree without a file."""
TIMEOUT_S = 30.0
NOWHERE = "/nonexistent"
PACKED_NEW = "packed-refs.new"
"""What git writes references to when it packs or removes some; left behind, it does neither."""
HEAD = f"ref: {MAIN}\n"
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {bare}\n"
ATTRIBUTES = "* !diff !text !eol !ident !filter !working-tree-encoding !merge !export-subst\n"
"""Of every repository here, stronger than any `.gitattributes` in a tree: without it a commit
could hide a file from the diff that the operator reads, or change what is checked out."""
SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.autocrlf=false",
    "core.fsync=objects,derived-metadata,reference",
    "core.quotePath=false",
    "core.logAllRefUpdates=always",
    "core.symlinks=true",
    "gc.auto=0",
    "gc.reflogExpire=never",
    "maintenance.auto=false",
    "protocol.allow=never",
    "credential.helper=",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "transfer.fsckObjects=true",
    "submodule.recurse=false",
    "pack.threads=1",
    "advice.detachedHead=false",
)


def find_git(configured: str | None = None) -> str:
    """Return the absolute path of git: configured, named by `HIVE_GIT`, or first on `PATH`.

    Raises `Unavailable`.
    """
    named = configured or git_override() or "git"
    found = shutil.which(named, path=search_path())
    if found is None:
        raise Unavailable(
            f"{named} is not found: install git, or name it with the setting `git` or HIVE_GIT"
        )
    return str(Path(found).absolute())


class Git:
    """One git program; every call is one process with a clean environment."""

    def __init__(self, program: str | None = None) -> None:
        self.program = find_git(program)
        self._env = environment()

    async def run(
        self,
        repo: Path,
        *args: str,
        input: str | bytes | None = None,  # noqa: A002 - as the standard library names it
        timeout_s: float = TIMEOUT_S,
    ) -> str:
        """Run git in the work tree `repo` and return what it printed.

        Raises `ProgramFailed` with what git said.
        """
        done = await self.do(repo, *args, given=input or "", timeout_s=timeout_s)
        return done.stdout

    async def do(
        self,
        repo: Path,
        *args: str,
        given: str | bytes = "",
        timeout_s: float = TIMEOUT_S,
        check: bool = True,
        output_max: int | None = None,
        memory_max: int | None = None,
        env: Mapping[str, str] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> Completed:
        """Run git in the work tree `repo`, or in a bare one, and return all it left.

        `env` is added to the environment; the bounds and `say` are those of `hive.process.run`.
        """
        folder = repo / ".git"
        if not folder.is_dir():
            folder = repo
        try:
            return await process.run(
                self.argv(folder, repo if folder != repo else None, *args),
                timeout_s=timeout_s,
                env={**self._env, **(env or {})},
                cwd=repo,
                input_text=given,
                check=check,
                output_max=output_max,
                memory_max=memory_max,
                say=say,
            )
        except ProgramFailed as failure:
            # The last line, which people are shown, is advice; what happened stands before it.
            said = failure.stderr.strip().splitlines()
            what = [line for line in said if line.startswith(("fatal: ", "error: "))][:1]
            words = (f"git {' '.join(args[:1])}", *failure.argv[1:])
            raise ProgramFailed(words, failure.status, "\n".join([*said, *what])) from failure

    def argv(self, folder: Path, tree: Path | None, *args: str) -> tuple[str, ...]:
        """Return the command line for a repository whose `.git` is `folder`."""
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        where = [f"--git-dir={folder}"] + ([f"--work-tree={tree}"] if tree else [])
        return (self.program, "--no-pager", "--literal-pathspecs", *settings, *where, *args)

    async def probe(self) -> Finding:
        """Try it, for `doctor`."""
        words = (self.program, "--version")
        try:
            done = await process.run(words, timeout_s=TIMEOUT_S, env=self._env)
        except ProgramFailed as failure:
            return Finding("git", is_ok=False, detail=failure.message, mend="install git")
        return Finding("git", is_ok=True, detail=f"{self.program}, {done.stdout.strip()}")


def environment() -> dict[str, str]:
    """Return the whole environment of a git that obeys nobody's configuration but ours."""
    return {
        "PATH": search_path(),
        "HOME": NOWHERE,
        "XDG_CONFIG_HOME": NOWHERE,
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_EDITOR": "/bin/false",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ADVICE": "0",
        "GIT_DEFAULT_HASH": "sha1",
        "GIT_DEFAULT_REF_FORMAT": "files",
        "GIT_AUTHOR_NAME": IDENTITY,
        "GIT_AUTHOR_EMAIL": EMAIL,
        "GIT_COMMITTER_NAME": IDENTITY,
        "GIT_COMMITTER_EMAIL": EMAIL,
    }


def make_repository(repo: Path, *, bare: bool = False, more_config: str = "") -> None:
    """Make an empty repository whose branch is `main`; blocks. Raises `OSError`.

    The same on every version of git, and without a process. On disk when it returns: an empty file
    of attributes, as a power cut leaves one, would let a commit hide from a diff.
    """
    folder = repo if bare else repo / ".git"
    for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    config = CONFIG.format(bare="true" if bare else "false") + more_config
    for name, text in (("info/attributes", ATTRIBUTES), ("config", config), ("HEAD", HEAD)):
        _write_synced(folder / name, text)


def keep_attributes(repo: Path) -> None:
    """See that a repository of the daemon's own has `ATTRIBUTES`; blocks. Raises `OSError`.

    One that an older hive made may have others, and one that was damaged none.
    """
    file = repo / ".git/info/attributes"
    try:
        if file.read_text() == ATTRIBUTES:
            return
    except FileNotFoundError:
        if not (repo / ".git").is_dir():
            return
    file.parent.mkdir(exist_ok=True)
    new = file.with_name("attributes.new")
    _write_synced(new, ATTRIBUTES)
    new.replace(file)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def remove_stale_locks(repo: Path) -> list[Path]:
    """Remove what a killed git left in a repository that only the daemon writes; blocks.

    Only before any git of this daemon runs there. Returns what was removed; raises `OSError`.
    """
    removed: list[Path] = []
    folder = repo / ".git"
    objects = folder / "objects"
    for at, folders, files in os.walk(folder):
        here = Path(at)
        if here == objects:
            # Names of objects cannot end so, and there may be many thousands of them.
            folders[:] = [name for name in folders if name in {"info", "pack"}]
        for name in files:
            is_made = here.is_relative_to(objects) and name[:4] == "tmp_"
            if name.endswith(".lock") or is_made or (here == folder and name == PACKED_NEW):
                (here / name).unlink(missing_ok=True)
                removed.append(here / name)
    return removed

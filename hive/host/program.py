"""How this hive, its interpreter and claude are started inside a container.

The running program finds itself: the one file `hive.pyz` with the tree it unpacked, or the package
of a checkout. Inside, it has the same paths everywhere, below /opt/hive; only the interpreter
stays where it is, because its prefix and its libraries are built into it.
"""

from __future__ import annotations

import hashlib
import shutil
import site
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import attrs

import hive
from hive.environment import search_path
from hive.errors import Unavailable
from hive.host.runtime import Bind
from hive.host.sandbox import is_visible

HOME_INSIDE = Path("/opt/hive")
BIN_INSIDE = "/opt/hive/bin"
"""A directory for PATH that holds the interpreter of a claude that is a script."""
_ENV = "/usr/bin/env"
_ELF = b"\x7fELF"
_NO_SITE = "-S"
"""Nothing of the host's own packages: they are not ours, and reading them takes longer than we."""
_DEPENDENCIES = ("trio", "attr", "cattr", "hypercorn", "mcp", "quart")
"""One of each place that packages may have been installed to."""


@attrs.frozen
class Program:
    """A command that is this hive, complete without `env`, which is for what it starts."""

    argv: tuple[str, ...]
    """Words to put before the subcommand."""
    env: dict[str, str]
    """Variables it needs beside those that `argv` already sets."""
    binds: tuple[Bind, ...]
    """What has to be seen inside; empty without isolation."""


def find(*, isolated: bool) -> Program:
    """Return the program that is running, as it is started in a container of that sort."""
    found = archive()
    if found is not None:
        return _zipapp(found, isolated=isolated)
    return _checkout(isolated=isolated)


def revision() -> str:
    """Return which hive is running: its version and a digest of its code."""
    found = archive()
    if found is not None:
        unpacked = Path(hive.__file__).resolve().parents[2]
        return f"{hive.__version__}+{unpacked.name.removeprefix(f'{found.name}_')[:12]}"
    digest = hashlib.sha256()
    package = Path(hive.__file__).resolve().parent
    for file in sorted(package.rglob("*.py")):
        digest.update(str(file.relative_to(package)).encode() + b"\0" + file.read_bytes())
    return f"{hive.__version__}+{digest.hexdigest()[:12]}"


def claude_binds(path: Path) -> tuple[Bind, ...]:
    """Return what has to be seen inside so that this claude runs under its own path.

    A native program needs its own file, a script its directory and its interpreter. Raises
    `Unavailable` when it cannot be read.
    """
    real = path.resolve()
    try:
        with real.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise Unavailable(f"cannot read claude at {path}: {error.strerror}") from error
    wanted = [Bind(real, str(path.absolute()))]
    if not head.startswith(_ELF):
        wanted = [Bind(real.parent, str(real.parent)), *wanted, *_script_binds(head)]
    return _not_yet_visible(wanted)


def _zipapp(archive: Path, *, isolated: bool) -> Program:
    # <root>/<file name>_<build>/site-packages/hive/__init__.py
    unpacked = Path(hive.__file__).resolve().parents[2]
    if not isolated:
        return Program(
            _command(f"SHIV_ROOT={unpacked.parent}", sys.executable, _NO_SITE, str(archive)), {}, ()
        )
    build = unpacked.name.removeprefix(f"{archive.name}_")
    inside = HOME_INSIDE / "hive.pyz"
    root = HOME_INSIDE / "shiv"
    python, binds = _interpreter()
    binds += [Bind(archive, str(inside)), Bind(unpacked, str(root / f"{inside.name}_{build}"))]
    return Program(
        _command(f"SHIV_ROOT={root}", python, _NO_SITE, str(inside)), {}, _not_yet_visible(binds)
    )


def _checkout(*, isolated: bool) -> Program:
    package = Path(hive.__file__).resolve().parent
    if not isolated:
        # Its own environment finds the rest, but for what stands apart from that.
        places = ":".join(map(str, [package.parent, *_apart()]))
        words = _command(f"PYTHONPATH={places}", sys.executable, "-m", "hive")
        return Program(words, {}, ())
    source = HOME_INSIDE / "source"
    python, binds = _interpreter()
    binds += [
        Bind(found, str(source / found.name))
        for found in (package, package.parent / "prompts")
        if found.is_dir()
    ]
    search = [str(source)]
    for number, folder in enumerate(_package_folders()):
        inside = folder if is_visible(folder) else HOME_INSIDE / f"site-packages-{number}"
        search.append(str(inside))
        binds.append(Bind(folder, str(inside)))
    words = _command(f"PYTHONPATH={':'.join(search)}", python, _NO_SITE, "-m", "hive")
    return Program(words, {}, _not_yet_visible(binds))


def _command(assignment: str, python: str, *rest: str) -> tuple[str, ...]:
    # -P: the working directory is the agent's, and no file there may shadow a module.
    return (_ENV, assignment, python, "-P", *rest)


def archive() -> Path | None:
    """Return the zipapp that is running, if it is one."""
    loader = getattr(sys.modules["__main__"], "__loader__", None)
    archive = getattr(loader, "archive", None)
    return Path(archive).resolve() if archive else None


def _interpreter() -> tuple[str, list[Bind]]:
    """Return the interpreter without its virtual environment, and what it needs to run."""
    python = Path(sys.executable).resolve()
    if sys.prefix != sys.base_prefix and python.is_relative_to(Path(sys.prefix).resolve()):
        python = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    # Not a whole prefix: it may be somebody's home directory.
    folders = [
        Path(prefix, name)
        for prefix in (sys.base_prefix, sys.base_exec_prefix)
        for name in ("lib", "lib64")
    ]
    binds = [Bind(folder.resolve(), str(folder)) for folder in folders if folder.is_dir()]
    binds.insert(0, Bind(python, str(python)))
    return str(python), [*binds, *_mapped_libraries(binds)]


def _mapped_libraries(known: list[Bind]) -> list[Bind]:
    """Return the shared libraries this process uses from places that are not seen inside."""
    shown = [*_package_folders(), *(bind.source for bind in known)]
    found: dict[Path, None] = {}
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = Path(line[line.find("/") :]) if "/" in line else Path()
        if ".so" in path.name and not any(path.is_relative_to(folder) for folder in shown):
            found[path] = None
    return [Bind(path, str(path)) for path in found if path.is_file()]


def _package_folders() -> list[Path]:
    """Return the folders that this hive's dependencies are imported from."""
    found: dict[Path, None] = {}
    for name in _DEPENDENCIES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            found[Path(spec.origin).resolve().parents[1]] = None
    return list(found | dict.fromkeys(_apart()))


def _apart() -> list[Path]:
    """Return the folders of packages on the path that the interpreter does not know by itself.

    Nix keeps each package in a folder of its own and has the program add them all.
    """
    own = {Path(folder).resolve() for folder in site.getsitepackages()}
    found = [Path(entry).resolve() for entry in sys.path]
    return [each for each in found if each.name == "site-packages" and each not in own]


def _script_binds(head: bytes) -> list[Bind]:
    """Return the interpreter named in a script's first line, under its own path and on PATH."""
    words = head.partition(b"\n")[0].removeprefix(b"#!").decode(errors="replace").split()
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    found = shutil.which(words[0], path=search_path()) if words else None
    if found is None:
        return []
    real = Path(found).resolve()
    return [Bind(real, found), Bind(real, f"{BIN_INSIDE}/{Path(found).name}")]


def _not_yet_visible(binds: list[Bind]) -> tuple[Bind, ...]:
    """Drop what a sandbox shows anyway, and what is named twice."""
    kept = {
        bind.target: bind
        for bind in binds
        if not (is_visible(bind.source) and is_visible(Path(bind.target)))
    }
    return tuple(kept.values())

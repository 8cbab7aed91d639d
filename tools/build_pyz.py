"""Build dist/hive.pyz: one zipapp by shiv for every CPython named here, the same bytes each time.

Pure wheels are unpacked once, each native wheel once per Python version, side by side, since their
file names do not collide. shiv makes an archive of that, and it goes, stored, into the small outer
archive whose first code is `pyz_main.py`. Nothing of the machine enters it: names are sorted, times
and modes are fixed, and what a wheel's installation would record is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
LOCK = ROOT / "locks/runtime.txt"
SHEBANG = "/usr/bin/env python3"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBCS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014", "manylinux_2_12", "manylinux2010")
INPUTS = ("hive", "prompts", "locks/runtime.txt", "locks/build.txt", "pyproject.toml", "LICENSE")
DROPPED = frozenset({"RECORD", "direct_url.json", "REQUESTED", "INSTALLER"})
EPOCH = (1980, 1, 1, 0, 0, 0)
PIP_DEADLINE_S = 900


def main() -> int:
    """Build when stale; prints only when there is something to say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=ROOT / "dist/hive.pyz")
    parser.add_argument("--force", action="store_true", help="build even when fresh")
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR", help="take them here, with no network"
    )
    parser.add_argument(
        "--fetch",
        type=Path,
        nargs=2,
        metavar=("LOCK", "DIR"),
        help="build nothing, fetch a lock file's wheels",
    )
    parser.add_argument("--machine", default=platform.machine(), help="for which to fetch")
    arguments = parser.parse_args()
    os.umask(0o022)
    if arguments.fetch:
        fetch_whole(*arguments.fetch, machine=arguments.machine)
        return 0
    output: Path = arguments.output
    stamp = output.with_name(f".{output.name}.inputs")
    digest = inputs_digest()
    is_fresh = output.exists() and stamp.exists() and stamp.read_text() == digest
    if is_fresh and not arguments.force:
        return 0
    print(f"building {os.path.relpath(output)}")
    output.parent.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        built = build(Path(work), given=arguments.wheels)
        built.replace(output)
    stamp.write_text(digest)
    return 0


def inputs_digest() -> str:
    """Return a digest of every file the archive is made of, and of the Python that makes it."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {platform.machine()}\n".encode())
    for path in sorted(input_files()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return digest.hexdigest()


def input_files() -> Iterator[Path]:
    """Yield the files of the checkout that go into the archive, and those that say how."""
    yield Path(__file__)
    yield ROOT / "tools/pyz_main.py"
    yield ROOT / "tools/pyz_unpack.py"
    for name in INPUTS:
        path = ROOT / name
        if path.is_file():
            yield path
        for inner in path.rglob("*"):
            if inner.is_file() and "__pycache__" not in inner.parts:
                yield inner


def build(work: Path, *, given: Path | None = None) -> Path:
    """Make the archive in `work` and return it; of the wheels that are given where they are."""
    site = work / "site"
    site.mkdir()
    if given is None:
        wheels = dependency_wheels()
    else:
        fetch_whole(LOCK, work / "wheels", machine=platform.machine(), given=given.resolve())
        wheels = list((work / "wheels").glob("*.whl"))
    for wheel in sorted(wheels, key=lambda path: path.name):
        unpack_wheel(wheel, site)
    unpack_wheel(hive_wheel(work), site)
    inner = work / "site.pyz"
    run_shiv(site, inner)
    return wrap(inner, work / "hive.pyz")


def dependency_wheels() -> list[Path]:
    """Return the wheels of the lock file, fetched once per lock; checked by their hashes."""
    refuse_differing(LOCK)
    running = "{}.{}".format(*sys.version_info[:2])
    machine = platform.machine()
    versions = sorted({*PYTHONS, running})
    wanted = "\n".join((*versions, machine, *GLIBCS)).encode()
    store = CACHE / "wheels" / hashlib.sha256(LOCK.read_bytes() + wanted).hexdigest()[:16]
    if not store.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            fetched = Path(work) / "wheels"
            for version in versions:
                print(f"fetching wheels for Python {version}")
                said = fetch_wheels(LOCK, version, machine, fetched)
                if said and version == running:
                    sys.exit(
                        f"cannot fetch the wheels hive needs for this Python {version}:\n{said}"
                    )
                if said:
                    print(f"hive.pyz will not serve Python {version}, lacking wheels:\n{said}")
            store.parent.mkdir(exist_ok=True)
            fetched.rename(store)
    return list(store.glob("*.whl"))


def refuse_differing(lock: Path) -> None:
    """Exit when a lock file names other packages for another Python."""
    for line in lock.read_text().splitlines():
        marker = line.partition(";")[2]
        if "python" in marker and "emscripten" not in marker and "implementation" not in marker:
            sys.exit(f"{lock}: {line!r} differs between Python versions; one archive serves all")


def fetch_whole(lock: Path, target: Path, *, machine: str, given: Path | None = None) -> None:
    """Fetch the wheels of a lock file for every Python, or take them from a folder; all or none."""
    refuse_differing(lock)
    for version in PYTHONS:
        said = fetch_wheels(lock, version, machine, target, given=given)
        if said:
            sys.exit(f"{lock}: wheels for Python {version} cannot be had:\n{said}")


def fetch_wheels(
    lock: Path, version: str, machine: str, target: Path, *, given: Path | None = None
) -> str:
    """Put every wheel of a lock for one Python version into `target`; return why not, or nothing.

    With a folder given, they are taken from there, by the same hashes and without a network.
    """
    tag = "cp" + version.replace(".", "")
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    argv += ["--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(lock)]
    argv += ["--python-version", version, "--implementation", "cp", "-d", str(target)]
    argv += ["--abi", tag, "--abi", "abi3", "--abi", "none"]
    for glibc in GLIBCS:
        argv += ["--platform", f"{glibc}_{machine}"]
    if given is not None:
        argv += ["--isolated", "--no-index", "--find-links", str(given)]
    env = os.environ if given is None else {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        argv, env=env, capture_output=True, text=True, timeout=PIP_DEADLINE_S, check=False
    )
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()[-3:]
    return "\n".join(said) or f"pip ended with {done.returncode}"


def hive_wheel(work: Path) -> Path:
    """Build hive's own wheel."""
    target = work / "own"
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        sys.exit(f"hatchling failed:\n{done.stdout}{done.stderr}")
    (wheel,) = target.glob("*.whl")
    return wheel


def unpack_wheel(wheel: Path, site: Path) -> None:
    """Unpack a wheel into `site` with fixed modes, without what an installation would record."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            place = place_of(member.filename)
            if member.is_dir() or place is None:
                continue
            target = site / place
            content = archive.read(member)
            if target.exists():
                # Wheels of one package for several Pythons may differ in notes on themselves.
                if ".dist-info/" not in place and target.read_bytes() != content:
                    sys.exit(f"{wheel.name} brings another {place} than a wheel before it")
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o755 if target.suffix == ".so" else 0o644)


def place_of(name: str) -> str | None:
    """Return where a member of a wheel belongs below site-packages; None for nowhere."""
    parts = Path(name).parts
    if parts[-1] in DROPPED and parts[0].endswith(".dist-info"):
        return None
    if "_tests" in parts or "__pycache__" in parts:
        return None
    if parts[0].endswith(".data"):
        return "/".join(parts[2:]) if parts[1] in {"purelib", "platlib"} else None
    return name


def run_shiv(site: Path, output: Path) -> None:
    """Make shiv's archive of `site`."""
    argv = [sys.executable, "-m", "shiv", "--site-packages", str(site), "--reproducible"]
    # Compiled when unpacked: a sandbox sees the unpacked tree read-only and could never keep it.
    argv += ["--compile-pyc"]
    argv += ["--python", SHEBANG, "--entry-point", "hive.cli:main", "--output-file", str(output)]
    env = {key: value for key, value in os.environ.items() if key != "SOURCE_DATE_EPOCH"}
    env["PYTHONWARNINGS"] = "ignore"
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        sys.exit(f"shiv failed:\n{done.stdout}{done.stderr}")


def wrap(inner: Path, output: Path) -> Path:
    """Put shiv's archive, stored, behind our first code; see `pyz_main.py`."""
    members: dict[str, bytes] = {}
    with zipfile.ZipFile(inner) as archive:
        for name in archive.namelist():
            if name.startswith("_bootstrap/") or name == "environment.json":
                members[name] = archive.read(name)
    build_id = json.loads(members["environment.json"])["build_id"]
    found = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "hive/__init__.py").read_text(), re.MULTILINE
    )
    if found is None:
        sys.exit("hive/__init__.py has no __version__")
    members["__main__.py"] = (ROOT / "tools/pyz_main.py").read_bytes()
    members["_unpack.py"] = (ROOT / "tools/pyz_unpack.py").read_bytes()
    members["_light.py"] = (ROOT / "hive/light.py").read_bytes()
    members["_release.py"] = f"VERSION = {found[1]!r}\nBUILD_ID = {build_id!r}\n".encode()
    members["site.pyz"] = inner.read_bytes()
    with output.open("wb") as file:
        file.write(f"#!{SHEBANG}\n".encode())
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in sorted(members.items()):
                info = zipfile.ZipInfo(name, EPOCH)
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(info, content, zipfile.ZIP_STORED)
    output.chmod(0o755)
    return output


if __name__ == "__main__":
    sys.exit(main())

"""The archive itself: the same bytes each time, small where it must be, whole for every Python."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tools import build_pyz


def clone(target: Path) -> Path:
    """Copy what the archive is made of, as a fresh clone elsewhere would have it."""
    for path in build_pyz.input_files():
        place = target / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    (target / ".cache").mkdir()
    (target / ".cache/wheels").symlink_to(ROOT / ".cache/wheels")
    return target


def test_two_clones_build_the_same_bytes(pyz: Path, tmp_path: Path) -> None:
    digests = {hashlib.sha256(pyz.read_bytes()).hexdigest()}
    for name, umask in (("one", "077"), ("another/and/deeper", "000")):
        place = clone(tmp_path / name)
        program = f"umask {umask}; exec {sys.executable} {place}/tools/build_pyz.py"
        subprocess.run(["sh", "-c", program], cwd="/", check=True, timeout=300)
        digests.add(hashlib.sha256((place / "dist/hive.pyz").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_fresh_archive_is_not_built_again(pyz: Path) -> None:
    before = pyz.stat().st_mtime_ns
    subprocess.run([sys.executable, ROOT / "tools/build_pyz.py"], check=True, timeout=60)
    assert pyz.stat().st_mtime_ns == before


def test_the_outer_directory_stays_small(pyz: Path) -> None:
    with zipfile.ZipFile(pyz) as archive:
        assert len(archive.namelist()) < 20


def inner_names(pyz: Path) -> list[str]:
    with (
        zipfile.ZipFile(pyz) as archive,
        zipfile.ZipFile(io.BytesIO(archive.read("site.pyz"))) as inner,
    ):
        return inner.namelist()


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_every_native_part_is_there_for_every_python(pyz: Path, minor: int) -> None:
    names = inner_names(pyz)
    for part in (
        "_cffi_backend",
        "markupsafe/_speedups",
        "pydantic_core/_pydantic_core",
        "rpds/rpds",
    ):
        pattern = re.compile(rf"site-packages/{part}\.cpython-3{minor}-.*\.so")
        assert any(map(pattern.fullmatch, names)), part
    assert any(name.endswith("_rust.abi3.so") for name in names)


def test_prompts_and_pages_are_inside(pyz: Path) -> None:
    names = set(inner_names(pyz))
    assert any(name.startswith("site-packages/hive/prompts/") for name in names)
    for page in (ROOT / "hive/web/assets").rglob("*.*"):
        assert f"site-packages/{page.relative_to(ROOT)}" in names
    assert "site-packages/hive/web/assets/vendor/marked.js" in names
    assert "site-packages/hive/web/assets/vendor/purify.LICENSE.txt" in names
    assert "site-packages/hive/web/assets/vendor/novnc/docs/LICENSE.MPL-2.0" in names


def test_nothing_of_this_machine_is_inside(pyz: Path) -> None:
    names = inner_names(pyz)
    assert not [name for name in names if name.endswith(("/RECORD", "/direct_url.json", ".pyc"))]
    with (
        zipfile.ZipFile(pyz) as archive,
        zipfile.ZipFile(io.BytesIO(archive.read("site.pyz"))) as inner,
    ):
        ours = [name for name in names if name.startswith(("site-packages/hive", "environment"))]
        assert not [name for name in ours if str(ROOT).encode() in inner.read(name)]


def take(lock: str, wheels: Path, tmp_path: Path) -> str:
    """Take what a lock file names from a folder; return why that did not go, or nothing."""
    file = tmp_path / "lock.txt"
    file.write_text(lock)
    return build_pyz.fetch_wheels(file, "3.11", "x86_64", tmp_path / "taken", given=wheels)


def test_a_wheel_that_is_given_is_taken_by_its_hash_or_not_at_all(
    pyz: Path, tmp_path: Path
) -> None:
    (wheel,) = [each for each in build_pyz.dependency_wheels() if "sniffio" in each.name]
    version = wheel.name.split("-")[1]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock = f"sniffio=={version} --hash=sha256:{digest}\n"
    given = tmp_path / "given"
    given.mkdir()
    assert "sniffio" in take(lock, given, tmp_path)
    shutil.copy(wheel, given)
    other = lock.replace(digest, hashlib.sha256(b"").hexdigest())
    assert digest in take(other, given, tmp_path)
    assert not list((tmp_path / "taken").glob("*"))
    assert take(lock, given, tmp_path) == ""
    assert (tmp_path / "taken" / wheel.name).read_bytes() == wheel.read_bytes()


def test_lock_files_name_no_registry() -> None:
    for lock in [*(ROOT / "locks").iterdir(), ROOT / "package-lock.json"]:
        text = lock.read_text()
        hosts = [line for line in text.splitlines() if "://" in line and "funding" not in line]
        assert not [line for line in hosts if '"resolved"' in line or lock.suffix == ".txt"], lock


def test_every_locked_package_has_a_hash() -> None:
    for lock in (ROOT / "locks").iterdir():
        blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text().strip())
        assert not [block for block in blocks if "--hash=sha256:" not in block], lock


def test_every_dependency_has_a_floor() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert all(re.match(r'\s+"[a-z0-9-]+>=\d', line) for line in listed[1].splitlines())

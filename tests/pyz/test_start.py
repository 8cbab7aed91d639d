"""Starting the zipapp: the first run, odd homes, many at once, every Python."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import hive
from tests.pyz.conftest import Run, pythons

DAY_S = 86400


@pytest.mark.parametrize("python", pythons())
def test_every_python_runs_it(run: Run, python: str) -> None:
    assert run("--version", python=python).stdout == f"hive {hive.__version__}\n"
    done = run("--help", python=python)
    assert (done.returncode, done.stderr) == (0, "")
    assert "hive.pyz up" in done.stdout


@pytest.mark.parametrize("python", pythons())
def test_every_python_can_import_the_native_parts(
    pyz: Path, unpacked: Path, clean_env: dict[str, str], python: str
) -> None:
    (site,) = unpacked.glob("hive.pyz_*/site-packages")
    program = "import mcp.server, markupsafe._speedups, _cffi_backend, cryptography.fernet"
    env = {**clean_env, "PYTHONPATH": str(site)}
    done = subprocess.run([python, "-c", program], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_starts_as_a_program_of_its_own(pyz: Path, clean_env: dict[str, str]) -> None:
    env = {**clean_env, "PATH": f"{Path(sys.executable).parent}:{clean_env['PATH']}"}
    done = subprocess.run([pyz, "--version"], env=env, capture_output=True, text=True)
    assert done.stdout == f"hive {hive.__version__}\n"


def test_the_first_run_says_nothing_of_unpacking(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "new/deep"
    first = run("--help", SHIV_ROOT=str(root))
    again = run("--help", SHIV_ROOT=str(root))
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == again.stdout
    (site,) = root.glob("hive.pyz_*/site-packages")
    assert list((site / "trio/__pycache__").glob("*.pyc"))


def test_two_first_runs_at_once_both_work(
    pyz: Path, tmp_path: Path, clean_env: dict[str, str]
) -> None:
    env = {**clean_env, "SHIV_ROOT": str(tmp_path / "root")}
    argv = [sys.executable, pyz, "completion", "bash"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(argv, env=env, **pipes) for _ in range(2)]
    outputs = [each.communicate(timeout=120) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == b""


def test_an_unpacking_that_was_cut_short_is_done_again(
    run: Run, unpacked: Path, tmp_path: Path
) -> None:
    (tree,) = unpacked.glob("hive.pyz_*")
    broken = tmp_path / f"{tree.name}.tmp/site-packages/hive/cli.py"
    broken.parent.mkdir(parents=True)
    broken.write_text("half a fi")
    assert run("--help", SHIV_ROOT=str(tmp_path)).returncode == 0


def test_the_users_cache_is_the_place_when_none_is_named(
    pyz: Path, clean_env: dict[str, str]
) -> None:
    subprocess.run([sys.executable, pyz, "--help"], env=clean_env, check=True, capture_output=True)
    assert list(Path(clean_env["HOME"]).glob(".cache/hyperhive/hive.pyz_*/site-packages/hive"))


def test_a_home_that_cannot_be_written_is_no_hindrance(
    pyz: Path, clean_env: dict[str, str]
) -> None:
    env = {**clean_env, "HOME": "/dev/null"}
    argv = [sys.executable, pyz, "--help"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    (root,) = Path(clean_env["TMPDIR"]).iterdir()
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    assert list(root.glob("hive.pyz_*/site-packages/hive"))


def test_other_users_can_read_the_tree_whatever_the_mask(
    pyz: Path, clean_env: dict[str, str]
) -> None:
    words = 'umask 077; exec "$@"'
    argv = ["/bin/sh", "-c", words, "sh", sys.executable, str(pyz), "--help"]
    subprocess.run(argv, env=clean_env, capture_output=True, check=True)
    (tree,) = Path(clean_env["HOME"]).glob(".cache/hyperhive/hive.pyz_*")
    for path in (tree, tree / "site-packages", tree / "site-packages/hive/cli.py"):
        wanted = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_code_that_others_could_have_written_is_not_run(
    pyz: Path, clean_env: dict[str, str]
) -> None:
    root = Path(clean_env["TMPDIR"]) / f"hyperhive-{os.getuid()}"
    root.mkdir()
    root.chmod(0o777)
    env = {**clean_env, "HOME": "/dev/null"}
    argv = [sys.executable, pyz, "--help"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "set SHIV_ROOT" in done.stderr
    assert not list(root.iterdir())


def test_nowhere_to_unpack_is_one_sentence(run: Run) -> None:
    done = run("--help", SHIV_ROOT="/dev/null/x")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("hive: cannot write to /dev/null/x to unpack itself")


@pytest.mark.parametrize("words", [["--help"], ["completion", "zsh"], ["list", "--nope"], []])
def test_the_quick_start_does_what_shivs_own_does(run: Run, words: list[str]) -> None:
    quick, full = run(*words), run(*words, SHIV_COMPILE_WORKERS="1")
    assert (quick.returncode, quick.stdout, quick.stderr) == (
        full.returncode,
        full.stdout,
        full.stderr,
    )


def test_shivs_own_variables_still_work(run: Run, unpacked: Path) -> None:
    done = run("-c", "import hive; print(hive.__file__)", SHIV_INTERPRETER="1")
    assert Path(done.stdout.strip()).is_relative_to(unpacked)


def test_a_package_of_the_machine_does_not_come_before_ours(
    pyz: Path, unpacked: Path, clean_env: dict[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "site-packages"
    (other / "hive").mkdir(parents=True)
    (other / "hive/__init__.py").write_text("raise SystemExit('the wrong hive')")
    env = {**clean_env, "SHIV_ROOT": str(unpacked), "PYTHONPATH": str(other)}
    argv = [sys.executable, pyz, "--help"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_light_calls_work_where_nothing_can_be_unpacked(run: Run) -> None:
    assert run("--version", SHIV_ROOT="/dev/null/x").returncode == 0


def test_it_runs_where_the_whole_machine_is_read_only(
    pyz: Path, unpacked: Path, clean_env: dict[str, str]
) -> None:
    bwrap = shutil.which("bwrap")
    assert bwrap, "install bubblewrap"
    cage = [bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    env = {**clean_env, "SHIV_ROOT": str(unpacked)}
    argv = [*cage, sys.executable, str(pyz), "--help"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    del env["SHIV_ROOT"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "set SHIV_ROOT" in done.stderr


def old_tree(root: Path, digit: str) -> Path:
    tree = root / f"hive.pyz_{digit * 64}"
    (tree / "site-packages").mkdir(parents=True)
    long_ago = tree.stat().st_mtime - 2 * DAY_S
    os.utime(tree, (long_ago, long_ago))
    return tree


def test_trees_of_old_builds_are_cleared_away_unless_in_use(run: Run, tmp_path: Path) -> None:
    unused, held = old_tree(tmp_path, "a"), old_tree(tmp_path, "b")
    recent = tmp_path / f"hive.pyz_{'c' * 64}"
    stranger = tmp_path / "hive.pyz_notes"
    for each in (recent, stranger):
        each.mkdir()
    holder = subprocess.Popen(["flock", "-s", held, "cat"], stdin=subprocess.PIPE)
    wait = ["flock", "-n", "-x", held, "true"]
    while subprocess.run(wait, check=False).returncode == 0:
        assert holder.poll() is None
    assert run("--help", SHIV_ROOT=str(tmp_path)).returncode == 0
    holder.communicate(timeout=10)
    assert [each.exists() for each in (unused, held, recent, stranger)] == [
        False,
        True,
        True,
        True,
    ]


def test_a_python_too_old_is_told_so(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.version_info = (3, 9, 2)")
    done = subprocess.run(
        [sys.executable, pyz, "list"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert done.stderr.count("\n") == 1

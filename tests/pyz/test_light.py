"""The light subcommands against a scripted daemon: what they print, send and return."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pyz.conftest import Run, ScriptedDaemon, pythons

ROWS = [
    {"name": "manager", "running": True, "active_model": "haiku", "status_text": "watching"},
    {"name": "a1", "running": False, "paused": True},
]
TABLE = "manager    running    haiku    watching\na1         stopped, paused\n"


@pytest.mark.parametrize("python", pythons())
def test_list_shows_the_agents(run: Run, daemon: ScriptedDaemon, python: str) -> None:
    daemon.replies(ok=True, agent_statuses=ROWS)
    done = run("list", "--socket", str(daemon.path), python=python)
    assert (done.returncode, done.stdout, done.stderr) == (0, TABLE, "")
    assert daemon.requests == [b'{"cmd": "agent_status"}\n']


def test_list_as_json_is_the_reply(run: Run, daemon: ScriptedDaemon) -> None:
    daemon.replies(ok=True, agent_statuses=ROWS, something_new=1)
    done = run("list", "--json", f"--socket={daemon.path}")
    assert json.loads(done.stdout) == json.loads(daemon.answer)
    assert done.stdout.count("\n") == 1


def test_a_hive_is_named_by_its_root_or_the_environment(run: Run, daemon: ScriptedDaemon) -> None:
    daemon.replies(ok=True, agent_statuses=[])
    run_dir = daemon.path.parent
    (run_dir / "hyperhive").symlink_to(run_dir)
    for words, env in (
        (("--root", str(run_dir.parent)), {"HIVE_SOCKET": "/nowhere"}),
        ((), {"HIVE_SOCKET": str(daemon.path)}),
        ((), {"XDG_RUNTIME_DIR": str(run_dir)}),
    ):
        done = run("list", *words, **env)
        assert (done.returncode, done.stdout) == (0, "No agents.\n"), done.stderr


def test_the_full_command_line_gives_the_same(
    unpacked: Path, clean_env: dict[str, str], daemon: ScriptedDaemon, run: Run
) -> None:
    daemon.replies(ok=True, agent_statuses=ROWS)
    (site,) = unpacked.glob("hive.pyz_*/site-packages")
    env = {**clean_env, "PYTHONPATH": str(site)}
    for last in ([], ["--json"], ["--socket", "/nowhere"]):
        words = ["list", "--socket", str(daemon.path), *last]
        argv = [sys.executable, "-P", "-m", "hive", *words]
        full = subprocess.run(argv, env=env, capture_output=True, text=True)
        quick = run(*words)
        assert (full.returncode, full.stdout, full.stderr) == (
            quick.returncode,
            quick.stdout,
            quick.stderr,
        )


@pytest.mark.parametrize("verb", ["list", "pending"])
@pytest.mark.parametrize(
    ("to", "status", "said"),
    [
        (">/dev/full", 1, "hive: the output cannot be written: No space left on device"),
        (">&-", 0, ""),
    ],
)
def test_what_cannot_be_printed_is_told_in_one_line(
    pyz: Path,
    clean_env: dict[str, str],
    daemon: ScriptedDaemon,
    verb: str,
    to: str,
    status: int,
    said: str,
) -> None:
    daemon.replies(ok=True, agent_statuses=ROWS, approvals=[])
    words = [str(pyz), verb, "--socket", str(daemon.path)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {to}', "sh", *words], env=clean_env, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.partition(";")[0]) == (status, said)
    assert done.stderr.count("\n") == (1 if said else 0)


def test_names_from_the_wire_cannot_steer_the_terminal(run: Run, daemon: ScriptedDaemon) -> None:
    daemon.replies(ok=True, agent_statuses=[{"name": "a1", "status_text": "\x1b[2Jgone\nx"}])
    done = run("list", "--socket", str(daemon.path))
    assert "\x1b" not in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("bad_request", 2),
        ("too_large", 2),
        ("unreachable", 3),
        ("refused", 4),
        ("unauthorized", 4),
        ("not_found", 5),
        ("conflict", 1),
        ("unheard_of", 1),
    ],
)
def test_a_failure_is_one_line_and_its_status(
    run: Run, daemon: ScriptedDaemon, code: str, status: int
) -> None:
    daemon.replies(ok=False, error="no such\nthing: make one", code=code)
    done = run("list", "--socket", str(daemon.path))
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == "hive: no such thing: make one\n"


def test_nobody_there_is_status_3_and_names_the_mend(run: Run, short_tmp: Path) -> None:
    done = run("list", "--socket", str(short_tmp / "host.sock"))
    assert done.returncode == 3
    assert "hive.pyz up" in done.stderr
    assert done.stderr.count("\n") == 1
    (short_tmp / "host.sock").touch()
    assert run("list", "--socket", str(short_tmp / "host.sock")).returncode == 3
    assert run("list", "--socket", "/" + "x" * 200).returncode == 3


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"[1]\n", b"{}\n", b"\xff\xfe\n", b"{"])
def test_an_answer_that_is_not_hives_is_a_sentence(
    run: Run, daemon: ScriptedDaemon, answer: bytes
) -> None:
    daemon.answer = answer
    done = run("list", "--socket", str(daemon.path))
    assert done.returncode in {1, 3}
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [["frobnicate"], ["list", "--nope"], ["list", "--socket"], ["spawn"], ["approve", "x"]],
)
def test_bad_usage_is_status_2(run: Run, words: list[str]) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_reader_that_leaves_is_no_traceback(
    pyz: Path, daemon: ScriptedDaemon, clean_env: dict[str, str]
) -> None:
    daemon.replies(ok=True, agent_statuses=ROWS * 5000)
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, pyz, "list", "--socket", daemon.path]
    done = subprocess.run(argv, env=clean_env, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1

"""`hive.pyz up` and every client verb, as a person runs them, under every Python that is here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import attrs
import pytest

from tests.pyz.conftest import pythons

PATIENCE_S = 60.0
ENDS_S = 8.0


@attrs.frozen
class Up:
    """A hive that was started with `up --demo`."""

    process: subprocess.Popen[str]
    log: Path
    verb: Callable[..., subprocess.CompletedProcess[str]]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something has come about in other processes."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)


def start(
    pyz: Path, root: Path, env: dict[str, str], python: str, log: IO[str]
) -> subprocess.Popen[str]:
    """Start `up` below a root."""
    words = ["up", "--demo", "--root", str(root), "--port", "0", "--no-browser"]
    return subprocess.Popen(
        [python, str(pyz), *words], env=env, stdout=log, stderr=log, text=True, cwd=root
    )


@pytest.fixture(params=pythons(), ids=lambda path: Path(path).parents[1].name)
def up(request: pytest.FixtureRequest, pyz: Path, unpacked: Path, short_tmp: Path) -> Iterator[Up]:
    """A running hive, and a way to call client verbs of the same file on it."""
    python: str = request.param
    env = {"PATH": os.environ["PATH"], "HOME": str(short_tmp), "SHIV_ROOT": str(unpacked)}
    log = short_tmp / "up.log"

    def verb(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        argv = [python, str(pyz), words[0], "--root", str(short_tmp), *words[1:]]
        return subprocess.run(
            argv, env=env, input=text, capture_output=True, text=True, timeout=90, check=False
        )

    with log.open("w") as file:
        process = start(pyz, short_tmp, env, python, file)
    made = Up(process, log, verb)
    try:
        made.wait(lambda: "log in once with: http://" in log.read_text())
        yield made
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def test_a_day_at_the_command_line(up: Up) -> None:
    asked = up.verb("request-spawn", "alice", "--description", "counts words")
    assert asked.returncode == 0, asked.stderr
    number = re.search(r"approval (\d+)", asked.stdout)
    assert number is not None
    assert "counts words" in up.verb("pending").stdout
    assert up.verb("approve", number[1]).stdout == f"{number[1]}: approved, alice: it runs\n"
    assert up.verb("pending").stdout == "Nothing waits for approval.\n"
    assert re.search(r"^alice +running", up.verb("list").stdout, re.MULTILINE)
    assert up.verb("send", "alice", text="How many words are these?").returncode == 0
    up.wait(lambda: "alice" in up.verb("inbox").stdout)
    assert "5 words" in up.verb("inbox").stdout
    assert up.verb("inbox", "--read").stdout == "1 marked read\n"
    assert "harness is up" in up.verb("logs", "alice").stdout
    for verb, past in (
        ("pause", "paused"),
        ("resume", "resumed"),
        ("kill", "stopped"),
        ("start", "started"),
        ("restart", "restarted"),
        ("rebuild", "rebuilt"),
    ):
        done = up.verb(verb, "alice")
        assert (done.stdout, done.stderr) == (f"alice: {past}\n", "")
    assert up.verb("destroy", "alice").returncode == 2
    assert (
        up.verb("destroy", "alice", "--yes", "--purge").stdout
        == "alice: destroyed with its state\n"
    )
    assert "alice" not in up.verb("list").stdout


def test_scripts_get_json_and_statuses(up: Up) -> None:
    reply = json.loads(up.verb("list", "--json").stdout)
    assert (reply["version"], reply["ok"], reply["agents"]) == (1, True, ["manager"])
    assert up.verb("kill", "nobody").returncode == 5
    assert up.verb("destroy", "manager", "--yes").returncode == 4
    assert up.verb("spawn", "..").returncode == 2
    assert up.verb("approve", "77").returncode == 5
    for words in (("kill", "nobody"), ("spawn", ".."), ("send", "nobody", "hello")):
        done = up.verb(*words)
        assert done.stderr.startswith("hive: ")
        assert done.stderr.count("\n") == 1
    made = up.verb("token", "--name", "cron")
    assert len(made.stdout.strip()) > 30
    assert up.verb("token", "--list").stdout == "cron\n"
    assert up.verb("token", "--name", "cron", "--revoke").stdout == "cron: revoked\n"
    assert up.verb("token", "--list").stdout == "No tokens.\n"
    assert up.verb("login-link").stdout.startswith("http://127.0.0.1:")


def test_ctrl_c_stops_everything(up: Up, short_tmp: Path) -> None:
    assert up.verb("spawn", "alice").returncode == 0
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(ENDS_S) == 0
    left = [
        pid
        for pid in Path("/proc").iterdir()
        if pid.name.isdigit() and _mentions(pid / "mountinfo", f"{short_tmp.name}/state/agents/")
    ]
    assert left == []
    assert "Traceback" not in up.log.read_text()
    done = up.verb("list")
    assert done.returncode == 3
    assert "up" in done.stderr


def _mentions(file: Path, text: str) -> bool:
    try:
        return text in file.read_text()
    except OSError:
        return False


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_subcommand(
    run: Callable[..., subprocess.CompletedProcess[str]], shell: str
) -> None:
    script = run("completion", shell).stdout
    for word in ("request-spawn", "login-link", "doctor", "--purge"):
        assert word.removeprefix("--") in script

"""The built zipapp, the Pythons it must run under, and a scripted daemon to talk to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def pythons() -> list[str]:
    """Return one interpreter for each Python version that is found here, our own first."""
    found = {sys.version_info[:2]: sys.executable}
    candidates = [shutil.which(f"python3.{minor}") for minor in range(11, 15)]
    candidates += [str(path) for path in Path.home().glob(".pyenv/versions/3.*/bin/python3")]
    for each in filter(None, candidates):
        probe = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([each, "-c", probe], capture_output=True, text=True, check=False)
        version = tuple(int(word) for word in done.stdout.split())
        if done.returncode == 0 and (3, 11) <= version < (3, 15):
            found.setdefault(version, each)
    return list(found.values())


@pytest.fixture
def clean_env(tmp_path: Path) -> dict[str, str]:
    """An environment of which the test knows every variable, with a home of its own."""
    home = tmp_path / "home"
    home.mkdir()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary)}


@pytest.fixture
def run(pyz: Path, unpacked: Path, clean_env: dict[str, str]) -> Run:
    """Run the zipapp with some words and return the finished process."""

    def run(*words: str, python: str = sys.executable, **env: str) -> object:
        full = {**clean_env, "SHIV_ROOT": str(unpacked), **env}
        argv = [python, str(pyz), *words]
        return subprocess.run(
            argv, env=full, capture_output=True, text=True, timeout=60, check=False
        )

    return run


class ScriptedDaemon:
    """Answers every connection on a unix socket with the same bytes, and keeps what it was sent."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer = b""
        self.requests: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def replies(self, **reply: object) -> None:
        """Answer with this reply from now on."""
        self.answer = json.dumps({"version": 1, **reply}).encode() + b"\n"

    def _serve(self) -> None:
        while True:
            client, _ = self._socket.accept()
            with client, client.makefile("rb") as file:
                line = file.readline()
                if line == b"stop\n":
                    return
                self.requests.append(line)
                client.sendall(self.answer)

    def close(self) -> None:
        """End the thread and the socket."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.path))
            client.sendall(b"stop\n")
        self._thread.join(10)
        self._socket.close()


@pytest.fixture
def daemon(short_tmp: Path) -> Iterator[ScriptedDaemon]:
    """A scripted daemon on `<short_tmp>/run/host.sock`."""
    (short_tmp / "run").mkdir()
    daemon = ScriptedDaemon(short_tmp / "run/host.sock")
    yield daemon
    daemon.close()

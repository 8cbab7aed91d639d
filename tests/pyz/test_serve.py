"""`hive.pyz serve` as systemd starts it: it says that it is up, lives and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

PATIENCE_S = 60.0


def heard(listener: socket.socket, word: str) -> list[str]:
    """Return what is told until `word` is."""
    said: list[str] = []
    while word not in said:
        said += listener.recv(4096).decode().split("\n")
    return said


def test_the_service_manager_hears_of_the_whole_life_of_a_daemon(
    pyz: Path, unpacked: Path, short_tmp: Path
) -> None:
    settings = {"root": str(short_tmp), "port": 0, "demo": True, "containers": "process"}
    config = short_tmp / "config.json"
    config.write_text(json.dumps({**settings, "stop_containers": True}))
    env = {"PATH": os.environ["PATH"], "HOME": str(short_tmp), "SHIV_ROOT": str(unpacked)}
    listening = {"NOTIFY_SOCKET": str(short_tmp / "notify"), "WATCHDOG_USEC": "300000"}
    argv = [sys.executable, str(pyz)]
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        (short_tmp / "log").open("w") as log,
    ):
        listener.bind(listening["NOTIFY_SOCKET"])
        listener.settimeout(PATIENCE_S)
        words = [*argv, "serve", "--config", str(config)]
        daemon = subprocess.Popen(words, env={**env, **listening}, stdout=log, stderr=log)
        try:
            said = heard(listener, "WATCHDOG=1")
            assert said[0] == "READY=1"
            assert said[1].startswith("STATUS=the hive is up: http://127.0.0.1:")
            # Ready means that its sockets answer, at the first try.
            listed = [*argv, "list", "--root", str(short_tmp)]
            done = subprocess.run(listed, env=env, capture_output=True, text=True)
            assert (done.returncode, done.stderr) == (0, "")
            daemon.send_signal(signal.SIGTERM)
            assert heard(listener, "STOPPING=1")[-1] == "STATUS=stopping"
            assert daemon.wait(PATIENCE_S) == 0
        finally:
            daemon.kill()
            daemon.wait()

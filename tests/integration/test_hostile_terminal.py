"""What an agent may answer in the place of its harness's terminals, at the operator's command."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
import trio

from hive import light
from hive.wire import terminal
from tests.fakes.hostile_agent.trial import STEERING

NASTY = "".join(f"{STEERING}\x07".split())
ANSWERS: dict[str, tuple[bytes, int, str]] = {
    "a huge frame": (terminal.DATA + b"\xff\xff\xff\xff", 1, "no frame of a terminal"),
    "an end of no status": (terminal.frame(terminal.EXIT), 1, "a wrong length"),
    "a failure": (terminal.failed("not_found", NASTY), 5, light.printable(NASTY)),
    "a sentence": (
        terminal.sentence(terminal.NOTE, NASTY) + terminal.exited(9),
        9,
        light.printable(NASTY),
    ),
    "half a frame": (terminal.frame(terminal.DATA, b"x" * 99)[:50], 1, "was cut off"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_no_answer_breaks_the_command_or_steers_the_terminal(
    short_tmp: Path, name: str
) -> None:
    answer, status, text = ANSWERS[name]

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(65536)
            await stream.send_all(b'{"version": 1, "ok": true}\n' + answer)

    path = short_tmp / "host.sock"
    sock = trio.socket.socket(socket.AF_UNIX)
    await sock.bind(str(path))
    sock.listen()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, handle, [trio.SocketListener(sock)])
        command = [sys.executable, "-m", "hive", "shell", "--socket", str(path), "bob"]
        with trio.fail_after(60):
            done = await trio.run_process(
                command, capture_stdout=True, capture_stderr=True, stdin=b"typed", check=False
            )
        nursery.cancel_scope.cancel()
    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (status, b"")
    assert text in said
    assert said.count("\n") == 1
    assert all(each.isprintable() or each == "\n" for each in said)

"""systemd is told that the daemon is up, lives and stops, and nobody else is."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from hive import environment
from hive.nursery import service_manager
from hive.nursery.service_manager import ServiceManager


@contextmanager
def systemd(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.setblocking(False)
        yield listener


def heard(listener: socket.socket) -> list[list[str]]:
    found = []
    while True:
        try:
            found.append(listener.recv(4096).decode().split("\n"))
        except BlockingIOError:
            return found


async def test_it_is_ready_then_alive_three_times_as_often_as_asked_then_stopping(
    short_tmp: Path, autojump_clock: trio.testing.MockClock
) -> None:
    address = str(short_tmp / "n")
    with systemd(address) as listener:
        with trio.move_on_after(59):
            await ServiceManager(address, 60.0).run("up")
        said = heard(listener)
    assert said == [
        ["READY=1", "STATUS=up"],
        *[["WATCHDOG=1"]] * 3,
        ["STOPPING=1", "STATUS=stopping"],
    ]


async def test_without_a_watchdog_there_are_no_signs_of_life(
    autojump_clock: trio.testing.MockClock,
) -> None:
    name = f"hive-test-{os.getpid()}-{os.urandom(4).hex()}"
    with systemd(f"\0{name}") as listener:
        with trio.move_on_after(600):
            await ServiceManager(f"@{name}", None).run("up")
        assert [said[0] for said in heard(listener)] == ["READY=1", "STOPPING=1"]


async def test_a_daemon_that_nobody_listens_to_goes_on(
    short_tmp: Path, caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    with caplog.at_level(logging.WARNING), trio.move_on_after(1):
        await ServiceManager(str(short_tmp / "gone"), 10.0).run("up")
    assert "systemd was not told READY=1: No such file or directory" in caplog.text
    caplog.clear()
    with trio.move_on_after(1):
        await ServiceManager(None, 10.0).run("up")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("60000000", None, 60.0),
        ("1500000", "own", 1.5),
        ("60000000", "1", None),
        ("0", None, None),
        ("x", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_counts_only_for_the_process_it_is_meant_for(
    usec: str | None, pid: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = str(os.getpid()) if pid == "own" else pid
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", own)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert environment.watchdog_s() == seconds


def test_what_systemd_tells_the_daemon_reaches_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    assert service_manager.of_environment()._address == "/run/systemd/notify"
    assert "NOTIFY_SOCKET" not in environment.program_environment()

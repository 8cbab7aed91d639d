"""Only a plain file is opened, and it is the one that was looked at."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from hive.host import plain_file


def pinned(path: Path) -> int:
    return os.open(path, plain_file.PIN)


def make_link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (make_link, errno.ELOOP),
        (Path.mkdir, errno.EISDIR),
        (os.mkfifo, errno.ENXIO),
        (make_socket, errno.ENXIO),
    ],
)
def test_nothing_else_is_opened(short_tmp: Path, make: Callable[[Path], None], number: int) -> None:
    make(short_tmp / "it")
    pin = pinned(short_tmp / "it")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the number says which
        plain_file.open_pinned(pin)
    os.close(pin)
    assert caught.value.errno == number


def test_a_device_is_not_opened() -> None:
    pin = pinned(Path("/dev/null"))
    with pytest.raises(OSError, match="No such device"):
        plain_file.open_pinned(pin)
    os.close(pin)


def test_what_takes_its_place_meanwhile_is_not_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("looked at")
    pin = pinned(tmp_path / "it")
    (tmp_path / "it").unlink()
    (tmp_path / "it").write_text("put there since")
    with os.fdopen(plain_file.open_pinned(pin)) as file:
        assert file.read() == "looked at"
    os.close(pin)

"""A container's unit as systemd sees it, and which versions are known to be weak."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hive.host import systemd
from hive.host.records import Record
from hive.wire.agent_config import Limits

ROOT = Path(__file__).resolve().parents[3]
UNIT = ROOT / "tests/fakes/nixos/container@.service"
ALL = Limits(memory_mib=512, cpu_percent=150, tasks=200)


def verify(folder: Path, drop_in: str) -> subprocess.CompletedProcess[str]:
    """Let systemd itself read the unit of a container with that drop-in."""
    unit = UNIT.read_text().replace("/usr/local/lib/containers/container-unit", "/bin/true")
    (folder / "container@.service").write_text(unit)
    (folder / "container@h-a.service.d").mkdir()
    (folder / "container@h-a.service.d" / systemd.DROP_IN).write_text(drop_in)
    return subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=one", "container@h-a.service"],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
        cwd=folder,
        capture_output=True,
        text=True,
    )


if shutil.which("systemd-analyze"):

    @pytest.mark.parametrize("limits", [Limits(), ALL], ids=["none", "all"])
    def test_systemd_takes_the_drop_in(tmp_path: Path, limits: Limits) -> None:
        done = verify(tmp_path, systemd.drop_in(limits, tmp_path / "ended.sh"))
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_drop_in_with_a_wrong_key_would_be_noticed(tmp_path: Path) -> None:
        done = verify(tmp_path, "[Service]\nMemoryMost=1M\n")
        assert done.returncode != 0
        assert "MemoryMost" in done.stderr


def test_limits_are_in_the_drop_in_and_none_are_without() -> None:
    text = systemd.drop_in(ALL, Path("/e"))
    assert {"MemoryMax=512M", "MemorySwapMax=0", "CPUQuota=150%", "TasksMax=200"} <= set(
        text.splitlines()
    )
    assert not {"MemoryMax", "MemorySwapMax", "CPUQuota", "TasksMax"} & {
        line.partition("=")[0] for line in systemd.drop_in(Limits(), Path("/e")).splitlines()
    }


def test_nothing_but_hive_starts_a_container_again() -> None:
    lines = systemd.drop_in(Limits(), Path("/e")).splitlines()
    assert {"Restart=no", "RestartForceExitStatus=", "StartLimitIntervalSec=0"} <= set(lines)


@pytest.mark.parametrize(
    ("status", "code"),
    [("0", 0), ("7", 7), ("255", 255), ("KILL", 137), ("TERM", 143), ("XFSZ", 255), ("", None)],
)
def test_how_it_ended_is_written_as_the_record_reads_it(
    tmp_path: Path, status: str, code: int | None
) -> None:
    record = Record(tmp_path)
    script = tmp_path / "ended.sh"
    script.write_text(systemd.ended_script(record.status))
    subprocess.run(["/bin/sh", script], env={"EXIT_STATUS": status}, check=True)
    assert record.told().exit_code == code


def test_several_units_are_told_apart() -> None:
    text = (
        "Id=container@h-a.service\nActiveState=active\nSubState=running\nMainPID=12\n"
        "NeedDaemonReload=yes\n\nId=container@h-b.service\nActiveState=failed\nMainPID=0\n"
    )
    first, second = systemd.parse_units(text)
    assert (first.name, first.is_running, first.main_pid, first.needs_reload) == (
        "container@h-a.service",
        True,
        12,
        True,
    )
    assert not second.is_running
    assert systemd.parse_units("") == []


@pytest.mark.parametrize("state", ["activating", "active", "deactivating", "reloading"])
def test_what_comes_up_or_goes_down_counts_as_running(state: str) -> None:
    assert systemd.Unit("u", active=state).is_running


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("systemd 252 (252.36-1~deb12u1)\n+PAM", (252, 36)),
        ("systemd 257 (257.12)", (257, 12)),
        ("systemd 260 (260~rc1)", (260, 0)),
        ("systemd 258", (258, 0)),
        ("nothing", None),
    ],
)
def test_the_version_is_read(said: str, version: tuple[int, int] | None) -> None:
    assert systemd.parse_version(said) == version


@pytest.mark.parametrize(
    ("version", "is_weak"),
    [
        ((232, 0), False),
        ((233, 0), True),
        ((252, 36), True),
        ((257, 11), True),
        ((257, 12), False),
        ((258, 5), True),
        ((258, 6), False),
        ((259, 3), True),
        ((259, 4), False),
        ((260, 0), False),
        ((261, 1), False),
    ],
)
def test_the_escape_by_a_settings_file_is_known(version: tuple[int, int], is_weak: bool) -> None:
    (escape,) = systemd.ESCAPES
    assert escape.is_in(version) is is_weak

"""`hive.pyz unit` prints a unit that systemd takes, with this program and, if so wished, a user."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from hive import cli
from hive.errors import BadRequest
from hive.host import service_unit

ANALYZE = shutil.which("systemd-analyze")
UNKNOWN_TO_OLDER = "Unknown key 'DelegateSubgroup'"
"""systemd 254 knows it; older ones pass over it, and so does a root's daemon."""


def entries(text: str) -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found[key].append(value)
    return dict(found)


def test_it_starts_the_daemon_by_a_verb_with_flags_that_exist() -> None:
    (line,) = entries(service_unit.text())["ExecStart"]
    words = line.split()
    assert words[0] == service_unit.USUAL
    assert cli.make_parser().parse_args(words[1:]).command == "serve"


def test_it_is_one_that_any_reader_of_units_reads() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read_string(service_unit.text())
    assert unit.sections() == ["Unit", "Service", "Install"]


def test_the_program_stands_where_it_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["unit", "--program", "/opt/hive.pyz"]) == 0
    started = entries(capsys.readouterr().out)["ExecStart"]
    assert started == ["/opt/hive.pyz serve --config /etc/hyperhive/config.json"]
    for path in ("hive.pyz", "/a b", "/a%b", "/a\nUser=x"):
        with pytest.raises(BadRequest, match="cannot stand in a unit"):
            service_unit.text(None, path)


def test_a_users_daemon_is_that_user_without_any_right() -> None:
    found = entries(service_unit.text("hive"))
    assert (found["User"], found["Group"]) == (["hive"], ["hive"])
    assert found["CapabilityBoundingSet"] == [""]
    for name in ("hive hive", "x\nUser=root", "", "Ü"):
        with pytest.raises(BadRequest, match="no name of a user"):
            service_unit.text(name)


def test_what_containers_need_is_left_open_and_what_lets_them_live_is_there() -> None:
    found = entries(service_unit.text())
    assert found["KillMode"] == ["process"]
    assert found["RuntimeDirectoryPreserve"] == ["true"]
    assert found["Delegate"] == ["true"]
    closed = {
        *("MemoryDenyWriteExecute", "PrivateUsers", "ProcSubset", "ProtectControlGroups"),
        *("ProtectHostname", "ProtectKernelLogs", "ProtectKernelTunables", "ProtectProc"),
        *("RestrictNamespaces", "PrivateNetwork"),
    }
    assert not closed & set(found)


if ANALYZE:

    @pytest.mark.parametrize("user", [None, "games"])
    def test_systemd_takes_it(user: str | None, tmp_path: Path) -> None:
        file = tmp_path / "hyperhive.service"
        file.write_text(service_unit.text(user, "/bin/true"))
        done = subprocess.run([ANALYZE, "verify", file], capture_output=True, text=True)
        said = [line for line in done.stderr.splitlines() if UNKNOWN_TO_OLDER not in line]
        assert (done.returncode, said) == (0, [])

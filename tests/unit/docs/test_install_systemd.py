"""docs/install-systemd.md says of each line of the unit what it is for, and how well it is shut."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hive.host import service_unit
from tests.unit.docs.pages import blocks, code, page, section, table

ANALYZE = shutil.which("systemd-analyze")
ROUGHLY = 0.6
"""One version of systemd looks at more than another."""


def keys_of(text: str) -> set[str]:
    service = text.partition("[Service]")[2].partition("[Install]")[0]
    return {line.partition("=")[0] for line in service.splitlines() if "=" in line}


def test_every_line_of_the_unit_is_explained_and_no_other() -> None:
    rows = table(section(page("install-systemd.md"), "The unit"))
    said = [word for row in rows for word in code(row[0])]
    kept = keys_of(service_unit.text())
    left_open = set(said) - kept
    assert kept <= set(said)
    assert len(said) == len(set(said))
    assert left_open == {
        *("IPAddressDeny", "MemoryDenyWriteExecute", "PrivateNetwork", "PrivateUsers"),
        *("ProcSubset", "ProtectControlGroups", "ProtectHostname", "ProtectKernelLogs"),
        *("ProtectKernelTunables", "ProtectProc", "RestrictNamespaces"),
    }


def test_every_right_of_the_unit_is_explained() -> None:
    rows = table(section(page("install-systemd.md"), "The unit"))
    (told,) = [row[1] for row in rows if code(row[0]) == ["CapabilityBoundingSet"]]
    kept = re.findall(r"^CapabilityBoundingSet=CAP_(\w+)$", service_unit.text(), re.MULTILINE)
    assert sorted(code(told)) == sorted(kept)
    assert "with ten of its rights" in page("install-systemd.md")
    assert len(kept) == 10


def test_the_commands_name_what_the_unit_names() -> None:
    (commands, *_) = blocks(section(page("install-systemd.md"), "Install"), "sh")
    unit = service_unit.text(None, service_unit.USUAL)
    assert "/etc/hyperhive/config.json" in commands
    assert "--config /etc/hyperhive/config.json" in unit
    assert service_unit.USUAL in commands


if ANALYZE:

    @pytest.mark.parametrize(("user", "which"), [(None, 0), ("games", 1)])
    def test_the_score_that_is_told_is_systemds(
        user: str | None, which: int, tmp_path: Path
    ) -> None:
        file = tmp_path / "hyperhive.service"
        file.write_text(service_unit.text(user, "/bin/true"))
        words = [ANALYZE, "security", "--offline=yes", "--no-pager", file]
        done = subprocess.run(words, capture_output=True, text=True)
        found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
        said = re.search(
            r"the unit ([0-9.]+) of 10 as root's and ([0-9.]+) as", page("install-systemd.md")
        )
        assert found
        assert said
        assert abs(float(found[1]) - float(said[which + 1])) <= ROUGHLY

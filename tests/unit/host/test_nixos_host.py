"""What a NixOS host is asked about its containers."""

from __future__ import annotations

import os
from pathlib import Path

from hive.host import proc
from hive.host.nixos_host import NixosHost

UNIT = "container@h-a.service"


def test_what_all_of_a_unit_wrote_is_summed_and_nothing_of_another(tmp_path: Path) -> None:
    for group, pid in ((f"{UNIT}/payload/inner", os.getpid()), ("container@h-b.service", 1)):
        folder = tmp_path / "machine.slice" / group
        folder.mkdir(parents=True)
        (folder / "cgroup.procs").write_text(f"{pid}\n")
    host = NixosHost(groups=tmp_path)
    before = proc.written_bytes(os.getpid())
    found = host.written_below(f"/machine.slice/{UNIT}/supervisor", UNIT)
    assert before <= found <= proc.written_bytes(os.getpid())
    assert host.written_below("/machine.slice/session-1.scope", UNIT) == 0
    assert host.written_below("", UNIT) == 0

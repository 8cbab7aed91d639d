"""Building a system: what nix is asked, what is taken from its answer, and its lines on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from hive.errors import ProgramFailed, Unavailable
from hive.host import nix_build
from hive.process import SAID_BYTES, run
from hive.wire.names import AgentName

B = AgentName("b-2")


def program(folder: Path, script: str) -> str:
    file = folder / "nix"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


async def test_the_path_is_read_from_what_nix_prints(tmp_path: Path) -> None:
    answer = json.dumps([{"drvPath": "/nix/store/d", "outputs": {"out": "/nix/store/s"}}])
    nix = program(tmp_path, f"echo one >&2; echo \"$@\" >&2; pwd >&2; echo '{answer}'")
    said: list[str] = []
    path = await nix_build.system(nix, tmp_path, B, said.append, timeout_s=10)
    assert path == "/nix/store/s"
    first, words, folder = said
    assert first == "one"
    assert words.endswith(f'-- {tmp_path}#nixosConfigurations."b-2".config.system.build.toplevel')
    assert "accept-flake-config false" in words
    assert "/hive-build-" in folder


@pytest.mark.parametrize("answer", ["", "[]", "{}", '[{"outputs": {"out": "relative"}}]', "[1]"])
async def test_an_answer_without_a_path_is_a_failure(tmp_path: Path, answer: str) -> None:
    with pytest.raises(Unavailable, match="nix"):
        await nix_build.system(
            program(tmp_path, f"echo '{answer}'"), tmp_path, B, lambda _: None, timeout_s=10
        )


async def test_a_build_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    nix = program(tmp_path, "echo begun >&2; sleep 100")
    said: list[str] = []
    with pytest.raises(ProgramFailed, match="did not finish in time"):
        await nix_build.system(nix, tmp_path, B, said.append, timeout_s=0.3)
    assert said == ["begun"]


async def test_lines_come_while_it_runs(tmp_path: Path) -> None:
    nix = program(tmp_path, f"echo first >&2; while [ ! -e {tmp_path}/go ]; do sleep 0.01; done")
    with trio.fail_after(20):
        await run([nix], timeout_s=20, say=lambda _: (tmp_path / "go").touch())


async def test_a_flood_of_output_is_passed_on_in_pieces_and_its_end_is_kept(tmp_path: Path) -> None:
    nix = program(tmp_path, "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1")
    said: list[str] = []
    with pytest.raises(ProgramFailed) as failure:
        await run([nix], timeout_s=20, say=said.append)
    assert failure.value.stderr.endswith("the end\n")
    assert len(failure.value.stderr) <= SAID_BYTES
    assert sum(len(line) for line in said) == 1000000 + len("the end")

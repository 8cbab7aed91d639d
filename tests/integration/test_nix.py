"""Nix is asked in the words that its version knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import BadRequest, ProgramFailed, Unavailable
from hive.host.nix import Nix, find_nix

SCRIPT = """\
#!/bin/sh
if [ "$1" = --version ]; then echo '{version}'; exit 0; fi
for word in "$@"; do echo "$word" >&2; done
echo "$PATH" >&2
"""


def stand_in(folder: Path, version: str) -> Nix:
    program = folder / "nix"
    program.write_text(SCRIPT.format(version=version))
    program.chmod(0o755)
    return Nix(str(program), "/opt/git/bin/git", {"PATH": "/usr/bin:/bin"})


async def words(nix: Nix, *inputs: str) -> list[str]:
    said: list[str] = []
    await nix.update(Path("/meta"), inputs, said.append)
    return said


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("nix (Nix) 2.8.0", (2, 8)),
        ("nix (Nix) 2.26.3", (2, 26)),
        ("nix (Nix) 2.29.0pre20250401_abc", (2, 29)),
        ("nix (Lix, like Nix) 2.91.1", (2, 91)),
        ("nix (Determinate Nix 3.6.2) 2.29.0", (2, 29)),
    ],
)
async def test_the_version_is_read(tmp_path: Path, line: str, version: tuple[int, int]) -> None:
    assert await stand_in(tmp_path, line).version() == version


async def test_an_old_nix_locks_inputs_by_name(tmp_path: Path) -> None:
    said = await words(stand_in(tmp_path, "nix (Nix) 2.18.9"), "a", "b/c")
    assert said[:2] == ["flake", "lock"]
    assert said[-6:-1] == ["--update-input", "a", "--update-input", "b/c", "/meta"]


async def test_a_newer_nix_updates_them(tmp_path: Path) -> None:
    said = await words(stand_in(tmp_path, "nix (Nix) 2.19.0"), "a", "b/c")
    assert said[:2] == ["flake", "update"]
    assert said[-5:-1] == ["--flake", "/meta", "a", "b/c"]


async def test_nix_finds_git_whatever_the_daemons_path_is(tmp_path: Path) -> None:
    said = await words(stand_in(tmp_path, "nix (Nix) 2.8.0"), "a")
    assert said[-1] == "/opt/git/bin:/usr/bin:/bin"


async def test_inputs_without_end_are_refused(tmp_path: Path) -> None:
    program = tmp_path / "nix"
    program.write_text("#!/bin/sh\nexec head -c 3000000 /dev/zero\n")
    program.chmod(0o755)
    with pytest.raises(BadRequest, match="longer than hive takes"):
        await Nix(str(program), "/usr/bin/git", {"PATH": "/usr/bin:/bin"}).inputs_in("{ }")


async def test_a_nix_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nix is not on PATH"):
        find_nix(str(tmp_path))
    with pytest.raises(ProgramFailed, match="cannot start it"):
        await Nix(str(tmp_path / "nix"), "/usr/bin/git", {}).version()

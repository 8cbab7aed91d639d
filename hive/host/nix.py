"""Running Nix on flakes: locking, updating chosen inputs, and reading what a lock holds.

Every call names the features it needs, so the host's nix.conf may leave them off. Flake registries
are never asked: what an agent builds from is written down in its own flake.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hive import process
from hive.environment import search_path
from hive.errors import BadRequest, Unavailable

LOCK_TIMEOUT_S = 600.0
"""Inputs may have to be fetched from far away."""
SHORT_S = 20.0
INPUTS_BYTES = 1 << 20
FLAGS = (
    "--extra-experimental-features",
    "nix-command flakes",
    *("--option", "warn-dirty", "false"),
    *("--option", "use-registries", "false"),
    *("--option", "accept-flake-config", "false"),
)
UPDATE_TAKES_INPUTS = (2, 19)
"""From here on `nix flake update` takes the names of inputs; before, it took a flake."""
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.\d+)?\S*\s*$")


def find_nix(path: str | None = None) -> str:
    """Return where nix is; raises `Unavailable`."""
    found = shutil.which("nix", path=path or search_path())
    if found is None:
        raise Unavailable("nix is not on PATH: the runtime `nixos` needs a NixOS host")
    return found


class Nix:
    """One nix program, with git where it looks for it.

    Nix before 2.20 starts git by its name, and a service's PATH has none.
    """

    def __init__(self, program: str, git: str, env: Mapping[str, str]) -> None:
        self.program = program
        own = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/false"}
        path = f"{Path(git).parent}:{env.get('PATH') or search_path()}"
        self._env = {**env, **own, "PATH": path}
        self._version: tuple[int, int] | None = None

    async def version(self) -> tuple[int, int]:
        """Return the first two parts of the version; asked once."""
        if self._version is None:
            said = await self._call("--version", timeout_s=SHORT_S)
            found = _VERSION.search(said.stdout)
            if found is None:
                raise Unavailable(f"{self.program} --version said {said.stdout[:80]!r}")
            self._version = int(found[1]), int(found[2])
        return self._version

    async def lock(self, flake: Path, say: Callable[[str], None]) -> None:
        """Lock what of a flake's inputs is not locked yet, or was changed in its text."""
        await self._tell(say, "flake", "lock", *FLAGS, str(flake))

    async def update(self, flake: Path, inputs: Sequence[str], say: Callable[[str], None]) -> None:
        """Lock these inputs to their newest; a name that is no input is passed over."""
        if await self.version() >= UPDATE_TAKES_INPUTS:
            await self._tell(say, "flake", "update", *FLAGS, "--flake", str(flake), *inputs)
            return
        words = [word for name in inputs for word in ("--update-input", name)]
        await self._tell(say, "flake", "lock", *FLAGS, *words, str(flake))

    async def inputs_in(self, text: str) -> object:
        """Return the inputs that a `flake.nix` names, as JSON data; no file is read, no net asked.

        Raises `ProgramFailed` for a text that is no flake, `BadRequest` for inputs without end.
        """
        done = await self._call(
            *("eval", *FLAGS, "--json", "--store", "dummy://"),
            *("--option", "restrict-eval", "true", "--file", "-"),
            timeout_s=SHORT_S,
            given=f"({text}\n).inputs or {{ }}",
            output_max=INPUTS_BYTES,
        )
        if done.is_cut:
            raise BadRequest("the inputs of a flake are longer than hive takes: name fewer")
        return json.loads(done.stdout)

    async def _tell(self, say: Callable[[str], None], *args: str) -> None:
        done = await self._call(*args, timeout_s=LOCK_TIMEOUT_S)
        for line in done.stderr.splitlines():
            say(line)

    async def _call(
        self, *args: str, timeout_s: float, given: str = "", output_max: int | None = None
    ) -> process.Completed:
        return await process.run(
            (self.program, *args),
            timeout_s=timeout_s,
            env=self._env,
            cwd=Path("/"),
            input_text=given,
            output_max=output_max,
        )

"""Whether claude has an account to work with, and waiting until it has.

What was given by the operator (a key or a token as a file) counts as logged in; else claude itself
is asked. Neither proves that a turn will work, so after a turn was refused the wait ends when the
credentials have changed, or after a while to try again. A claude that cannot be asked, because it
is missing or of a version that does not know the question, is tried: the turn says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs

from hive import process
from hive.agent.driver import Launch
from hive.config import HarnessConfig
from hive.errors import ProgramFailed

PROBE_S = 20.0
LOOK_S = 2.0
"""How often the credentials' files are looked at while waiting."""
PROBE_AGAIN_S = 60.0
"""How often claude is asked while nothing changes."""
TRY_AGAIN_S = 300.0
"""After how long a refused account is tried again although nothing changed."""
CREDENTIALS = ".credentials.json"

Sleep = Callable[[float], Awaitable[bool]]
Probe = Callable[[], Awaitable[bool]]


@attrs.frozen
class Login:
    """How to tell whether there is a login."""

    is_given: bool
    """True when there is nothing to log in to: a key is given, or the stand-in runs."""
    files: tuple[Path, ...]
    """What changes when somebody logs in."""
    probe: Probe
    """Asks claude."""

    async def is_ready(self) -> bool:
        """Whether claude may be tried."""
        return self.is_given or await self.probe()

    async def wait(self, sleep: Sleep, *, was_refused: bool) -> bool:
        """Return once claude may be tried (again); `sleep` returns True to look at once.

        False when nothing says that it will not be refused again.
        """
        before = self._signature()
        waited = probed = 0.0
        while True:
            rang = await sleep(LOOK_S)
            waited += LOOK_S
            probed += LOOK_S
            has_changed = self._signature() != before
            if was_refused and not (has_changed or rang or waited >= TRY_AGAIN_S):
                continue
            if not (has_changed or rang or probed >= PROBE_AGAIN_S):
                continue
            before, probed = self._signature(), 0.0
            if await self.is_ready():
                return has_changed or rang or not was_refused

    def _signature(self) -> list[tuple[int, int] | None]:
        return [_stat(file) for file in self.files]


def _stat(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)


def _says_no(answer: str) -> bool:
    try:
        said = json.loads(answer)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("loggedIn") is False


def make_login(config: HarnessConfig, make_launch: Callable[[], Awaitable[Launch]]) -> Login:
    """Return the login of a harness."""
    secrets = tuple(Path(file) for file in config.secret_files.values())

    async def probe() -> bool:
        launch = await make_launch()
        try:
            done = await process.run(
                [*config.claude, "auth", "status"],
                timeout_s=PROBE_S,
                env=launch.env,
                cwd=Path(launch.cwd),
                check=False,
            )
        except ProgramFailed:
            return True
        return done.status == 0 or not _says_no(done.stdout)

    return Login(
        is_given=config.demo or bool(secrets),
        files=(Path(config.claude_dir) / CREDENTIALS, *secrets),
        probe=probe,
    )

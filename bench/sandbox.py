"""Measures the start of a sandbox with the whole boundary, beside bare bubblewrap.

From asking until the first instruction of the command: `date`, which prints the time it has when it
runs. The starts take turns. Bare is what one would write by hand: all of bwrap's namespaces, the
host's programs, /proc, /dev and a /tmp.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import trio

from bench import hives
from bench.figures import Figure, Report, median, spread
from hive.config import HostConfig
from hive.host.bubblewrap import Bubblewrap
from hive.host.runtime import Bind, ContainerSpec
from hive.paths import Paths
from hive.wire.agent_config import USUAL, Limits
from hive.wire.names import AgentName

BAR = 3.0
STARTS = 200
WARM_UP = 5
NAME = AgentName("a")
COMMAND = (shutil.which("date") or "/bin/date", "+%s%N")
BARE = (
    *("--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"),
    *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
    *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--clearenv"),
)
FOLDERS = {"run": "/run/hive", "state": "/state", "claude": "/root/.claude", "shared": "/shared"}

Start = Callable[[], Awaitable[float]]


@attrs.frozen
class _Stage:
    runtime: Bubblewrap
    spec: ContainerSpec

    async def start(self) -> float:
        """Return how many ms the whole way took."""
        began = time.time_ns()
        await self.runtime.start(self.spec)
        await self.runtime.wait_exit(NAME)
        (said,) = await self.runtime.logs(NAME, 1)
        return (int(said) - began) / 1e6


def measure(*, quick: bool = False) -> Report:
    """Start sandboxes and report how long each kind takes."""
    return trio.run(_measure, 10 if quick else STARTS)


async def _measure(starts: int) -> Report:
    with hives.scratch() as root:
        root.chmod(0o755)
        host = HostConfig()
        runtime = Bubblewrap(Paths(root / "state", root / "run"), time.time, host)
        if not all(finding.is_ok for finding in await runtime.probe()):
            raise hives.Failed("no sandbox starts here: see `hive.pyz doctor`")
        user = host.agent_uids if runtime.shares_user is None else None
        spec = _spec(root, user)
        ways: dict[str, Start] = {
            "program": _program(()),
            "bare": _program((shutil.which("bwrap") or "bwrap", *BARE, "--")),
            "all": _Stage(runtime, spec).start,
            "no user": _Stage(runtime, attrs.evolve(spec, user=None)).start,
            "no limits": _Stage(runtime, attrs.evolve(spec, limits=Limits())).start,
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(starts + WARM_UP):
            for name, start in ways.items():
                took = await start()
                if turn >= WARM_UP:
                    times[name].append(took)
    return _report(times, has_user=user is not None)


def _spec(root: Path, user: int | None) -> ContainerSpec:
    home = root / "state/agents" / NAME
    binds = []
    for name, target in FOLDERS.items():
        (home / name).mkdir(parents=True)
        if user is not None:
            os.chown(home / name, user, user)
        binds.append(Bind(home / name, target, writable=True))
    given = root / "state/given" / NAME
    given.mkdir(parents=True)
    binds.append(Bind(given, "/etc/hive"))
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return ContainerSpec(NAME, COMMAND, env, tuple(binds), "/", limits=USUAL, user=user)


def _program(before: tuple[str, ...]) -> Start:
    async def start() -> float:
        began = time.time_ns()
        done = subprocess.run(  # noqa: ASYNC221 - nothing else is to be done meanwhile
            [*before, *COMMAND], stdout=subprocess.PIPE, check=True
        )
        return (int(done.stdout) - began) / 1e6

    return start


def _report(times: dict[str, list[float]], *, has_user: bool) -> Report:
    base = median(times["bare"])
    middle = {name: median(each) for name, each in times.items()}
    ratio = middle["all"] / base
    parts = {
        "the user of its own": middle["all"] - middle["no user"] if has_user else None,
        "the limits": middle["all"] - middle["no limits"],
    }
    return Report(
        "Start of a sandbox",
        (
            Figure(
                "network, user, limits, filter of calls, own view of the files",
                f"{spread(times['all'])}: {ratio:.2f} times",
                f"bwrap alone, with a small root: {spread(times['bare'])}",
                f"at most {BAR:g} times",
                ratio <= BAR,
            ),
            *(
                Figure(f"of it, {name}", f"{more:.2f} ms")
                for name, more in parts.items()
                if more is not None
            ),
            Figure("the program without a sandbox", spread(times["program"])),
        ),
        (
            "From asking the runtime, or starting bwrap, until the first instruction of `date`;"
            " records, control groups and the mounts' check included.",
            "Bare is `bwrap --unshare-all` with /usr, /proc, /dev and a /tmp.",
            f"Medians of {len(times['all'])} starts each, in turns.",
        ),
    )

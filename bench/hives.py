"""Whole hives to measure: daemon, sandboxes, real claude, and an API that answers at once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive import calls
from hive.config import HarnessConfig
from hive.errors import HiveError
from hive.host.bubblewrap import Bubblewrap
from hive.paths import Paths
from hive.wire.names import agent_name

ROOT = Path(__file__).resolve().parent.parent
PYZ = ROOT / "dist/hive.pyz"
PATIENCE_S = 60.0
CALL_S = 30.0
AT_ONCE = 4


class Failed(Exception):
    """A hive that was to be measured did not do what it should; says what its log says."""


@attrs.frozen
class RunningHive:
    """A hive below a directory of its own."""

    root: Path
    paths: Paths
    process: subprocess.Popen[bytes]

    async def operator(self, cmd: str, /, **fields: Any) -> dict[str, Any]:
        """Make one request on the operator's socket; raises `Failed` when it is refused."""
        request = {"cmd": cmd, **fields}
        reply: dict[str, Any] = await calls.call(self.paths.host_socket, request, timeout_s=CALL_S)
        if not reply["ok"]:
            raise Failed(f"{request}: {reply}")
        return reply

    async def row(self, name: str) -> dict[str, Any] | None:
        """Return an agent's status row, None before it has one."""
        rows = (await self.operator("agent_status"))["agent_statuses"]
        return next((row for row in rows if row["name"] == name), None)

    async def wait_idle(self, name: str) -> None:
        """Wait until an agent has nothing to do."""

        async def is_idle() -> bool:
            row = await self.row(name)
            if row is None:
                return False
            return bool(row["turn_state"] == "idle" and row["unread"] == 0 and row["running"])

        await self.wait(is_idle)

    async def spawn(self, names: Sequence[str], at_once: int = AT_ONCE) -> None:
        """Make agents, some at a time."""
        limit = trio.CapacityLimiter(at_once)

        async def one(name: str) -> None:
            async with limit:
                await self.operator("spawn", name=name)

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(one, name)

    async def wait(self, condition: Callable[[], Any]) -> None:
        """Wait until something has come about in this hive; raises `Failed` when it does not."""
        with trio.move_on_after(PATIENCE_S):
            while not await condition():
                if self.process.poll() is not None:
                    break
                await trio.sleep(0.05)
            else:
                return
        raise Failed((self.root / "daemon.log").read_text()[-3000:])

    def harness(self, name: str) -> int:
        """Return the process id of an agent's harness, known by what is mounted in its sandbox."""
        mounted = f"/{self.root.name}/state/agents/{name}/state /state "
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                is_one = b"serve" in words and not words[0].endswith(b"bwrap")
                if is_one and mounted in (folder / "mountinfo").read_text():
                    return int(folder.name)
            except OSError:
                continue
        raise Failed(f"no harness of {name} runs")

    async def answers(self) -> bool:
        """Whether the daemon takes requests."""
        try:
            await self.operator("agent_status")
        except HiveError:
            return False
        return True


@asynccontextmanager
async def running(
    command: Sequence[object], env: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[RunningHive]:
    """Run the daemon of `command`, to which `serve` is added, for the length of the block."""
    with scratch() as root:
        config = root / "hive.json"
        settings = {"root": str(root), "port": 0, "containers": "bubblewrap", **settings}
        config.write_text(json.dumps(settings))
        with (root / "daemon.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
                [*map(str, command), "serve", "--config", str(config)],
                env={"PATH": os.environ["PATH"], "HOME": str(root), **(env or {})},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        hive = RunningHive(root, Paths(root / "state", root / "run"), process)
        try:
            await hive.wait(hive.answers)
            yield hive
        finally:
            with trio.CancelScope(shield=True):
                await _end(hive)


async def _end(hive: RunningHive) -> None:
    hive.process.terminate()
    await trio.to_thread.run_sync(hive.process.wait)
    runtime = Bubblewrap(hive.paths, lambda: 0.0)
    for status in await runtime.running():
        await runtime.stop(agent_name(status.name), grace_s=3)


def harness_config(root: Path) -> HarnessConfig:
    """Return the settings of a harness whose every directory is `root`."""
    folders = ("run_dir", "state_dir", "claude_dir", "home", "shared_dir", "path")
    return HarnessConfig(
        label="bench",
        role="agent",
        claude=(),
        hive=(),
        network="proxy",
        **dict.fromkeys(folders, str(root)),  # type: ignore[arg-type]
    )


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a directory with a short path, because a socket's path is short."""
    path = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def need_pyz() -> Path:
    """Return `dist/hive.pyz`, built when it is not there."""
    if not PYZ.exists():
        subprocess.run([ROOT / "build.sh"], check=True, stdout=sys.stderr)
    return PYZ

"""A harness over fakes: `make(tmp_path)` gives one with a `FakeHive` and a `FakeDriver`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.agent import turn_loop
from hive.agent.driver import Outcome
from hive.agent.harness import Harness, make_harness
from hive.agent.login import Login
from hive.config import HarnessConfig
from tests.fakes.driver import Conversation, FakeDriver, Play, Running
from tests.fakes.hive_socket import DirectClient, FakeHive

START = 1_700_000_000.0


def clock() -> float:
    """Unix seconds on trio's clock."""
    return START + trio.current_time()


def config(root: Path, **changes: Any) -> HarnessConfig:
    """Return settings below a directory, whose folders are made."""
    folders = {name: root / name for name in ("run", "state", "claude", "home", "shared")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    fields: dict[str, Any] = {
        "label": "bob",
        "role": "agent",
        "run_dir": str(folders["run"]),
        "state_dir": str(folders["state"]),
        "claude_dir": str(folders["claude"]),
        "home": str(folders["home"]),
        "shared_dir": str(folders["shared"]),
        "claude": ("claude",),
        "hive": ("hive",),
        "path": "/usr/bin:/bin",
        "demo": True,
    }
    return HarnessConfig(**{**fields, **changes})


@attrs.define
class Rig:
    """A harness and the fakes it stands on."""

    harness: Harness
    hive: FakeHive
    driver: FakeDriver
    frames: list[Any] = attrs.field(factory=list)
    """Every frame the bus published, newest last."""

    def of_kind(self, kind: type) -> list[Any]:
        """Return the frames of one kind."""
        return [frame for frame in self.frames if isinstance(frame, kind)]

    @property
    def notes(self) -> str:
        """The text of every note, one a line."""
        return "\n".join(frame.text for frame in self.frames if getattr(frame, "text", None))


def make(
    root: Path,
    *,
    hive: FakeHive | None = None,
    conversation: Conversation | None = None,
    login: Login | None = None,
    clock: Callable[[], float] = clock,
    **changes: Any,
) -> Rig:
    """Put a harness together; `hive` and `conversation` may come from an earlier one."""
    hive = hive or FakeHive()
    drivers: list[FakeDriver] = []

    def make_driver(_launch: Callable[..., Any], tools: Any) -> FakeDriver:
        drivers.append(FakeDriver(tools, conversation or Conversation()))
        return drivers[0]

    made = make_harness(config(root, **changes), clock, make_driver)
    client = DirectClient(hive)
    made.tools._client = client
    made = attrs.evolve(made, client=client, page_client=client, login=login or made.login)
    rig = Rig(made, hive, drivers[0])
    publish = made.bus.publish

    def watched(frame: Any) -> int:
        rig.frames.append(frame)
        return publish(frame)

    made.bus.publish = watched  # type: ignore[method-assign]
    made.state._show = watched
    return rig


async def until(is_true: Callable[[], object], seconds: float = 3600) -> None:
    """Wait on the simulated clock until something is so."""
    with trio.fail_after(seconds):
        while not is_true():  # noqa: ASYNC110 - any condition will do
            await trio.sleep(0.05)


@asynccontextmanager
async def looping(rig: Rig) -> AsyncIterator[None]:
    """Run the loop for as long as the block lasts."""
    async with trio.open_nursery() as nursery:
        await nursery.start(turn_loop.run, rig.harness)
        try:
            yield
        finally:
            nursery.cancel_scope.cancel()


def ends(kind: str, tokens: int = 10, **fields: object) -> Play:
    """Return a turn that ends with a result of this kind, the conversation being of that size."""

    async def play(running: Running) -> Outcome:
        running.say(tokens=tokens)
        return running.result(kind, **fields)

    return play

"""Records what the real claude prints into tests/data/stream.

Run as `python -m tests.fakes.record_streams`, again when the pinned claude changes. Paths, and what
only says what this claude has built in, are left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from hive.agent.driver import Line
from tests.fakes import claude_scene, messages_api
from tests.fakes.claude_scene import LIVE, REAL, REPO, Scene
from tests.fakes.messages_api import Dropped, Step, Text, tool_use

TARGET = REPO / "tests" / "data" / "stream"
BUILT_IN = frozenset(
    {
        "agents",
        "capabilities",
        "memory_paths",
        "messaging_socket_path",
        "plugins",
        "skills",
        "slash_commands",
        "terminal_slash_commands",
    }
)
RESETS_AT = 1_900_000_000
TALK = Text("one two three four", chunks=4, chunk_delay_s=5)

Play = Callable[[Scene], Awaitable[object]]


def plain(*steps: Step) -> Play:
    """Return a scene of one turn."""

    async def play(scene: Scene) -> object:
        return await scene.turn("hello", *steps)

    return play


def interrupted(*steps: Step) -> Play:
    """Return a scene of one turn that is interrupted."""

    async def play(scene: Scene) -> object:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.turn, "hello", *steps)
            await scene.wait(lambda: bool(scene.calls()) or steps == (TALK,))
            await scene.wait_streaming(0)
            await trio.sleep(0.2)
            return await scene.driver.interrupt()

    return play


async def no_login(scene: Scene) -> object:
    """Play a turn without any account."""
    scene.variables = {"ANTHROPIC_API_KEY": None}
    return await scene.turn("hello")


async def usage_limit(scene: Scene) -> object:
    """Play a turn of a subscription that is used up."""
    scene.variables = {"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "dummy-token"}
    return await scene.turn("hello", messages_api.usage_limit(RESETS_AT))


def compaction(*, is_refused: bool) -> Play:
    """Return a scene whose last command is a compaction."""

    async def play(scene: Scene) -> object:
        for word in ("alpha", "beta"):
            await scene.turn(word, Text("yes"))
        scene.lines.clear()
        return await scene.compact(is_refused=is_refused)

    return play


SCENES: dict[str, Play] = {
    "text": plain(Text("Good day.")),
    "tool": plain(tool_use(("mcp__hyperhive__send", {"to": "bob", "body": "hi"}))),
    "rate-limited": plain(messages_api.rate_limited()),
    "usage-limit": usage_limit,
    "overloaded": plain(messages_api.overloaded()),
    "unauthorised": plain(messages_api.unauthorised()),
    "no-login": no_login,
    "too-long": plain(messages_api.too_long()),
    "dropped": plain(Dropped()),
    "interrupted": interrupted(TALK),
    "interrupted-in-tool": interrupted(tool_use(("mcp__hyperhive__recv", {"wait": 60}))),
    "compacted": compaction(is_refused=False),
    "compaction-refused": compaction(is_refused=True),
}


def trimmed(line: Line, home: Path) -> str:
    """Return a line without what is built in and without this machine's paths."""
    kept = {key: value for key, value in line.items() if key not in BUILT_IN}
    return json.dumps(kept, ensure_ascii=False).replace(str(home), "<HOME>")


async def record() -> None:
    """Play every scene and write its lines."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, play in SCENES.items():
        with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as folder:
            home = Path(folder)
            async with claude_scene.on_stage(REAL, LIVE, home) as scene:
                await play(scene)
                lines = [trimmed(line, home) for line in scene.lines]
        (TARGET / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    trio.run(record)

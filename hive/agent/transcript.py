"""Waits until claude's transcript holds a tool call, before the call is carried out.

claude writes its transcript some 80 ms behind what it says. Killed in between, it would later know
nothing of a call that hive had carried out, run the prompt again and make the call twice. So calls
that have an effect are held until they are on file. Should a version of claude keep its transcript
elsewhere, one call is held for half a second and none after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trio

HOLD_S = 0.5
LOOK_S = 0.005
CALL_ID = "claudecode/toolUseId"
HARMLESS = frozenset({"recv", "whoami", "get_loose_ends", "get_logs"})
"""Tools that may be called twice: what they take is given back, or they change nothing."""
_BACK = 4 * 1024 * 1024
"""How much of a transcript is looked at first: one that is weeks old is large, and a call that has
just been made stands near its end."""
_OVERLAP = 4096
"""More than a call's id is long, so that one cut by two looks is found."""


class Transcript:
    """The transcript of one session, as one claude writes it."""

    def __init__(self, env: Mapping[str, str], session_id: str) -> None:
        home = env.get("CLAUDE_CONFIG_DIR") or str(Path(env.get("HOME") or "/") / ".claude")
        self._projects = Path(home) / "projects"
        self._name = f"{session_id}.jsonl"
        self._path: Path | None = None
        self._offset = 0
        self._is_lost = False

    async def hold(self, tool: object, meta: object) -> None:
        """Wait until a call of `tool` is on file, when it has an effect and says its id."""
        call_id = meta.get(CALL_ID) if isinstance(meta, dict) else None
        if tool not in HARMLESS and isinstance(call_id, str):
            await self.wait_has(call_id)

    async def wait_has(self, call_id: str) -> bool:
        """Wait until the call is on file; False when it is not within `HOLD_S`."""
        if self._is_lost:
            return False
        wanted = call_id.encode()
        with trio.move_on_after(HOLD_S):
            while not self._has(wanted):  # noqa: ASYNC110 - a file of another program
                await trio.sleep(LOOK_S)
            return True
        self._is_lost = True
        return False

    def _has(self, wanted: bytes) -> bool:
        path = self._path or next(self._projects.glob(f"*/{self._name}"), None)
        if path is None:
            return False
        try:
            with path.open("rb") as file:
                if self._path is None:
                    self._path = path
                    self._offset = max(0, path.stat().st_size - _BACK)
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return False
        if wanted in data:
            return True
        self._offset += max(0, len(data) - _OVERLAP)
        return False

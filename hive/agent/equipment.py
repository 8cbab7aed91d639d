"""What agent.toml gives an agent beside hive's own tools, and what of it is not there.

A server or a plugin that does not come up costs itself and nothing else. So that this is not
overlooked, the agent's page and row say so for as long as it lasts, and the manager is told once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import trio

from hive.agent.client import HiveClient
from hive.config import HarnessConfig
from hive.errors import HiveError
from hive.wire.names import MANAGER

CONNECTED = "connected"
AGAIN_S = 30.0
LINE_CHARS = 140
WHY_CHARS = 1500
"""A message to the manager holds 4096 bytes."""
_STATUS = {
    "failed": "it did not come up",
    "pending": "it was not up in time",
    "needs-auth": "it asks for a login: give it a header with one of its secrets",
}


@attrs.frozen
class Lack:
    """One thing that is not there."""

    what: str
    """As a sentence names it."""
    why: str
    key: str
    """The same for as long as it is the same trouble, also after a restart."""

    @property
    def text(self) -> str:
        """The line that page and row show: of a long reason its beginning."""
        first, _, more = self.why.partition("\n")
        cut = f"{first[:LINE_CHARS]}…" if more or len(first) > LINE_CHARS else first
        return f"{self.what}: {cut}"


class Equipment:
    """What the agent has; `show` is handed the sentences of what it has not."""

    def __init__(
        self,
        config: HarnessConfig,
        note: Callable[[str], object],
        show: Callable[[str | None], object],
    ) -> None:
        self.plugins: tuple[str, ...] = ()
        """The plugins that are installed, by claude's ids."""
        self._config = config
        self._note = note
        self._show = show
        self._lacks: dict[str, Lack] = {}
        self._told: set[str] = set()
        self._times: dict[str, int] = {}
        self._unstarted: dict[str, str] = {}
        self._changed = trio.Event()

    @property
    def lacks(self) -> list[Lack]:
        """What is not there now."""
        return list(self._lacks.values())

    def left_out(self, servers: Mapping[str, str]) -> None:
        """Take which servers claude is not even told of, and why."""
        for name in self._unstarted.keys() - servers.keys():
            self._set(f"mcp_servers.{name}", None)
        self._unstarted = dict(servers)
        for name, why in servers.items():
            self._set_server(name, why)

    def heard(self, statuses: Mapping[str, str]) -> None:
        """Take what claude said of its servers as a turn began."""
        for name in self._config.mcp_servers:
            if name in self._unstarted:
                continue
            status = statuses.get(name, "missing")
            why = _STATUS.get(status, f"claude says that it is {status[:100]}")
            self._set_server(name, None if status == CONNECTED else why)

    def plugin_failed(self, plugin: str, why: str) -> None:
        """Take that a plugin could not be installed."""
        what = f"the plugin {plugin}"
        self._set(f"plugins.{plugin}", Lack(what, why, self._key(plugin, plugin)))

    async def wait_untold(self) -> list[Lack]:
        """Return what the manager has not been told; waits until there is something."""
        while True:
            found = [lack for lack in self._lacks.values() if lack.key not in self._told]
            if found:
                return found
            await self._changed.wait()

    def told(self, lack: Lack) -> None:
        """Take that the manager knows."""
        self._told.add(lack.key)

    def _set_server(self, name: str, why: str | None) -> None:
        place = f"mcp_servers.{name}"
        if why is None:
            self._set(place, None)
            return
        what = f"the MCP server {name}"
        key = self._key(place, self._config.mcp_servers[name])
        self._set(place, Lack(what, why, key))

    def _key(self, place: str, definition: Any) -> str:  # noqa: ANN401 - anything with a repr
        words = repr((place, definition, self._times.get(place, 0)))
        return "lacks-" + hashlib.sha256(words.encode()).hexdigest()[:40]

    def _set(self, place: str, lack: Lack | None) -> None:
        before = self._lacks.get(place)
        if lack == before:
            return
        if lack is None:
            del self._lacks[place]
            self._times[place] = self._times.get(place, 0) + 1
            self._note(f"{place} is there again")
        else:
            self._lacks[place] = lack
            self._note(f"claude works without {lack.what}: {lack.why}")
        texts = "; ".join(each.text for each in self._lacks.values())
        self._show(f"works without {texts}" if texts else None)
        self._changed.set()
        self._changed = trio.Event()


async def tell(
    equipment: Equipment,
    client: HiveClient,
    label: str,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Tell the manager of each thing once, until cancelled; the manager itself has its page."""
    task_status.started()
    if label == MANAGER:
        await trio.sleep_forever()
    while True:
        for lack in await equipment.wait_untold():
            text = (
                f"I am without {lack.what} of my agent.toml: {lack.why[:WHY_CHARS]}\n"
                "I go on with the rest."
            )
            try:
                await client.send(MANAGER, text, dedupe_key=lack.key)
            except HiveError:
                # The turn loop is the one that says on the page that the daemon is away.
                await trio.sleep(AGAIN_S)
            else:
                equipment.told(lack)

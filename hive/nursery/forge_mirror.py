"""Keeps a forge a copy of every deployed configuration, and its users the hive's agents.

Nothing waits for it and nothing fails with it: whoever changes something says so and goes on, and
what the forge does not take is tried again later. What is to be done follows from comparing what
is there with what was pushed, so that nothing has to be remembered over a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import attrs
import trio

from hive import backoff
from hive.config import HostConfig
from hive.core.agents import Agents
from hive.core.hive import Hive, Mirror, NoMirror
from hive.errors import BadRequest, HiveError, Unavailable
from hive.host import forge, forge_push, forge_tokens
from hive.host.forge import Forge
from hive.host.forge_push import Destination
from hive.host.git import Git
from hive.paths import Paths
from hive.wire.dashboard import ForgeChanged
from hive.wire.names import AgentName, agent_name

CONFIGURATIONS = "agent-configs"
CORE = "core"
META = "meta"
DEBOUNCE_S = 0.5
LOOK_S = 300.0
"""So often it is looked whether anything changed that nobody told of."""
RECHECK_S = 3600.0
"""So often it is looked whether the forge still has what it was given."""
BACKOFF_FIRST_S = 2.0
BACKOFF_MOST_S = 300.0

log = logging.getLogger(__name__)


@attrs.define
class Tries:
    """When something that failed is tried again, by Trio's clock."""

    failures: int = 0
    not_before: float = 0.0
    trouble: str | None = None

    def failed(self, trouble: str) -> None:
        """Wait twice as long as before the last one."""
        self.failures += 1
        wait_s = backoff.after(self.failures, BACKOFF_FIRST_S, BACKOFF_MOST_S)
        self.not_before = trio.current_time() + wait_s
        self.trouble = trouble

    def worked(self) -> None:
        """Forget the failures."""
        self.failures, self.not_before, self.trouble = 0, 0.0, None


@attrs.define
class Target:
    """One repository to be mirrored: an agent's with its user, or, without a name, meta."""

    name: AgentName | None
    is_dirty: bool = True
    is_made: bool = False
    has_token: bool = False
    pushed: dict[str, str] = attrs.field(factory=dict)
    """Every reference the forge is known to have."""
    tries: Tries = attrs.field(factory=Tries)


class ForgeMirror:
    """A `Mirror` over one forge; `run` below is what makes it work."""

    def __init__(
        self,
        config: HostConfig,
        paths: Paths,
        agents: Agents,
        git: Git,
        publish: Callable[[object], None],
    ) -> None:
        self._address = (config.forge_url or "").rstrip("/")
        self._token_file = Path(config.forge_token_file or "")
        self._paths = paths
        self._agents = agents
        self._git = git
        self._publish = publish
        self._targets: dict[AgentName | None, Target] = {None: Target(None)}
        self._tries = Tries()
        self._own: Destination | None = None
        """Set once the forge is known to be in order."""
        self._tokens: dict[AgentName, str] | None = None
        """Each agent's own, once those that are kept were read."""
        self._poke = trio.Event()
        self.url: str | None = (config.forge_public_url or self._address).rstrip("/")
        self.trouble: str | None = None

    def changed(self, agent: str) -> None:
        """Say that refs of that agent's repository, or of the meta repository, changed."""
        try:
            name = agent_name(agent)
        except BadRequest:
            return
        for one in (name, None):
            self._targets.setdefault(one, Target(one)).is_dirty = True
        self._poke.set()

    def token_of(self, name: AgentName) -> str | None:
        """Return an agent's own token, for the daemon to add; None while it has none."""
        return (self._tokens or {}).get(name) if name in self._agents else None

    async def keep_up(self) -> None:
        """Mirror for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._every, LOOK_S, self._look_at_all)
            nursery.start_soon(self._every, RECHECK_S, self._forget)
            nursery.start_soon(self._follow_agents)
            while True:
                self._poke = trio.Event()
                await self._round()
                self._say_trouble()
                with trio.move_on_at(self._next_try()):
                    await self._poke.wait()
                # What changes, changes several times in a row.
                await trio.sleep(DEBOUNCE_S)

    async def _every(self, seconds: float, work: Callable[[], None]) -> None:
        while True:
            await trio.sleep(seconds)
            work()
            self._poke.set()

    async def _follow_agents(self) -> None:
        known: set[AgentName] = set()
        while True:
            present = set(self._agents.names())
            for name in present ^ known:
                self.changed(name)
                # What was kept of one that comes back may have been removed meanwhile.
                self._targets[name].has_token = False
            for name in known - present:
                (self._tokens or {}).pop(name, None)
            known = present
            await self._agents.wait_changed()

    def _look_at_all(self) -> None:
        for target in self._targets.values():
            target.is_dirty = True

    def _forget(self) -> None:
        """Take nothing for granted any more: the forge may have been put back to a backup."""
        self._own = None
        for target in self._targets.values():
            target.is_dirty, target.is_made, target.has_token = True, False, False
            target.pushed = {}

    def _due(self) -> list[Target]:
        now = trio.current_time()
        return [
            target
            for target in self._targets.values()
            if target.is_dirty and target.tries.not_before <= now
        ]

    def _next_try(self) -> float:
        waiting = [t.tries.not_before for t in self._targets.values() if t.is_dirty]
        return max(min(waiting), self._tries.not_before) if waiting else float("inf")

    async def _round(self) -> None:
        """Do everything that is due; one who fails holds up no other, the forge holds up all."""
        due = self._due()
        if not due or self._tries.not_before > trio.current_time():
            return
        try:
            if self._tokens is None:
                self._tokens = await forge_tokens.read_kept(self._paths.forge_tokens)
            token = await forge_tokens.read_own(self._token_file)
            async with forge.opened(self._address, token) as client:
                to = await self._set_up(client, token)
                for target in due:
                    await self._try(client, to, target)
        except HiveError as error:
            self._own = None
            self._tries.failed(error.message)
        else:
            self._tries.worked()

    async def _set_up(self, client: Forge, token: str) -> Destination:
        if self._own is None or self._own.token != token:
            account = await client.account()
            await client.ensure_organisation(CONFIGURATIONS)
            if account.login != CORE:
                await client.ensure_organisation(CORE)
            self._own = Destination(self._address, account.login, token)
        return self._own

    async def _try(self, client: Forge, to: Destination, target: Target) -> None:
        target.is_dirty = False
        try:
            if target.name is None:
                await self._mirror(client, to, target, CORE, META)
            else:
                await self._mirror(client, to, target, CONFIGURATIONS, target.name)
                await self._equip(client, to, target, target.name)
        except HiveError as error:
            target.is_dirty, target.is_made, target.pushed = True, False, {}
            target.tries.failed(f"{target.name or META}: {error.message}")
            self._say_trouble()
            # Whether it is this one alone: raises when the forge itself is gone.
            await client.account()
        else:
            target.tries.worked()

    async def _mirror(
        self, client: Forge, to: Destination, target: Target, owner: str, name: str
    ) -> None:
        repo = self._paths.meta if target.name is None else self._paths.applied(target.name)
        found = await forge_push.references(repo)
        if not found or found == target.pushed:
            return
        if not target.is_made:
            await client.ensure_repository(owner, name, is_own=owner == to.login)
            target.is_made = True
        await forge_push.push(self._git, repo, owner, name, to)
        target.pushed = found

    async def _equip(self, client: Forge, to: Destination, target: Target, name: AgentName) -> None:
        """See that an agent has a user of its own, and a valid token of it."""
        if target.has_token or name not in self._agents:
            return
        if name in {to.login.lower(), CORE}:
            raise Unavailable("its name is the daemon's own at the forge, so it has no user there")
        assert self._tokens is not None
        token = self._tokens.get(name)
        if token is None or await client.owner_of(token) != name:
            await client.ensure_user(name)
            token = await client.mint(name)
            await forge_tokens.take_away(self._paths.agent_state(name))
            await forge_tokens.keep(self._paths.forge_tokens, name, token)
            self._tokens[name] = token
        target.has_token = True

    def _say_trouble(self) -> None:
        """Tell the pages what is wrong, when that changed."""
        wrong = [t.tries.trouble for t in self._targets.values() if t.tries.trouble is not None]
        text = self._tries.trouble or (wrong[0] if wrong else None)
        if text is not None and self._tries.trouble is None and len(wrong) > 1:
            text += f" (and {len(wrong) - 1} more)"
        if text == self.trouble:
            return
        self.trouble = text
        if text is not None:
            log.warning("the forge is behind: %s", text)
        else:
            log.info("the forge is up to date")
        self._publish(ForgeChanged(self.url, text))


def choose(
    config: HostConfig,
    paths: Paths,
    agents: Agents,
    git: Git,
    publish: Callable[[object], None],
) -> Mirror:
    """Return the mirror that the settings ask for."""
    if config.forge_url is None:
        return NoMirror()
    return ForgeMirror(config, paths, agents, git, publish)


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Mirror for ever; without a forge there is nothing to do."""
    task_status.started()
    if isinstance(hive.forge, ForgeMirror):
        await hive.forge.keep_up()
    await trio.sleep_forever()

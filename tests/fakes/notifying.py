"""Notifications over a post of a test's own, with a webhook, ntfy and browsers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from hive.config import HostConfig
from hive.core.notifications import Notifications
from hive.core.outlets import REQUEST_S, Outlets
from hive.store.notifications import NotificationStore
from hive.wire.dashboard import Notified
from hive.wire.notifications import Notification, OutletSwitches
from tests.fakes.post import HandClock, Post, open_post
from tests.fakes.running import paths_below

SECRET = "the-secret-of-the-webhook"
TOKEN = "tk_0123456789"


@attrs.define
class Desk:
    """A post and its notifications."""

    post: Post
    mine: Notifications

    @property
    def clock(self) -> HandClock:
        return self.post.clock

    async def message(self, sender: str = "bob", body: str = "hello") -> int:
        return await self.post.broker.send(sender, "operator", body)

    async def approval(self, agent: str = "cy") -> None:
        await self.post.approvals.add(agent, "spawn", description="reads logs")

    async def question(self, asker: str = "bob") -> int:
        return await self.post.questions.ask(asker, "tea?", options=("yes", "no"))

    async def pump(self, seconds: float = 0.0) -> None:
        """Let time pass, then route what happened and try everything that is due once."""
        self.clock.now += seconds
        await self.mine.route()
        for delivery in await self.mine.store.due(self.clock()):
            await self.mine.attempt(delivery)

    async def states(self) -> list[tuple[str, str, int]]:
        """Return outlet, state and tries of what is not delivered, oldest first."""
        rows = (await self.mine.report()).deliveries
        return [(row.outlet, row.state, row.attempts) for row in reversed(rows)]

    def shown(self) -> list[Notification]:
        """What the open pages were told."""
        return [each.notification for each in self.post.frames if isinstance(each, Notified)]

    async def only(self, *outlets: str, **changes: Any) -> None:
        """Switch everything off but these outlets."""
        kept = self.mine.settings.outlets
        switched = {
            name: one if name in outlets else OutletSwitches(()) for name, one in kept.items()
        }
        await self.mine.save(attrs.evolve(self.mine.settings, outlets=switched, **changes))


@asynccontextmanager
async def notifying(
    root: Path, clock: HandClock | None = None, deadline_s: float = REQUEST_S, **settings: Any
) -> AsyncIterator[Desk]:
    """Open everything below a directory; settings are those of the daemon."""
    paths = paths_below(root)
    secret, token = root / "secret", root / "token"

    def prepare() -> None:
        paths.state.mkdir(exist_ok=True)
        secret.write_text(SECRET + "\n")
        token.write_text(TOKEN + "\n")

    await trio.to_thread.run_sync(prepare)
    files = {"webhook_secret_file": str(secret), "ntfy_token_file": str(token)}
    config = HostConfig(**{**files, **settings})
    async with open_post(paths.state, clock=clock) as post:
        home = "http://127.0.0.1:7000/"
        outlets = Outlets(config, paths, post.clock, lambda: home, deadline_s=deadline_s)
        mine = Notifications(
            NotificationStore(post.database), outlets, clock=post.clock, publish=post.frames.append
        )
        await mine.load()
        yield Desk(post, mine)

"""Listeners in the agents' own directories: of each kind one per agent, following the registry.

What an agent does to its directory troubles itself alone. Whoever connects has to be that agent's
user, as the kernel tells it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from hive import lines
from hive.core import audit
from hive.core.hive import Hive
from hive.errors import HiveError, Refused, Unavailable
from hive.wire.names import AgentName
from hive.wire.why import Code

SOCKET_MODE = 0o660
AGAIN_S = 5.0

Serve = Callable[[AgentName], Awaitable[None]]
"""Serves one agent until it is cancelled."""


async def follow(
    hive: Hive,
    serve: Serve,
    gone: Callable[[AgentName], None] = lambda _: None,
    *,
    task_status: trio.TaskStatus[None],
) -> None:
    """Serve every agent of the registry; ready when all that are there at the start are begun.

    `gone` is told of each that is not served any more, before another of its name is.
    """
    scopes: dict[AgentName, trio.CancelScope] = {}
    async with trio.open_nursery() as nursery:
        while True:
            wanted = set(hive.agents.names())
            for name in set(scopes) - wanted:
                scopes.pop(name).cancel()
                gone(name)
            for name in wanted - set(scopes):
                scopes[name] = await nursery.start(partial(_serve_one, serve, name))
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            if set(hive.agents.names()) == set(scopes):
                await hive.agents.wait_changed()


async def _serve_one(
    serve: Serve, name: AgentName, *, task_status: trio.TaskStatus[trio.CancelScope]
) -> None:
    with trio.CancelScope() as scope:
        task_status.started(scope)
        await serve(name)


async def listen(hive: Hive, name: AgentName, path: Path, what: str) -> trio.SocketListener:
    """Listen on an agent's socket as soon as that is possible; its row says why it is not yet."""
    while True:
        try:
            return await bind(path, hive.paths.run)
        except HiveError as error:
            hive.view.set_trouble(
                name,
                f"its {what} cannot be opened: {error}",
                Code.UNREACHABLE,
                again_in_s=AGAIN_S,
            )
            await trio.sleep(AGAIN_S)


async def bind(path: Path, made_in: Path) -> trio.SocketListener:
    """Listen on a socket that is its directory's owner's, by way of one of the daemon's own.

    Whoever starts an agent gives it its directory, and then what it finds there. Before that this
    may not know yet whose it will be, and behind it nobody looks any more: so it is made again
    when the directory has changed hands meanwhile. Raises `Unavailable`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            owner = path.parent.stat().st_uid
            listener = await lines.listen(path, SOCKET_MODE, made_in=made_in, owner=owner)
            if path.parent.stat().st_uid == owner:
                return listener
            await listener.aclose()
    except OSError as error:
        raise Unavailable(f"cannot use {path.parent}: {error.strerror}") from error


def admit(hive: Hive, name: AgentName, user: int) -> None:
    """Raise `Refused` for a user whose that agent's processes are not, which is recorded.

    Asked for each connection: an agent that an older hive started has another until it is started
    anew.
    """
    wanted = hive.runtime.user(name)
    if user == wanted:
        return
    why = (
        f"only {name} may speak here, as user {wanted}, and this is user {user}: ask the hive"
        " as its operator, by hive.pyz"
    )
    hive.audit.denied(
        actor=audit.NOBODY, surface=audit.AGENT_SOCKET, action="connect", subject=name, why=why
    )
    raise Refused(why)

"""One proxy per agent, on a socket in the agent's own directory: the way out of its container.

The set of sockets follows the registry, as that of `agent_sockets` does. A client beyond what one
agent may have open gets a sentence and nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import lru_cache, partial

import trio

from hive import lines
from hive.core import network
from hive.core.hive import Hive
from hive.egress import gateway, proxy
from hive.egress.dial import make_resolver
from hive.errors import HiveError, Refused, Unavailable
from hive.nursery import agent_sockets
from hive.wire.destinations import Target
from hive.wire.names import AgentName

SOCKET_MODE = 0o660
SURFACE = "egress socket"
AGAIN_S = 5.0
CONNECTIONS = 64
"""Of one agent; each takes two of the daemon's open files."""


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Keep a proxy for every agent of the registry."""
    scopes: dict[AgentName, trio.CancelScope] = {}
    tls = lru_cache(maxsize=1)(gateway.make_tls)
    async with trio.open_nursery() as nursery:
        while True:
            wanted = set(hive.agents.names())
            for name in set(scopes) - wanted:
                scopes.pop(name).cancel()
            for name in wanted - set(scopes):
                scopes[name] = await nursery.start(_serve_one, hive, name, tls)
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            if set(hive.agents.names()) == set(scopes):
                await hive.agents.wait_changed()


async def _serve_one(
    hive: Hive,
    name: AgentName,
    tls: Callable[[], ssl.SSLContext],
    *,
    task_status: trio.TaskStatus[trio.CancelScope],
) -> None:
    """Serve one agent's way out; what the agent does to its directory troubles itself alone."""
    with trio.CancelScope() as scope:
        task_status.started(scope)
        while True:
            try:
                listener = await _listen(hive, name)
                break
            except HiveError as error:
                hive.view.set_trouble(name, f"its way out cannot be opened: {error}")
                await trio.sleep(AGAIN_S)
        room = trio.CapacityLimiter(CONNECTIONS)
        client = partial(_serve_client, hive, name, make_exit(hive, name, tls), room)
        await trio.serve_listeners(client, [listener])


async def _listen(hive: Hive, name: AgentName) -> trio.SocketListener:
    path = hive.paths.egress_socket(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot make {path.parent}: {error.strerror}") from error
    owner = hive.runtime.user(name)
    return await lines.listen(path, SOCKET_MODE, made_in=hive.paths.run, owner=owner)


async def _serve_client(
    hive: Hive,
    name: AgentName,
    exit_: proxy.Exit,
    room: trio.CapacityLimiter,
    stream: trio.SocketStream,
) -> None:
    try:
        agent_sockets.admit(hive, name, lines.peer_of(stream.socket).uid)
    except Refused as error:
        await proxy.turn_away(stream, error.message)
        return
    if room.available_tokens < 1:
        await proxy.turn_away(stream, "too many connections at once: close some")
        return
    async with room:
        await lines.alone(f"way out of {name}", proxy.serve(stream, exit_))


def make_exit(
    hive: Hive, name: AgentName, tls: Callable[[], ssl.SSLContext] = gateway.make_tls
) -> proxy.Exit:
    """Return what that agent's proxy works with."""
    ledger = hive.ledgers.of(name)

    def denied(target: Target, why: str) -> None:
        ledger.denied(target, why)
        hive.audit.denied(
            actor=name, surface=SURFACE, action="connect", subject=str(target), why=why
        )

    return proxy.Exit(
        policy=partial(network.policy, hive, name),
        gateway=partial(network.gateway_of, hive),
        ledger=ledger,
        denied=denied,
        resolve=make_resolver(),
        tls=tls,
    )

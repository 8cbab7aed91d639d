"""One proxy per agent, on a socket in the agent's own directory: the way out of its container.

The set of sockets follows the registry, as that of `agent_sockets` does. A client beyond what one
agent may have open gets a sentence and nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import attrs
import trio

from hive import lines
from hive.core import network
from hive.core.audit_gathering import EGRESS_SOCKET
from hive.core.hive import Hive
from hive.egress import gateway, proxy
from hive.egress.dial import make_resolver
from hive.errors import Refused
from hive.nursery import agent_listeners
from hive.wire.destinations import Target
from hive.wire.names import AgentName

SURFACE = EGRESS_SOCKET
CONNECTIONS = 64
"""Of one agent; each takes two of the daemon's open files."""


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Keep a proxy for every agent of the registry."""
    tls = lru_cache(maxsize=1)(gateway.make_tls)
    await agent_listeners.follow(hive, partial(_serve_one, hive, tls), task_status=task_status)


async def _serve_one(hive: Hive, tls: Callable[[], ssl.SSLContext], name: AgentName) -> None:
    async with trio.open_nursery() as nursery:
        for path, exit_ in (
            (hive.paths.egress_socket(name), make_exit(hive, name, tls)),
            (hive.paths.gateway_socket(name), make_gateway(hive, name, tls)),
        ):
            nursery.start_soon(_listen, hive, name, path, exit_)


async def _listen(hive: Hive, name: AgentName, path: Path, exit_: proxy.Exit) -> None:
    listener = await agent_listeners.listen(hive, name, path, "way out")
    client = partial(_serve_client, hive, name, exit_, trio.CapacityLimiter(CONNECTIONS))
    await trio.serve_listeners(client, [listener])


async def _serve_client(
    hive: Hive,
    name: AgentName,
    exit_: proxy.Exit,
    room: trio.CapacityLimiter,
    stream: trio.SocketStream,
) -> None:
    try:
        agent_listeners.admit(hive, name, lines.peer_of(stream.socket).uid)
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
        gateway=partial(network.gateway_for, hive, name),
        ledger=ledger,
        denied=denied,
        resolve=make_resolver(),
        tls=tls,
    )


def make_gateway(
    hive: Hive, name: AgentName, tls: Callable[[], ssl.SSLContext] = gateway.make_tls
) -> proxy.Exit:
    """Return what is served to an agent with the host's network, and to who else is there."""
    way = partial(network.shared_gateway_for, hive, name)
    return attrs.evolve(make_exit(hive, name, tls), gateway=way, is_gateway=True)

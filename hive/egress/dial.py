"""Connecting to what an agent asked for: resolve, check each address, connect to a checked one.

The address that was checked is the one connected to; the name is never looked up a second time.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address

import trio

from hive.egress import addresses
from hive.egress.rules import LOCALHOST, Policy
from hive.errors import Refused, Unavailable
from hive.wire.destinations import Address, Target

RESOLVE_S = 10.0
CONNECT_S = 15.0
"""For all addresses of a name together."""
ADDRESS_S = 5.0
ADDRESSES_MOST = 8
LOOKUPS = 2
"""Of one agent at a time: each is a thread."""

Resolve = Callable[[str], Awaitable[list[Address]]]


def make_resolver() -> Resolve:
    """Return the host's own resolver, for one agent: a slow one holds up nobody else."""
    return partial(_resolve, trio.CapacityLimiter(LOOKUPS))


async def _resolve(room: trio.CapacityLimiter, name: str) -> list[Address]:
    look = partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM)
    # Abandoned, a thread goes on until the resolver gives up, and holds its place until then.
    found = await trio.to_thread.run_sync(look, abandon_on_cancel=True, limiter=room)
    texts = dict.fromkeys(str(entry[4][0]) for entry in found)
    return [ip_address(text.partition("%")[0]) for text in texts]


async def dial(target: Target, policy: Policy, resolve: Resolve) -> trio.SocketStream:
    """Return a connection to the target.

    Raises `Refused` for what is not allowed, before anything is resolved or connected to, or
    because of where the name leads; `Unavailable` when nobody can be reached there.
    """
    policy.check(target)
    found = await _addresses(target, resolve)
    refused = [why for each in found if (why := policy.why_not(target, each)) is not None]
    usable = [each for each in found if policy.why_not(target, each) is None]
    if not usable:
        raise Refused(refused[0])
    return await _connect(target, policy, usable[:ADDRESSES_MOST])


async def _addresses(target: Target, resolve: Resolve) -> list[Address]:
    if target.address is not None:
        return [target.address]
    if target.host == LOCALHOST:
        return list(addresses.LOOPBACK)
    try:
        with trio.fail_after(RESOLVE_S):
            found = await resolve(target.host)
    except trio.TooSlowError:
        raise Unavailable(f"{target.host} was not resolved within {RESOLVE_S:g} s") from None
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{target.host} cannot be resolved: {_said(error)}") from error
    if not found:
        raise Unavailable(f"{target.host} has no address")
    return found


async def _connect(target: Target, policy: Policy, usable: list[Address]) -> trio.SocketStream:
    failure = "nobody answers"
    with trio.move_on_after(CONNECT_S):
        for address in usable:
            plain = addresses.plain(address)
            if not policy.may_be_own(target, plain) and is_own(plain):
                raise Refused(f"{target.host} is at {plain}, an address of the hive's own host")
            try:
                with trio.fail_after(ADDRESS_S):
                    return await _connect_to(plain, target.port)
            except trio.TooSlowError:
                failure = f"{plain} does not answer"
            except OSError as error:
                failure = f"{plain}: {_said(error)}"
    raise Unavailable(f"cannot connect to {target}: {failure}")


async def _connect_to(address: Address, port: int) -> trio.SocketStream:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = trio.socket.socket(family, socket.SOCK_STREAM)
    is_done = False
    try:
        await sock.connect((str(address), port))
        is_done = True
    finally:
        if not is_done:
            sock.close()
    return trio.SocketStream(sock)


def is_own(address: Address) -> bool:
    """Whether that address is this host's: what listens there takes us for a local process."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the kernel only says which address it would send from.
            probe.connect((str(address), 9))
        except OSError:
            return False
        return ip_address(probe.getsockname()[0]) == address


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

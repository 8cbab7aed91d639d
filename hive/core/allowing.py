"""Letting an agent connect somewhere: a commit in the operator's name, approved as any other is.

The commit is made behind what is deployed and not in the manager's repository: what the manager
has there stays as it is, and comes after this one by a rebase.
"""

from __future__ import annotations

from collections.abc import Sequence

from hive.core import network, proposals
from hive.core.hive import Hive
from hive.errors import Conflict
from hive.host import agent_files
from hive.host.repos import Change
from hive.wire import destinations
from hive.wire.agent_config import FILE, AgentConfig
from hive.wire.approvals import Approval
from hive.wire.destinations import HOST, Destination
from hive.wire.names import OPERATOR, AgentName


async def request(hive: Hive, name: AgentName, hosts: Sequence[str]) -> Approval:
    """Ask for hosts to be added to what an agent may connect to, as entries of `allow`.

    Raises `BadRequest` for what is no entry, `Conflict` when it may reach them all already, has
    the whole network, or has another commit that waits.
    """
    config = hive.agents.get(name).config or AgentConfig()
    entries = tuple(dict.fromkeys(hosts))
    wanted = destinations.parse_all(entries)
    if network.mode(hive, config) == HOST:
        raise Conflict(f"{name} has the host's whole network: there is nothing to allow")
    known = destinations.parse_all(hive.config.allow) + destinations.parse_all(config.allow)
    new = tuple(each.text for each in wanted if not _is_covered(each, known))
    last = await hive.repos.deployed(name)
    if last is None:
        raise Conflict(f"nothing is deployed of {name} yet: start it first")
    if not new:
        raise Conflict(f"{name} may connect to {', '.join(entries) or 'nothing'} already")
    before = await hive.repos.read_file(name, last[1], FILE)
    data = agent_files.allowing(before or b"", new)
    message = f"allow {', '.join(new)}\n"
    change = Change(last[1], FILE, data, message, OPERATOR)
    told = f"Lets {name} connect to {', '.join(new)}. Asked for by the operator."
    return await proposals.request_change(hive, name, change, told)


def _is_covered(entry: Destination, known: tuple[Destination, ...]) -> bool:
    """Whether what an entry says is said already, in the same words."""
    what = (entry.name, entry.is_below, entry.network)
    ports = [
        port
        for each in known
        if (each.name, each.is_below, each.network) == what
        for port in each.ports
    ]
    return set(entry.ports) <= set(ports)

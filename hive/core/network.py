"""What each agent may connect to, what it reached, and what the gateway adds for it.

The accounts of all agents are held in memory and stored every few seconds; what an agent may reach
is asked for anew with every request, so that a deployed change counts at once.
"""

from __future__ import annotations

from hive.config import HostConfig
from hive.core.audit import NOBODY
from hive.core.audit_gathering import EGRESS_SOCKET
from hive.core.hive import Hive
from hive.egress import forge_gateway, gateway
from hive.egress.forge_gateway import ForgeGateway
from hive.egress.gateway import Gateway, Way
from hive.egress.rules import ALWAYS, Policy
from hive.egress.shared import SharedWay
from hive.errors import BadRequest
from hive.host import agent_files, agent_servers
from hive.host.installation import BASE_URL, placeholder
from hive.wire import destinations
from hive.wire.agent_config import AgentConfig
from hive.wire.destinations import HOST, Destination
from hive.wire.names import AgentName
from hive.wire.network import NetworkReport

_NOTHING = AgentConfig()
_PROXIES = frozenset({"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"})
BY_GATEWAY = "gateway"
BY_AGENT = "agent"
GIVEN = "given"
NOBODYS = "none"


def mode(hive: Hive, config: AgentConfig) -> str:
    """Return how an agent of that configuration reaches the network here."""
    if not hive.runtime.separates_network:
        return HOST
    return agent_files.network_for(config, hive.config)


def policy(hive: Hive, name: AgentName) -> Policy:
    """Return what an agent may connect to, as it is deployed now."""
    config = _config(hive, name)
    entries = (hive.config.allow, config.allow, agent_servers.reached(config))
    listed = [each for some in entries for each in destinations.parse_all(some)]
    return Policy((*destinations.parse_all(ALWAYS), *listed), trusted(hive))


def trusted(hive: Hive) -> tuple[Destination, ...]:
    """Return hive's own services as the operator gave them: claude's API and the forge."""
    found = [hive.installation.claude_env.get(BASE_URL), hive.config.forge_url]
    targets = [str(gateway.parse_origin(url).target) for url in found if url is not None]
    return destinations.parse_all(tuple(targets))


def gateway_for(hive: Hive, name: AgentName, path: bytes) -> Way | None:
    """Return where a path of the gateway's own leads; None where it leads nowhere."""
    if path.startswith(forge_gateway.PREFIX):
        if hive.config.forge_url is None:
            return None
        origin = gateway.parse_origin(hive.config.forge_url)
        return ForgeGateway(origin, name, hive.forge.token_of(name))
    return _api(hive)


def shared_gateway_for(hive: Hive, name: AgentName, path: bytes) -> Way | None:
    """Return the same for an agent with the host's network, behind the word it was given."""
    word = hive.installation.word_for(name, HOST)
    if path.startswith(forge_gateway.PREFIX):
        way = gateway_for(hive, name, path)
    else:
        way = _api(hive, word)

    def stranger(why: str) -> None:
        hive.audit.denied(
            actor=NOBODY, surface=EGRESS_SOCKET, action="use_gateway", subject=name, why=why
        )

    return None if way is None else SharedWay(way, word, stranger)


def _api(hive: Hive, word: str = "") -> Gateway | None:
    """Return what adds the operator's secret; None where there is neither one nor a base URL."""
    installation = hive.installation
    if not installation.has_gateway:
        return None
    origin = gateway.parse_origin(installation.claude_env.get(BASE_URL, gateway.API))
    secrets = {
        placeholder(variable, word).encode(): secret.encode()
        for variable, secret in installation.secrets.items()
    }
    return Gateway(origin, secrets)


def report(hive: Hive, name: AgentName) -> NetworkReport:
    """Return one agent's network as every surface shows it; raises `NotFound`."""
    hive.agents.get(name)
    config = _config(hive, name)
    book = hive.ledgers.of(name)
    now = mode(hive, config)
    return NetworkReport(
        name=name,
        mode=now,
        account=_account(hive, name, now),
        allowed=(*hive.config.allow, *config.allow, *agent_servers.reached(config)),
        always=(*ALWAYS, *(each.text for each in trusted(hive))),
        reached=tuple(book.reached()),
        connections=tuple(book.connections()),
    )


def summary(hive: Hive, name: AgentName) -> tuple[str, int]:
    """Return what a row says: how it reaches the network, and how many places it was refused."""
    return mode(hive, _config(hive, name)), hive.ledgers.of(name).denials


def check(config: HostConfig, claude_env: dict[str, str], *, is_separate: bool) -> None:
    """Raise `BadRequest` for settings that the proxy cannot be run with."""
    named = [name for name in config.claude_env if name.upper() in _PROXIES]
    if named and is_separate and config.network != HOST:
        raise BadRequest(
            f"claude_env names a proxy ({named[0]}), which agents behind hive's own cannot reach:"
            ' take it out, or set "network" to "host"'
        )
    for url in (claude_env.get(BASE_URL), config.forge_url):
        if url is not None:
            gateway.parse_origin(url)


def _config(hive: Hive, name: AgentName) -> AgentConfig:
    return hive.agents.get(name).config or _NOTHING if name in hive.agents else _NOTHING


def _account(hive: Hive, name: AgentName, now: str) -> str:
    if hive.config.demo:
        return NOBODYS
    if not hive.installation.secrets:
        return BY_AGENT
    is_added = now != HOST or hive.installation.word_for(name, now)
    # Without a boundary it can read whatever the daemon can.
    return BY_GATEWAY if is_added and hive.runtime.isolates else GIVEN

"""What the daemon's settings may be; what is refused names the setting and the mend."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.wire import agent_config, destinations
from hive.wire.names import model_name

RUNTIMES = ("nixos", "bubblewrap", "process")
TURN_MODES = ("live", "process")
AGENT_UIDS = (1000, 2_147_000_000)
_FORGE = re.compile(
    r"https?://(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
    r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?"
)
_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,2000}")
_TOPIC = re.compile(r"https?://[^?#]+/[A-Za-z0-9_-]{1,64}")
_CONTACT = re.compile(
    r"(?:mailto:[^\s@<>]+@[A-Za-z0-9.-]+|https://[A-Za-z0-9.-]+(?:/[\x21-\x7e]*)?)"
)
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/]|$)")


def check_host_config(config: HostConfig) -> None:
    """Raise `BadRequest` for a value no daemon can run with."""
    if config.containers is not None and config.containers not in RUNTIMES:
        raise BadRequest(f"containers must be one of {', '.join(RUNTIMES)}")
    if config.turn_mode not in TURN_MODES:
        raise BadRequest(f"turn_mode must be one of {', '.join(TURN_MODES)}")
    if min(config.rate_limit_s, config.overloaded_s) < 1:
        raise BadRequest("rate_limit_s and overloaded_s are at least 1 second")
    _check_tending(config)
    if config.build_s < 1:
        raise BadRequest("build_s is at least 1 second")
    if config.disk_reserve_mib < 0:
        raise BadRequest("disk_reserve_mib is at least 0, which keeps no reserve")
    if min(config.history_keep_days, config.stats_keep_days) < 1:
        raise BadRequest("history_keep_days and stats_keep_days are at least 1 day")
    destinations.check_mode(config.network)
    destinations.parse_all(config.allow)
    least, most = AGENT_UIDS
    if not least <= config.agent_uids <= most:
        raise BadRequest(f"agent_uids must be between {least} and {most}: nobody else's users")
    _check_forge(config)
    _check_outlets(config)
    if not 0 <= config.port <= 65535:
        raise BadRequest("port must be between 0 and 65535")
    if config.host not in {"127.0.0.1", "::1", "localhost"} and not config.tls_in_front:
        raise BadRequest(
            f"the dashboard will not bind {config.host} in the clear: keep 127.0.0.1, or put a"
            " proxy that speaks TLS in front and set tls_in_front"
        )


def _check_tending(config: HostConfig) -> None:
    if min(config.park_s, 0.0 if config.cache_ttl_s is None else config.cache_ttl_s) < 0:
        raise BadRequest("park_s and cache_ttl_s cannot be negative")
    for key in ("compact_tokens", "reset_tokens"):
        agent_config.check_context(key, getattr(config, key))
    if config.steer not in agent_config.STEERS:
        raise BadRequest(f"steer must be one of {', '.join(agent_config.STEERS)}")
    for name in (config.model, *config.available_models):
        model_name(name)


def _check_forge(config: HostConfig) -> None:
    for key in ("forge_url", "forge_public_url"):
        url = getattr(config, key)
        if url is not None and not _FORGE.fullmatch(url):
            raise BadRequest(f"{key} must read as https://HOST, with a port and a path if need be")
    if config.forge_url is None:
        return
    if config.forge_token_file is None:
        raise BadRequest("forge_url needs forge_token_file: the file with an administrator's token")
    if not config.forge_url.startswith("https:") and not _LOOPBACK.match(config.forge_url):
        raise BadRequest(
            "the token of an administrator would travel in the clear: forge_url must begin with"
            " https, or name 127.0.0.1, [::1] or localhost"
        )


def _check_outlets(config: HostConfig) -> None:
    for key in ("webhook_url", "ntfy_url", "public_url"):
        url = getattr(config, key)
        if url is not None and not _is_address(url):
            raise BadRequest(f"{key} must read as https://HOST/...; http only names this machine")
    if config.webhook_url is not None and config.webhook_secret_file is None:
        raise BadRequest("webhook_url needs webhook_secret_file: what is posted there is signed")
    if config.ntfy_url is not None and not _TOPIC.fullmatch(config.ntfy_url):
        raise BadRequest("ntfy_url must end in a topic: https://HOST/TOPIC")
    contact = config.push_contact
    if contact is not None and not _CONTACT.fullmatch(contact):
        raise BadRequest("push_contact must read as mailto:NAME@HOST or https://HOST")


def _is_address(url: str) -> bool:
    if not _ADDRESS.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        is_named = bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False
    return is_named and (parts.scheme == "https" or _LOOPBACK.match(url) is not None)

"""What claude, git and the agent's shell are told of the daemon's gateway, by the environment."""

from __future__ import annotations

from hive.config import HarnessConfig
from hive.wire.destinations import PROXY, PROXY_URL

GIT_COUNT = "GIT_CONFIG_COUNT"
FORGE = "HIVE_FORGE_URL"


def environment(config: HarnessConfig) -> dict[str, str]:
    """Return where the forge is, and that git takes that way to it by whatever address it has.

    What agent.toml tells git by its environment stays: the variables would not mix.
    """
    if not config.forge_urls:
        return {}
    if config.network != PROXY:
        return {FORGE: config.forge_urls[0]}
    base = f"{PROXY_URL}/forge"
    found = {FORGE: base}
    if GIT_COUNT in config.env:
        return found
    found[GIT_COUNT] = str(len(config.forge_urls))
    for number, url in enumerate(config.forge_urls):
        found[f"GIT_CONFIG_KEY_{number}"] = f"url.{base}/.insteadOf"
        found[f"GIT_CONFIG_VALUE_{number}"] = f"{url}/"
    return found

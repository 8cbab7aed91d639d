"""What claude, git and the agent's shell are told of the daemon's gateway, by the environment.

On the host's network anybody can connect to its port, so what goes there shows the agent's word.
The word is no argument of a program's: others see those.
"""

from __future__ import annotations

from base64 import b64encode

from hive.config import HarnessConfig
from hive.wire.destinations import PROXY

API = "ANTHROPIC_BASE_URL"
FORGE = "HIVE_FORGE_URL"
FORGE_HEADER = "HIVE_FORGE_AUTHORIZATION"
GIT_COUNT = "GIT_CONFIG_COUNT"


def environment(config: HarnessConfig, port: int) -> dict[str, str]:
    """Return where the API and the forge are; `port` is that of the harness's forwarder.

    Behind the proxy claude is told of its API by the daemon.
    """
    base = f"http://127.0.0.1:{port}"
    if config.network == PROXY:
        return _forge(config, base)
    if not config.gateway_word:
        return {FORGE: config.forge_urls[0]} if config.forge_urls else {}
    # Without a secret that is added, claude goes to its API with a login of its own.
    return {**({API: base} if config.secret_files else {}), **_forge(config, base)}


def _forge(config: HarnessConfig, base: str) -> dict[str, str]:
    """Let git take the gateway to the forge by whatever address that has.

    What agent.toml tells git by its environment stays: the variables would not mix.
    """
    if not config.forge_urls:
        return {}
    url = f"{base}/forge"
    found = {FORGE: url}
    settings = [(f"url.{url}/.insteadOf", f"{each}/") for each in config.forge_urls]
    if config.gateway_word:
        basic = "Basic " + b64encode(f"hive:{config.gateway_word}".encode()).decode()
        found[FORGE_HEADER] = basic
        settings.append((f"http.{url}/.extraHeader", f"Authorization: {basic}"))
    if GIT_COUNT in config.env:
        return found
    found[GIT_COUNT] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found

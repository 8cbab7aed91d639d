"""Settings of the forge: what would lead its token astray is refused at the start."""

from __future__ import annotations

import pytest

from hive.config import HostConfig
from hive.config_checks import check_host_config
from hive.errors import BadRequest


@pytest.mark.parametrize(
    "url",
    [
        "https://forge.example.org",
        "https://forge.example.org:8443/git/",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "http://localhost",
    ],
)
def test_an_address_is_taken(url: str) -> None:
    check_host_config(HostConfig(forge_url=url, forge_token_file="/t", forge_public_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "forge.example.org",
        "ssh://forge.example.org",
        "https://core:token@forge.example.org",
        "https://forge.example.org/?a=b",
        "https://forge.example.org/../x",
        "https://forge.example.org/a b",
        "https://forge.example.org\n",
        "https://-c\nx",
        "javascript:alert(1)",
        "http://forge.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org",
    ],
)
def test_an_address_is_refused(url: str) -> None:
    with pytest.raises(BadRequest, match="forge_url"):
        check_host_config(HostConfig(forge_url=url, forge_token_file="/t"))


def test_a_link_that_is_no_address_is_refused() -> None:
    with pytest.raises(BadRequest, match="forge_public_url"):
        check_host_config(HostConfig(forge_public_url="javascript:alert(1)"))


def test_a_forge_needs_a_token() -> None:
    with pytest.raises(BadRequest, match="forge_token_file"):
        check_host_config(HostConfig(forge_url="https://forge.example.org"))

"""Settings of how conversations are looked after: what makes no sense is refused at the start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hive.config import HostConfig, load_host_config
from hive.config_checks import check_host_config
from hive.errors import BadRequest
from hive.paths import SOCKET_PATH_BYTES, Paths
from hive.wire.names import agent_name


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"compact_tokens": 100}, "compact_tokens"),
        ({"reset_tokens": -1}, "reset_tokens"),
        ({"park_s": -1.0}, "park_s"),
        ({"cache_ttl_s": -1.0}, "cache_ttl_s"),
        ({"steer": "all"}, "steer"),
        ({"available_models": ("haiku", "--x")}, "model"),
        ({"model": ""}, "model"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(BadRequest, match=key):
        check_host_config(HostConfig(**settings))


def test_marks_can_be_switched_off() -> None:
    check_host_config(HostConfig(compact_tokens=0, reset_tokens=0, park_s=0, cache_ttl_s=0))
    check_host_config(HostConfig(compact_tokens=150_000, available_models=("haiku", "opus")))


def test_a_root_is_too_deep_as_soon_as_one_socket_of_the_longest_name_does_not_fit() -> None:
    name = agent_name("x" * 9)
    sockets = (
        Paths.agent_socket,
        Paths.web_socket,
        Paths.terminal_socket,
        Paths.egress_socket,
        Paths.gateway_socket,
    )
    refused = []
    for depth in range(60, 100):
        paths = Paths(Path("/state"), Path("/" + "r" * depth))
        sizes = [len(os.fsencode(each(paths, name))) for each in sockets]
        if max(sizes) <= SOCKET_PATH_BYTES:
            paths.check()
        else:
            refused.append(depth)
            with pytest.raises(BadRequest, match="give a shorter --root"):
                paths.check()
    assert 0 < len(refused) < 40


@pytest.mark.parametrize("text", ['{"nope": 1}', '{"port": "7000"}', "[]", "port = 7000", ""])
def test_settings_that_are_none_are_refused_with_the_name_of_their_file(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "hive.json"
    file.write_text(text)
    with pytest.raises(BadRequest, match=rf"^{file}: "):
        load_host_config(file)

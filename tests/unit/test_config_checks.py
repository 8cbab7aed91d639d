"""Settings of how conversations are looked after: what makes no sense is refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from hive.config import HostConfig
from hive.config_checks import check_host_config
from hive.errors import BadRequest


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

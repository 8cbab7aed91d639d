"""Options, the daemon's settings and docs/config.md are the same fields with the same defaults."""

from __future__ import annotations

import json
from typing import Any

import attrs

from hive.config import HostConfig
from tests.fakes.nix_eval import NIX_INSTANTIATE, Evaluator
from tests.unit.docs.pages import code, page, section, table
from tests.unit.docs.test_config import default_of
from tools import nix_pages

PREFIX = "services.hive.settings."


def listed() -> dict[str, Any]:
    rows = table(section(page("config.md"), "The daemon's settings"))
    return {code(row[0])[0]: json.loads(code(row[3])[0]) for row in rows}


if NIX_INSTANTIATE:

    def declared(nix: Evaluator) -> dict[str, Any]:
        options = nix.made_of("options", "")["host"]
        return {each["name"]: each for each in options}

    def test_no_setting_misses_in_one_of_the_three(nix: Evaluator) -> None:
        names = {name.removeprefix(PREFIX) for name in declared(nix) if name.startswith(PREFIX)}
        fields = {field.name for field in attrs.fields(HostConfig)}
        assert {name for name in names if "." not in name} == fields == set(listed())

    def test_every_default_is_the_same_in_the_three(nix: Evaluator) -> None:
        # Whole, as the module would write it: a table of limits has defaults of its own.
        found = nix.made_of(
            "host",
            "host.services.hive = { enable = true; forge.enable = false;"
            ' settings = { hive_flake = "x"; containers = "nixos"; }; };',
        )["settings"]
        assert set(found) == set(listed())
        set_by_module = {"containers", "git", "operator_group", "hive_flake"}
        for field in attrs.fields(HostConfig):
            if field.name not in set_by_module:
                assert found[field.name] == default_of(field) == listed()[field.name], field.name
        for name in set_by_module:
            assert declared(nix)[PREFIX + name]["default"] == "null"

    def test_every_option_is_typed_and_described(nix: Evaluator) -> None:
        for part in nix.made_of("options", "").values():
            for option in part:
                assert option["type"] not in {"raw value", "anything"}, option["name"]
                assert option["description"].rstrip().endswith("."), option["name"]

    def test_the_page_of_options_and_the_unit_are_fresh() -> None:
        assert nix_pages.main(["--check"]) == 0

"""docs/config.md says of every setting what the code says."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import attrs

from hive import config, config_checks
from hive.config import HostConfig
from hive.wire import codec
from tests.unit.docs.pages import ROOT, blocks, code, page, section, table

ENVIRONMENT = re.compile(r"[A-Z][A-Z_]{3,}")


def default_of(field: attrs.Attribute[object]) -> object:
    default = field.default
    made = default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type]
    if attrs.has(type(made)):
        return codec.to_json(made)
    return list(made) if isinstance(made, tuple) else made


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    rows = table(section(page("config.md"), "The daemon's settings"))
    said = {code(row[0])[0]: json.loads(code(row[3])[0]) for row in rows}
    assert said == {field.name: default_of(field) for field in attrs.fields(HostConfig)}
    assert [code(row[0])[0] for row in rows] == [field.name for field in attrs.fields(HostConfig)]


def test_the_example_is_a_file_that_serve_takes(tmp_path: Path) -> None:
    for text in blocks(section(page("config.md"), "The daemon's settings"), "json"):
        file = tmp_path / "config.json"
        file.write_text(text)
        config_checks.check_host_config(config.load_host_config(file))
        assert codec.to_json(config.load_host_config(file)) != codec.to_json(HostConfig())


def test_every_variable_that_is_read_is_listed() -> None:
    sources = [
        ROOT / "hive" / file
        for file in ("environment.py", "light.py", "paths.py", "terminal_cli.py")
    ]
    read = {
        node.value
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and ENVIRONMENT.fullmatch(node.value)
    }
    listed = {
        name for row in table(section(page("config.md"), "Environment")) for name in code(row[0])
    }
    assert read <= listed

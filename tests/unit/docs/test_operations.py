"""docs/operations.md: its unit is one systemd takes, its statuses are those of the errors."""

from __future__ import annotations

import configparser
import re

from hive import cli, errors
from hive.config import HostConfig
from tests.unit.docs.pages import DOCS, ROOT, blocks, page, section, table

COMMAND = re.compile(r"hive\.pyz ([a-z]+(?:-[a-z]+)*)")


def test_the_unit_starts_a_verb_with_flags_that_exist() -> None:
    (text,) = blocks(page("operations.md"), "ini")
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    words = unit["Service"]["ExecStart"].split()
    assert cli.make_parser().parse_args(words[1:]).command == "serve"
    assert unit["Service"]["StateDirectory"] == "hyperhive"


def test_every_exit_status_of_an_error_is_listed() -> None:
    listed = {int(row[0]) for row in table(section(page("operations.md"), "Exit statuses"))}
    assert {kind.exit_status for kind in errors.BY_CODE.values()} <= listed


def test_every_command_in_the_documents_exists() -> None:
    parser = cli.make_parser()
    known = set(parser._subparsers._group_actions[0].choices)  # type: ignore[union-attr,arg-type]
    for place in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for word in COMMAND.findall(place.read_text(encoding="utf-8")):
            assert word in known | {"is"}, f"{place.name}: hive.pyz {word}"


def test_every_verb_of_the_operator_stands_in_a_document() -> None:
    parser = cli.make_parser()
    known = set(parser._subparsers._group_actions[0].choices)  # type: ignore[union-attr,arg-type]
    places = [ROOT / "README.md", *DOCS.glob("*.md")]
    said = {word for place in places for word in COMMAND.findall(place.read_text("utf-8"))}
    assert known - said == {"agent", "manager"}


def test_the_default_port_is_the_one_that_is_told() -> None:
    assert f"127.0.0.1:{HostConfig().port}" in page("operations.md")

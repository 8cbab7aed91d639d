"""docs/operations.md: its statuses are those of the errors, and no command is made up."""

from __future__ import annotations

import re

from hive import cli, errors
from hive.config import HostConfig
from tests.unit.docs.pages import DOCS, ROOT, page, section, table

COMMAND = re.compile(r"hive\.pyz ([a-z]+(?:-[a-z]+)*)")


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
    for name in ("install-nixos.md", "install-systemd.md"):
        assert f"127.0.0.1:{HostConfig().port}" in page(name)

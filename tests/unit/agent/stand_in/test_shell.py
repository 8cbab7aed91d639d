"""The stand-in's shell."""

from __future__ import annotations

import pytest

from hive.agent.stand_in import shell


def test_it_returns_what_was_printed() -> None:
    assert shell.run({"command": "echo one; echo two >&2"}) == "one\ntwo"


def test_a_status_is_told_with_what_was_printed() -> None:
    with pytest.raises(shell.ShellFailed, match=r"Exit code 3\nno"):
        shell.run({"command": "echo no; exit 3"})

"""What the command line says of words it does not understand."""

from __future__ import annotations

import io
import sys

import pytest

from hive import cli, operator_verbs
from hive.wire import stats


@pytest.mark.parametrize(
    "words",
    [["frob"], ["approve"], ["approve", "x"], ["list", "--frob"], ["agent"], ["up", "--port", "x"]],
)
def test_bad_usage_is_one_line_that_names_the_mend(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said.err.startswith("hive: ")
    assert said.err.endswith(" --help\n")


def test_the_windows_that_are_offered_are_those_of_the_statistics() -> None:
    assert tuple(stats.WINDOWS) == operator_verbs.WINDOWS


def test_no_command_is_an_error_in_one_line_beside_the_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    said = capsys.readouterr()
    assert (ended.value.code, said.err) == (2, "hive: give a command; see hive.pyz --help\n")
    assert "request-spawn" in said.out


def test_standard_input_that_is_no_text_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8"))
    assert cli.main(["send", "alice", "-"]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("hive: standard input is not utf-8: ")


def test_a_closed_standard_input_is_an_empty_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["destroy", "alice"]) == 2
    sys.stdin.close()
    assert capsys.readouterr().err.endswith("elsewhere say --yes\n")

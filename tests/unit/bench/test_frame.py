"""The frame of the benchmarks: what it prints, what it writes, and when it fails."""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType

import pytest

from bench import __main__ as frame
from bench.figures import Bar, Figure, Report, part

NAME = "turns"


def _report(*, is_met: bool) -> Report:
    return Report(
        "A thing",
        (
            Figure("its time", "3.0 ms", "another's, 6.0 ms", "under 5 ms", is_met),
            Figure("its size", "7 MiB"),
        ),
        ("Measured once.",),
    )


def _stub(monkeypatch: pytest.MonkeyPatch, report: Report) -> list[bool]:
    """Put a benchmark that measures nothing in the place of a real one; return how it is called."""
    asked: list[bool] = []

    def measure(*, quick: bool) -> Report:
        asked.append(quick)
        return report

    module = ModuleType(f"bench.{NAME}")
    module.measure = measure  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"bench.{NAME}", module)
    return asked


def test_it_prints_measured_compared_bar_and_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = _stub(monkeypatch, _report(is_met=True))
    assert frame.main([NAME, "--quick"]) == 0
    assert asked == [True]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "A thing"
    row = next(line for line in lines if line.startswith("its time"))
    assert row.split("  ")[0] == "its time"
    assert "3.0 ms" in row
    assert "another's, 6.0 ms" in row
    assert row.endswith("met")
    assert "Measured once." in lines


def test_a_missed_bar_is_shown_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = _stub(monkeypatch, _report(is_met=False))
    assert frame.main([f"bench/{NAME}.py"]) == 1
    assert asked == [False]
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["nonsense"], ["--write", "--quick"], ["--write", NAME]], ids=" ".join
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        frame.main(words)
    assert refused.value.code == 2


def test_the_page_has_a_table_for_each_report_and_one_sentence_a_line() -> None:
    page = frame.page([_report(is_met=True), _report(is_met=False)], frame.machine())
    assert page.startswith("# Performance\n")
    assert page.count("| its time | 3.0 ms | another's, 6.0 ms | under 5 ms |") == 2
    assert "| its size | 7 MiB |  |  |  |" in page
    assert "| MISSED |" in page
    assert not [line for line in page.splitlines() if ". " in line and not line.startswith("|")]


@pytest.mark.parametrize("name", frame.NAMES)
def test_every_benchmark_can_be_asked_to_measure(name: str) -> None:
    module = importlib.import_module(f"bench.{name}")
    parameter = inspect.signature(module.measure).parameters["quick"]
    assert parameter.kind is inspect.Parameter.KEYWORD_ONLY


def test_a_bar_is_met_below_both_of_its_limits_only() -> None:
    bar = Bar(5, 20)
    times = [1.0] * 98
    assert bar.is_met_by([*times, 19.0, 19.0])
    assert not bar.is_met_by([*times, 20.0, 20.0])
    assert not bar.is_met_by([5.0] * 100)
    assert part([3.0, 1.0, 2.0], 0.5) == 2.0

"""Waiting longer and longer behind failures."""

from __future__ import annotations

from hive import backoff


def test_a_wait_doubles_with_each_failure_up_to_its_most() -> None:
    waits = [backoff.after(failures, 1.0, 60.0) for failures in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_wait_stays_at_its_most_however_often_something_failed() -> None:
    for failures in (65, 66, 1024, 1025, 10_000, 10**400):
        assert backoff.after(failures, 0.25, 30.0) == 30


def test_a_count_that_is_none_waits_as_behind_one_failure() -> None:
    assert [backoff.after(failures, 2.0, 60.0) for failures in (0, -7)] == [2, 2]

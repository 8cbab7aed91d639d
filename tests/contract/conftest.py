"""Fixtures: each runtime as a subject, stopped and swept clean after every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.container_subjects import FakeSubject, RealSubject, Subject


@pytest.fixture(params=["fake", "bubblewrap", "process"])
async def subject(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Subject]:
    """Every runtime in turn."""
    made = FakeSubject() if request.param == "fake" else RealSubject(request.param, short_tmp)
    yield made
    await _sweep(made)


@pytest.fixture(params=["bubblewrap", "process"])
async def real(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[RealSubject]:
    """Every runtime that starts processes."""
    made = RealSubject(request.param, short_tmp)
    yield made
    await _sweep(made)


@pytest.fixture
async def sandbox(short_tmp: Path) -> AsyncIterator[RealSubject]:
    """The runtime bubblewrap."""
    made = RealSubject("bubblewrap", short_tmp)
    yield made
    await _sweep(made)


async def _sweep(subject: Subject) -> None:
    for status in await subject.runtime.running():
        await subject.runtime.stop(status.name, grace_s=0)

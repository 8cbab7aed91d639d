"""Fixtures: each runtime as a subject, stopped and swept clean after every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.container_subjects import (
    FakeSubject,
    NixosSubject,
    RealSubject,
    Subject,
)


@pytest.fixture(params=["fake", "bubblewrap", "process", "nixos"])
async def subject(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Subject]:
    """Every runtime in turn."""
    made: Subject
    if request.param == "fake":
        made = FakeSubject()
    elif request.param == "nixos":
        made = NixosSubject(root=short_tmp)
    else:
        made = RealSubject(request.param, short_tmp)
    yield made
    await made.sweep()


@pytest.fixture(params=["bubblewrap", "process"])
async def real(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[RealSubject]:
    """Every runtime that starts processes."""
    made = RealSubject(request.param, short_tmp)
    yield made
    await made.sweep()


@pytest.fixture
async def sandbox(short_tmp: Path) -> AsyncIterator[RealSubject]:
    """The runtime bubblewrap."""
    made = RealSubject("bubblewrap", short_tmp)
    yield made
    await made.sweep()

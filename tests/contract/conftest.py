"""Fixtures: each runtime as a subject, stopped and swept clean after every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.container_subjects import (
    IS_ROOT,
    FakeSubject,
    NixosSubject,
    RealSubject,
    Subject,
)
from tests.fakes.nixos import host as nixos_host

OWN_USERS = ["own users"] if IS_ROOT else []
NIXOS_USERS = ["nixos users"] if nixos_host.IS_REAL else []
"""The stand-ins know no users."""


@pytest.fixture(params=["fake", "bubblewrap", *OWN_USERS, "process", "nixos", *NIXOS_USERS])
async def subject(request: pytest.FixtureRequest, short_tmp: Path) -> AsyncIterator[Subject]:
    """Every runtime in turn."""
    made: Subject
    if request.param == "fake":
        made = FakeSubject()
    elif request.param in {"nixos", *NIXOS_USERS}:
        made = NixosSubject(root=short_tmp, has_users=request.param in NIXOS_USERS)
    elif request.param == "own users":
        made = RealSubject("bubblewrap", short_tmp, has_users=True)
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
    """The runtime bubblewrap; as root with a user for each container, as hive has it then."""
    made = RealSubject("bubblewrap", short_tmp, has_users=IS_ROOT)
    yield made
    await made.sweep()


@pytest.fixture
async def shared_user(short_tmp: Path) -> AsyncIterator[RealSubject]:
    """The runtime bubblewrap where every container runs as the daemon's user."""
    made = RealSubject("bubblewrap", short_tmp)
    yield made
    await made.sweep()

"""Choosing a runtime, and what a host that lacks something is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.config import HostConfig
from hive.errors import Unavailable
from hive.host import runtimes, sandbox_probe
from hive.paths import Paths


def _paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "state", tmp_path / "run")


def _no_clock() -> float:
    return 0.0


def _program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is searched for programs before, and without, every other."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["bubblewrap", "process"])
async def test_the_kind_that_was_asked_for_is_taken(tmp_path: Path, kind: str) -> None:
    config = HostConfig(containers=kind)
    assert (await runtimes.choose(config, _paths(tmp_path), _no_clock)).kind == kind


async def test_bubblewrap_is_taken_where_it_works(tmp_path: Path) -> None:
    runtime = await runtimes.choose(HostConfig(), _paths(tmp_path), _no_clock)
    assert runtime.kind == "bubblewrap"
    assert runtime.isolates


@pytest.mark.usefixtures("on_path")
async def test_without_bwrap_nothing_is_taken_and_the_mend_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"apt install bubblewrap.*--containers process"):
        await runtimes.choose(HostConfig(), _paths(tmp_path), _no_clock)


async def test_a_bwrap_that_is_too_old_is_refused(tmp_path: Path, on_path: Path) -> None:
    _program(on_path, "bwrap", "echo bubblewrap 0.7.9")
    with pytest.raises(Unavailable, match=r"0\.7\.9.*install bubblewrap 0\.8\.0 or newer"):
        await runtimes.choose(HostConfig(), _paths(tmp_path), _no_clock)


async def test_a_host_that_forbids_namespaces_is_told_what_to_allow(
    tmp_path: Path, on_path: Path
) -> None:
    refusal = "bwrap: No permissions to create new namespace: Operation not permitted"
    _program(
        on_path,
        "bwrap",
        f'[ "$1" = --version ] && echo bubblewrap 1.0.0 && exit; echo "{refusal}" >&2; exit 1',
    )
    with pytest.raises(Unavailable, match=r"Operation not permitted.*seccomp=unconfined"):
        await runtimes.choose(HostConfig(), _paths(tmp_path), _no_clock)


async def test_nixos_says_why_it_cannot_be_taken(tmp_path: Path, on_path: Path) -> None:
    config = HostConfig(containers="nixos")
    with pytest.raises(Unavailable, match="needs a NixOS host"):
        await runtimes.choose(config, _paths(tmp_path), _no_clock)
    _program(on_path, "nixos-container", "true")
    with pytest.raises(Unavailable, match=r"systemctl is not on PATH.*--containers bubblewrap"):
        await runtimes.choose(config, _paths(tmp_path), _no_clock)


def _nixos_host(on_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    for name in ("nixos-container", "machinectl", "journalctl", "nix", "nix-env"):
        _program(on_path, name, "true")
    _program(on_path, "systemctl", "echo 'systemd 257 (257.9)'")
    monkeypatch.setattr(os, "geteuid", lambda: uid)


async def test_nixos_is_taken_by_itself_where_it_is_there(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nixos_host(on_path, monkeypatch, 0)
    assert (await runtimes.choose(HostConfig(), _paths(tmp_path), _no_clock)).kind == "nixos"
    found = await runtimes.examine(HostConfig(), _paths(tmp_path), _no_clock)
    assert [each.what for each in found] == [
        "nixos-container",
        "binds",
        "systemd",
        "nspawn",
        "users",
    ]


@pytest.mark.parametrize(("uid", "demo"), [(1000, False), (0, True)], ids=["user", "demo"])
async def test_nixos_is_not_taken_by_itself_for_a_user_or_a_demo(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, demo: bool
) -> None:
    _nixos_host(on_path, monkeypatch, uid)
    with pytest.raises(Unavailable, match="apt install bubblewrap"):
        await runtimes.choose(HostConfig(demo=demo), _paths(tmp_path), _no_clock)


async def test_a_user_who_asks_for_nixos_is_told_that_root_may(
    tmp_path: Path, on_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nixos_host(on_path, monkeypatch, 1000)
    with pytest.raises(Unavailable, match="only root may make containers"):
        await runtimes.choose(HostConfig(containers="nixos"), _paths(tmp_path), _no_clock)


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"kernel/unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone=1"),
        ({"kernel/apparmor_restrict_unprivileged_userns": "1"}, "AppArmor"),
        ({"user/max_user_namespaces": "0"}, "user.max_user_namespaces=15000"),
        ({}, "--containers process"),
    ],
)
def test_the_mend_fits_the_kernels_settings(settings: dict[str, str], mend: str) -> None:
    assert mend in sandbox_probe.mend("something else", settings.get, is_root=False)

"""An approved commit on a NixOS host: the meta flake, a real nix build, and the container's system.

nix is real; nixos-container, systemd and what runs inside are stand-ins.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.config import HostConfig
from hive.core import actions, proposals
from hive.core.hive import Hive
from hive.errors import ProgramFailed
from hive.host import program
from hive.host.git import Git
from hive.host.nixos_container import NixosContainer
from hive.host.nixos_host import NixosHost
from hive.host.program import Program
from hive.host.runtime import ContainerSpec
from hive.nursery import on_host
from hive.wire.names import MANAGER, OPERATOR, agent_name
from tests.fakes.dying_daemon import ENV
from tests.fakes.nix_world import NIX, NixWorld
from tests.fakes.nixos.host import make_host
from tests.fakes.running import paths_below

X = agent_name("x")
SLEEPS = Program(("/bin/sh", "-c", "exec sleep 1000", "hive"), {}, ())
"""In the harness's place, whose own program is not seen without real containers."""
SYSTEMS = ["nix"] if NIX else []


class Without(NixosContainer):
    """Without namespaces nothing is seen at its place inside."""

    async def start(self, spec: ContainerSpec) -> None:
        """Start it with what was given to it, from a directory that is there."""
        binds = tuple(bind for bind in spec.binds if bind.target == "/etc/hive")
        await super().start(attrs.evolve(spec, cwd="/tmp", binds=binds))


@attrs.define
class NixosHive:
    """A hive on a NixOS host made for it."""

    root: Path
    host: NixosHost
    hive: Hive

    def commit(self, text: str) -> str:
        """Commit an agent.nix as the manager would."""
        folder = self.root / "state/agents/x/config"
        (folder / "agent.nix").write_text(text)
        words = ("git", "-c", f"safe.directory={folder}", "-C", str(folder))
        subprocess.run([*words, "commit", "--quiet", "-am", "x"], check=True, env=ENV)
        done = subprocess.run([*words, "rev-parse", "HEAD"], check=True, env=ENV, stdout=-1)
        return done.stdout.decode().strip()

    async def deploy(self, text: str) -> int:
        """Propose an agent.nix and approve it; returns the approval's number."""
        sha = self.commit(text)
        approval = await proposals.request_apply_commit(self.hive, "x", sha, None)
        await (await actions.approve(self.hive, approval.id)).wait()
        return approval.id

    def system(self) -> dict[str, Any]:
        """The configuration that the container's profile was built from."""
        built = self.host.profile("h-x").resolve() / "config.json"
        found: dict[str, Any] = json.loads(built.read_text())
        return found


@pytest.fixture(params=SYSTEMS)
def world(request: pytest.FixtureRequest, short_tmp: Path) -> Iterator[NixWorld]:
    """A Nix store with hive's flake."""
    del request
    yield NixWorld(short_tmp / "n", Git()).make()
    # A store is read-only, and its directory is to be removed.
    subprocess.run(("chmod", "-R", "u+w", str(short_tmp / "n")), check=True)


async def test_a_commit_is_built_by_nix_and_rolled_back_when_nix_refuses_it(
    short_tmp: Path, world: NixWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_host(short_tmp / "host")
    assert NIX is not None
    assert host.path is not None
    nix = Path(host.path) / "nix"
    nix.unlink()
    nix.symlink_to(NIX)
    path = f"{host.path}:{os.environ['PATH']}"
    for key, value in {**world.env, "PATH": path}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(program, "find", lambda *, isolated: SLEEPS)
    paths = paths_below(short_tmp)
    config = HostConfig(
        port=0, demo=True, containers="nixos", hive_flake=world.reference, settle_s=0.2
    )
    runtime = Without(paths, time.time, host=host)
    async with trio.open_nursery() as nursery:
        hive = await nursery.start(partial(on_host.serve, config, paths, runtime=runtime))
        on = NixosHive(short_tmp, host, hive)
        first = await proposals.request_spawn(hive, "x", None, OPERATOR)
        await (await actions.approve(hive, first.id)).wait()
        assert on.system()["networking"]["hostName"] == "x"
        number = await on.deploy('{ ... }: { environment.variables.NOTE = "second"; }')
        assert on.system()["environment"]["variables"]["NOTE"] == "second"
        record = hive.agents.get(X)
        assert record.system == str(host.profile("h-x").resolve())
        with pytest.raises(ProgramFailed, match="nix"):
            await on.deploy("{ ... }: { this is no nix }")
        assert on.system()["environment"]["variables"]["NOTE"] == "second"
        assert (await hive.meta.locked())[X] == (record.deployed_sha, f"deployed/{number}")
        assert (await runtime.status(X)).is_running
        assert (await hive.meta.log(1)) == [
            f"deploy x deployed/{number} {record.deployed_sha[:12]}"
        ]
        for name in (X, MANAGER):
            await runtime.stop(name, grace_s=0)
        nursery.cancel_scope.cancel()

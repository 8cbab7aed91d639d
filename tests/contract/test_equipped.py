"""What agent.toml asks for is there in the container, over the runtimes that run processes."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import trio

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import agent_files, agent_servers
from hive.host.bubblewrap import Bubblewrap
from hive.host.process_runtime import Process
from hive.host.runtime import Bind, BuildOrder
from hive.wire.agent_config import AgentConfig, McpServer
from hive.wire.names import AgentName
from tests.contract.container_subjects import RealSubject

A = AgentName("a")
SHA = "b" * 40
PATIENCE_S = 20


@pytest.fixture
def tree(real: RealSubject) -> Path:
    """The files of a commit."""
    made = real.paths.generation(A, SHA)
    made.mkdir(parents=True)
    (made / "agent.toml").write_text("packages = ['greeter']\n")
    (made / "run").write_text("#!/bin/sh\necho from the repository\n")
    (made / "run").chmod(0o755)
    return made


@pytest.fixture
def host(real: RealSubject) -> HostConfig:
    """A daemon that offers one package."""
    folder = real.root / "greeter/bin"
    folder.mkdir(parents=True)
    (folder / "greet").write_text("#!/bin/sh\necho good day\n")
    (folder / "greet").chmod(0o755)
    return HostConfig(packages={"greeter": str(folder.parent)})


async def _say(real: RealSubject, tree: Path, host: HostConfig, command: str) -> list[str]:
    config = AgentConfig(packages=("greeter",))
    given = real.paths.given(A)
    (given / "config").mkdir(parents=True)
    inside = real.runtime.inside(A)
    spec = real.shell(A, f"{{ {command}\n}} 2>&1")
    spec = attrs.evolve(spec, binds=(*spec.binds, Bind(given, inside.given)))
    await real.runtime.start(agent_files.equip(spec, config, tree, host, inside))
    with trio.fail_after(PATIENCE_S):
        await real.runtime.wait_exit(A)
    return await real.runtime.logs(A, 50)


async def test_a_package_of_the_operators_is_on_the_path(
    real: RealSubject, tree: Path, host: HostConfig
) -> None:
    assert await _say(real, tree, host, "greet") == ["good day"]


async def test_the_files_of_the_commit_are_there_and_cannot_be_changed(
    real: RealSubject, tree: Path, host: HostConfig
) -> None:
    seen = agent_servers.tree_inside(tree, real.runtime.inside(A))
    said = await _say(real, tree, host, f"{seen}/run; echo x >>{seen}/agent.toml && echo changed")
    assert said[0] == "from the repository"
    assert ("changed" in said) == (not real.runtime.isolates)


async def test_the_build_says_what_it_found(
    real: RealSubject, tree: Path, host: HostConfig
) -> None:
    kind = Bubblewrap if real.kind == "bubblewrap" else Process
    runtime = kind(real.paths, lambda: 1.0, host)
    servers = {"one": McpServer("greet"), "two": McpServer(f"{agent_servers.TREE}/run")}
    config = AgentConfig(packages=("greeter",), mcp_servers=servers)
    said: list[str] = []
    assert await runtime.build(BuildOrder(A, SHA, config, tree), said.append) == SHA
    assert [line.split(":")[0] for line in said] == [
        "package greeter",
        "mcp server one",
        "mcp server two",
    ]


async def test_what_is_missing_fails_the_build_and_touches_nothing(
    real: RealSubject, tree: Path
) -> None:
    await real.runtime.start(real.shell(A, "exec sleep 1000"))
    first = real.first(A)
    order = BuildOrder(A, SHA, AgentConfig(packages=("greeter",)), tree)
    with pytest.raises(BadRequest, match="greeter"):
        await real.runtime.build(order, lambda _: None)
    assert real.first(A) == first

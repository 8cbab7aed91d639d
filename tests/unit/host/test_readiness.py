"""What this host lacks for an agent.toml is found before anything is stopped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import installation, packages, readiness
from hive.host.runtime import INSIDE, BuildOrder, Inside
from hive.wire.agent_config import AgentConfig, Limits, McpServer
from hive.wire.names import AgentName

SHA = "a" * 40
PATH = "/usr/bin:/bin"
OUTSIDE = Inside("/r", "/s", "/h", "/c", "/sh", "/g")


def _check(
    tree: Path, config: AgentConfig, host: HostConfig | None = None, inside: Inside = INSIDE
) -> list[str]:
    order = BuildOrder(AgentName("a"), SHA, config, tree)
    return readiness.check(order, host or HostConfig(), inside, PATH)


def _server(command: str) -> AgentConfig:
    return AgentConfig(mcp_servers={"one": McpServer(command)})


def test_nothing_asked_for_is_always_there(tmp_path: Path) -> None:
    assert _check(tmp_path, AgentConfig()) == []


def test_programs_of_the_host_are_there(tmp_path: Path) -> None:
    (line,) = _check(tmp_path, AgentConfig(packages=("env", "env")))
    assert line.startswith("package env: /")


def test_every_missing_package_is_named_with_what_is_offered(tmp_path: Path) -> None:
    (tmp_path / "jq").mkdir()
    host = HostConfig(packages={"jq": str(tmp_path / "jq")})
    config = AgentConfig(packages=("no-such", "jq", "nor-this"))
    with pytest.raises(BadRequest, match=r"no-such, nor-this: .*`packages` \(jq\)"):
        _check(tmp_path, config, host)


def test_an_offered_package_that_is_gone_is_the_daemons_to_mend(tmp_path: Path) -> None:
    host = HostConfig(packages={"jq": str(tmp_path / "gone")})
    with pytest.raises(BadRequest, match="correct it in the daemon's setting"):
        _check(tmp_path, AgentConfig(packages=("jq",)), host)


def test_a_server_on_the_path_is_found(tmp_path: Path) -> None:
    (line,) = _check(tmp_path, _server("env"))
    assert line.startswith("mcp server one: /")


def test_a_server_of_an_offered_package_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "tool/bin"
    folder.mkdir(parents=True)
    (folder / "tool-mcp").write_text("#!/bin/sh\n")
    (folder / "tool-mcp").chmod(0o755)
    host = HostConfig(packages={"tool": str(tmp_path / "tool")})
    config = AgentConfig(packages=("tool",), mcp_servers={"one": McpServer("tool-mcp")})
    assert _check(tmp_path, config, host)[-1] == f"mcp server one: {folder}/tool-mcp"
    without = AgentConfig(mcp_servers={"one": McpServer("tool-mcp")})
    with pytest.raises(BadRequest, match="no program 'tool-mcp'"):
        _check(tmp_path, without, host)


def test_a_server_in_the_repository_is_looked_at(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    config = _server("/etc/hive/config/run")
    with pytest.raises(BadRequest, match="no file 'run': commit it"):
        _check(tree, config)
    (tree / "run").write_text("#!/bin/sh\n")
    with pytest.raises(BadRequest, match=r"chmod \+x"):
        _check(tree, config)
    (tree / "run").chmod(0o755)
    for inside in (INSIDE, OUTSIDE):
        assert _check(tree, config, inside=inside) == ["mcp server one: run of the repository"]


@pytest.mark.parametrize("target", ["/bin/sh", "../out"])
def test_a_link_out_of_the_repository_is_refused(tmp_path: Path, target: str) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "out").write_text("#!/bin/sh\n")
    (tmp_path / "out").chmod(0o755)
    (tree / "run").symlink_to(target)
    with pytest.raises(BadRequest, match="leads out of the repository"):
        _check(tree, _server("/etc/hive/config/run"))


def test_a_link_that_goes_round_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to("run")
    with pytest.raises(BadRequest, match="no file 'run'"):
        _check(tmp_path, _server("/etc/hive/config/run"))


def test_what_a_sandbox_does_not_show_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "x"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    with pytest.raises(BadRequest, match="is not seen inside"):
        _check(tmp_path, _server(str(program)))
    assert _check(tmp_path, _server(str(program)), inside=OUTSIDE)
    assert "looked for when it is started" in _check(tmp_path, _server("/state/bin/x"))[0]
    with pytest.raises(BadRequest, match="not a program on this host"):
        _check(tmp_path, _server("/usr/no/such/x"))


def test_more_memory_than_the_host_has_is_refused(tmp_path: Path) -> None:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
    with pytest.raises(BadRequest, match=f"this host has {pages}"):
        _check(tmp_path, AgentConfig(limits=Limits(memory_mib=pages + 1)))
    _check(tmp_path, AgentConfig(), HostConfig(limits=Limits(memory_mib=pages + 1)))


def test_the_daemon_looks_at_its_own_settings_when_it_starts() -> None:
    for host in (
        HostConfig(demo=True, limits=Limits(tasks=1)),
        HostConfig(demo=True, packages={"jq": "here"}),
    ):
        with pytest.raises(BadRequest):
            installation.find(host, isolates=False)


@pytest.mark.parametrize("offered", [{"jq": "jq"}, {"jq": ""}, {"../x": "/x"}, {"": "/x"}])
def test_a_package_of_the_daemons_settings_is_checked(offered: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        packages.check_host(HostConfig(packages=offered))


def test_of_a_system_to_be_built_the_repositorys_own_is_looked_at_first(tmp_path: Path) -> None:
    order = BuildOrder(AgentName("a"), SHA, _server("/etc/hive/config/run"), tmp_path)
    with pytest.raises(BadRequest, match="no file 'run': commit it"):
        readiness.check_own(order)
    huge = AgentConfig(limits=Limits(memory_mib=4 * 1024 * 1024))
    with pytest.raises(BadRequest, match="this host has"):
        readiness.check_own(BuildOrder(AgentName("a"), SHA, huge, tmp_path))


@pytest.mark.parametrize("command", ["tool", "/nix/store/none/bin/tool"])
def test_a_server_is_looked_for_in_the_system_that_was_built(tmp_path: Path, command: str) -> None:
    with pytest.raises(BadRequest, match=f"no program '{command}' in the system"):
        readiness.check_system(_server(command), tmp_path)


def test_a_program_of_the_system_and_one_made_at_its_start_are_taken(tmp_path: Path) -> None:
    (tmp_path / "sw/bin").mkdir(parents=True)
    (tmp_path / "sw/bin/tool").symlink_to("/bin/sh")
    for command in ("tool", "/state/tool", "/run/wrappers/bin/tool"):
        readiness.check_system(_server(command), tmp_path)


def test_a_server_by_url_is_looked_for_by_claude_alone(tmp_path: Path) -> None:
    server = McpServer(url="https://mcp.example.com/mcp")
    (line,) = _check(tmp_path, AgentConfig(mcp_servers={"one": server}))
    assert line == "mcp server one: at https://mcp.example.com/mcp, which is looked for when" + (
        " claude starts"
    )


def test_a_marketplace_of_the_repository_is_there(tmp_path: Path) -> None:
    config = AgentConfig(plugins=("a@/etc/hive/config/shop", "b@known", "c@owner/repository"))
    with pytest.raises(BadRequest, match=r"no file shop/\.claude-plugin/marketplace\.json"):
        _check(tmp_path, config)
    file = tmp_path / "shop/.claude-plugin/marketplace.json"
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    assert _check(tmp_path, config) == []
    file.unlink()
    file.symlink_to("/etc/passwd")
    with pytest.raises(BadRequest, match="commit it"):
        _check(tmp_path, config)

"""A whole hive whose agents have a network of their own: what gets out, who holds the secret."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from hive.host import program
from hive.wire.names import AgentName
from tests.e2e.stage import REAL, SECRET, STAND_IN, Stage, spawn, stage
from tests.fakes.egress import echo, server
from tests.fakes.http_client import fetch

PROBE = Path(__file__).parents[1] / "fakes/hostile_network.py"
SLOW = pytest.mark.slow
ACCOUNTS = [
    ("ANTHROPIC_API_KEY", "live"),
    ("CLAUDE_CODE_OAUTH_TOKEN", "process"),
    pytest.param("ANTHROPIC_API_KEY", "process", marks=SLOW),
    pytest.param("ANTHROPIC_AUTH_TOKEN", "live", marks=SLOW),
    pytest.param("ANTHROPIC_AUTH_TOKEN", "process", marks=SLOW),
    pytest.param("CLAUDE_CODE_OAUTH_TOKEN", "live", marks=SLOW),
]


@asynccontextmanager
async def _host() -> AsyncIterator[tuple[int, int, str]]:
    """Serve on two ports of loopback and an abstract socket, as services of the host."""
    name = f"hive-test-{id(object())}"
    with socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        async with server(echo) as allowed, server(echo) as closed:
            yield allowed, closed, name


async def _run(hive: Stage, command: str) -> str:
    """Run a shell command as alice's claude; return what it wrote to /shared/said."""
    said = hive.paths.shared / "said"
    said.unlink(missing_ok=True)
    call = json.dumps(
        {"command": f"{{ {command}; }} >/shared/new 2>&1; mv /shared/new /shared/said"}
    )
    await hive.send("alice", f"!tool Bash {call}")

    async def is_there() -> bool:
        return said.exists()

    await hive.wait(is_there)
    return said.read_text()


def _probe(hive: Stage, words: str) -> str:
    (hive.paths.shared / "probe.py").write_text(PROBE.read_text())
    python = program.find(isolated=True).argv[2]
    return f"{python} -S /shared/probe.py {words}"


async def test_nothing_but_what_is_listed_gets_out_and_all_of_it_is_counted(
    short_tmp: Path,
) -> None:
    async with _host() as (allowed, closed, name):
        listed = [f"127.0.0.1:{allowed}"]
        async with stage(short_tmp, STAND_IN, "live", allow=listed) as hive:
            await spawn(hive, "alice")
            found = json.loads(await _run(hive, _probe(hive, f"{allowed} {closed} {name}")))
            _check(found)
            report = await _network(hive)
            counted = {(row["host"], row["port"]): row["verdict"] for row in report["reached"]}
            assert counted["127.0.0.1", allowed] == "allowed"
            assert counted["169.254.169.254", 80] == "denied"
            assert counted["c2vjcmv0.example.com", 443] == "denied"
            # Another daemon knows it too, and the agent has its way out as before.
            hive.daemon.terminate()
            await trio.to_thread.run_sync(hive.daemon.wait)
            await hive.start()
            again = {(row["host"], row["port"]): row for row in (await _network(hive))["reached"]}
            assert again["127.0.0.1", allowed]["count"] == 2
            assert again["127.0.0.1", allowed]["received"] == 10
            found = json.loads(await _run(hive, _probe(hive, f"{allowed} {closed} {name}")))
            _check(found)


async def _network(hive: Stage) -> dict[str, Any]:
    reply = await hive.operator("network", name="alice")
    assert reply["ok"], reply
    report: dict[str, Any] = reply["network"]
    assert report["mode"] == "proxy"
    return report


def _check(found: dict[str, str]) -> None:
    proxies = "HTTPS_PROXY HTTP_PROXY NO_PROXY"
    assert found.pop("interfaces") == "lo"
    assert found.pop("environment") == proxies
    assert found.pop("tunnel to what is listed") == "answered b'hello'"
    assert found.pop("the listed port on its own loopback") == "answered b'hello'"
    for about in [each for each in found if each.startswith("tunnel")]:
        assert found.pop(about).startswith(("HTTP/1.1 403 hive: ", "HTTP/1.1 400 hive: ")), about
    assert found.pop("a plain request") == (
        "403 hive: intranet.example:80 is not among what you may reach:"
        ' ask the manager to add allow = ["intranet.example"] to your agent.toml'
    )
    assert {about: said for about, said in found.items() if not said.startswith("failed: ")} == {}


async def test_an_agent_with_the_hosts_network_reaches_its_loopback(short_tmp: Path) -> None:
    async with (
        _host() as (allowed, closed, name),
        stage(short_tmp, STAND_IN, "live", network="host") as hive,
    ):
        await spawn(hive, "alice")
        found = json.loads(await _run(hive, _probe(hive, f"{allowed} {closed} {name}")))
        assert found["a port of the host's loopback"] == "answered b'hello'"
        assert found["an abstract socket of the host"] == "connected"
        assert found["environment"] == ""
        report = (await hive.operator("network", name="alice"))["network"]
        assert (report["mode"], report["reached"]) == ("host", [])


@pytest.mark.parametrize(("variable", "mode"), ACCOUNTS)
async def test_claude_works_with_an_account_whose_secret_the_agent_never_holds(
    short_tmp: Path, variable: str, mode: str
) -> None:
    async with stage(short_tmp, REAL, mode, secret=variable) as hive:
        await spawn(hive, "alice")
        seen = await _run(hive, "env; cat /etc/hive/secrets/* /run/hive/claude-* /proc/*/environ")
        assert SECRET not in seen
        assert "hive-puts-the-secret-here" in seen
        headers = hive.api.requests[-1]["_headers"]
        # Of a key that a helper gives it, claude does not know which of the two it is.
        is_key = variable == "ANTHROPIC_API_KEY"
        assert headers["authorization"] == f"Bearer {SECRET}"
        assert headers.get("x-api-key") == (SECRET if is_key else None)
        for file in hive.paths.given(AgentName("alice")).rglob("*"):
            assert not file.is_file() or SECRET not in file.read_text()


async def test_with_the_hosts_network_the_secret_is_added_for_the_agents_own_programs_alone(
    short_tmp: Path,
) -> None:
    variable = "CLAUDE_CODE_OAUTH_TOKEN"
    async with stage(short_tmp, REAL, "live", secret=variable, network="host") as hive:
        await spawn(hive, "alice")
        seen = await _run(hive, "env; cat /etc/hive/secrets/* /run/hive/claude-* /proc/*/environ")
        assert SECRET not in seen
        assert hive.api.requests[-1]["_headers"]["authorization"] == f"Bearer {SECRET}"
        told = dict(
            line.split("=", 1) for line in seen.splitlines() if line.startswith("ANTHROPIC")
        )
        port = int(told["ANTHROPIC_BASE_URL"].rpartition(":")[2])
        for file in hive.paths.given(AgentName("alice")).rglob("*"):
            assert not file.is_file() or SECRET not in file.read_text()
        # Whoever else is on this host finds the port, and does not know the word.
        placeholder = "sk-ant-oat01-hive-puts-the-secret-here-claude-code-oauth-token"
        for shown in ({}, {"Authorization": f"Bearer {placeholder}"}):
            reply = await fetch(port, "GET", "/v1/models", headers=shown)
            assert reply.status == 403
        with_secret = {each["_headers"]["authorization"] for each in hive.api.requests}
        assert with_secret == {f"Bearer {SECRET}"}
        report = (await hive.operator("network", name="alice"))["network"]
        assert (report["mode"], report["account"]) == ("host", "gateway")

"""A whole hive over the runtime `nixos`, run inside the booted system: what its agents reach.

Debian's programs and a small init stand in a system's place; users, networks, mounts and the rest
of the boundary are the kernel's and systemd's. Started by `test_nixos_booted.py`.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive import calls
from hive.config import FIRST_AGENT_UID, HostConfig
from hive.core import actions, proposals
from hive.core.hive import Hive
from hive.host import disk_use, users
from hive.host.installation import placeholder
from hive.host.nixos_container import NixosContainer
from hive.host.nspawn_users import EACH
from hive.host.runtime import BuildOrder, ContainerSpec
from hive.nursery import agent_sockets, on_host
from hive.paths import Paths
from hive.wire.names import MANAGER, OPERATOR, AgentName
from tests.fakes.egress import OK, server
from tests.fakes.nixos import host as nixos_host
from tests.fakes.nixos import hostile

BOB, MALLORY = AgentName("bob"), AgentName("mallory")
TESTS = Path(__file__).parents[2]
KEY = "ANTHROPIC_API_KEY"
PATIENCE_S = 240.0
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 5\r\n\r\nhello"
MANAGERS = users.beginning(FIRST_AGENT_UID, EACH)


class Debian(NixosContainer):
    """With Debian's programs in a container, which a NixOS has in its store."""

    kind = "debian"

    async def build(self, order: BuildOrder, say: Callable[[str], None]) -> str:
        """Return the one system that was built when the host was booted."""
        del order, say
        await trio.lowlevel.checkpoint()
        return nixos_host.make_system(Path("/"))

    async def start(self, spec: ContainerSpec) -> None:
        """Start it with these programs in view."""
        binds = (*nixos_host.binds(), *spec.binds)
        await super().start(attrs.evolve(spec, binds=binds))


@attrs.define
class Seen:
    """A service of the host's loopback, and what came to it."""

    port: int = 0
    connections: int = 0
    data: bytes = b""

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer each request until the client leaves."""
        self.connections += 1
        with suppress(trio.BrokenResourceError):
            async for chunk in stream:
                self.data += chunk
                for head in chunk.split(b"\r\n\r\n")[:-1]:
                    await stream.send_all(REDIRECT if b"/redirect" in head else OK)


@attrs.define
class Scene:
    """A hive with two agents, and what the host has beside it."""

    hive: Hive
    root: Path
    key: str
    allowed: Seen
    closed: Seen
    api: Seen
    udp: socket.socket
    abstract: str

    @property
    def paths(self) -> Paths:
        return self.hive.paths

    async def operator(self, cmd: str, **fields: Any) -> dict[str, Any]:
        """Make one request on the operator's socket."""
        reply: dict[str, Any] = await calls.call(
            self.paths.host_socket, {"cmd": cmd, **fields}, timeout_s=20
        )
        assert reply["ok"], reply
        return reply

    async def run(self, name: AgentName, command: str) -> str:
        """Let an agent run a shell command; return what it printed."""
        shared = self.paths.shared
        inner = f"({command}) >/shared/new-{name} 2>&1; mv /shared/new-{name} /shared/out-{name}"
        body = f"!tool Bash {json.dumps({'command': inner})}"
        await self.operator("send", to=name, body=body)
        report = shared / f"out-{name}"
        with trio.fail_after(PATIENCE_S):
            while not report.exists():  # noqa: ASYNC110 - another machine's file
                await trio.sleep(0.1)
        said = report.read_text()
        report.unlink()
        return said


def canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


async def spawn(hive: Hive, name: AgentName) -> None:
    approval = await proposals.request_spawn(hive, name, None, OPERATOR)
    await (await actions.approve(hive, approval.id)).wait()


@asynccontextmanager
async def made(root: Path, network: str = "proxy") -> AsyncIterator[Scene]:
    """Run the hive with its agents for the length of the block."""
    key = canary()
    (root / "key").write_text(key)
    async with AsyncExitStack() as stack:
        services = [Seen(), Seen(), Seen()]
        for each in services:
            each.port = await stack.enter_async_context(server(each.serve))
        allowed, closed, api = services
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        abstract = f"hive-test-{secrets.token_hex(4)}"
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(f"\0{abstract}")
        listener.listen()
        config = HostConfig(
            port=0,
            demo=True,
            settle_s=30.0,
            stop_containers=True,
            network=network,
            allow=(f"127.0.0.1:{allowed.port}",),
            claude_secret_files={KEY: str(root / "key")},
            claude_env={"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{api.port}"},
        )
        runtime = Debian(Paths(root / "state", root / "run"), time.time)
        assert await runtime.probe()
        stack.push_async_callback(_remove, runtime)
        nursery = await stack.enter_async_context(trio.open_nursery())
        serve = partial(on_host.serve, config, runtime._paths, runtime=runtime)
        with trio.fail_after(PATIENCE_S):
            hive = await nursery.start(serve)
            for name in (BOB, MALLORY):
                await spawn(hive, name)
        yield Scene(hive, root, key, allowed, closed, api, udp, abstract)
        nursery.cancel_scope.cancel()


async def _remove(runtime: Debian) -> None:
    """Leave no container to the next test, however this one ended."""
    with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE_S):
        for name in (BOB, MALLORY, MANAGER):
            await runtime.stop(name, grace_s=0)
            await runtime.destroy(name)


@pytest.fixture
async def scene(short_tmp: Path) -> AsyncIterator[Scene]:
    """A hive that runs."""
    async with made(short_tmp) as found:
        yield found


def ground(scene: Scene, victims: list[Path]) -> dict[str, Any]:
    """Return what the hostile agent is told."""
    paths = scene.paths
    sockets = [paths.host_socket]
    for name in (BOB, MANAGER):
        sockets += [paths.agent_socket(name), paths.web_socket(name), paths.egress_socket(name)]
    return {
        "root": str(scene.root),
        "other": "bob",
        "users": True,
        "victims": [str(path) for path in victims],
        "folders": [str(path) for path in (scene.root, paths.state, paths.run, paths.agents)],
        "sockets": [str(path) for path in sockets],
        "pids": [os.getpid(), 1],
        "allowed": scene.allowed.port,
        "closed": scene.closed.port,
        "dashboard": scene.closed.port,
        "udp": scene.udp.getsockname()[1],
        "abstract": scene.abstract,
        "addresses": ["192.0.2.1"],
        "names": [socket.gethostname().lower()],
        "placeholder": placeholder(KEY),
        "words": sorted(agent_sockets._WORDS_OF_OTHERS),
    }


async def test_agents_have_users_a_network_and_a_way_out_of_their_own(scene: Scene) -> None:
    hive, paths = scene.hive, scene.paths
    assert hive.runtime.shares_user is None
    whose = {name: hive.runtime.user(name) for name in (MANAGER, BOB, MALLORY)}
    assert whose == {MANAGER: MANAGERS, BOB: MANAGERS + EACH, MALLORY: MANAGERS + 2 * EACH}
    said = await scene.run(BOB, "id -u; cat /proc/self/uid_map; ls /sys/class/net; touch /state/x")
    assert said.split() == ["0", "0", str(whose[BOB]), str(EACH), "lo"]
    for made_here in (paths.agent_state(BOB) / "x", paths.web_socket(BOB)):
        assert made_here.stat().st_uid == whose[BOB]
    assert (paths.given(BOB)).stat().st_uid == 0
    await scene.run(BOB, "head -c 9000000 /dev/urandom >/big")
    root = hive.runtime.root(BOB)
    assert root is not None
    assert await disk_use.used_mib([root]) >= 8
    report = (await scene.operator("network", name="bob"))["network"]
    assert (report["mode"], report["account"]) == ("proxy", "none")


async def test_the_hosts_network_comes_without_the_hosts_root_and_without_the_key(
    short_tmp: Path,
) -> None:
    async with made(short_tmp, network="host") as scene:
        port = scene.closed.port
        reach = f'import socket; socket.create_connection(("127.0.0.1", {port})).close()'
        said = await scene.run(
            BOB,
            f"python3 -c '{reach}' && echo reached; cat /proc/self/uid_map;"
            " ip link set lo down && echo changed; cat /etc/hive/secrets/* /proc/*/environ",
        )
        assert said.startswith("reached")
        assert str(MANAGERS + EACH) in said
        assert "changed" not in said
        assert scene.key not in said
        report = (await scene.operator("network", name="bob"))["network"]
        assert report["mode"] == "host"


async def test_the_manager_writes_what_is_to_be_proposed_and_no_more_of_an_agents(
    scene: Scene,
) -> None:
    bobs = scene.paths.agent_root(BOB)
    (bobs / "state/note").write_text("read me")
    (bobs / "claude/login").write_text("secret")
    said = await scene.run(
        MANAGER,
        "touch /agents/bob/config/new && echo may write; cat /agents/bob/state/note; echo;"
        " touch /agents/bob/state/new; ls /agents/bob/claude; chown 0 /agents/bob/state/note;"
        " ls /applied",
    )
    lines_said = said.splitlines()
    assert lines_said[:2] == ["may write", "read me"]
    assert [line.rpartition(": ")[2] for line in lines_said[2:5]] == [
        "Permission denied",
        "Permission denied",
        "Operation not permitted",
    ]
    assert set(lines_said[5:]) >= {"bob", "mallory", "manager"}
    assert (bobs / "config/new").stat().st_uid == MANAGERS


async def test_nothing_works_that_a_hostile_agent_tries_as_root_of_its_container(
    scene: Scene,
) -> None:
    paths = scene.paths
    victims = [
        scene.root / "precious",
        paths.agent_state(BOB) / "secret",
        paths.agent_claude(MANAGER) / ".credentials.json",
        paths.shared / "private",
    ]
    for path in victims:
        path.write_text(canary())
        path.chmod(0o600)
    os.chown(victims[1], MANAGERS + EACH, MANAGERS + EACH)
    os.chown(victims[3], MANAGERS + EACH, MANAGERS + EACH)
    before = [path.read_bytes() for path in victims]
    for source in (
        TESTS / "__init__.py",
        TESTS / "fakes/__init__.py",
        *(TESTS / "fakes/hostile_agent").glob("*.py"),
        *(TESTS / "fakes/nixos" / name for name in ("__init__.py", "hostile.py")),
    ):
        target = paths.shared / source.relative_to(TESTS.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    told = paths.shared / "ground.json"
    told.write_text(json.dumps(ground(scene, [*victims[:3], paths.broker_db])))
    words = "cd /state; PYTHONPATH=/shared python3 -S -B -m tests.fakes.nixos.hostile"
    said = await scene.run(MALLORY, f"{words} /shared/ground.json")
    try:
        report = [json.loads(line) for line in said.splitlines()]
    except ValueError:
        raise AssertionError(said) from None
    assert [row for row in report if row["error"]] == []
    assert {row["attempt"]: row["worked"] for row in report if row["worked"]} == {}
    assert [row["attempt"] for row in report] == [each.name for each in hostile.ATTEMPTS]
    assert all(row["tried"] for row in report)
    assert scene.closed.connections == 0
    assert scene.allowed.connections > 0
    assert scene.key.encode() not in scene.allowed.data
    assert [path.read_bytes() for path in victims] == before
    assert (await scene.run(BOB, "echo well")).strip() == "well"

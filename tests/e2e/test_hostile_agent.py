"""A hostile agent in a whole hive: nothing it tries works, and nobody else takes harm."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import pytest
import trio

from hive.host import program
from hive.host.installation import placeholder
from hive.nursery import agent_sockets
from hive.wire.names import MANAGER, AgentName
from tests.e2e.stage import STAND_IN, Stage, spawn, stage
from tests.fakes.egress import OK, server
from tests.fakes.hostile_agent.attempts import ATTEMPTS
from tests.fakes.http_client import fetch

IS_ROOT = os.geteuid() == 0
TESTS = Path(__file__).parents[1]
BOB, MALLORY = AgentName("bob"), AgentName("mallory")
KEY = "ANTHROPIC_API_KEY"
LIMITS = {"memory_mib": 320, "tasks": 160, "open_files": 256, "disk_mib": 64}
RUN_S = 240.0
GROWTH_KIB = 200 * 1024
"""What the daemon may take more of after all of it; a line without an end has 48 MiB."""
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 5\r\n\r\nhello"
NOBODYS = 1_800_000_000
"""No user of this host."""
USERS, ORDINARY, FEW_RIGHTS = "each a user", "an ordinary user's", "root with few rights"
RARE = pytest.param(FEW_RIGHTS, marks=pytest.mark.slow)
WAYS = [USERS, ORDINARY, RARE] if IS_ROOT else [ORDINARY]
"""Whose the agents are; root of a container that was given few rights runs them as itself."""


def _canary() -> str:
    return f"canary-{secrets.token_hex(8)}"


@attrs.define
class Seen:
    """A service of the host's loopback, and what came to it."""

    port: int = 0
    connections: int = 0
    heads: list[bytes] = attrs.field(factory=list)
    data: bytes = b""

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer each request, `/redirect` by one to the closed port, until the client leaves."""
        self.connections += 1
        with suppress(trio.BrokenResourceError):
            buffer = b""
            async for chunk in stream:
                self.data += chunk
                *heads, buffer = (buffer + chunk).split(b"\r\n\r\n")
                for head in heads:
                    self.heads.append(head)
                    await stream.send_all(REDIRECT if b"/redirect" in head else OK)


@attrs.define
class Host:
    """What the host has beside the hive, which nobody in a sandbox may reach."""

    allowed: Seen = attrs.field(factory=Seen)
    closed: Seen = attrs.field(factory=Seen)
    api: Seen = attrs.field(factory=Seen)
    udp: socket.socket = attrs.field(factory=lambda: socket.socket(type=socket.SOCK_DGRAM))
    abstract: str = attrs.field(factory=lambda: f"hive-test-{secrets.token_hex(4)}")


@asynccontextmanager
async def _host() -> AsyncIterator[Host]:
    host = Host()
    async with AsyncExitStack() as stack:
        for each in (host.allowed, host.closed, host.api):
            each.port = await stack.enter_async_context(server(each.serve))
        stack.enter_context(host.udp).bind(("127.0.0.1", 0))
        host.udp.setblocking(False)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(f"\0{host.abstract}")
        listener.listen()
        yield host
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@attrs.define
class Scene:
    """A hive with an agent that is hostile, one that is not, and what both are watched by."""

    hive: Stage
    host: Host
    root: Path
    way: str
    key: str
    names: list[str]
    victims: dict[Path, tuple[bytes, int, int]] = attrs.field(factory=dict)
    before_kib: int = 0
    token: str = ""
    port: int = 0

    @property
    def has_users(self) -> bool:
        """Whether each agent is a user of its own."""
        return self.way == USERS

    @property
    def paths(self) -> Any:
        """The paths of the hive."""
        return self.hive.paths

    async def page(self, target: str) -> Any:
        """Ask the dashboard as the operator."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await fetch(self.port, "GET", target, headers=headers)


@asynccontextmanager
async def _scene(root: Path, way: str) -> AsyncIterator[Scene]:
    key = _canary()
    (root / "key").write_text(key)
    launcher: list[str] = []
    owner = None
    if way == FEW_RIGHTS:
        launcher = ["setpriv", "--bounding-set", "-sys_admin"]
    elif IS_ROOT and way == ORDINARY:
        owner = NOBODYS
        for path in (root, root / "key"):
            os.chown(path, owner, owner)
        places = (sys.prefix, sys.base_prefix, TESTS.parent, root)
        launcher = [sys.executable, str(TESTS / "fakes/run_as_user.py"), str(owner)]
        launcher += [*map(str, places), "--"]
    async with _host() as host:
        names = ["ip6-localhost", socket.gethostname().lower()]
        settings: dict[str, Any] = {
            "limits": LIMITS,
            "allow": [
                f"127.0.0.1:{host.allowed.port}",
                *(f"{n}:{host.closed.port}" for n in names),
            ],
            "claude_secret_files": {KEY: str(root / "key")},
            "claude_env": {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{host.api.port}"},
        }
        async with stage(
            root, STAND_IN, "live", launcher=launcher, owner=owner, **settings
        ) as hive:
            scene = Scene(hive, host, root, way, key, names)
            await _furnish(scene)
            yield scene


async def _furnish(scene: Scene) -> None:
    """Let there be something that could be read, changed, answered, approved and lost."""
    hive, paths = scene.hive, scene.paths
    await spawn(hive, "bob", "mallory")
    assert (await hive.operator("set_paused", name="bob", paused=True))["ok"]
    await hive.send("bob", f"{_canary()} was waiting", _tell("bob is well"))
    reply = await hive.as_agent("bob", "ask", question=_canary())
    assert reply["kind"] == "question_queued", reply
    reply = await hive.as_agent("bob", "remind", message=_canary(), delay_seconds=3600)
    assert reply["kind"] == "ok", reply
    assert (await hive.operator("request_spawn", name="carol"))["ok"]
    for path in (
        scene.root / "precious",
        scene.root / "victim.sqlite",
        paths.agent_state(BOB) / "secret",
        paths.agent_claude(MANAGER) / ".credentials.json",
    ):
        _put(scene, path, _canary())
        info = path.stat()
        scene.victims[path] = (path.read_bytes(), info.st_mode, info.st_uid)
    private = paths.shared / "private"
    _put(scene, private, _canary() if scene.has_users else "everybody's")
    if scene.has_users:
        info = private.stat()
        scene.victims[private] = (private.read_bytes(), info.st_mode, info.st_uid)
    scene.token = (await hive.operator("create_token", name="test"))["token"]
    scene.port = urlsplit((await hive.operator("urls"))["urls"]["home"]).port or 0
    scene.before_kib = _peak_kib(hive)


def _put(scene: Scene, path: Path, text: str) -> None:
    """Write a file as whoever keeps it there, for itself alone."""
    path.write_text(text)
    path.chmod(0o600)
    if IS_ROOT and scene.way != FEW_RIGHTS:
        is_bobs = "bob" in path.parts or path.name == "private"
        user = scene.hive.user("bob") if is_bobs else scene.hive.owner or 0
        os.chown(path, user, user)


def _held(scene: Scene) -> list[str]:
    """Return which limits the daemon can hold here, found out as itself."""
    code = (
        "import json, pathlib, sys; from hive.paths import Paths; from hive.host import limits;"
        " paths = Paths(*map(pathlib.Path, sys.argv[1:3]));"
        " found = limits.Limiter(paths, counts_tasks=sys.argv[3] == 'True').ways();"
        " print(json.dumps(sorted(found)))"
    )
    paths, counts = scene.paths, str(scene.way != FEW_RIGHTS)
    words = [sys.executable, "-c", code, str(paths.state), str(paths.run), counts]
    done = subprocess.run([*scene.hive.launcher, *words], capture_output=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _tell(body: str) -> str:
    return f"!tool send {json.dumps({'to': 'operator', 'body': body})}"


def _peak_kib(hive: Stage) -> int:
    assert hive.daemon is not None
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{hive.daemon.pid}/status").read_text())
    assert found is not None
    return int(found[1])


def _ground(scene: Scene) -> dict[str, Any]:
    """Return what the hostile agent is told: more than a real one could find out."""
    hive, paths, host = scene.hive, scene.paths, scene.host
    assert hive.daemon is not None
    victims = [path for path in scene.victims if path.name != "private"]
    sockets = [paths.host_socket]
    for name in (BOB, MANAGER):
        sockets += [paths.agent_socket(name), paths.web_socket(name), paths.egress_socket(name)]
        sockets.append(paths.gateway_socket(name))
    folders = [scene.root, paths.state, paths.run, paths.agents, paths.agent_state(BOB)]
    return {
        "root": str(scene.root),
        "other": "bob",
        "users": scene.has_users,
        "victims": [str(path) for path in (*victims[:1], *victims[2:], paths.broker_db)],
        "database": str(victims[1]),
        "folders": [str(path) for path in folders],
        "sockets": [str(path) for path in sockets],
        "pids": [hive.daemon.pid, *list(hive.processes("bob"))[:3]],
        "allowed": host.allowed.port,
        "closed": host.closed.port,
        "dashboard": scene.port,
        "udp": host.udp.getsockname()[1],
        "abstract": host.abstract,
        "addresses": ["192.0.2.1"],
        "names": scene.names,
        "placeholder": placeholder(KEY),
        "words": sorted(agent_sockets._WORDS_OF_OTHERS),
        "held": _held(scene),
        **LIMITS,
    }


async def _attack(scene: Scene) -> list[dict[str, Any]]:
    """Let mallory run the program, while the operator and the dashboard are served."""
    shared = scene.paths.shared
    for source in (TESTS / "__init__.py", TESTS / "fakes/__init__.py", *_program()):
        target = shared / source.relative_to(TESTS.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    (shared / "ground.json").write_text(json.dumps(_ground(scene)))
    python = program.find(isolated=True).argv[2]
    words = f"PYTHONPATH=/shared {python} -S -B -m tests.fakes.hostile_agent /shared/ground.json"
    call = {"command": f"cd /state; {words} >/shared/new 2>&1; mv /shared/new /shared/report"}
    await scene.hive.send("mallory", f"!tool Bash {json.dumps(call)}")
    report = shared / "report"
    with trio.fail_after(RUN_S):
        while not report.exists():
            row = await scene.hive.row("mallory")
            assert row["running"] or report.exists(), (row, (shared / "new").read_text()[-2000:])
            assert (await scene.page("/healthz")).status == 200
            await trio.sleep(0.2)
    lines = report.read_text().splitlines()
    try:
        return [json.loads(line) for line in lines]
    except ValueError:
        raise AssertionError("\n".join(lines)) from None


def _program() -> list[Path]:
    return sorted((TESTS / "fakes/hostile_agent").glob("*.py"))


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_that_a_hostile_agent_tries_works_and_nobody_takes_harm(
    short_tmp: Path, way: str
) -> None:
    async with _scene(short_tmp, way) as scene:
        daemon = scene.hive.daemon
        assert daemon is not None
        _check_users(scene)
        report = await _attack(scene)
        assert [row for row in report if row["error"]] == []
        worked = {row["attempt"]: row["worked"] for row in report if row["worked"]}
        wanted = {each.name for each in ATTEMPTS if each.works_where_shared and way != USERS}
        assert set(worked) == wanted, worked
        assert [row["attempt"] for row in report] == [each.name for each in ATTEMPTS]
        assert all(row["tried"] for row in report)
        _check_services(scene)
        await _check_mail(scene)
        await _check_what_is_bobs(scene)
        _check_terminal(scene)
        await _check_pages(scene)
        assert daemon.poll() is None
        assert _peak_kib(scene.hive) - scene.before_kib < GROWTH_KIB
        await _check_a_new_daemon(scene)
        await _check_end(scene)
        assert "Traceback" not in (scene.root / "daemon.log").read_text()


def _check_users(scene: Scene) -> None:
    """Who runs is who is meant to."""
    hive, daemon = scene.hive, scene.hive.daemon
    assert daemon is not None
    owner = os.geteuid() if hive.owner is None else hive.owner
    assert Path(f"/proc/{daemon.pid}").stat().st_uid == owner
    found = {Path(f"/proc/{pid}").stat().st_uid for pid in hive.processes("mallory")}
    assert found == {hive.user("mallory")}
    assert (found == {owner}) != scene.has_users


def _check_services(scene: Scene) -> None:
    """Nothing came to what is not listed; to what is, no smuggled request, and no key."""
    host = scene.host
    assert host.closed.connections == 0
    with pytest.raises(BlockingIOError):
        host.udp.recv(100)
    assert not [head for head in host.allowed.heads if b"/smuggled HTTP" in head]
    assert host.allowed.connections > 0
    assert scene.key.encode() not in host.allowed.data
    with_key = [
        head.partition(b" HTTP/")[0] for head in host.api.heads if scene.key.encode() in head
    ]
    assert set(with_key) == {b"GET /v1/models"}


async def _check_mail(scene: Scene) -> None:
    """What mallory sent is mallory's, as the daemon tells it everybody."""
    hive = scene.hive
    rows = (await hive.operator("inbox"))["inbox"]
    for name in ("bob", "manager"):
        rows += (await hive.as_agent(name, "recent", limit=100))["rows"]
    forged = [row for row in rows if "forged" in row["body"] or "event" in row["body"]]
    marks = {(row["from"], row["origin"]) for row in forged if row["from"] != "system"}
    assert marks == {("mallory", "peer")}
    assert not [row for row in forged if row["from"] == "system" and "forged" in row["body"]]


async def _check_what_is_bobs(scene: Scene) -> None:
    """What waited for others waits as before."""
    ends = (await scene.hive.as_agent("bob", "get_loose_ends"))["loose_ends"]
    assert sorted(each["kind"] for each in ends) == ["question", "reminder"]
    (row,) = (await scene.hive.operator("pending"))["approvals"]
    assert (row["agent"], row["status"]) == ("carol", "pending")
    assert sorted((await scene.hive.operator("list"))["agents"]) == ["bob", "mallory", "manager"]
    runs = list(scene.hive.processes("mallory")) != []
    assert (await scene.hive.row("mallory"))["running"] == runs


def _check_terminal(scene: Scene) -> None:
    """Nothing steers the operator's terminal, whatever is looked at."""
    for words in (
        ["list"],
        ["inbox"],
        ["pending"],
        ["logs", "mallory"],
        ["network", "mallory"],
        ["audit", "export"],
        ["doctor"],
    ):
        line = [sys.executable, "-m", "hive", *words, "--root", str(scene.root)]
        done = subprocess.run(line, capture_output=True, env=scene.hive.env, cwd=TESTS.parent)
        said = (done.stdout + done.stderr).decode()
        assert done.returncode in {0, 1}, said
        assert [each for each in said if not each.isprintable() and each != "\n"] == [], words
        assert "canary-" not in said or words == ["inbox"]


async def _check_pages(scene: Scene) -> None:
    """What is planted is not shown, and the page of mallory is no way to the operator's socket."""
    shared = [f"link{number}" for number in range(4)] + ["folder/precious", "loop", "magic", "pipe"]
    paths = [f"/shared/{name}" for name in (*shared, "sock")]
    paths += ["/shared/private"] if scene.has_users else []
    state = ["link", "folder/precious", "pipe", "hyperhive-paused", "deep"]
    paths += [f"/agents/mallory/state/{name}" for name in state]
    paths += ["/agents/mallory/claude/.credentials.json", "/agents/bob/state/secret"]
    for path in paths:
        reply = await scene.page(f"/api/state-file?path={quote(path)}")
        assert 400 <= reply.status < 500, (path, reply.status)
        assert b"canary-" not in reply.body
    assert (await scene.page("/agent/mallory/api/state")).status == 503
    if scene.way == ORDINARY:
        said = [each["message"] for each in (await scene.page("/api/state")).json()["notices"]]
        assert [each for each in said if f"as your user (uid {scene.hive.user('bob')})" in each]
    for target in ("/", "/api/state", "/agent/mallory/", "/api/logs/mallory", "/agent/bob/"):
        assert (await scene.page(target)).status == 200, target


async def _check_a_new_daemon(scene: Scene) -> None:
    """Mallory can be looked at, is stopped for its disk, and keeps no daemon from starting."""
    hive = scene.hive
    for cmd in ("logs", "network"):
        assert (await hive.operator(cmd, name="mallory"))["ok"]
    # What stands in the mark's place is a link: the daemon does not write through it.
    await hive.operator("set_paused", name="mallory", paused=True)
    hive.kill_daemon()
    await hive.start()

    async def is_stopped() -> bool:
        return not (await hive.row("mallory"))["running"]

    await hive.wait(is_stopped)
    assert list(hive.processes("mallory")) == []
    if scene.has_users:
        _check_bits(scene.paths.state)


def _check_bits(state: Path) -> None:
    """Nothing that mallory left makes whoever runs it another user."""
    found = 0
    for at, folders, files in os.walk(state):
        folders[:] = [each for each in folders if each != "deep"]
        for name in files:
            info = Path(at, name).lstat()
            if stat.S_ISREG(info.st_mode) and info.st_mode & (stat.S_ISUID | stat.S_ISGID):
                found += 1
                assert info.st_uid not in {0, 1_900_000_000}
                assert info.st_gid not in {0, 1_900_000_000}
    assert found > 0


async def _check_end(scene: Scene) -> None:
    """Mallory is removed whole, the others work, and what is theirs is as it was."""
    hive = scene.hive
    reply = await hive.operator("destroy", name="mallory", purge=True)
    assert reply["ok"], reply
    assert not scene.paths.agent_root(MALLORY).exists()
    assert (await hive.operator("set_paused", name="bob", paused=False))["ok"]
    await hive.wait_inbox("bob is well")
    await hive.send(MANAGER, _tell("the manager is well"))
    inbox = await hive.wait_inbox("the manager is well")
    assert inbox.count("bob is well") == 1
    for path, (data, mode, user) in scene.victims.items():
        info = path.stat()
        assert (path.read_bytes(), info.st_mode, info.st_uid) == (data, mode, user), path
    assert sorted(path.name for path in scene.root.iterdir()) == [
        "daemon.log",
        "hive.json",
        "key",
        "precious",
        "run",
        "state",
        "victim.sqlite",
    ]
    assert (await hive.operator("verify_audit"))["ok"]
    lines = (await hive.operator("export_audit", agent="mallory"))["audit_lines"]
    rows = [json.loads(each) for each in lines]
    refused = [each for each in rows if each["actor"] == "mallory"]
    assert {each["outcome"] for each in refused} == {"refused"}
    assert sum(each["detail"]["count"] for each in refused) > len(agent_sockets._WORDS_OF_OTHERS)

"""A whole daemon and a forge that answers by the published API, with real pushes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive.agent import forwarder, gateway
from hive.agent.forwarder import Port
from hive.config import HarnessConfig
from hive.core import proposals
from hive.host import forge as forge_client
from hive.host import forge_push
from hive.host.forge import AGENT_SCOPES, mail_of
from hive.nursery import forge_mirror
from hive.nursery.forge_mirror import ForgeMirror
from hive.wire.names import MANAGER, AgentName
from tests.fakes.egress import Client, free_port
from tests.fakes.forge import Forge, make_forge, serving
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, running
from tests.fakes.runtime import FakeHost
from tests.fakes.waiting import until

ALICE = AgentName("alice")
WAIT_S = 20.0


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is tried again later be tried again soon; sockets leave no room for a mock clock."""
    for name, seconds in (("DEBOUNCE", 0.02), ("BACKOFF_FIRST", 0.1), ("BACKOFF_MOST", 0.4)):
        monkeypatch.setattr(forge_mirror, f"{name}_S", seconds)


@attrs.frozen
class World:
    """A forge, and what a daemon is given of it."""

    root: Path
    forge: Forge
    token: str
    host: FakeHost = attrs.field(factory=FakeHost)

    @property
    def token_file(self) -> Path:
        return self.root / "core-token"

    @asynccontextmanager
    async def daemon(self, **settings: Any) -> AsyncIterator[Running]:
        given = {"forge_url": self.forge.url, "forge_token_file": str(self.token_file), **settings}
        async with running(self.root, self.host, **given) as daemon:
            yield daemon

    def agents_token(self, name: str) -> Path:
        return self.root / "state/forge-tokens" / name

    def older_token(self, name: str) -> Path:
        """Where an older hive put it, for the agent to read."""
        return self.root / "state/agents" / name / "state/forge-token"


@contextmanager
def made_world(root: Path) -> Iterator[World]:
    forge, token = make_forge(root / "forge")
    with serving(forge):
        world = World(root, forge, token)
        world.token_file.write_text(token + "\n")
        yield world


@pytest.fixture
def world(short_tmp: Path) -> Iterator[World]:
    with made_world(short_tmp) as made:
        yield made


async def settled(daemon: Running, world: World, *names: str) -> None:
    """Wait until everything of these agents is at the forge."""

    def is_there() -> bool:
        repos = [f"agent-configs/{name}" for name in names] + ["core/meta"]
        if daemon.hive.forge.trouble is not None:
            return False
        return all("refs/heads/main" in world.forge.refs(repo) for repo in repos) and all(
            world.agents_token(name).exists() and world.agents_token(name).read_text()
            for name in names
        )

    await until(is_there, within_s=WAIT_S)


async def spawn(daemon: Running, name: str) -> None:
    reply = await daemon.operator("spawn", name=name)
    assert reply["ok"], reply


def frames(daemon: Running) -> list[str | None]:
    """Return what was said of the forge, oldest first."""
    feed = daemon.hive.feed
    found = [json.loads(raw) for _, raw in feed.since(feed._first - 1)]
    return [frame["trouble"] for frame in found if frame["kind"] == "forge_changed"]


async def test_the_first_start_makes_everything(world: World) -> None:
    async with world.daemon(forge_public_url="https://forge.example.org/") as daemon:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        hive, forge = daemon.hive, world.forge
        assert hive.forge.url == "https://forge.example.org"
        assert forge.orgs == {"agent-configs": "private"}
        assert {"core/meta", "agent-configs/alice", "agent-configs/manager"} == forge.repos.keys()
        assert all(asked["private"] for asked in forge.repos.values())
        for name in (MANAGER, ALICE):
            refs = forge.refs(f"agent-configs/{name}")
            assert refs["refs/heads/main"] == await hive.repos.main(name)
            assert "refs/tags/deployed/0" in refs
            file = world.agents_token(name)
            assert file.stat().st_mode & 0o777 == 0o600
            (token,) = forge.users[name].tokens
            assert file.read_text().strip() == token.sha1
            assert token.scopes == AGENT_SCOPES
            assert not forge.users[name].is_admin


async def test_the_token_is_in_no_argument_and_no_repository(world: World) -> None:
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
        said = " ".join(world.forge.commands)
        encoded = base64.b64encode(f"core:{world.token}".encode()).decode()
        assert "git push" in said or " push " in said
        assert "agent-configs/manager.git" in said
        for secret in (world.token, encoded):
            assert secret not in said
            for folder in (daemon.hive.paths.applied(MANAGER), daemon.hive.paths.meta):
                for file in folder.rglob("*"):
                    assert not file.is_file() or secret.encode() not in file.read_bytes()


async def test_a_second_start_changes_nothing(world: World) -> None:
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
    before = world.agents_token("manager").read_text(), world.forge.refs("core/meta")
    world.forge.requests.clear()
    async with world.daemon() as daemon:
        await until(
            lambda: (
                world.forge.count(r"GET /core/meta.git/info/refs") > 0
                and world.forge.count(r"GET /agent-configs/manager.git/info/refs") > 0
                and world.forge.count(r"GET /user") >= 2
            ),
            within_s=WAIT_S,
        )
        await settled(daemon, world, "manager")
    assert (world.agents_token("manager").read_text(), world.forge.refs("core/meta")) == before
    assert world.forge.count(r"(POST|PATCH|DELETE) .*") == 0


async def test_what_becomes_of_a_proposal_is_seen_at_the_forge(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        sha = commit(daemon.hive.paths.agent_config(ALICE), {"notes": "1"})
        approval = await proposals.request_apply_commit(daemon.hive, "alice", sha, None)
        number = approval.id
        repo = "agent-configs/alice"
        await until(
            lambda: f"refs/tags/proposal/{number}" in world.forge.refs(repo), within_s=WAIT_S
        )
        assert (await daemon.operator("deny", id=number, note="not today"))["ok"]
        await until(lambda: f"refs/tags/denied/{number}" in world.forge.refs(repo), within_s=WAIT_S)
        assert world.forge.refs(repo)["refs/heads/main"] == await daemon.hive.repos.main(ALICE)


async def test_what_a_rebuild_puts_right_is_seen_at_the_forge(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        hive, repo = daemon.hive, "agent-configs/alice"
        deployed = await hive.repos.main(ALICE)
        sha = commit(hive.paths.agent_config(ALICE), {"notes": "1"})
        approval = await proposals.request_apply_commit(hive, "alice", sha, None)
        await hive.repos.advance(ALICE, approval.id)
        hive.forge.changed("alice")
        await until(
            lambda: world.forge.refs(repo)["refs/heads/main"] == sha,
            within_s=WAIT_S,
        )
        assert (await daemon.operator("rebuild", name="alice"))["ok"]
        await until(
            lambda: world.forge.refs(repo)["refs/heads/main"] == deployed,
            within_s=WAIT_S,
        )


async def in_trouble(daemon: Running, *words: str) -> None:
    """Wait until the pages say that something is wrong, with these words."""

    def is_so() -> bool:
        trouble = daemon.hive.forge.trouble or ""
        return all(word in trouble for word in words)

    await until(is_so, within_s=WAIT_S)
    said = frames(daemon)[-1] or ""
    assert all(word in said for word in words)


async def test_a_forge_that_comes_later_gets_everything(short_tmp: Path) -> None:
    with made_world(short_tmp) as world:
        pass
    async with world.daemon() as daemon:
        await in_trouble(daemon, "does not answer")
        await spawn(daemon, "alice")
        with serving(world.forge):
            await settled(daemon, world, "manager", "alice")
            assert frames(daemon)[-1] is None
        sha = commit(daemon.hive.paths.agent_config(ALICE), {"notes": "1"})
        approval = await proposals.request_apply_commit(daemon.hive, "alice", sha, None)
        await in_trouble(daemon, "does not answer")
        with serving(world.forge):
            wanted = f"refs/tags/proposal/{approval.id}"
            await until(lambda: wanted in world.forge.refs("agent-configs/alice"), within_s=WAIT_S)
            await until(lambda: daemon.hive.forge.trouble is None, within_s=WAIT_S)


NONSENSE = [
    (b"HTTP/1.1 200 OK\r\n\r\n<html>hello</html>", "no JSON"),
    (b"HTTP/1.1 200 OK\r\n\r\n[1, {}]", "names no user"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (2 << 20), "more than anybody"),
    (b'HTTP/1.1 200 OK\r\n\r\n{"login": "../x", "email": ""}', "names no user"),
    (b"HTTP/1.1 301 Gone\r\nLocation: http://localhost/\r\n\r\n", "moved"),
    (b"", "does not answer"),
    (b"HTTP/1.1 503 No\r\n\r\n", "503"),
    (b"\x00\xff\xfe no http at all", "does not answer"),
    (b'HTTP/1.1 500 No\r\n\r\n{"message": "a\\nb\\u0007\\ud800"}', "a b<U+0007><U+D800>"),
]
"""What it answers and a word of what is told of it; never the same word twice in a row."""


async def test_a_forge_that_answers_nonsense_is_told_of_and_harms_nothing(world: World) -> None:
    world.forge.raw = NONSENSE[0][0]
    async with world.daemon() as daemon:
        for raw, word in NONSENSE:
            world.forge.raw = raw
            await in_trouble(daemon, word)
        await spawn(daemon, "alice")
        world.forge.raw = None
        await settled(daemon, world, "manager", "alice")


async def test_a_forge_that_hangs_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forge_client, "REQUEST_S", 1.0)
    world.forge.hangs = True
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await in_trouble(daemon, "within 1 s")
        world.forge.hangs = False
        world.forge.let_go.set()
        await settled(daemon, world, "manager", "alice")


async def test_a_forge_whose_git_fails_is_told_of(world: World) -> None:
    world.forge.statuses[r"GET /core/meta.git/.*"] = 502
    async with world.daemon() as daemon:
        await in_trouble(daemon, "meta: pushing to core/meta failed", "502")
        await until(
            lambda: "refs/heads/main" in world.forge.refs("agent-configs/manager"), within_s=WAIT_S
        )
        world.forge.statuses.clear()
        await settled(daemon, world, "manager")


async def test_a_push_that_was_cut_short_does_not_count(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forge_push, "OUTPUT_BYTES", 10)
    async with world.daemon() as daemon:
        await in_trouble(daemon, "was ended")


async def test_a_token_that_is_not_taken_is_replaced_in_the_file(world: World) -> None:
    world.token_file.write_text("0" * 40)
    async with world.daemon() as daemon:
        await in_trouble(daemon, "401", "forge_token_file")
        assert "0" * 40 not in (daemon.hive.forge.trouble or "")
        world.token_file.write_text("")
        await in_trouble(daemon, "holds no token")
        world.token_file.unlink()
        await in_trouble(daemon, "cannot read")
        world.token_file.write_text(world.token)
        await settled(daemon, world, "manager")


async def test_an_administrators_token_without_the_scope_is_told_of(world: World) -> None:
    core = world.forge.users["core"]
    scopes = ("write:organization", "write:repository", "write:user")
    world.token_file.write_text(world.forge.add_token(core, "narrow", scopes))
    async with world.daemon() as daemon:
        await in_trouble(daemon, "manager: ", "403", "write:admin")
        assert "refs/heads/main" in world.forge.refs("agent-configs/manager")
        world.token_file.write_text(world.token)
        await settled(daemon, world, "manager")


async def test_an_agents_token_is_made_anew_when_it_is_of_no_use(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
    first = world.agents_token("alice").read_text()
    managers = world.agents_token("manager").read_text()
    # It holds what belongs to somebody else.
    world.agents_token("alice").write_text(managers)
    async with world.daemon() as daemon:
        await until(
            lambda: world.agents_token("alice").read_text() not in {"", first, managers},
            within_s=WAIT_S,
        )
        await settled(daemon, world, "manager", "alice")
        (token,) = world.forge.users["alice"].tokens
        assert world.agents_token("alice").read_text().strip() == token.sha1
    assert world.agents_token("manager").read_text() == managers


async def test_a_token_that_an_agent_could_read_is_ended_and_taken_away(world: World) -> None:
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
    # As an older hive left it.
    known = world.agents_token("manager").read_text()
    world.older_token("manager").parent.mkdir(parents=True, exist_ok=True)
    world.agents_token("manager").rename(world.older_token("manager"))
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
        assert not world.older_token("manager").exists()
        (token,) = world.forge.users["manager"].tokens
        assert world.agents_token("manager").read_text().strip() == token.sha1 != known.strip()


def _git(*words: str, cwd: Path, env: dict[str, str]) -> str:
    whole = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_TERMINAL_PROMPT": "0", **env}
    done = subprocess.run(("git", *words), cwd=cwd, env=whole, capture_output=True, check=False)
    return done.stderr.decode() if done.returncode else ""


async def test_an_agent_works_at_the_forge_as_its_own_user_and_holds_no_token(
    world: World,
) -> None:
    async with world.daemon() as daemon, trio.open_nursery() as nursery:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        assert not list((daemon.hive.paths.agent_state(ALICE)).rglob("*token*"))
        for name in ("alice", "manager"):
            world.forge.call("POST", "/user/repos", _as(world, name), {"name": "notes"})
        folder = world.root / "run/agents/alice"
        config = HarnessConfig(
            **dict.fromkeys(("state_dir", "claude_dir", "home", "shared_dir", "path"), "/x"),
            label="alice",
            role="agent",
            run_dir=str(folder),
            network="proxy",
            claude=(),
            hive=(),
            forge_urls=(world.forge.url,),
        )
        port = free_port()
        await nursery.start(partial(forwarder.run, config, Port(port)))
        base = f"http://127.0.0.1:{port}/forge"
        env = gateway.environment(config, port)
        repo = world.root / "work"
        repo.mkdir()
        run = partial(_git, cwd=repo, env=env)
        for words in (
            ("init", "-q", "-b", "main"),
            ("-c", "user.name=a", "-c", "user.email=a@x", "commit", "--allow-empty", "-qm", "1"),
            # By the forge's own address, as its answers name it.
            ("push", "-q", f"{world.forge.url}/alice/notes.git", "main"),
            ("fetch", "-q", f"{base}/alice/notes.git", "main"),
        ):
            assert await trio.to_thread.run_sync(partial(run, *words)) == ""
        assert "refs/heads/main" in world.forge.refs("alice/notes")
        words = ("push", "-q", f"{base}/manager/notes.git", "main")
        assert "403" in await trio.to_thread.run_sync(partial(run, *words))
        assert world.forge.refs("manager/notes") == {}
        managers = f"Authorization: token {world.agents_token('manager').read_text().strip()}"
        client = Client(await trio.open_tcp_stream("127.0.0.1", port))
        async with client.stream:
            await client.say("GET /forge/api/v1/user HTTP/1.1", "Host: x", managers)
            assert b'"login": "alice"' in await client.until(b"}")
        nursery.cancel_scope.cancel()


def _as(world: World, name: str) -> str:
    return f"token {world.agents_token(name).read_text().strip()}"


@pytest.mark.parametrize("is_admin", [True, False])
async def test_somebody_elses_user_is_left_alone(world: World, is_admin: bool) -> None:
    alice = world.forge.add_user("alice", is_admin=is_admin)
    if is_admin:
        alice.email = mail_of(ALICE)
    before = attrs.astuple(alice)
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await in_trouble(daemon, "alice: ", "did not make")
        assert attrs.astuple(alice) == before
        assert not world.agents_token("alice").exists()
        assert "refs/heads/main" in world.forge.refs("agent-configs/alice")
        alice.is_admin, alice.email = False, mail_of(ALICE)
        await settled(daemon, world, "manager", "alice")


async def test_an_agent_named_as_the_daemons_own_user_gets_no_token(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "core")
        await in_trouble(daemon, "core: ", "daemon's own")
        assert len(world.forge.users["core"].tokens) == 1
        assert "refs/heads/main" in world.forge.refs("agent-configs/core")


async def test_a_name_that_the_forge_reserves_is_told_of(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "api")
        await in_trouble(daemon, "api: ", "reserved")
        assert "refs/heads/main" in world.forge.refs("agent-configs/api")


async def test_the_daemons_user_may_have_another_name(world: World) -> None:
    hive = world.forge.add_user("hive", is_admin=True)
    del world.forge.users["core"]
    world.token_file.write_text(world.forge.add_token(hive, "daemon"))
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
        assert world.forge.orgs == {"agent-configs": "private", "core": "private"}


async def test_an_agent_that_goes_is_taken_out_of_meta_and_keeps_its_history(world: World) -> None:
    async with world.daemon() as daemon:
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        history = world.forge.refs("agent-configs/alice")
        meta = world.forge.refs("core/meta")
        assert (await daemon.operator("destroy", name="alice", purge=True))["ok"]
        await until(lambda: world.forge.refs("core/meta") != meta, within_s=WAIT_S)
        assert world.forge.refs("agent-configs/alice") == history
        await spawn(daemon, "alice")
        await settled(daemon, world, "manager", "alice")
        sha = await daemon.hive.repos.main(ALICE)
        await until(
            lambda: world.forge.refs("agent-configs/alice")["refs/heads/main"] == sha,
            within_s=WAIT_S,
        )


async def test_a_forge_that_lost_something_gets_it_again(world: World) -> None:
    async with world.daemon() as daemon:
        await settled(daemon, world, "manager")
        world.forge.lose("agent-configs/manager")
        mirror = daemon.hive.forge
        assert isinstance(mirror, ForgeMirror)
        mirror._forget()
        mirror.changed("manager")
        await settled(daemon, world, "manager")


async def test_what_is_no_name_is_not_looked_at(world: World) -> None:
    async with world.daemon() as daemon:
        for name in ("..", "-x", "a/b", "alice\n", "\u0430lice", ""):
            daemon.hive.forge.changed(name)
        await settled(daemon, world, "manager")
        assert world.forge.repos.keys() == {"core/meta", "agent-configs/manager"}


async def test_without_a_forge_nothing_is_carried(short_tmp: Path) -> None:
    async with running(short_tmp) as daemon:
        assert daemon.hive.forge.url is None
        assert "forge mirror" not in [row.name for row in daemon.hive.tasks()]

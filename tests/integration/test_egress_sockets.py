"""The daemon's proxies: one per agent, by what is deployed, counted and kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from hive.core import network
from hive.core.hive import Hive
from hive.host import agent_files
from hive.nursery import agent_listeners, egress_sockets, network_accounts
from hive.store.agents import Deployed
from hive.wire.names import AgentName
from tests.fakes.egress import Client, Web, echo, server
from tests.fakes.running import Running, running

ADA = AgentName("ada")


async def _client(hive: Hive, name: AgentName) -> Client:
    return Client(await trio.open_unix_socket(hive.paths.egress_socket(name)))


async def _connect(hive: Hive, target: str, name: AgentName = ADA) -> str:
    client = await _client(hive, name)
    async with client.stream:
        await client.say(f"CONNECT {target} HTTP/1.1", f"Host: {target}")
        return (await client.until(b"\r\n")).decode()


async def _allow(here: Running, *entries: str) -> None:
    listed = ", ".join(f'"{each}"' for each in entries)
    config = agent_files.parse(f"allow = [{listed}]".encode())
    await here.hive.agents.set_deployed(Deployed(ADA, "a" * 40, "deployed/9", config=config))


async def test_each_agent_has_a_way_out_of_its_own_from_its_first_moment(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        for name in ("manager", "ada"):
            path = here.hive.paths.egress_socket(AgentName(name))
            assert path.is_socket()
            assert path.stat().st_mode & 0o777 == agent_listeners.SOCKET_MODE
        await here.operator("destroy", name="ada")
        assert not here.hive.paths.egress_socket(ADA).exists()


if os.geteuid() == 0:

    @pytest.mark.parametrize("is_late", [True, False])
    async def test_a_socket_is_its_agents_whether_it_is_made_before_or_while_that_is_started(
        short_tmp: Path, is_late: bool
    ) -> None:
        user, folder = 54_321, short_tmp / "ada"
        folder.mkdir()

        async def start_the_agent() -> None:
            # As `owners.settle` does: the directory first, and then what is in it.
            os.chown(folder, user, user)
            for found in folder.glob("*.sock"):
                os.chown(found, user, user)

        async with trio.open_nursery() as nursery:
            if is_late:
                # It runs where the listener waits for the first time, with nothing in place yet.
                nursery.start_soon(start_the_agent)
            listener = await agent_listeners.bind(folder / "egress.sock", short_tmp)
            if not is_late:
                nursery.start_soon(start_the_agent)
        async with listener:
            about = (folder / "egress.sock").stat()
            assert (about.st_uid, about.st_gid) == (user, user)
            stream = await trio.open_unix_socket(folder / "egress.sock")
            await stream.aclose()


async def test_a_deployed_list_counts_at_once_and_for_its_agent_alone(short_tmp: Path) -> None:
    async with server(echo) as port, running(short_tmp) as here:
        for name in ("ada", "bob"):
            await here.operator("spawn", name=name)
        assert (await _connect(here.hive, f"127.0.0.1:{port}")).startswith("HTTP/1.1 403 hive: ")
        await _allow(here, f"127.0.0.1:{port}")
        assert (await _connect(here.hive, f"127.0.0.1:{port}")).startswith("HTTP/1.1 200 ")
        bob = await _connect(here.hive, f"127.0.0.1:{port}", AgentName("bob"))
        assert bob.startswith("HTTP/1.1 403 hive: ")


async def test_what_everybody_may_reach_stands_in_the_settings(short_tmp: Path) -> None:
    async with server(echo) as port, running(short_tmp, allow=(f"localhost:{port}",)) as here:
        await here.operator("spawn", name="ada")
        assert (await _connect(here.hive, f"localhost:{port}")).startswith("HTTP/1.1 200 ")


async def test_the_dashboard_of_the_daemon_is_not_reached(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        assert here.hive.address.url is not None
        target = here.hive.address.url.removeprefix("http://").rstrip("/")
        assert (await _connect(here.hive, target)).startswith("HTTP/1.1 403 hive: ")


async def test_a_refusal_shows_on_the_row_and_in_the_report(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        await _connect(here.hive, "evil.example:443")
        await here.hive.view.rescan()
        row = here.hive.view.row(ADA)
        assert row is not None
        assert (row.network, row.denied) == ("proxy", 1)
        report = (await here.operator("network", name="ada"))["network"]
        (reached,) = report["reached"]
        assert (reached["host"], reached["verdict"], reached["count"]) == (
            "evil.example",
            "denied",
            1,
        )
        assert report["always"] == ["api.anthropic.com:443", "platform.claude.com:443"]
        assert report["account"] == network.NOBODYS
        assert (await here.operator("network", name="zed"))["code"] == "not_found"


async def test_a_refusal_is_recorded_once_for_many(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        for _ in range(3):
            await _connect(here.hive, "evil.example:443")
        await here.hive.audit.settle()
        found = [row.entry for row in here.hive.audit.newest(200) if row.entry.actor == "ada"]
        denied = [each for each in found if each.action == "connect"]
        assert {(each.surface, each.subject, each.outcome) for each in denied} == {
            (egress_sockets.SURFACE, "evil.example:443", "refused")
        }
        assert sum(int(str(each.detail.get("count", 1))) for each in denied) == 3


async def test_another_user_is_turned_away_from_both_sockets_and_recorded(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        monkeypatch.setattr(here.runtime, "user", lambda _: 4242)
        assert (await _connect(here.hive, "evil.example:443")).startswith("HTTP/1.1 503 hive: only")
        assert (await here.agent("ada", "whoami"))["code"] == "refused"
        await here.hive.audit.settle()
        found = [row.entry for row in here.hive.audit.newest(200) if row.entry.actor == "nobody"]
        assert {(each.action, each.subject) for each in found} == {("connect", "ada")}


async def test_the_account_outlives_the_daemon_and_goes_when_its_agent_is_purged(
    short_tmp: Path,
) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        await _connect(here.hive, "evil.example:443")
    async with running(short_tmp, here.runtime.host) as here:
        assert [row.host for row in here.hive.ledgers.of(ADA).reached()] == ["evil.example"]
        await here.operator("destroy", name="ada", purge=True)
        assert here.hive.ledgers.of(ADA).reached() == []
    async with running(short_tmp, here.runtime.host) as here:
        assert here.hive.ledgers.of(ADA).reached() == []


async def test_an_account_that_cannot_be_stored_is_stored_later(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        await _connect(here.hive, "evil.example:443")
        changes = here.hive.ledgers.of(ADA).take_changes()
        assert changes is not None
        here.hive.ledgers.of(ADA).put_back(changes)
        await here.hive.ledgers.store()
        assert here.hive.ledgers.of(ADA).take_changes() is None
        assert network_accounts.EVERY_S > 0


async def test_an_agent_beyond_its_connections_is_told_and_another_is_not(short_tmp: Path) -> None:
    async with running(short_tmp) as here:
        for name in ("ada", "bob"):
            await here.operator("spawn", name=name)
        clients = [await _client(here.hive, ADA) for _ in range(egress_sockets.CONNECTIONS)]
        try:
            full = "HTTP/1.1 503 hive: too many connections at once: close some"
            with trio.fail_after(20):
                # The daemon takes connections as they come, and tells nobody.
                while await _connect(here.hive, "evil.example:443") != full:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            bob = await _connect(here.hive, "evil.example:443", AgentName("bob"))
            assert bob.startswith("HTTP/1.1 403 ")
        finally:
            for client in clients:
                await client.stream.aclose()


async def test_what_nobody_foresaw_ends_its_client_alone(
    short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(short_tmp) as here:
        await here.operator("spawn", name="ada")
        book = here.hive.ledgers.of(ADA)
        # An account that is broken, as a fault of ours would leave it.
        rows, book._rows = book._rows, None  # type: ignore[assignment]
        client = await _client(here.hive, ADA)
        async with client.stream:
            await client.say("CONNECT evil.example:443 HTTP/1.1", "Host: x")
            assert await client.rest() == b""
        book._rows = rows
        assert (await _connect(here.hive, "evil.example:443")).startswith("HTTP/1.1 403 ")
    assert "way out of ada: a client's conversation failed" in caplog.text


async def test_the_gateway_of_the_hosts_network_answers_who_shows_the_agents_word(
    short_tmp: Path,
) -> None:
    web = Web()
    async with server(web) as port:
        key = short_tmp / "key"
        key.write_text("sk-real")
        settings = {
            "network": "host",
            "claude_env": {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"},
            "claude_secret_files": {"ANTHROPIC_API_KEY": str(key)},
        }
        async with running(short_tmp, **settings) as here:
            for name in ("ada", "bob"):
                await here.operator("spawn", name=name)
            given = {
                name: (here.hive.paths.given(AgentName(name)) / "secrets/ANTHROPIC_API_KEY")
                .read_text()
                .strip()
                for name in ("ada", "bob")
            }
            assert "sk-real" not in given.values()

            async def asked(shown: str) -> bytes:
                path = here.hive.paths.gateway_socket(ADA)
                client = Client(await trio.open_unix_socket(path))
                async with client.stream:
                    head = ("GET /v1/models HTTP/1.1", "Host: x", "Connection: close")
                    await client.say(*head, f"x-api-key: {shown}")
                    return await client.rest()

            assert (await asked(given["ada"])).endswith(b"hello")
            assert (await asked(given["bob"])).startswith(b"HTTP/1.1 403 ")
            assert web.bytes.count(b"sk-real") == 1
            await here.hive.audit.settle()
            found = [row.entry for row in here.hive.audit.newest(50) if row.entry.actor == "nobody"]
            assert {(each.action, each.subject) for each in found} == {("use_gateway", "ada")}
        # A container outlives its daemon, and so does its word.
        async with running(short_tmp, here.runtime.host, **settings) as here:
            assert (await asked(given["ada"])).endswith(b"hello")

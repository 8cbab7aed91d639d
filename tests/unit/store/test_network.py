"""An account that was stored is read back as it was, bounded, and goes with its agent."""

from __future__ import annotations

from pathlib import Path

from hive.store import network
from hive.store.database import open_database
from hive.store.network import NetworkStore
from hive.wire.names import AgentName
from hive.wire.network import ALLOWED, DENIED, Connection, Reached

ADA, BOB = AgentName("ada"), AgentName("bob")


def reached(host: str, count: int = 1, at: float = 1.0) -> Reached:
    return Reached(host, 443, ALLOWED, count, 2, 3, 1.0, at)


def connection(number: int) -> Connection:
    return Connection(f"h{number}", 443, DENIED, number, number, 0, 0, None, "no")


async def test_what_was_put_is_read_and_a_row_that_is_gone_is_gone(tmp_path: Path) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        store = NetworkStore(database)
        await store.save(ADA, [reached("a"), reached("b")], [], [connection(1)])
        await store.save(ADA, [reached("b", 5, 9.0)], [("a", 443, ALLOWED)], [connection(2)])
        await store.save(BOB, [reached("c")], [], [])
        assert await store.reached() == {ADA: (reached("b", 5, 9.0),), BOB: (reached("c"),)}
        assert await store.connections() == {ADA: (connection(1), connection(2))}
        await store.forget(ADA)
        assert set(await store.reached()) == {BOB}
        assert await store.connections() == {}


async def test_only_the_newest_connections_of_each_agent_are_kept(tmp_path: Path) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        store = NetworkStore(database)
        await store.save(BOB, [], [], [connection(0)])
        for start in (0, 70, 140):
            await store.save(ADA, [], [], [connection(start + each) for each in range(70)])
        found = await store.connections()
        assert [each.host for each in found[ADA]] == [
            f"h{number}" for number in range(210 - network.CONNECTIONS, 210)
        ]
        assert len(found[BOB]) == 1

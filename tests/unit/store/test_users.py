"""Numbers of agents' users: one each, in the order of asking, for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from hive.core.users import Users
from hive.errors import Unavailable
from hive.store.database import Database, open_database
from hive.store.users import UserStore
from hive.wire.names import MANAGER, AgentName

ADA, BOB = AgentName("ada"), AgentName("bob")
FIRST = 5000


async def _load(
    database: Database, *, are_shared: bool = False, first: int = FIRST, each: int = 1
) -> Users:
    users = Users(UserStore(database), first, are_shared=are_shared, each=each)
    await users.load()
    return users


async def test_each_name_gets_a_number_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "broker.sqlite"
    async with open_database(path) as database:
        users = await _load(database)
        assert users.of(MANAGER) == FIRST
        assert [await users.allot(name) for name in (ADA, BOB, ADA)] == [
            FIRST + 1,
            FIRST + 2,
            FIRST + 1,
        ]
    async with open_database(path) as database:
        users = await _load(database)
        assert [users.of(name) for name in (MANAGER, ADA, BOB)] == [FIRST, FIRST + 1, FIRST + 2]


async def test_two_that_ask_at_once_get_two_numbers(tmp_path: Path) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        users = await _load(database)
        async with trio.open_nursery() as nursery:
            for name in (ADA, BOB, ADA):
                nursery.start_soon(users.allot, name)
        assert {users.of(ADA), users.of(BOB)} == {FIRST + 1, FIRST + 2}


async def test_who_has_none_yet_is_no_one(tmp_path: Path) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        assert (await _load(database)).of(ADA) is None


async def test_where_users_are_shared_nobody_gets_one_and_what_was_allotted_waits(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        await (await _load(database)).allot(ADA)
        shared = await _load(database, are_shared=True)
        assert await shared.allot(BOB) is None
        assert shared.of(ADA) is None
        assert (await _load(database)).of(ADA) == FIRST + 1


async def test_ranges_do_not_overlap_and_begin_at_a_multiple_of_their_length(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        users = await _load(database, each=65536)
        assert [users.of(MANAGER), await users.allot(ADA)] == [65536, 131072]


async def test_where_no_number_is_left_it_says_what_to_set(tmp_path: Path) -> None:
    async with open_database(tmp_path / "broker.sqlite") as database:
        users = await _load(database, first=2_147_250_000, each=65536)
        with pytest.raises(Unavailable, match="set agent_uids lower"):
            await users.allot(ADA)

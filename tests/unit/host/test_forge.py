"""The client of a forge, over answers that no forge should give."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest, HiveError, Refused, Unavailable
from hive.host import forge
from hive.host.forge import Forge, mail_of
from hive.host.forge_push import Destination, environment
from hive.wire.names import AgentName
from tests.fakes.any_json import JSON

ALICE = AgentName("alice")
SECRET = "s3cret-token-of-the-daemon"
Handler = Callable[[httpx2.Request], httpx2.Response]


class Body(httpx2.AsyncByteStream):
    """A body that is not there before it is read, as one from a socket."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body


def client(handler: Handler) -> Forge:
    transport = httpx2.MockTransport(handler)
    return Forge(httpx2.AsyncClient(transport=transport, base_url="http://f/api/v1/"), SECRET)


def answering(*replies: tuple[int, Any]) -> tuple[Forge, list[tuple[str, str]]]:
    """Return a client that gets these answers in turn, and what it asks for."""
    left, asked = list(replies), []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.method, request.url.path.removeprefix("/api/v1/")))
        status, data = left.pop(0)
        return httpx2.Response(status, stream=Body(json.dumps(data).encode()))

    return client(handler), asked


async def test_what_is_there_is_not_made() -> None:
    asking, asked = answering((200, {}))
    await asking.ensure_organisation("core")
    assert asked == [("GET", "orgs/core")]


@pytest.mark.parametrize("status", [409, 422])
async def test_what_somebody_else_just_made_is_as_good(status: int) -> None:
    asking, asked = answering((404, {}), (status, {"message": "exists"}), (200, {}))
    await asking.ensure_repository("core", "meta")
    assert asked[1] == ("POST", "orgs/core/repos")


async def test_a_name_that_is_not_taken_is_told_of() -> None:
    asking, _ = answering((404, {}), (422, {"message": "name is reserved"}), (404, {}))
    with pytest.raises(Unavailable, match=r"users/alice.*422: name is reserved"):
        await asking.ensure_user(ALICE)


async def test_a_forge_that_repeats_the_token_does_not_bring_it_before_people() -> None:
    asking, _ = answering((403, {"message": f"no scope for {SECRET}"}))
    with pytest.raises(Refused, match="write:admin") as caught:
        await asking.account()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "changed", [{"is_admin": True}, {"email": "alice@example.org"}, {"login": "bob"}]
)
async def test_no_password_is_set_for_a_user_that_is_not_ours(changed: dict[str, Any]) -> None:
    user = {"login": "alice", "email": mail_of(ALICE), "is_admin": False, **changed}
    asking, asked = answering((200, user))
    with pytest.raises(Refused, match="did not make"):
        await asking.mint(ALICE)
    assert asked == [("GET", "users/alice")]


async def test_only_tokens_that_hive_made_are_removed() -> None:
    user = {"login": "alice", "email": mail_of(ALICE), "is_admin": False}
    rows = [{"id": 1, "name": "hive-1"}, {"id": 2, "name": "tea"}, {"id": "3", "name": "hive-3"}, 7]
    asking, asked = answering(
        (200, user), (200, {}), (200, rows), (204, None), (201, {"sha1": "t"})
    )
    assert await asking.mint(ALICE) == "t"
    assert ("DELETE", "users/alice/tokens/1") in asked
    assert len(asked) == 5


@pytest.mark.parametrize("failing", [0, 1])
async def test_no_token_is_made_beside_one_that_could_not_be_ended(failing: int) -> None:
    user = {"login": "alice", "email": mail_of(ALICE), "is_admin": False}
    replies: list[tuple[int, Any]] = [(200, [{"id": 1, "name": "hive-1"}]), (204, None)]
    replies[failing] = (500, {"message": "not now"})
    asking, asked = answering((200, user), (200, {}), *replies, (201, {"sha1": "t"}))
    with pytest.raises(Unavailable, match=r"token.*500: not now"):
        await asking.mint(ALICE)
    assert "POST" not in [method for method, _ in asked]


@pytest.mark.parametrize("sha1", [None, 7, "", "two words", "line\n", "x" * 256])
async def test_what_is_no_token_is_not_taken_for_one(sha1: object) -> None:
    user = {"login": "alice", "email": mail_of(ALICE)}
    asking, _ = answering((200, user), (200, {}), (200, []), (201, {"sha1": sha1}))
    with pytest.raises(Unavailable, match="no token"):
        await asking.mint(ALICE)


async def test_what_an_agent_put_in_place_of_its_token_is_not_sent_unless_it_could_be_one() -> None:
    asking, asked = answering((401, {}))
    assert await asking.owner_of("a\r\nX-Other: header") is None
    assert asked == []
    assert await asking.owner_of("0" * 40) is None


async def test_a_token_of_several_lines_opens_nothing() -> None:
    with pytest.raises(BadRequest, match="one word"):
        async with forge.opened("http://127.0.0.1:1", "a\nb"):
            pass


@given(
    status=st.integers(200, 599),
    body=JSON.map(lambda data: json.dumps(data).encode()) | st.binary(max_size=50),
    what=st.sampled_from(["account", "owner", "organisation", "repository", "user", "mint"]),
)
async def test_whatever_is_answered_is_a_failure_that_was_foreseen(
    status: int, body: bytes, what: str
) -> None:
    asking = client(lambda _: httpx2.Response(status, stream=Body(body)))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "account": asking.account,
        "owner": lambda: asking.owner_of("t"),
        "organisation": lambda: asking.ensure_organisation("core"),
        "repository": lambda: asking.ensure_repository("core", "meta"),
        "user": lambda: asking.ensure_user(ALICE),
        "mint": lambda: asking.mint(ALICE),
    }
    said = ""
    try:
        await calls[what]()
    except HiveError as error:
        said = error.message
    assert said == "" or said.isprintable()


def test_git_gets_the_token_for_that_forge_alone_and_follows_it_nowhere() -> None:
    env = environment(Destination("https://forge.example.org", "core", SECRET))
    settings = {env[f"GIT_CONFIG_KEY_{n}"]: env[f"GIT_CONFIG_VALUE_{n}"] for n in range(5)}
    assert env["GIT_CONFIG_COUNT"] == "5"
    assert env["GIT_ALLOW_PROTOCOL"] == "https"
    assert "http.https://forge.example.org/.extraHeader" in settings
    assert settings["http.followRedirects"] == "false"
    assert SECRET not in repr(Destination("https://f", "core", SECRET))

"""A gateway on the host's loopback serves who shows the agent's word, and nobody else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from hive.egress.forge_gateway import ForgeGateway
from hive.egress.gateway import Gateway, parse_origin
from hive.egress.shared import SharedWay
from tests.fakes.egress import Room, Web, room, server

WORD = "f00d" * 16
HEAD = "POST /v1/messages HTTP/1.1"


@attrs.frozen
class Scene:
    """The gateway of an agent with the host's network, and what stands behind it."""

    room: Room
    web: Web
    strangers: list[str]

    async def ask(self, *lines: str) -> bytes:
        return await self.room.ask(*lines, "Host: x", "Connection: close", "Content-Length: 0")


@asynccontextmanager
async def _scene(*, forge: bool = False) -> AsyncIterator[Scene]:
    web, strangers = Web(), []  # type: tuple[Web, list[str]]
    async with server(web) as port, room("*.example", trusted=(f"127.0.0.1:{port}",)) as here:
        origin = parse_origin(f"http://127.0.0.1:{port}")
        api = Gateway(origin, {f"key-{WORD}".encode(): b"sk-real"})
        way = ForgeGateway(origin, "ada", "token") if forge else api
        here.way, here.is_gateway = SharedWay(way, WORD, strangers.append), True
        yield Scene(here, web, strangers)


async def test_who_shows_the_word_is_led_on_with_the_secret() -> None:
    async with _scene() as scene:
        for shown in (f"x-api-key: key-{WORD}", f"Authorization: Bearer key-{WORD}"):
            assert (await scene.ask(HEAD, shown)).startswith(b"HTTP/1.1 200 ")
    assert scene.web.bytes.count(b"sk-real") == 2
    assert scene.strangers == []


@pytest.mark.parametrize(
    "shown",
    [
        "X-Nothing: 1",
        "x-api-key: key",
        f"x-api-key: key-{WORD[:-1]}",
        f"x-api-key: key-{WORD}0",
        f"Cookie: {WORD}",
        "Authorization: Bearer own",
        "Authorization: Basic !!",
        "Authorization:",
    ],
)
async def test_nobody_else_gets_anything_on(shown: str) -> None:
    async with _scene() as scene:
        said = await scene.ask(HEAD, shown)
    assert said.startswith(b"HTTP/1.1 403 hive: this port is an agent's way")
    assert scene.web.bytes == b""
    assert len(scene.strangers) == 1


@pytest.mark.parametrize(
    "line", ["CONNECT a.example:443 HTTP/1.1", "GET http://a.example/ HTTP/1.1"]
)
async def test_it_is_no_proxy(line: str) -> None:
    async with _scene() as scene:
        said = await scene.room.ask(line, "Host: a.example", f"x-api-key: key-{WORD}")
    assert said.startswith(b"HTTP/1.1 403 hive: this is hive's gateway and no proxy")
    assert scene.room.looked_up == []


async def test_the_forge_is_behind_the_word_too() -> None:
    async with _scene(forge=True) as scene:
        line = "GET /forge/api/v1/user HTTP/1.1"
        basic = base64.b64encode(f"hive:{WORD}".encode()).decode()
        assert (await scene.ask(line, f"Authorization: Basic {basic}")).startswith(b"HTTP/1.1 200 ")
        assert (await scene.ask(line)).startswith(b"HTTP/1.1 403 ")
    assert scene.web.bytes.count(b"Authorization: token token") == 1
    assert WORD.encode() not in scene.web.bytes


async def test_an_empty_word_lets_nobody_in() -> None:
    async with _scene() as scene:
        assert isinstance(scene.room.way, SharedWay)
        scene.room.way = attrs.evolve(scene.room.way, word="")
        assert (await scene.ask(HEAD, "x-api-key: ")).startswith(b"HTTP/1.1 403 ")

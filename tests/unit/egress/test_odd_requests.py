"""What no honest client sends: answered in one sentence, and nothing of it goes out."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.egress import link, proxy
from tests.fakes.egress import Web, room, server


@pytest.fixture
def patient_clock() -> trio.testing.MockClock:
    """A clock that jumps only when the kernel too has had the time to bring what is under way."""
    return trio.testing.MockClock(autojump_threshold=0.1)


@pytest.mark.parametrize(
    "line",
    [
        "GET http://user:pass@127.0.0.1:{port}/ HTTP/1.1",
        "GET http://127.0.0.1:{port}@evil.example/ HTTP/1.1",
        "GET http://127.0.0.1:{port}\\@evil.example/ HTTP/1.1",
        "GET http://127.0.0.1:{port}#@evil.example/ HTTP/1.1",
        "GET https://127.0.0.1:{port}/ HTTP/1.1",
        "GET ftp://127.0.0.1:{port}/ HTTP/1.1",
        "GET http:127.0.0.1:{port}/ HTTP/1.1",
        "GET http:///127.0.0.1:{port}/ HTTP/1.1",
        "GET 127.0.0.1:{port}/ HTTP/1.1",
        "GET http://127.1:{port}/ HTTP/1.1",
        "GET http://0x7f000001:{port}/ HTTP/1.1",
        "GET http://2130706433:{port}/ HTTP/1.1",
        "GET http://127.0.0.1:{port}:80/ HTTP/1.1",
        "GET http://127.0.0.1:+{port}/ HTTP/1.1",
        "GET http://127.0.0.1:99999/ HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "CONNECT 127.0.0.1 HTTP/1.1",
        "CONNECT http://127.0.0.1:{port} HTTP/1.1",
        "CONNECT 127.0.0.1:{port}/ HTTP/1.1",
        "CONNECT 127.0.0.1:{port}@evil.example:443 HTTP/1.1",
        "CONNECT :{port} HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "connect 127.0.0.1:{port} HTTP/1.1",
        "GET http://127.0.0.1:{port}/ HTTP/2.0",
        "GET http://127.0.0.1:{port}/ HTTP/0.9",
        "GET http://127.0.0.1:{port}/ HTTP/1.9",
    ],
)
async def test_a_target_that_is_odd_is_refused_and_nobody_connected_to(line: str) -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}", "*.example") as here:
        said = await here.ask(line.format(port=port), "Host: x")
        assert said.startswith(b"HTTP/1.1 400 hive: ")
    assert (web.bytes, here.looked_up) == (b"", [])


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Content-Length: +5",),
        ("Content-Length: 0x5",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
        ("X Y: 1",),
        ("X: a\0b",),
        ("Host: y",),
    ],
)
async def test_a_framing_that_two_readers_could_read_differently_is_refused(
    headers: tuple[str, ...],
) -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        line = f"POST http://127.0.0.1:{port}/ HTTP/1.1"
        said = await here.ask(line, "Host: x", *headers, body=b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        assert said.startswith((b"HTTP/1.1 400 hive: ", b"HTTP/1.1 501 hive: "))
    assert web.bytes == b""


async def test_a_connect_with_a_body_is_refused() -> None:
    async with room("pypi.org") as here:
        line = "CONNECT pypi.org:443 HTTP/1.1"
        said = await here.ask(line, "Host: x", "Content-Length: 1", body=b"x")
        assert said.startswith(b"HTTP/1.1 400 hive: CONNECT")


async def test_what_connection_names_does_not_take_the_framing_away() -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(
            f"POST http://127.0.0.1:{port}/ HTTP/1.1",
            "Host: x",
            "Connection: content-length, host",
            "Content-Length: 30",
            body=b"GET /smuggled HTTP/1.1\r\nHost: ",
        )
        await client.until(b"hello")
    assert b"Content-Length: 30" in web.heads[0]


async def test_a_folded_header_arrives_on_one_line() -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x", "X: a", "\tb: c")
        await client.until(b"hello")
    assert web.heads[0].endswith(b"\r\nX: a b: c")


async def test_a_chunked_body_is_written_anew_without_its_extensions_and_trailers() -> None:
    web = Web(when=b"\r\n0\r\n\r\n")
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        line = f"POST http://127.0.0.1:{port}/ HTTP/1.1"
        body = b'3;ext="x"\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n'
        await client.say(line, "Host: x", "Transfer-Encoding: chunked", body=body)
        await client.until(b"hello")
    assert web.bytes.endswith(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n")


async def test_an_endless_head_is_cut_off() -> None:
    async with room("pypi.org") as here:
        said = await here.ask("CONNECT pypi.org:443 HTTP/1.1", f"X: {'a' * 70_000}")
        assert said.startswith(b"HTTP/1.1 431 hive: ")


async def test_a_client_that_dawdles_with_its_head_is_let_go(
    patient_clock: trio.testing.MockClock,
) -> None:
    del patient_clock
    async with room("pypi.org") as here:
        client = here.connect()
        await client.stream.send_all(b"CONNECT pyp")
        began = trio.current_time()
        assert await client.rest() == b""
        assert trio.current_time() - began == proxy.HEAD_S


async def test_a_client_that_dawdles_with_its_body_is_told_and_let_go(
    patient_clock: trio.testing.MockClock,
) -> None:
    del patient_clock

    async def silent(stream: trio.SocketStream) -> None:
        async for _ in stream:
            pass

    async with server(silent) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        head = f"POST http://127.0.0.1:{port}/ HTTP/1.1"
        began = trio.current_time()
        await client.say(head, "Host: x", "Content-Length: 9", body=b"a")
        await client.until(b"the body paused")
        assert trio.current_time() - began == link.BODY_S


async def test_a_name_that_is_not_listed_is_never_resolved() -> None:
    async with room("pypi.org") as here:
        said = await here.ask("CONNECT c2VjcmV0.evil.example:443 HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 403 hive: c2vjcmv0.evil.example:443 is not among")
        assert b'allow = ["c2vjcmv0.evil.example"]' in said
    assert here.looked_up == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fe80::1"])
async def test_a_listed_name_that_leads_to_a_private_address_is_refused(address: str) -> None:
    async with room("*.example", names={"in.example": [address]}) as here:
        said = await here.ask("CONNECT in.example:443 HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 403 hive: in.example is at ")


async def test_a_name_that_is_rebound_between_two_requests_is_looked_at_each_time() -> None:
    web = Web()
    async with server(web) as port, room(f"rebind.example:{port}") as here:
        here.names["rebind.example"] = ["127.0.0.1"]
        said = await here.ask(f"GET http://rebind.example:{port}/ HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 403 ")
    assert web.bytes == b""
    assert here.looked_up == ["rebind.example"]


async def test_of_several_addresses_only_those_that_may_be_are_connected_to() -> None:
    web = Web()
    async with (
        server(web) as port,
        room(f"two.example:{port}", f"127.0.0.1:{port}") as here,
    ):
        here.names["two.example"] = ["10.255.255.1", "127.0.0.1"]
        client = here.connect()
        await client.say(f"GET http://two.example:{port}/ HTTP/1.1", "Host: x")
        await client.until(b"hello")
    assert [each.address for each in here.ledger.connections()] == ["127.0.0.1"]


async def test_a_second_request_elsewhere_on_the_same_connection_is_looked_at_anew() -> None:
    web, other = Web(), Web()
    async with (
        server(web) as port,
        server(other) as closed,
        room(f"127.0.0.1:{port}") as here,
    ):
        client = here.connect()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        await client.until(b"hello")
        await client.say(f"GET http://127.0.0.1:{closed}/ HTTP/1.1", "Host: x")
        assert (await client.rest()).startswith(b"HTTP/1.1 403 ")
    assert other.bytes == b""


async def test_what_is_taken_from_the_list_is_refused_on_an_open_connection_too() -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        await client.until(b"hello")
        here.allowed = ()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        assert (await client.rest()).startswith(b"HTTP/1.1 403 ")
    assert len(web.heads) == 1


async def test_a_request_for_an_origin_is_told_that_this_is_a_proxy() -> None:
    async with room("pypi.org") as here:
        said = await here.ask("GET / HTTP/1.1", "Host: pypi.org")
        assert said.startswith(b"HTTP/1.1 404 hive: this is a proxy")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered_or_let_go(data: bytes) -> None:
    async def body() -> bytes:
        async with room() as here:
            client = here.connect()
            await client.stream.send_all(data)
            await client.stream.send_eof()
            return await client.rest()

    said = trio.run(body)
    assert said == b"" or said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))

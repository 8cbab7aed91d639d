"""The proxy passes on what is allowed, as it was meant, and nothing else."""

from __future__ import annotations

import trio
import trio.testing

from tests.fakes.egress import OK, Web, echo, room, server


async def test_a_tunnel_passes_bytes_both_ways_and_both_ends() -> None:
    async with server(echo) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"CONNECT 127.0.0.1:{port} HTTP/1.1", f"Host: 127.0.0.1:{port}")
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await client.stream.send_all(b"x" * 300_000)
        await client.stream.send_eof()
        assert await client.rest() == b"x" * 300_000


async def test_what_was_sent_behind_a_connect_is_not_lost() -> None:
    async with server(echo) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"CONNECT 127.0.0.1:{port} HTTP/1.1", "Host: x", body=b"early")
        await client.until(b"\r\n\r\n")
        await client.stream.send_eof()
        assert await client.rest() == b"early"


async def test_a_plain_request_is_passed_on_in_origin_form() -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(
            f"GET http://127.0.0.1:{port}/a?b=c HTTP/1.1",
            "Host: elsewhere.example",
            "Proxy-Connection: keep-alive",
            "Proxy-Authorization: Basic c2VjcmV0",
            "Connection: X-Hop",
            "X-Hop: 1",
            "X-End: 2",
        )
        assert (await client.until(b"hello")).startswith(b"HTTP/1.1 200 OK\r\n")
    (head,) = web.heads
    assert head.split(b"\r\n") == [
        b"GET /a?b=c HTTP/1.1",
        f"Host: 127.0.0.1:{port}".encode(),
        b"X-End: 2",
    ]


async def test_a_client_may_ask_again_on_its_connection() -> None:
    web = Web()
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        for _ in range(3):
            await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
            await client.until(b"hello")
        assert (len(web.heads), web.connections) == (3, 1)


async def test_a_server_that_closed_meanwhile_is_connected_to_again() -> None:
    asked = 0

    async def once(stream: trio.SocketStream) -> None:
        nonlocal asked
        await stream.receive_some()
        asked += 1
        await stream.send_all(OK)
        await stream.aclose()

    async with server(once) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        for _ in range(2):
            await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
            await client.until(b"hello")
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert asked == 2


async def test_a_body_goes_up_and_a_long_one_comes_down() -> None:
    long = b"y" * 1_000_000
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer += b"%x\r\n%s\r\n0\r\n\r\n" % (len(long), long)
    web = Web(answer, when=b"abcdef")
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        head = (f"POST http://127.0.0.1:{port}/ HTTP/1.1", "Host: x", "Content-Length: 6")
        await client.say(*head, body=b"abcdef")
        await client.until(b"\r\n\r\n")
        assert (await client.until(b"\r\n0\r\n\r\n")).count(b"y") == len(long)
    assert web.bytes.endswith(b"\r\n\r\nabcdef")


async def test_a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    async with server(Web(answer)) as port, room(f"127.0.0.1:{port}") as here:
        said = await here.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.0")
    assert said.endswith(b"\r\n\r\nabc")
    assert b"chunked" not in said


async def test_who_waits_for_100_continue_gets_it() -> None:
    async with server(Web()) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(
            f"POST http://127.0.0.1:{port}/ HTTP/1.1",
            "Host: x",
            "Content-Length: 2",
            "Expect: 100-continue",
        )
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        await client.stream.send_all(b"ab")
        await client.until(b"hello")


async def test_a_redirect_is_the_clients_to_follow() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    web = Web(moved)
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        said = await client.until(b"\r\n\r\n")
        assert b"302 Found" in said
        assert b"Location: http://127.0.0.1:1/" in said
    assert [(row.port, row.verdict) for row in here.ledger.reached()] == [(port, "allowed")]


async def test_an_early_answer_ends_a_request_whose_body_never_ends() -> None:
    web = Web(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
    async with server(web) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        head = (f"POST http://127.0.0.1:{port}/ HTTP/1.1", "Host: x", "Content-Length: 99")
        await client.say(*head, body=b"a")
        assert (await client.rest()).endswith(b"\r\n\r\nno")


async def test_a_client_that_leaves_ends_its_request_at_the_server() -> None:
    left = trio.Event()

    async def silent(stream: trio.SocketStream) -> None:
        while await stream.receive_some():
            pass
        left.set()

    async with server(silent) as port, room(f"127.0.0.1:{port}") as here:
        client = here.connect()
        await client.say(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        await trio.testing.wait_all_tasks_blocked(0.01)
        await client.stream.aclose()
        with trio.fail_after(20):
            await left.wait()


async def test_bytes_and_connections_are_counted_by_where_they_went() -> None:
    async with server(echo) as port, room(f"127.0.0.1:{port}") as here:
        for _ in range(2):
            client = here.connect()
            await client.say(f"CONNECT 127.0.0.1:{port} HTTP/1.1", "Host: x")
            await client.until(b"\r\n\r\n")
            await client.stream.send_all(b"12345")
            await client.stream.send_eof()
            assert await client.rest() == b"12345"
        await here.ask("CONNECT nowhere.example:443 HTTP/1.1", "Host: x")
        rows = {(row.host, row.verdict): row for row in here.ledger.reached()}
        good = rows["127.0.0.1", "allowed"]
        assert (good.count, good.sent, good.received) == (2, 10, 10)
        bad = rows["nowhere.example", "denied"]
        assert (bad.count, bad.sent, bad.received) == (1, 0, 0)
        newest = here.ledger.connections()[0]
        assert (newest.host, newest.verdict) == ("nowhere.example", "denied")


async def test_a_server_that_is_away_is_told_as_such() -> None:
    async with server(echo) as port:
        pass
    async with room(f"127.0.0.1:{port}") as here:
        said = await here.ask(f"CONNECT 127.0.0.1:{port} HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 502 hive: cannot connect to 127.0.0.1:")
        assert [row.verdict for row in here.ledger.reached()] == ["failed"]


async def test_an_answer_that_is_no_http_is_told_as_such() -> None:
    async with server(Web(b"\0\0 garbage\r\n\r\n")) as port, room(f"127.0.0.1:{port}") as here:
        said = await here.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        assert said.startswith(b"HTTP/1.1 502 hive: the server's answer is no HTTP")


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too() -> None:
    async def half(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await stream.aclose()

    async with server(half) as port, room(f"127.0.0.1:{port}") as here:
        said = await here.ask(f"GET http://127.0.0.1:{port}/ HTTP/1.1", "Host: x")
        assert said.endswith(b"\r\n\r\nhalf")

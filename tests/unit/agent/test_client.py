"""The client: what it repeats, what it must not, and how long it waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from hive import lines
from hive.agent import client as client_module
from hive.agent.client import HiveClient
from hive.errors import Conflict, DaemonUnreachable, HiveError, NotFound, Unavailable
from hive.wire import agent, codec
from tests.fakes.hive_socket import answering

Handle = Callable[[Any], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def daemon(path: Path, handle: Handle) -> AsyncIterator[None]:
    """Answer on a socket for as long as the block lasts; then it is gone."""
    async with answering(path, handle):
        yield
    await trio.Path(path).unlink()


async def ok(_request: object) -> dict[str, Any]:
    """Say yes."""
    return {"kind": "ok", "id": 5, "count": None}


async def test_a_call_goes_over_the_socket_and_back(short_tmp: Path) -> None:
    path = short_tmp / "s"
    seen = []

    async def handle(request: Any) -> dict[str, Any]:
        seen.append(request)
        return await ok(request)

    async with daemon(path, handle):
        assert await HiveClient(path).send("alice", "hello", dedupe_key="k") == 5
    assert seen == [
        {
            "cmd": "send",
            "to": "alice",
            "body": "hello",
            "in_reply_to": None,
            "dedupe_key": "k",
        }
    ]


@pytest.mark.parametrize("error", [NotFound("nobody"), Conflict("taken"), Unavailable("disk")])
async def test_an_error_the_daemon_answers_is_raised_and_not_repeated(
    short_tmp: Path, error: HiveError
) -> None:
    calls = []

    async def refuse(request: Any) -> dict[str, Any]:
        calls.append(request)
        raise error

    async with daemon(short_tmp / "s", refuse):
        with pytest.raises(type(error), match=error.message):
            await HiveClient(short_tmp / "s").send("alice", "x", dedupe_key="k")
    assert len(calls) == 1


async def test_a_daemon_that_never_comes_is_given_up_after_a_minute(
    short_tmp: Path, autojump_clock: object
) -> None:
    started = trio.current_time()
    with pytest.raises(DaemonUnreachable):
        await HiveClient(short_tmp / "s").unread()
    assert trio.current_time() - started == pytest.approx(61.7)


async def test_a_kept_connection_survives_a_restart_of_the_daemon_at_once(short_tmp: Path) -> None:
    path = short_tmp / "s"
    client = HiveClient(path, keep=True)
    async with daemon(path, ok):
        await client.requeue_inflight()
    async with daemon(path, ok), trio.open_nursery() as nursery:
        with trio.fail_after(1):
            nursery.start_soon(client.wait_lost)
            await trio.testing.wait_all_tasks_blocked()
            answer = await client.request(agent.RequeueInflight())
    assert answer.retries == 0
    client.close()


@pytest.mark.parametrize(
    ("request_", "repeatable"),
    [
        (agent.Send("a", "b"), False),
        (agent.Send("a", "b", dedupe_key="k"), True),
        (agent.Ask("q"), False),
        (agent.Ask("q", dedupe_key="k"), True),
        (agent.Remind("m", 1, dedupe_key="k"), True),
        (agent.Answer(1, "a"), False),
        (agent.Wake("l", "b"), False),
        (agent.Recv(), False),
        (agent.CancelLooseEnd("question", 1), False),
        (agent.AckTurn((1,)), True),
        (agent.RequeueInflight(), True),
        (agent.Whoami(), True),
        (agent.SetStatus("x"), True),
    ],
)
def test_only_what_does_no_harm_is_repeated_after_a_lost_reply(
    request_: agent.AgentRequest, repeatable: bool
) -> None:
    assert client_module.is_repeatable(request_) is repeatable


async def test_a_lost_reply_is_asked_for_again_with_the_same_key(short_tmp: Path) -> None:
    path = short_tmp / "s"
    seen: list[Any] = []

    async def loses_every_first_reply(stream: trio.SocketStream) -> None:
        async with stream:
            seen.append(codec.loads(await stream.receive_some(65536)))
            if len(seen) % 2 == 0:
                await stream.send_all(codec.dumps(await ok(None)))

    listener = await lines.listen(path, 0o600)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, loses_every_first_reply, [listener])
        client = HiveClient(path, backoff_s=(0.01,))
        answer = await client.request(agent.Send("a", "b", dedupe_key="k"))
        assert (answer.reply.id, answer.retries) == (5, 1)
        assert seen[0] == seen[1]
        with pytest.raises(Unavailable):
            await client.request(agent.Answer(1, "x"))
        nursery.cancel_scope.cancel()
    assert len(seen) == 3


async def test_a_recv_may_take_its_wait_and_a_margin(autojump_clock: object) -> None:
    assert client_module.deadline_s(agent.Recv(180)) == 190
    assert client_module.deadline_s(agent.Status()) == 10


async def test_a_reply_of_another_kind_names_the_mend(short_tmp: Path) -> None:
    async with daemon(short_tmp / "s", ok):
        with pytest.raises(Unavailable, match="restart it"):
            await HiveClient(short_tmp / "s").unread()

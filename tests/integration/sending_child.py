"""A process of its own that sends for the tests of what survives: killed, or with its disk full.

`python -m tests.integration.sending_child kill DIRECTORY` sends for ever with many senders and
prints each id once its `send` has returned, and indexes beside it what was sent.
`... full DIRECTORY` sends until its log may grow no more, then on with room again, and prints what
came of each send as JSON.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

import trio

from hive.errors import Unavailable
from hive.store.message_index import MessageIndex
from tests.fakes.post import Post, open_post

SENDERS = 20


async def _send_for_ever(post: Post, sender: int) -> None:
    while True:
        number = await post.broker.send("ada", "bob", f"{sender}: " + "x" * 500)
        os.write(1, f"{number}\n".encode())


async def _index_for_ever(index: MessageIndex) -> None:
    while True:
        await index.step()
        await trio.sleep(0.001)


async def kill(directory: Path) -> None:
    async with open_post(directory) as post, trio.open_nursery() as nursery:
        for sender in range(SENDERS):
            nursery.start_soon(_send_for_ever, post, sender)
        nursery.start_soon(_index_for_ever, MessageIndex(post.database))


async def full(directory: Path) -> None:
    stored: list[int] = []
    errors: list[str] = []

    async def attempt(body: str) -> None:
        try:
            stored.append(await post.broker.send("ada", "bob", body))
        except Unavailable as error:
            errors.append(error.message)

    async def attempt_many(word: str) -> None:
        async with trio.open_nursery() as nursery:
            for number in range(SENDERS):
                nursery.start_soon(attempt, f"{word} {number} " + "x" * 4000)

    async with open_post(directory) as post:
        await attempt_many("before")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        log = directory / "broker.sqlite-wal"
        resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10_000, limits[1]))
        await attempt_many("full")
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        announced = len(post.frames)
        await attempt_many("after")
    print(json.dumps({"stored": stored, "errors": errors, "announced": announced}))


if __name__ == "__main__":
    trio.run({"kill": kill, "full": full}[sys.argv[1]], Path(sys.argv[2]))

"""A build queue on a database in a directory of a test's own, with a worker the test scripts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from hive.core.agents import Agents
from hive.core.build_queue import BuildQueue
from hive.paths import Paths
from hive.store.jobs import JobStore
from tests.fakes.post import Post, open_post


@attrs.frozen
class Bench:
    """What is open."""

    post: Post
    store: JobStore
    queue: BuildQueue
    agents: Agents
    paths: Paths


@asynccontextmanager
async def open_bench(directory: Path, *, commits_in_loop: bool = False) -> AsyncIterator[Bench]:
    """Open a queue over `broker.sqlite` in `directory` and load what it holds."""
    async with open_post(directory, commits_in_loop=commits_in_loop) as post:
        store = JobStore(post.database, post.clock)
        agents = Agents(post.agents, post.clock)
        await agents.load()
        paths = Paths(directory, directory / "run")
        queue = BuildQueue(
            store, paths, publish=post.frames.append, broker=post.broker, agents=agents
        )
        await queue.load()
        yield Bench(post, store, queue, agents, paths)

"""Work handed to a supervised worker, and its outcome.

No web handler and no socket handler ever starts a task: it submits a job here and returns, or waits
for the outcome. The worker is `nursery/job_worker.py`.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

import attrs
import trio

from hive.core import audit
from hive.core.audit import Who
from hive.errors import HiveError, Unavailable

Work = Callable[[], Awaitable[None]]


@attrs.define(eq=False)
class Job:
    """One piece of work."""

    label: str
    """For people: `start alice`."""
    work: Work
    someone: Who
    """Who handed it in."""
    failure: HiveError | None = None
    _over: trio.Event = attrs.field(factory=trio.Event)

    async def wait(self) -> None:
        """Wait until it is over; raises what it failed with."""
        await self._over.wait()
        if self.failure is not None:
            raise self.failure

    async def run(self) -> None:
        """Do the work; what hive foresaw becomes the outcome, anything else goes on up."""
        is_told = False
        try:
            with audit.acting(self.someone):
                await self.work()
            is_told = True
        except HiveError as error:
            self.failure = error
            is_told = True
        finally:
            if not is_told:
                self.failure = Unavailable(f"{self.label} did not end: the log says why")
            self._over.set()


class Jobs:
    """The way from whoever wants work done to the worker that does it."""

    def __init__(self) -> None:
        """Holds any number of jobs that wait."""
        self._send, self._receive = trio.open_memory_channel[Job](math.inf)

    def submit(self, label: str, work: Work) -> Job:
        """Hand in work; it starts as soon as the worker runs."""
        job = Job(label, work, audit.who())
        self._send.send_nowait(job)
        return job

    async def next(self) -> Job:
        """Wait for the next job, in the order they were handed in."""
        return await self._receive.receive()

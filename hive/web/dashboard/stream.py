"""The dashboard's event stream: every frame of the hive, past the framework."""

from __future__ import annotations

from hive.core.hive import Hive
from hive.web.dashboard import table
from hive.web.sse import EventStream

PATH = table.STREAM


def make_stream(hive: Hive) -> EventStream:
    """Return the ASGI application of `PATH`."""
    return EventStream(hive.feed)

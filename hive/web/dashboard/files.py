"""Files that messages name: which of them may be read, and what is in them.

Both `core/file_refs` alone decides, so that a link never leads to a file that is then refused.
"""

from __future__ import annotations

from typing import Any

from quart import request

from hive.core import actions, file_refs
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web import replies
from hive.web.dashboard.actions import number
from hive.web.dashboard.table import REFS_MESSAGES_MAX
from hive.web.routes import Handlers
from hive.wire import codec
from hive.wire.limits import RECENT_MAX
from hive.wire.messages import FROM_PEER

Json = dict[str, Any]


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of files."""

    @routes.get("/api/state-file")
    async def state_file() -> Json:
        path = replies.parse_fields(request.query_string).get("path")
        if path is None:
            raise BadRequest("name the file: path=...")
        found: Json = codec.to_json(await file_refs.read(hive, path))
        return found

    @routes.get("/api/file-refs")
    async def file_refs_of_messages() -> Json:
        listed = replies.parse_fields(request.query_string).get("messages", "")
        wanted = {number(text) for text in listed.split(",") if text}
        if len(wanted) > REFS_MESSAGES_MAX:
            raise BadRequest(f"at most {REFS_MESSAGES_MAX} messages at a time")
        shown = [*await hive.broker.history(RECENT_MAX), *await actions.inbox(hive, RECENT_MAX)]
        found = {}
        for row in {row.id: row for row in shown if row.id in wanted}.values():
            # A free label that reads like an agent's name is not that agent.
            sender = row.from_ if row.origin == FROM_PEER else None
            refs = await file_refs.find(hive, row.body, sender)
            found[str(row.id)] = [codec.to_json(ref) for ref in refs]
        return {"refs": found}

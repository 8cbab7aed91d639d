"""Files that messages and questions name: which of them may be read, and what is in them.

Both `core/file_refs` alone decides, so that a link never leads to a file that is then refused.
"""

from __future__ import annotations

from hive.core import file_refs
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.web.dashboard.actions import number
from hive.web.dashboard.table import REFS_MAX
from hive.web.replies import Json, as_object
from hive.web.routes import Fields, Handlers
from hive.wire import codec
from hive.wire.messages import FROM_PEER


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of files."""

    @routes.get("/api/state-file")
    async def state_file(fields: Fields) -> Json:
        path = fields.get("path")
        if path is None:
            raise BadRequest("name the file: path=...")
        return as_object(await file_refs.read(hive, path))

    @routes.get("/api/file-refs")
    async def refs_of_what_was_said(fields: Fields) -> Json:
        found: dict[str, dict[str, list[Json]]] = {
            "refs": {},
            "question_refs": {},
            "answer_refs": {},
        }
        for row in await hive.broker.some(_wanted(fields, "messages")):
            # A free label that reads like an agent's name is not that agent.
            sender = row.from_ if row.origin == FROM_PEER else None
            found["refs"][str(row.id)] = await _refs(hive, row.body, sender)
        for one in await hive.questions.some(_wanted(fields, "questions")):
            key = str(one.id)
            found["question_refs"][key] = await _refs(hive, one.question, one.asker)
            if one.answer is not None:
                found["answer_refs"][key] = await _refs(hive, one.answer, one.answerer)
        return found


def _wanted(fields: Fields, name: str) -> list[int]:
    """Return the ids that a field lists."""
    wanted = {number(text) for text in fields.get(name, "").split(",") if text}
    if len(wanted) > REFS_MAX:
        raise BadRequest(f"at most {REFS_MAX} {name} at a time")
    return sorted(wanted)


async def _refs(hive: Hive, text: str, sender: str | None) -> list[Json]:
    return [codec.to_json(ref) for ref in await file_refs.find(hive, text, sender)]

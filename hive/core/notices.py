"""Telling an agent or the manager what the daemon noticed: system messages with an `event`."""

from __future__ import annotations

import json
from typing import Any, get_args

from hive.core.hive import Hive
from hive.store.messages import Draft
from hive.wire import codec
from hive.wire.helper_events import HelperEvent
from hive.wire.limits import BODY_BYTES
from hive.wire.names import MANAGER, SYSTEM, AgentName

_KINDS = {codec.tag_of(kind): kind for kind in get_args(HelperEvent)}


def body_of(event: str, fields: dict[str, Any]) -> str:
    """Return the body that tells an event of `wire/helper_events`, what is unknown left out.

    A reason that would make it longer than a message is cut to its end. Raises `KeyError` for an
    event that is not there, `TypeError` for fields that are not its own.
    """
    body = text_of(_KINDS[event](**fields))
    known = json.loads(body)
    tail = str(known.get("note", ""))
    while len(body.encode()) > BODY_BYTES and tail:
        # The end of a long reason is where programs say what was wrong.
        tail = tail[len(tail) // 4 + 1 :]
        body = json.dumps({**known, "note": f"... {tail}"}, ensure_ascii=False)
    return body


def text_of(event: HelperEvent) -> str:
    """Return the same body of an event that is made already, however long it is."""
    told = codec.to_tagged("event", event)
    known = {key: value for key, value in told.items() if value is not None}
    return json.dumps(known, ensure_ascii=False)


def event(hive: Hive, name: AgentName, event: str, **fields: Any) -> tuple[Draft, ...]:  # noqa: ANN401
    """Return the message of an event, to be stored with what it tells of; none for nobody."""
    if name not in hive.agents:
        return ()
    body = body_of(event, fields)
    return (Draft(SYSTEM, (name,), body, hive.clock(), origin="system"),)


def kicked(hive: Hive, name: AgentName, what: str) -> tuple[Draft, ...]:
    """Return the message that tells an agent that it was started anew; none for nobody."""
    if name not in hive.agents:
        return ()
    body = (
        f"You were {what}. Your session goes on; look at your notes under /state and at"
        " get_loose_ends for what is open, then carry on. Nothing to do is a fine answer."
    )
    return (Draft(SYSTEM, (name,), body, hive.clock(), origin="system"),)


async def tell(hive: Hive, name: AgentName, event_name: str, **fields: Any) -> None:  # noqa: ANN401
    """Put an event into an agent's inbox; nobody there is no error."""
    await post(hive, event(hive, name, event_name, **fields))


async def tell_manager(hive: Hive, event_name: str, **fields: Any) -> None:  # noqa: ANN401
    """Put an event into the manager's inbox."""
    await tell(hive, MANAGER, event_name, **fields)


async def kick(hive: Hive, name: AgentName, what: str) -> None:
    """Tell an agent that it was started anew, so that it looks at its notes and goes on."""
    await post(hive, kicked(hive, name, what))


async def post(hive: Hive, drafts: tuple[Draft, ...]) -> None:
    """Store messages that are stored with nothing else."""
    for draft in drafts:
        for recipient in draft.recipients:
            await hive.broker.send(
                draft.sender, recipient, draft.body, origin=draft.origin, via=draft.via
            )

"""What is known of the running turn, kept in a small file so that a crash cannot repeat it.

A message is worked on by a chain of prompts: first the message itself, then, as often as work on it
was broken off, a short «go on». Each prompt's uuid is made from its place in the chain, so that the
same prompt handed to claude again is recognised and not run twice. A conversation begun anew begins
a new chain. Once the turn is over the record says which messages are to be acknowledged, before the
daemon is told.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import attrs

from hive.agent import files
from hive.errors import BadRequest
from hive.wire import codec
from hive.wire.messages import DeliveredMessage

FILE = "hyperhive-turn.json"
_NAMESPACE = uuid.UUID("6f1d1b8e-3f0c-4a3e-9a55-0d6c1f1f7a52")


@attrs.frozen
class TurnRecord:
    """One message's chain of prompts."""

    message_id: int
    sent_at: float
    """With the id it names one message, also when a hive's database was begun anew."""
    chain: int = 0
    """How many conversations this message was begun in before."""
    step: int = 0
    """0: the message itself; from 1 on: a «go on»."""
    session_id: str | None = None
    """The conversation the chain lives in, once known."""
    fresh: str | None = None
    """Why a conversation was begun for it, when hive did so of its own accord."""
    failures: int = 0
    """Failed turns in a row."""
    overloads: int = 0
    """Tries in a row that claude's service had no room for."""
    told_manager: bool = False
    done: tuple[int, ...] = ()
    """Not empty: the turn is over, and these messages are to be acknowledged."""

    def prompt_uuid(self, label: str) -> str:
        """Return the uuid of the prompt at this place of the chain."""
        place = f"{label}/{self.message_id}/{self.sent_at!r}/{self.chain}/{self.step}"
        return str(uuid.uuid5(_NAMESPACE, place))

    def is_for(self, message: DeliveredMessage) -> bool:
        """Whether this record is about that message."""
        return (self.message_id, self.sent_at) == (message.id, message.sent_at)

    def next_step(self) -> TurnRecord:
        """Return the record for a «go on» behind a prompt that claude has taken."""
        return attrs.evolve(self, step=self.step + 1)

    def afresh(self) -> TurnRecord:
        """Return the record for a conversation begun anew."""
        return attrs.evolve(self, chain=self.chain + 1, step=0, session_id=None)


def record_for(message: DeliveredMessage, kept: TurnRecord | None) -> TurnRecord:
    """Return the kept record when it is about this message, else a new one."""
    if kept is not None and kept.is_for(message):
        return kept
    return TurnRecord(message.id, message.sent_at)


class RecordFile:
    """The record on disk and in memory."""

    def __init__(self, state: Path) -> None:
        """Keep it in the state directory; nothing is read yet."""
        self._file = state / FILE
        self._kept: TurnRecord | None = None
        self._is_read = False

    def load(self) -> TurnRecord | None:
        """Return what is kept; a file that makes no sense counts as none. Raises `Unavailable`."""
        if not self._is_read:
            text = files.read_if_there(self._file)
            self._kept = None if text is None else _parse(text)
            self._is_read = True
        return self._kept

    def save(self, record: TurnRecord) -> TurnRecord:
        """Keep a record and return it; raises `Unavailable`."""
        if record != self.load():
            files.write_whole(self._file, codec.dumps(codec.to_json(record)).decode())
            self._kept = record
        return record

    def forget(self) -> None:
        """Keep nothing any more; raises `Unavailable`."""
        files.remove(self._file)
        self._kept = None
        self._is_read = True


def _parse(text: str) -> TurnRecord | None:
    try:
        return codec.from_json(TurnRecord, codec.loads(text))
    except BadRequest:
        # Written whole or not at all, so this is another hive's or an agent's doing; the message
        # it was about comes back by itself.
        return None

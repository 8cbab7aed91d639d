"""Which conversation claude goes on with, kept in a file so that every restart resumes it.

A prompt that claude never began to answer stays in the conversation, and handed over again it would
stand there twice. So a `Session` remembers where the conversation was before such a prompt, and the
next start cuts it off there. Only what this process saw counts for that, hence none of it is in the
file: a claude whose harness died may have worked on unseen.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import attrs

from hive.agent import process_tree
from hive.agent.driver import Lent
from hive.errors import Unavailable

LOST = "claude does not know the conversation that it was to go on with: it begins a new one"


@attrs.define
class Session:
    """The conversation of one agent; its id is on file before claude hears of it."""

    path: Path
    session_id: str = attrs.field(factory=lambda: str(uuid.uuid4()))
    exists: bool = False
    """True when claude should know the session already."""
    mark: str = attrs.field(factory=lambda: uuid.uuid4().hex)
    """What the processes of the newest claude carry in their environment."""
    _leftover: str | None = None
    """The mark of a claude whose harness may have died before it."""
    _is_empty: bool = True
    """True when nothing can have been said in it."""
    _cut_at: str | None = None
    """uuid of the answer behind which only the open prompt can stand."""
    _open_prompt: str | None = None
    """uuid of a prompt that was handed over and not answered by anything."""
    known: set[str] = attrs.field(factory=set)
    """uuids of prompts that have an answer here, whether claude knows of it or not."""

    @classmethod
    def load(cls, path: Path) -> Session:
        """Read the file; a missing or broken one begins a new conversation."""
        try:
            kept = json.loads(path.read_bytes())
            session_id = str(uuid.UUID(kept["session_id"]))
            mark = str(kept["mark"]) if kept.get("mark") else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return cls(path)
        return cls(path, session_id, exists=True, leftover=mark, is_empty=False)

    @property
    def is_cut(self) -> bool:
        """True when the next start cuts an unanswered prompt off."""
        return self._open_prompt is not None and self._cut_at is not None

    async def end_leftover(self) -> None:
        """Kill what an earlier harness left of its claude.

        Two claudes on one conversation know nothing of each other, and each would go on alone.
        """
        if self._leftover is not None:
            await process_tree.kill(None, self._leftover)
            self._leftover = None

    def prepare(self) -> tuple[str, ...]:
        """Return the flags for the next start of claude, with the session's id safe on file."""
        if self._open_prompt is not None and self._is_empty:
            self.begin_anew()
        self.mark = uuid.uuid4().hex
        self._save()
        if not self.exists:
            return ("--session-id", self.session_id)
        resume = ("--resume", self.session_id)
        if self._open_prompt is None or self._cut_at is None:
            return resume
        return (*resume, "--resume-session-at", self._cut_at)

    async def lend(self) -> Lent:
        """Return how another claude goes on with it, all of it; raises `HiveError`.

        The driver's own is gone, and here goes one that an earlier harness left.
        """
        await self.end_leftover()
        # Only a claude that prints can have its conversation cut.
        flags = self.prepare()[:2]
        return Lent(flags, self.mark)

    def take_back(self, session_id: str | None) -> None:
        """Go on with what another claude has left under that id; raises `Unavailable`.

        None: it has left nothing.
        """
        if session_id is None:
            return
        if session_id != self.session_id:
            self.known.clear()
        self.exists = True
        self._is_empty = False
        self._cut_at = None
        self._open_prompt = None
        self.moved(session_id)

    def begin_anew(self) -> None:
        """Forget the conversation; the next one has another id, by which everybody sees it."""
        self.session_id = str(uuid.uuid4())
        self.known.clear()
        self.exists = False
        self._is_empty = True
        self._cut_at = None
        self._open_prompt = None

    def cannot_cut(self) -> None:
        """claude refused to cut the conversation: it goes on with all of it."""
        self._cut_at = None

    def opened(self, prompt_uuid: str) -> None:
        """A prompt is being handed over."""
        self._open_prompt = prompt_uuid

    def answered(self, answer_uuid: str | None) -> None:
        """The open prompt has an answer, or what claude put in its place.

        None: something of which nothing can be kept. A prompt that is not to be kept, because it
        said nothing new and failed, is left open.
        """
        self.exists = True
        self._is_empty = False
        self._open_prompt = None
        self._cut_at = answer_uuid

    def moved(self, session_id: str) -> None:
        """claude goes on under another id."""
        if session_id != self.session_id:
            self.session_id = session_id
            self._save()

    def _save(self) -> None:
        new = self.path.with_name(self.path.name + ".new")
        try:
            new.write_text(json.dumps({"session_id": self.session_id, "mark": self.mark}))
            new.replace(self.path)
        except OSError as error:
            raise Unavailable(f"cannot write {self.path}: {error.strerror}") from error

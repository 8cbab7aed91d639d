"""The stand-in's transcript: what was said, which prompts have an answer, what is left to do.

One file per session below claude's directory, one JSON record a line, written before the thing it
records can be seen outside.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from hive.agent.stand_in.lines import new_uuid, tokens

Record = dict[str, Any]


class Conversation:
    """One session; records are `prompt`, `answer`, `step`, `refusal`, `compacted` and `cut`."""

    def __init__(self, path: Path, records: list[Record]) -> None:
        self.path = path
        self.session_id = path.stem
        self._records = records

    @staticmethod
    def folder(home: Path, cwd: Path) -> Path:
        """Return where claude would keep the sessions of a working directory."""
        return home / "projects" / re.sub(r"[^A-Za-z0-9]", "-", str(cwd))

    @classmethod
    def begin(cls, folder: Path, session_id: str | None) -> Conversation | None:
        """Return a new session; None when the id is taken."""
        path = folder / f"{session_id or new_uuid()}.jsonl"
        return None if path.exists() else cls(path, [])

    @classmethod
    def resume(cls, home: Path, session_id: str) -> Conversation | None:
        """Return a session of any working directory; None when there is none."""
        for path in home.glob(f"projects/*/{session_id}.jsonl"):
            conversation = cls(path, [])
            for line in path.read_text().splitlines():
                conversation._take(json.loads(line))
            return conversation
        return None

    def add(self, kind: str, **fields: object) -> str:
        """Record something and return its uuid."""
        record: Record = {"kind": kind, "uuid": new_uuid(), **fields}
        self._take(record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
        return str(record["uuid"])

    def cut(self, answer: str) -> bool:
        """Forget what stands behind an answer; False when there is no such answer."""
        if not any(r["uuid"] == answer for r in self._records):
            return False
        self.add("cut", at=answer)
        return True

    def is_first(self, what: str) -> bool:
        """Whether this happens for the first time in any session of this claude."""
        mark = hashlib.sha256(what.encode()).hexdigest()[:16]
        file = self.path.parents[2] / f"stand-in-{mark}"
        if file.exists():
            return False
        file.write_text(what)
        return True

    def has_answer(self, prompt: str) -> bool:
        """Whether a prompt of that uuid was answered by anything."""
        return any(r["kind"] == "answer" and r.get("prompt") == prompt for r in self._records)

    def steps_done(self, text: str) -> int:
        """Return how many steps of the newest prompt with this text were taken."""
        done = 0
        for record in self._records:
            if record["kind"] == "prompt" and record["text"] == text:
                done = 0
            elif record["kind"] == "step" and record["text"] == text:
                done += 1
        return done

    def is_refusal_due(self) -> bool:
        """Whether the next compaction was ordered to fail."""
        orders = [r["is_due"] for r in self._records if r["kind"] == "refusal"]
        return bool(orders) and bool(orders[-1])

    def last_task(self) -> str | None:
        """Return the newest prompt that was a task and not a word to go on."""
        tasks = [r["text"] for r in self._records if r["kind"] == "prompt" and r["is_task"]]
        return tasks[-1] if tasks else None

    def texts(self) -> list[str]:
        """Return every prompt the model would see."""
        return [r["text"] for r in self._records if r["kind"] == "prompt"]

    def size(self) -> int:
        """Return the context in tokens."""
        return 500 + sum(tokens(str(r.get("text", ""))) for r in self._records)

    def total(self) -> int:
        """Return the tokens of every answer so far, for the cost."""
        return sum(int(r.get("tokens", 0)) for r in self._records)

    def _take(self, record: Record) -> None:
        if record["kind"] == "cut":
            at = next(i for i, r in enumerate(self._records) if r["uuid"] == record["at"])
            gone = self._records[at + 1 :]
            # A failure that was played is not played again because its prompt was cut off.
            has_failed = any(r["kind"] == "answer" and "text" not in r for r in gone)
            kept = [r for r in gone if r["kind"] == "step"] if has_failed else []
            self._records[at + 1 :] = kept
        elif record["kind"] == "compacted":
            # What is left to do and which prompts have an answer outlive their wording.
            for old in self._records:
                if old["kind"] == "answer":
                    old["text"] = ""
        else:
            self._records.append(record)

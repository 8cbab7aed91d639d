"""The operator chats with claude itself: the turn loop is parked, and goes on with what came of it.

The loop lends the conversation and waits; the connection of the operator's terminal runs claude,
and says when nothing of it is left. Messages stay in the inbox meanwhile, and what claude took from
there in the chat goes back.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hive.agent import files, parking, prompts, waits
from hive.agent.child import WAYS
from hive.agent.context import Context
from hive.agent.desk import Chat
from hive.agent.harness import Harness
from hive.agent.inside import Program
from hive.agent.patience import give_back
from hive.agent.phases import Phase
from hive.config import HarnessConfig
from hive.errors import HiveError
from hive.wire.names import OPERATOR

CHATTING = "the operator chats with it: messages wait until that is over"
KNOWN_BYTES = 8 * 1024 * 1024
_FLAGS = ("--permission-mode", "default")

Sessions = dict[str, tuple[int, int]]
"""Time and size of each conversation's file, by the conversation's id."""


async def leave_to_operator(harness: Harness, chat: Chat) -> None:
    """Lend the conversation until the chat is over; the machine then waits for a message."""
    parking.leave(harness)
    harness.state.enter(Phase.CHATTING, CHATTING)
    projects = Path(harness.config.claude_dir) / "projects"
    before = sessions(projects)
    try:
        if chat.lent is None:
            chat.lent = await harness.driver.lend()
            harness.bus.note("the operator begins to chat with claude", OPERATOR)
    except HiveError as error:
        chat.failure = error
    chat.is_granted.set()
    await chat.is_over.wait()
    if harness.desk.chat is chat:
        harness.desk.chat = None
    if chat.failure is None:
        _take_back(harness, newest(before, sessions(projects)))
        harness.bus.note("the chat of the operator is over", OPERATOR)
        await give_back(harness)
    waits.go_on(harness)


def _take_back(harness: Harness, session_id: str | None) -> None:
    """Go on with the conversation that was written to last; without one with the one there was."""
    try:
        harness.driver.take_back(session_id)
    except HiveError as error:
        harness.bus.note(f"what came of the chat could not be kept: {error.message}")
    if session_id is None:
        return
    harness.state.session_id = session_id
    harness.state.forget_context()
    # What it holds now the next turn will say.
    window = harness.context.now.window
    harness.context.now = Context(window=window, left_at=harness.clock())


def sessions(projects: Path) -> Sessions:
    """Return the conversations that claude keeps."""
    found: Sessions = {}
    for file in projects.glob("*/*.jsonl"):
        try:
            uuid.UUID(file.stem)
            kept = file.stat()
        except (ValueError, OSError):
            # Another file, or one that has just gone.
            continue
        found[file.stem] = (kept.st_mtime_ns, kept.st_size)
    return found


def newest(before: Sessions, now: Sessions) -> str | None:
    """Return the conversation that was written to last since `before`; None when none was."""
    changed = [name for name, kept in now.items() if before.get(name) != kept]
    return max(changed, key=lambda name: now[name], default=None)


async def program(harness: Harness, chat: Chat, term: Mapping[str, str]) -> Program:
    """Return claude for a terminal, in the conversation that was lent; raises `HiveError`."""
    assert chat.lent is not None
    config = harness.config
    port = await harness.port.known(config)
    launch = prompts.make_launch(config, harness.state.model, port, harness.equipment, is_chat=True)
    _answer_first_questions(config)
    return Program(
        (*launch.argv, *_FLAGS, *chat.lent.flags),
        {**WAYS, **launch.env, **term},
        launch.cwd,
        chat.lent.mark,
    )


def _answer_first_questions(config: HarnessConfig) -> None:
    """Say what claude asks a person at its first start: that it may work in the agent's folders.

    A file of claude's that makes no sense is left alone; claude then asks the operator.
    """
    file = Path(config.claude_dir) / ".claude.json"
    try:
        known: Any = json.loads(files.read_if_there(file, KNOWN_BYTES) or "{}")
        before = json.dumps(known)
        known["hasCompletedOnboarding"] = True
        projects = known.setdefault("projects", {})
        for folder in (config.state_dir, *prompts.further_dirs(config)):
            projects.setdefault(folder, {})["hasTrustDialogAccepted"] = True
    except (ValueError, TypeError, AttributeError):
        return
    if json.dumps(known) != before:
        files.write_whole(file, json.dumps(known, indent=2), 0o600)

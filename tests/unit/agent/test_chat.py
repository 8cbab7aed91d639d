"""The turn loop while the operator chats: parked, nothing lost, and on with what came of it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
import trio

from hive.agent import chat, files
from hive.agent.desk import Chat
from hive.agent.driver import Outcome
from hive.agent.phases import Phase
from tests.fakes.driver import Running
from tests.fakes.harness import Rig, looping, make, until


def ask(rig: Rig) -> Chat:
    """Ask for a chat, as a terminal does."""
    asked = rig.harness.desk.chat = Chat()
    rig.harness.desk.ring()
    return asked


def write_session(rig: Rig, text: str = "x") -> str:
    """Leave a conversation, as claude does; returns its id."""
    folder = Path(rig.harness.config.claude_dir) / "projects" / "state"
    folder.mkdir(parents=True, exist_ok=True)
    session_id = str(uuid.uuid4())
    (folder / f"{session_id}.jsonl").write_text(text)
    return session_id


async def test_messages_wait_while_the_operator_chats_and_are_worked_on_behind_it(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = make(tmp_path)
    async with looping(rig):
        asked = ask(rig)
        await until(asked.is_granted.is_set)
        assert rig.harness.state.phase is Phase.CHATTING
        assert rig.harness.state.shown == chat.CHATTING
        rig.hive.put("hello")
        await trio.sleep(600)
        assert rig.driver.conversation.prompts == []
        session_id = write_session(rig)
        asked.is_over.set()
        await until(lambda: rig.hive.is_idle)
        assert rig.driver.conversation.session_id == session_id
        assert rig.harness.desk.chat is None
        assert rig.harness.state.shown is None
    assert "begins to chat" in rig.notes
    assert "is over" in rig.notes


async def test_a_chat_waits_for_the_end_of_a_running_turn(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = make(tmp_path)
    go_on = trio.Event()

    async def play(running: Running) -> Outcome:
        await go_on.wait()
        running.say()
        return running.result("ok")

    rig.driver.script.append(play)
    async with looping(rig):
        rig.hive.put("hello")
        await until(lambda: rig.driver.running)
        asked = ask(rig)
        await trio.sleep(600)
        assert not asked.is_granted.is_set()
        go_on.set()
        await until(asked.is_granted.is_set)
        assert rig.hive.is_idle
        asked.is_over.set()
        await until(lambda: rig.harness.desk.chat is None)
        # Nothing was said in it: the conversation is the one there was.
        assert rig.driver.conversation.prompts


async def test_a_paused_agent_can_be_chatted_with_and_stays_paused(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = make(tmp_path)
    rig.harness.marks.set(files.PAUSED)
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.PAUSED)
        asked = ask(rig)
        await until(asked.is_granted.is_set)
        asked.is_over.set()
        await until(lambda: rig.harness.state.phase is Phase.PAUSED)


async def test_a_loop_that_is_begun_anew_leaves_claude_to_the_chat_that_still_runs(
    tmp_path: Path, autojump_clock: object
) -> None:
    rig = make(tmp_path)
    asked = ask(rig)
    async with looping(rig):
        await until(asked.is_granted.is_set)
    async with looping(rig):
        await until(lambda: rig.harness.state.phase is Phase.CHATTING)
        assert rig.driver.lent == 1
        asked.is_over.set()
        await until(lambda: rig.harness.desk.chat is None)


def test_the_conversation_that_was_written_to_last_is_gone_on_with(tmp_path: Path) -> None:
    before = {"a": (1, 10), "b": (2, 10)}
    assert chat.newest(before, before) is None
    assert chat.newest(before, {"a": (3, 10), "b": (2, 10)}) == "a"
    assert chat.newest(before, {"a": (3, 10), "b": (2, 10), "c": (4, 1)}) == "c"
    assert chat.sessions(tmp_path / "nowhere") == {}
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "agent-1.jsonl").write_text("no conversation")
    (folder / f"{uuid.UUID(int=1)}.jsonl").write_text("x")
    assert list(chat.sessions(tmp_path)) == [str(uuid.UUID(int=1))]


@pytest.mark.parametrize("kept", [None, "{}", '{"projects": {"/x": {"a": 1}}, "b": 2}'])
async def test_what_claude_asks_at_its_first_start_is_answered(
    tmp_path: Path, kept: str | None
) -> None:
    rig = make(tmp_path)
    config = rig.harness.config
    file = Path(config.claude_dir) / ".claude.json"
    if kept is not None:
        file.write_text(kept)
    chat._answer_first_questions(config)
    known = json.loads(file.read_text())
    assert known["hasCompletedOnboarding"] is True
    for folder in (config.state_dir, config.shared_dir):
        assert known["projects"][folder]["hasTrustDialogAccepted"] is True
    if kept and "/x" in kept:
        assert (known["projects"]["/x"], known["b"]) == ({"a": 1}, 2)


@pytest.mark.parametrize("odd", ["[]", "nonsense", '{"projects": []}'])
async def test_a_file_of_claudes_that_makes_no_sense_is_left_alone(
    tmp_path: Path, odd: str
) -> None:
    rig = make(tmp_path)
    file = Path(rig.harness.config.claude_dir) / ".claude.json"
    file.write_text(odd)
    chat._answer_first_questions(rig.harness.config)
    assert file.read_text() == odd

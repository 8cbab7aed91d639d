"""Which flags claude is started with, and what is kept of a conversation."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.agent.session import Session
from hive.errors import Unavailable

PROMPT, ANSWER = str(uuid.uuid4()), str(uuid.uuid4())


def test_a_new_session_is_begun_and_its_id_is_on_file_first(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    assert session.prepare() == ("--session-id", session.session_id)
    kept = json.loads((tmp_path / "s").read_text())
    assert kept == {"session_id": session.session_id, "mark": session.mark}


def test_a_session_on_file_is_resumed(tmp_path: Path) -> None:
    first = Session.load(tmp_path / "s")
    first.prepare()
    again = Session.load(tmp_path / "s")
    assert again.prepare() == ("--resume", first.session_id)


def test_a_session_begun_anew_has_another_id(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(json.dumps({"session_id": PROMPT}))
    session = Session.load(tmp_path / "s")
    session.begin_anew()
    assert session.session_id != PROMPT
    assert session.prepare() == ("--session-id", session.session_id)


def test_an_unanswered_prompt_is_cut_off(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    session.opened(PROMPT)
    session.answered(ANSWER)
    session.opened(str(uuid.uuid4()))
    assert session.is_cut
    flags = session.prepare()
    assert flags == ("--resume", session.session_id, "--resume-session-at", ANSWER)
    session.cannot_cut()
    assert session.prepare() == ("--resume", session.session_id)


def test_nothing_is_cut_behind_a_prompt_that_failed(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    session.answered(ANSWER)
    session.answered(None)
    session.opened(PROMPT)
    assert session.prepare() == ("--resume", session.session_id)


def test_a_session_whose_first_prompt_was_not_answered_is_begun_anew(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    old = session.session_id
    session.prepare()
    session.opened(PROMPT)
    assert session.prepare() == ("--session-id", session.session_id)
    assert session.session_id != old


def test_a_resumed_session_is_never_begun_anew_by_a_crash(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(json.dumps({"session_id": PROMPT}))
    session = Session.load(tmp_path / "s")
    session.opened(ANSWER)
    assert session.prepare() == ("--resume", PROMPT)


def test_a_session_that_moved_is_on_file(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    session.moved(PROMPT)
    assert Session.load(tmp_path / "s").session_id == PROMPT


@given(st.binary())
def test_a_broken_file_begins_a_conversation(content: bytes) -> None:
    class Broken:
        def read_bytes(self) -> bytes:
            return content

    session = Session.load(Broken())  # type: ignore[arg-type]
    assert str(uuid.UUID(session.session_id)) == session.session_id


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write"):
        Session.load(tmp_path / "none" / "s").prepare()


async def test_a_lent_session_is_whole_and_goes_on_with_what_came_of_it(tmp_path: Path) -> None:
    session = Session.load(tmp_path / "s")
    session.prepare()
    session.answered(ANSWER)
    session.opened(PROMPT)
    session.known.add(PROMPT)
    lent = await session.lend()
    # Only a claude that prints can be started with its conversation cut.
    assert lent.flags == ("--resume", session.session_id)
    assert json.loads((tmp_path / "s").read_text())["mark"] == lent.mark
    for unchanged in (None, session.session_id):
        session.take_back(unchanged)
        assert session.known == {PROMPT}
    other = str(uuid.uuid4())
    session.take_back(other)
    assert session.known == set()
    assert session.prepare() == ("--resume", other)
    assert Session.load(tmp_path / "s").session_id == other

"""The record of the running turn: what makes a prompt the same prompt."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.agent.turn_record import FILE, RecordFile, TurnRecord, record_for
from hive.errors import Unavailable
from hive.wire.messages import DeliveredMessage

MESSAGE = DeliveredMessage(3, "alice", "hello", False, None, 12.5)
RECORDS = st.builds(
    TurnRecord,
    message_id=st.integers(1, 2**53),
    sent_at=st.floats(0, 1e12),
    chain=st.integers(0, 99),
    step=st.integers(0, 99),
    session_id=st.none() | st.uuids().map(str),
    failures=st.integers(0, 99),
    told_manager=st.booleans(),
    done=st.lists(st.integers(1, 2**53)).map(tuple),
)


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record: TurnRecord) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        RecordFile(Path(folder)).save(record)
        assert RecordFile(Path(folder)).load() == record
        again = RecordFile(Path(folder)).load()
        assert again is not None
        assert again.prompt_uuid("bob") == record.prompt_uuid("bob")


@given(RECORDS)
def test_every_place_of_a_chain_has_a_uuid_of_its_own(record: TurnRecord) -> None:
    others = [record.next_step(), record.afresh(), attrs.evolve(record, message_id=2**54)]
    uuids = {each.prompt_uuid("bob") for each in (record, *others)}
    assert len(uuids) >= 4 - (record.afresh() == record)
    assert record.prompt_uuid("alice") not in uuids


def test_what_was_found_out_later_does_not_change_the_uuid() -> None:
    record = record_for(MESSAGE, None)
    later = attrs.evolve(record, session_id="s", failures=3, told_manager=True, done=(3, 4))
    assert later.prompt_uuid("bob") == record.prompt_uuid("bob")


def test_a_message_of_another_database_with_the_same_id_is_another_message() -> None:
    kept = attrs.evolve(record_for(MESSAGE, None), step=2)
    assert record_for(MESSAGE, kept) is kept
    assert record_for(attrs.evolve(MESSAGE, sent_at=99.0), kept).step == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"message_id": "x"}', '{"a": 1}', "\x00\xff"])
def test_a_file_that_makes_no_sense_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    assert RecordFile(tmp_path).load() is None


def test_forgetting_is_lasting(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)
    file.save(record_for(MESSAGE, None))
    file.forget()
    assert file.load() is None
    assert RecordFile(tmp_path).load() is None
    file.forget()


def test_a_disk_that_takes_nothing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot write"):
        RecordFile(tmp_path / "gone").save(record_for(MESSAGE, None))

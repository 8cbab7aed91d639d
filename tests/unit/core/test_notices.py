"""Helper events: the thirteen with their fields, and nothing else from anywhere in hive."""

from __future__ import annotations

import ast
import json
from typing import get_args

import attrs
import pytest

from hive.core import notices
from hive.wire.codec import tag_of
from hive.wire.helper_events import HelperEvent
from hive.wire.limits import BODY_BYTES
from tests.unit.docs.pages import ROOT

EVENTS = {
    "approval_resolved": ("id agent commit_ref status", "note sha tag comments more"),
    "approval_commented": ("id agent", "sha comments more"),
    "spawned": ("agent ok", "note sha tag"),
    "rebuilt": ("agent ok", "note sha tag"),
    "killed": ("agent", ""),
    "destroyed": ("agent", ""),
    "container_crash": ("agent", "note"),
    "needs_login": ("agent", ""),
    "logged_in": ("agent", ""),
    "needs_update": ("agent", ""),
    "config_ready": ("agent", ""),
    "question_asked": ("id asker question options multi", ""),
    "question_answered": ("id question answer answerer", ""),
}
TELLERS = frozenset({"event", "tell", "tell_manager"})


def test_there_are_these_thirteen_with_these_fields() -> None:
    found = {}
    for kind in get_args(HelperEvent):
        fields = attrs.fields(kind)
        needed = " ".join(each.name for each in fields if each.default is attrs.NOTHING)
        optional = " ".join(each.name for each in fields if each.default is None)
        found[tag_of(kind)] = (needed, optional)
    assert found == EVENTS


def calls() -> list[tuple[str, str, set[str]]]:
    """Every event that the source tells by name: where, which, with what."""
    found = []
    for file in (ROOT / "hive").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            events = [
                each.value
                for each in node.args
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            if name in TELLERS and len(events) == 1:
                given = {each.arg for each in node.keywords if each.arg is not None}
                found.append((f"{file.name}:{node.lineno}", events[0], given))
    return found


def test_whoever_tells_an_event_gives_its_fields() -> None:
    found = calls()
    assert len(found) > 4
    for where, event, given in found:
        assert event in EVENTS, where
        needed, optional = (set(words.split()) for words in EVENTS[event])
        assert needed <= given <= needed | optional, f"{where}: {event} with {given}"


def test_what_is_unknown_is_left_out() -> None:
    body = notices.body_of("spawned", {"agent": "bob", "ok": False, "note": "no", "sha": None})
    assert json.loads(body) == {"event": "spawned", "agent": "bob", "ok": False, "note": "no"}


@pytest.mark.parametrize("note", ["x" * 9000 + "END", "ä" * 9000 + "END", '"\n' * 9000 + "END"])
def test_a_long_reason_is_cut_to_its_end(note: str) -> None:
    body = notices.body_of("rebuilt", {"agent": "bob", "ok": False, "note": note})
    assert len(body.encode()) <= BODY_BYTES
    assert json.loads(body)["note"].endswith("END")


@pytest.mark.parametrize(
    ("event", "fields"), [("frob", {}), ("killed", {}), ("killed", {"agent": "a", "purged": 1})]
)
def test_an_event_that_is_not_in_the_table_is_a_bug(event: str, fields: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError)):
        notices.body_of(event, fields)

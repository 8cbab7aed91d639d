"""The page's view of a harness: its snapshot, its history and its buttons."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.agent.controls import HarnessPage
from hive.errors import BadRequest
from hive.web.agent_page.app import Page, make_app
from hive.wire import live
from tests.fakes import harness as fake


async def test_the_snapshot_has_what_the_page_is_promised(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    page: Page = HarnessPage(rig.harness)
    snapshot = await page.snapshot()
    promised = {
        "label", "role", "demo", "status", "seq", "turn_state", "turn_state_since", "model",
        "ctx_usage", "cost_usage", "last_turn_ms", "session_id", "inbox", "version",
    }  # fmt: skip
    assert promised <= set(snapshot)
    assert snapshot["seq"] == rig.harness.bus.feed.seq
    assert (snapshot["label"], snapshot["status"]) == ("bob", live.ONLINE)
    assert make_app(page)


async def test_without_a_daemon_the_page_still_has_its_state(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    rig.hive.is_away = True
    rig.harness.state.set_trouble("something is wrong")
    snapshot = await HarnessPage(rig.harness).snapshot()
    texts = [notice["message"] for notice in snapshot["notices"]]
    assert texts[0].startswith("no inbox")
    assert snapshot["trouble"] == "something is wrong"


async def test_history_is_the_bus_history(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    page = HarnessPage(rig.harness)
    rig.harness.bus.note("one")
    rig.harness.bus.note("two")
    frames = await page.history(before=None, limit=1)
    assert [frame["text"] for frame in frames] == ["two"]
    frames = await page.history(before=frames[0]["seq"], limit=5)
    assert [frame["text"] for frame in frames] == ["one"]


@pytest.mark.parametrize("name", ["", "-x", "--model", "a b", "x" * 101, "a\nb", "ä"])
async def test_a_name_that_cannot_be_a_model_is_refused(tmp_path: Path, name: str) -> None:
    rig = fake.make(tmp_path)
    with pytest.raises(BadRequest, match="not a model"):
        await HarnessPage(rig.harness).set_model(name)
    assert rig.harness.state.model == "haiku"


@pytest.mark.parametrize("name", ["haiku", "claude-opus-4-1[1m]", "us.anthropic:claude/v1@x"])
async def test_a_chosen_model_is_kept(tmp_path: Path, name: str) -> None:
    await HarnessPage(fake.make(tmp_path).harness).set_model(name)
    assert fake.make(tmp_path).harness.state.model == name


async def test_a_kept_model_that_makes_no_sense_is_the_default(tmp_path: Path) -> None:
    fake.config(tmp_path)
    (tmp_path / "state" / "hyperhive-model").write_text("--dangerous\n")
    assert fake.make(tmp_path).harness.state.model == "haiku"


async def test_cancelling_without_a_turn_says_so(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    await HarnessPage(rig.harness).cancel()
    assert rig.notes == "there is no turn to cancel"
    assert not rig.harness.desk.is_cancelled


async def test_each_button_leaves_a_note_of_the_operator(tmp_path: Path) -> None:
    rig = fake.make(tmp_path)
    page = HarnessPage(rig.harness)
    await page.compact()
    await page.new_session()
    await page.set_model("sonnet")
    notes = rig.of_kind(live.Note)
    assert [note.source for note in notes] == ["operator"] * 3
    assert rig.harness.desk.has_wish

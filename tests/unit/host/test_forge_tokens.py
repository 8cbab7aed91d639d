"""An agent's token at the forge is kept where the daemon alone reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import forge_tokens
from hive.wire.names import agent_name

ADA, BOB = agent_name("ada"), agent_name("bob")


async def test_what_is_kept_is_read_again_and_nobody_elses_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "forge-tokens"
    assert await forge_tokens.read_kept(folder) == {}
    await forge_tokens.keep(folder, ADA, "first")
    await forge_tokens.keep(folder, ADA, "second")
    await forge_tokens.keep(folder, BOB, "third")
    (folder / ".bob.00.new").write_text("half")
    assert await forge_tokens.read_kept(folder) == {ADA: "second", BOB: "third"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / ADA).stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    with pytest.raises(Unavailable, match="cannot read the tokens"):
        await forge_tokens.read_kept(tmp_path)


async def test_a_token_in_an_agents_state_is_taken_away_through_no_link(tmp_path: Path) -> None:
    state = tmp_path / "agents/ada/state"
    await forge_tokens.take_away(state)
    state.mkdir(parents=True)
    await forge_tokens.take_away(state)
    (state / "forge-token").write_text("old")
    await forge_tokens.take_away(state)
    assert list(state.iterdir()) == []
    # What the agent put there instead is its own affair.
    (state / "forge-token").mkdir()
    await forge_tokens.take_away(state)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "forge-token").write_text("mine")
    (tmp_path / "agents/bob").mkdir()
    (tmp_path / "agents/bob/state").symlink_to(elsewhere)
    await forge_tokens.take_away(tmp_path / "agents/bob/state")
    assert (elsewhere / "forge-token").read_text() == "mine"

"""An agent's token is looked for where it belongs, whatever was put in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import Unavailable
from hive.host import forge_tokens


async def test_a_place_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    state = tmp_path / "agents/ada/state"
    assert not await forge_tokens.has_place(state)
    state.mkdir(parents=True)
    assert await forge_tokens.has_place(state)


async def test_a_place_that_cannot_be_reached_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents/ada").write_text("in the way")
    with pytest.raises(Unavailable, match="cannot reach"):
        await forge_tokens.has_place(tmp_path / "agents/ada/state")

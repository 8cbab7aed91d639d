"""A screen is where agent.toml says, else where the container's system says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.agent.screen import Screen
from hive.errors import Unavailable


async def test_agent_toml_comes_first(tmp_path: Path) -> None:
    gui = tmp_path / "gui.json"
    assert await Screen(None, gui).find() is None
    gui.write_text('{"vnc_port": 15900, "auth": "none"}')
    assert await Screen(None, gui).find() == 15900
    assert await Screen(5901, gui).find() == 5901


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"vnc_port": "5901"}', '{"vnc_port": 0}', '{"vnc_port": 70000}', "{"]
)
async def test_a_file_that_is_not_in_order_is_no_missing_screen(tmp_path: Path, text: str) -> None:
    gui = tmp_path / "gui.json"
    gui.write_text(text)
    with pytest.raises(Unavailable, match=r"gui\.json is not in order"):
        await Screen(None, gui).find()
    gui.unlink()
    gui.mkdir()
    with pytest.raises(Unavailable, match="cannot read"):
        await Screen(None, gui).find()

"""One tool of claude's: its name and inputs, the request it becomes, the words of the reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from hive.agent.tool_inputs import Given, Input, schema_of
from hive.wire.manager import ManagerRequest

RESULT_CHARACTERS = 400_000
"""What a long result may hold before claude cuts it: 32 bodies of `recv` and their frames fit."""


@attrs.frozen
class Tool:
    """One tool."""

    name: str
    description: str
    inputs: tuple[Input, ...]
    request: Callable[[Given, str], ManagerRequest]
    """Makes the request of the checked inputs and a key that is the same when the same tool use
    is made again; raises `BadRequest`."""
    text: Callable[[Any], str]
    """Makes the result of the reply."""
    is_long: bool = False
    """True when a result may be longer than claude takes without being told."""

    def listing(self) -> dict[str, Any]:
        """Return the entry of `tools/list`."""
        entry: dict[str, Any] = {
            "name": self.name,
            "description": self.description,
            "inputSchema": schema_of(self.inputs),
        }
        if self.is_long:
            entry["_meta"] = {"anthropic/maxResultSizeChars": RESULT_CHARACTERS}
        return entry

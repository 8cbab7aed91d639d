"""Where the real claude is: the pinned binary inside the wheel of claude-agent-sdk.

Only the binary is used, never the package's Python code, which is why it is not imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path


def find() -> Path:
    """Return the binary's path; fails with a sentence when the test dependency is missing."""
    spec = importlib.util.find_spec("claude_agent_sdk")
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    binary = Path(folder) / "_bundled" / "claude" if folder else None
    if binary is None or not binary.is_file():
        raise AssertionError(
            "the real claude is missing: install the test dependencies of pyproject.toml,"
            " claude-agent-sdk among them"
        )
    return binary

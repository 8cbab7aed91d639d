"""Write docs/attacks.md from the list that the hostile agent of the tests runs, or check it.

`--check` prints that it is stale and writes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/attacks.md"


def main(argv: list[str]) -> int:
    """Write the page; with `--check` return 1 when the one on disk is stale."""
    sys.path.insert(0, str(ROOT))
    from tests.fakes.hostile_agent.attempts import page

    text = page()
    if argv == ["--check"]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print("docs/attacks.md is stale: run ./build.sh format")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

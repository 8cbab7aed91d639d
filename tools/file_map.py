"""Write docs/file-map.md from the first lines of the modules' docstrings, or check it.

`--check` prints what is stale and writes nothing.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs/file-map.md"
HEAD = """# File map

`./build.sh format` makes this from the first line of every module's docstring.
"""


def main(argv: list[str]) -> int:
    """Write the map; with `--check` return 1 when the one on disk is stale."""
    text = file_map(ROOT)
    if argv == ["--check"]:
        if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
            return 0
        print("docs/file-map.md is stale: run ./build.sh format")
        return 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, encoding="utf-8")
    return 0


def file_map(root: Path) -> str:
    """Return the map of a checkout; raises `ValueError` for a module without a docstring."""
    rooms: dict[Path, list[Path]] = {}
    for top in ("hive", "tools"):
        for module in sorted((root / top).rglob("*.py")):
            rooms.setdefault(module.parent, []).append(module)
    parts = [HEAD]
    for room, modules in sorted(rooms.items()):
        parts.append(f"\n## {room.relative_to(root)}/\n")
        init = room / "__init__.py"
        if init in modules:
            parts.append(f"\n{first_line(init)}\n")
        rows = [f"| `{each.name}` | {first_line(each)} |\n" for each in modules if each != init]
        if rows:
            parts.append("\n| file | what it is for |\n| --- | --- |\n" + "".join(rows))
    return "".join(parts)


def first_line(module: Path) -> str:
    """Return the first line of a module's docstring, its final full stop left as it is."""
    doc = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    if not doc:
        raise ValueError(f"{module} has no docstring")
    return doc.splitlines()[0].replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

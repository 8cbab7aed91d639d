"""docs/terminal-rendering.md names every line of claude and every call the page knows."""

from __future__ import annotations

import re

from tests.unit.docs.pages import ROOT, code, page, section, table

PAGE = ROOT / "hive/web/assets/agent_page"


def words_of(file: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, (PAGE / file).read_text(encoding="utf-8"), re.MULTILINE))


def block_of(file: str, head: str, end: str = "\n};") -> str:
    text = (PAGE / file).read_text(encoding="utf-8")
    return text[text.index(head) :].split(end, 1)[0]


def test_every_line_of_claude_that_the_page_reads_is_listed() -> None:
    rows = table(section(page("terminal-rendering.md"), "claude's lines"))
    listed = {word for row in rows for word in code(row[0])}
    known = words_of("claude_lines.js", r'^    case "([a-z_]+)":')
    for head in ("const SILENT_TYPES", "const SILENT_SYSTEM"):
        known |= set(re.findall(r'"([a-z_]+)"', block_of("claude_lines.js", head, ");\n")))
    system = block_of("claude_lines.js", "const SYSTEM =")
    known |= set(re.findall(r"^  ([a-z_]+): \(said\)", system, re.MULTILINE))
    in_blocks = {"text", "thinking", "redacted_thinking", "tool_use"}
    assert len(known) > 25
    assert known - in_blocks <= listed


def test_every_call_that_has_a_head_of_its_own_is_listed() -> None:
    rows = table(section(page("terminal-rendering.md"), "Calls and results"))
    listed = {word for row in rows for word in code(row[0])}
    known: set[str] = set()
    for head in ("const BUILT_IN", "const OF_HIVE"):
        known |= set(
            re.findall(r"^  (\w+): \(input\)", block_of("tool_text.js", head), re.MULTILINE)
        )
    assert len(known) > 10
    assert known == listed


def test_every_frame_that_is_drawn_is_listed() -> None:
    rows = table(section(page("terminal-rendering.md"), "Frames"))
    listed = {word for row in rows for word in code(row[0])}
    assert words_of("frames.js", r'^    case "([a-z_]+)":') == listed

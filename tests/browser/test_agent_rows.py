"""The rows of an agent's terminal: the sign, the colour and the folding of every kind."""

from __future__ import annotations

from typing import Any

from tests.browser import opened
from tests.fakes import agent_scenes as scenes
from tests.fakes.browser import Page
from tests.fakes.page_server import PageServer

TASK: dict[str, Any] = {"type": "system", "task_id": "0123456789"}
KINDS: list[tuple[dict[str, Any], str]] = [
    ({"type": "assistant", "message": {"content": [{"type": "thinking", "thinking": "hm"}]}},
     "· fg-muted thinking · hm"),
    ({**TASK, "subtype": "task_started", "description": "look", "task_type": "bash"},
     "⌁ cyan task · task 01234567 · look [bash]"),
    ({**TASK, "subtype": "task_notification", "status": "completed", "output_file": "/tmp/o"},
     "⌁ green note good · task 01234567 ✓ completed → /tmp/o"),
    ({**TASK, "subtype": "task_notification", "status": "failed", "summary": "no"},
     "⌁ red result bad · task 01234567 ✗ no"),
    ({**TASK, "subtype": "task_notification", "status": "stopped"},
     "⌁ fg-muted note · task 01234567 ◌ stopped"),
    ({"type": "system", "subtype": "compact_boundary",
      "compact_metadata": {"trigger": "auto", "pre_tokens": 150_000, "post_tokens": 9000}},
     "◇ mauve note op · context compacted (auto) · 150k → 9.0k tokens"),
    ({"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "message": "no"},
     "⊘ orange note err · Bash denied: no"),
    ({"type": "system", "subtype": "informational", "content": "by the way"},
     "· fg-muted note · by the way"),
    ({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "utilization": 1}},
     "⊘ orange note err · rate limit: rejected (?) · 100% used"),
    ({"type": "conversation_reset"}, "◇ mauve note op · a new conversation begins"),
    ({"type": "result", "subtype": "error_max_turns", "is_error": True, "errors": ["too many"]},
     "✗ red result bad · error_max_turns: too many"),
    ({"type": "of tomorrow"}, '! orange sys · {"type":"of tomorrow"}'),
]  # fmt: skip
ROWS = """(() => {
  const names = ["fg", "fg-muted", "cyan", "green", "red", "mauve", "orange", "amber"];
  const probe = document.body.appendChild(document.createElement("i"));
  const colours = Object.fromEntries(names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [getComputedStyle(probe).color, name];
  }));
  probe.remove();
  return [...document.querySelectorAll(".log .line")].map((row) => [
    row.querySelector(".sign").innerText, colours[getComputedStyle(row).color],
    row.className.replace("line ", ""), "·", row.querySelector(".what").innerText].join(" "));
})()"""


async def test_every_kind_of_line_has_its_sign_and_its_colour(
    page: Page, server: PageServer
) -> None:
    silent: list[dict[str, Any]] = [
        {"type": "system", "subtype": "init"},
        {"type": "result", "subtype": "success"},
        {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}},
    ]
    lines = [*silent, *(line for line, _ in KINDS)]
    server.agent.history = scenes.history([("stream", {"line": line}) for line in lines])
    await opened(page, server.agent_url)
    for theme in ("dark", "light"):
        await page.media(prefers_color_scheme=theme, prefers_reduced_motion="reduce")
        assert await page.eval(ROWS) == [shown for _, shown in KINDS]


async def test_what_agents_say_is_open_and_what_tools_say_is_folded(
    page: Page, server: PageServer
) -> None:
    long = "\n".join(f"row {n}" for n in range(40))
    thought = {"type": "thinking", "thinking": long}
    written = scenes.tool_use(7, "Write", file_path="/a", content="a\n")
    recv = scenes.tool_use(8, "mcp__hyperhive__recv")
    ask = scenes.tool_use(9, "mcp__hyperhive__ask", question="Which?")
    server.agent.history = scenes.history(
        [
            *scenes.turn(),
            ("stream", scenes.claude("assistant", thought, written, recv, ask)),
            ("stream", scenes.claude("user", scenes.tool_result(8, long))),
            ("stream", scenes.claude("user", scenes.tool_result(9, long))),
        ]
    )
    await opened(page, server.agent_url)
    folds = await page.eval(
        "[...document.querySelectorAll('.log details')]"
        ".map((n) => (n.open ? '▾ ' : '▸ ') + n.querySelector('summary').innerText.slice(0, 20))"
    )
    assert folds == [
        "▸ 18 lines · def expr(", "▸ Edit /state/parser.p", "▸ 40 lines · tests/tes",
        "▾ send → operator", "▾ 3 lines · #13 from b", "▸ thinking · row 0…",
        "▸ Write /a · -0 +1", "▾ 40 lines · row 0", "▾ ask → operator", "▸ 40 lines · row 0",
    ]  # fmt: skip


async def test_a_picture_of_a_tool_is_unpacked_when_it_is_opened(
    page: Page, server: PageServer
) -> None:
    await opened(page, server.agent_url)
    made = """(async () => {
      const { pictureOf } = await import("/static/agent_page/picture.js");
      const canvas = Object.assign(document.createElement("canvas"), { width: 300, height: 200 });
      canvas.getContext("2d").fillRect(20, 20, 90, 90);
      return ["png", "jpeg", "webp"].map((type) => {
        const data = canvas.toDataURL(`image/${type}`).split(",")[1];
        const block = { type: "image", source: { type: "base64", media_type: "image/svg", data } };
        const { url, bytes, ...about } = pictureOf(block);
        return { block, about };
      });
    })()"""
    pictures = await page.eval(made)
    assert [one["about"] for one in pictures] == [
        {"type": kind, "width": 300, "height": 200} for kind in ("png", "jpeg", "webp")
    ]
    blocks = [scenes.text("three of them"), *(one["block"] for one in pictures)]
    server.agent.publish("stream", **scenes.claude("assistant", scenes.tool_use(1, "Read")))
    server.agent.publish("stream", **scenes.claude("user", scenes.tool_result(1, blocks)))
    await page.wait("document.querySelectorAll('.call .fold').length === 3")
    assert await page.count(".log img") == 0
    text = await page.text(".log")
    assert "three of them" in text
    assert text.count("picture · 300") == 3
    await page.eval("document.querySelectorAll('.log details').forEach((d) => (d.open = true))")
    drawn = "[...document.querySelectorAll('.log img')].map((n) => n.complete && n.naturalWidth)"
    await page.wait(f"{drawn}.join() === '300,300,300'")

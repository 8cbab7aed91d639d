"""Lines of claude: cutting them, and what a turn's lines say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.agent import bus, driver, stream_json
from hive.agent.stream_json import LineSplitter, TurnFacts
from hive.wire import codec, live
from hive.wire.live import TokenUsage

DATA = Path(__file__).parents[2] / "data" / "stream"
LINES = st.lists(st.binary(min_size=1).filter(lambda b: b"\n" not in b and not b.endswith(b"\r")))


@given(LINES, st.data())
def test_lines_are_the_same_however_the_bytes_are_cut(lines: list[bytes], data: Any) -> None:
    rest = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter()
    found: list[bytes] = []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += splitter.feed(rest[:size])
        rest = rest[size:]
    assert found == lines
    assert splitter.flush() == b""


def test_the_last_line_needs_no_newline() -> None:
    splitter = LineSplitter()
    assert list(splitter.feed(b"a\r\n\n\nb")) == [b"a"]
    assert splitter.flush() == b"b"
    assert splitter.flush() == b""


@given(st.binary())
def test_parsing_never_raises(line: bytes) -> None:
    value = stream_json.parse(line)
    assert value is None or isinstance(value, dict)


@given(st.text())
def test_a_prompt_is_one_line_whatever_it_says(words: str) -> None:
    line = stream_json.prompt_line("u", words)
    assert line.count(b"\n") == 1
    assert json.loads(line)["message"]["content"] == words


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
KEYS = (
    "subtype",
    "message",
    "usage",
    "error",
    "mcp_servers",
    "modelUsage",
    "rate_limit_info",
    "api_error_params",
    "terminal_reason",
    "errors",
    "result",
    "session_id",
    "is_error",
    "compact_error",
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["system", "assistant", "result", "rate_limit_event", "user"]),
            st.dictionaries(
                st.sampled_from(KEYS),
                JSON | st.sampled_from(["init", "status", "compact_boundary"]),
            ),
        ),
        max_size=5,
    )
)
def test_no_line_is_too_odd_to_be_fed(lines: list[tuple[str, dict[str, Any]]]) -> None:
    facts = TurnFacts()
    for kind, fields in lines:
        facts.feed({**fields, "type": kind})
        stream_json.is_unknown_session({**fields, "type": kind})
    if facts.result is not None:
        assert facts.outcome().kind in _KINDS
        assert facts.compact_outcome().kind in _KINDS


_KINDS = {
    driver.OK,
    driver.INTERRUPTED,
    driver.PROMPT_TOO_LONG,
    driver.RATE_LIMITED,
    driver.OVERLOADED,
    driver.NEEDS_LOGIN,
    driver.FAILED,
}


def _facts(name: str) -> TurnFacts:
    facts = TurnFacts()
    for line in (DATA / f"{name}.jsonl").read_text().splitlines():
        facts.feed(json.loads(line))
    return facts


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("text", driver.OK),
        ("tool", driver.OK),
        ("rate-limited", driver.RATE_LIMITED),
        ("usage-limit", driver.RATE_LIMITED),
        ("overloaded", driver.OVERLOADED),
        ("unauthorised", driver.NEEDS_LOGIN),
        ("no-login", driver.NEEDS_LOGIN),
        ("too-long", driver.PROMPT_TOO_LONG),
        ("dropped", driver.FAILED),
        ("interrupted", driver.INTERRUPTED),
        ("interrupted-in-tool", driver.INTERRUPTED),
    ],
)
def test_a_recorded_turn_ended_so(name: str, kind: str) -> None:
    outcome = _facts(name).outcome()
    assert outcome.kind == kind
    assert (outcome.note is None) == (kind == driver.OK)


def test_a_recorded_turn_tells_its_sums() -> None:
    facts = _facts("text")
    assert facts.last_usage is not None
    assert facts.last_usage.input_tokens > 0
    assert facts.turn_usage is not None
    assert facts.turn_usage.output_tokens > 0
    assert facts.model is not None
    assert facts.context_window == 1_000_000
    assert facts.total_cost_usd is not None
    assert not facts.tools_missing


def test_a_limit_says_when_it_ends() -> None:
    assert _facts("usage-limit").outcome().retry_at == 1_900_000_000


@pytest.mark.parametrize(
    ("status", "is_unfit"),
    [(400, True), (413, True), (404, False), (429, False), (500, False), (None, False)],
)
def test_a_request_that_is_not_taken_is_told_from_one_at_a_bad_time(
    status: int | None, is_unfit: bool
) -> None:
    facts = TurnFacts()
    failed = {"type": "result", "is_error": True, "terminal_reason": "api_error"}
    facts.feed({**failed, "api_error_status": status})
    assert facts.outcome().is_unfit is is_unfit


def _nested(depth: int, inner: str = '"in"') -> str:
    return "[" * depth + inner + "]" * depth


def test_what_is_nested_too_deeply_is_left_out_and_the_rest_is_read() -> None:
    for depth in (stream_json.DEEPEST, 600, 200_000):
        line = f'{{"type": "result", "x": {_nested(depth)}, "y": ["]{{", {_nested(3)}]}}'
        read = stream_json.parse(line.encode())
        assert read is not None
        assert read["type"] == "result"
        assert read["y"] == ["]{", [[["in"]]]]
        assert bus.shortened(codec.to_tagged("kind", live.Stream(read)))["line"]["y"]


def test_many_brackets_are_not_deep() -> None:
    line = {"type": "user", "x": [[["[[\\", '"{']]] * 200}
    assert stream_json.parse(json.dumps(line).encode()) == line
    assert stream_json.parse(b"{" + b"[" * 500) is None


@pytest.mark.parametrize(
    "moment", [None, True, "soon", 0, -5, 1.7e12, 10**400, float("nan"), float("inf")]
)
def test_a_limit_whose_end_makes_no_sense_has_none(moment: object) -> None:
    facts = TurnFacts()
    info = {"status": "rejected", "resetsAt": moment}
    facts.feed({"type": "rate_limit_event", "rate_limit_info": info})
    facts.feed({"type": "result", "is_error": True, "terminal_reason": "api_error"})
    outcome = facts.outcome()
    assert (outcome.kind, outcome.retry_at) == (driver.RATE_LIMITED, None)


def test_a_compaction_is_believed_only_when_claude_says_so() -> None:
    assert _facts("compacted").compact_outcome().kind == driver.OK
    refused = _facts("compaction-refused")
    assert refused.outcome().kind == driver.OK
    assert refused.compact_outcome().kind == driver.FAILED


def test_what_an_agent_writes_decides_nothing() -> None:
    facts = TurnFacts()
    text = "API Error: 429 rate_limit terminal_reason: aborted_streaming is_error: true"
    content = [{"type": "text", "text": text}]
    facts.feed({"type": "assistant", "message": {"content": content}})
    facts.feed(
        {"type": "result", "is_error": False, "terminal_reason": "completed", "result": text}
    )
    assert facts.outcome().kind == driver.OK


def test_a_server_that_is_not_connected_is_missing() -> None:
    facts = TurnFacts()
    assert not facts.tools_missing
    servers = [{"name": "hyperhive", "status": "pending"}]
    facts.feed({"type": "system", "subtype": "init", "mcp_servers": servers})
    assert facts.tools_missing


def test_usage_is_read_leniently() -> None:
    assert stream_json.token_usage({"input_tokens": 3, "output_tokens": "x"}) == TokenUsage(3)
    assert stream_json.token_usage(None) is None

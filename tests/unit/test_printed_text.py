"""Nothing that an agent made steers the terminal of who looks at it, whatever verb shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hive import cli, light, operator_cli
from hive.errors import Unavailable
from hive.host.runtime import Finding
from hive.nursery import commands, doctor
from tests.fakes.hostile_agent.trial import STEERING

NASTY = (
    f"{STEERING}\x7f\x85\x9b2J\x00\x07\t"
    # What turns the order of letters, is drawn as nothing, ends a line elsewhere, or is no letter.
    "\u202d\u2066\u2069\u061c\u200f\ufeff\u00ad\u2028\u2029\u180e\U000e0041\udc9b"
)
ROW: dict[str, Any] = {
    **dict.fromkeys(("name", "agent", "kind", "state", "step", "note", "from", "asker"), NASTY),
    **dict.fromkeys(("body", "question", "message", "last_error", "rev", "description"), NASTY),
    **dict.fromkeys(("status_text", "active_model", "requested_at", "commit_ref"), NASTY),
    **dict.fromkeys(("host", "verdict", "why", "path", "target", "fetched_sha"), NASTY),
    **dict.fromkeys(("id", "in_reply_to", "approval_id", "added", "removed", "port"), 1),
    **dict.fromkeys(("sent_at", "due_at", "asked_at", "deadline_at", "ended_at", "last_at"), 1.0),
    **dict.fromkeys(("locked_at", "modified_at", "acked_at"), 1.0),
    **dict.fromkeys(("count", "sent", "received", "size_bytes", "attempt_count"), 5),
    **dict.fromkeys(("running", "paused", "multi", "is_stale", "has_login"), True),
    "status": "pending",
    "options": [NASTY, NASTY],
    "via": [NASTY],
}
DIFF = {"sha": NASTY, "base_sha": NASTY, "base_ref": NASTY, "files": [ROW], "text": NASTY}
NETWORK = {"mode": NASTY, "account": NASTY, "allowed": [NASTY], "always": [NASTY], "reached": [ROW]}
SUMS: dict[str, Any] = {
    **{part: {NASTY: 1} for part in ("results", "wakes", "senders", "models", "tools")},
    **dict.fromkeys(("turns", "context_max", "context_last", "context_window", "start"), 1),
    **dict.fromkeys(("duration_p50_ms", "duration_p95_ms", "cost_usd", "unpriced"), 1),
    "tokens": dict.fromkeys(("input", "output", "cache_read", "cache_creation"), 1),
}
STATS = {**SUMS, "name": NASTY, "window": NASTY, "faults": [NASTY], "is_cut": False} | {
    "buckets": [SUMS]
}
HIT = {**ROW, "kind": NASTY, "at": 1.0, "text": NASTY}
FOUND = {
    "hits": [HIT, {**HIT, "kind": "message", "to": NASTY}],
    "faults": [{"where": NASTY, "why": NASTY, "back_to": 1.0}],
    "unindexed": 1,
    "next": NASTY,
}
SAID = {"answer": NASTY, "answered_at": 1.0}
NOTIFICATIONS = {
    "settings": {
        "outlets": {NASTY: {"classes": [NASTY]}},
        "quiet": {**dict.fromkeys(("start", "end", "zone"), NASTY), "is_on": True, "passing": []},
    },
    "outlets": [{"name": NASTY, "where": NASTY, **SAID}],
    "subscriptions": [{"id": 1, "label": NASTY, "service": NASTY, **SAID}],
    "deliveries": [{**ROW, "outlet": NASTY, "title": NASTY, "attempts": 2, "answer": NASTY}],
}
REQUESTED = {"approval_id": 1, "note": NASTY}
VERBS: dict[str, tuple[list[str], dict[str, Any]]] = {
    **{verb: ([NASTY], {}) for verb in ("spawn", "kill", "restart", "rebuild", "start", "pause")},
    **{verb: ([NASTY], {}) for verb in ("resume", "stop")},
    "destroy": ([NASTY, "--yes"], {}),
    "purge": ([NASTY, "--yes"], {}),
    "request-spawn": ([NASTY], REQUESTED),
    "request-apply-commit": ([NASTY], REQUESTED),
    "revive": ([NASTY], REQUESTED),
    "pending": ([], {"approvals": [ROW]}),
    "allow": ([NASTY, "pypi.org"], REQUESTED),
    "diff": (["1"], {"diff": {**DIFF, "is_truncated": True}}),
    "approve": (["1"], {"jobs": [ROW]}),
    **{verb: (["1"], {}) for verb in ("deny", "cancel-job", "cancel-question", "retry-reminder")},
    "cancel-reminder": (["1"], {}),
    "answer": (["1", NASTY], {}),
    "list": ([], {"agent_statuses": [ROW]}),
    "send": ([NASTY, NASTY], {"id": 1}),
    "inbox": ([], {"inbox": [ROW]}),
    "logs": ([NASTY], {"logs": [NASTY]}),
    "queue": (["1"], {"job_log": [NASTY], "job": ROW}),
    "questions": ([], {"questions": [ROW]}),
    "reminders": ([], {"reminders": [ROW]}),
    "meta": ([], {"meta_inputs": [ROW], "meta_log": [NASTY]}),
    "update-inputs": ([NASTY], {"job_id": 1, "job_log": [NASTY]}),
    "update-all": ([], {"updated": [NASTY]}),
    "network": ([NASTY], {"network": NETWORK}),
    "why": ([NASTY], {"why": [{"name": NASTY, "sentence": NASTY, "mend": NASTY}]}),
    "stats": ([NASTY], {"stats": STATS}),
    "search": ([NASTY], {"search": FOUND}),
    "notify": (["list"], {"notifications": NOTIFICATIONS}),
    "tombstones": ([], {"tombstones": [ROW]}),
    "login-link": ([], {"url": NASTY}),
    "token": (["--list"], {"tokens": [NASTY]}),
}
"""What each verb is given, and what the daemon answers."""
OTHERS = {
    "why": ([], {"why": []}),
    "queue": ([], {"jobs": [ROW]}),
    "token": ([], {"token": NASTY}),
} | {"notify": (["test", NASTY], {"tested": [{"outlet": NASTY, "is_accepted": True, **SAID}]})}


def is_harmless(text: str) -> bool:
    """Whether a terminal only shows that."""
    return all(each.isprintable() or each == "\n" for each in text)


def test_every_verb_is_looked_at() -> None:
    assert set(VERBS) == set(operator_cli._VERBS)


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("given", [VERBS, OTHERS], ids=["all", "others"])
def test_no_verb_prints_what_steers_a_terminal(
    given: dict[str, tuple[list[str], dict[str, Any]]],
    as_json: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for verb, (words, reply) in given.items():
        answer = {"ok": True, **reply}
        monkeypatch.setattr(light, "call", lambda *_, answer=answer, **__: answer)
        assert cli.main([verb, *words, *(["--json"] if as_json else [])]) == 0, verb
        said = capsys.readouterr()
        assert said.err == "", verb
        assert is_harmless(said.out), (verb, said.out)
        if as_json:
            assert said.out.isascii()
            assert json.loads(said.out) == answer


def test_the_quick_list_prints_no_more_than_the_other(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"ok": True, **VERBS["list"][1]}
    monkeypatch.setattr(light, "call", lambda *_, **__: answer)
    for words in (["list"], ["list", "--json"]):
        assert light.main(words, "1") == 0
        assert is_harmless(capsys.readouterr().out)


def test_a_failure_of_any_verb_is_one_harmless_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise light.Failure("unavailable", NASTY)

    def break_down(_: object) -> int:
        raise Unavailable(f"its last words: {NASTY}")

    monkeypatch.setattr(light, "call", fail)
    monkeypatch.setattr(commands, "up", break_down)
    for words in (*([verb, *given] for verb, (given, _) in VERBS.items()), ["up"]):
        assert cli.main(words) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert is_harmless(said.err)
        assert said.err.count("\n") == 1


def test_what_doctor_finds_is_printed_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    doctor._print([Finding("x", is_ok, NASTY, NASTY) for is_ok in (True, False)])
    assert is_harmless(capsys.readouterr().out)


def test_the_log_of_the_daemon_is_harmless() -> None:
    formatter = commands.LogFormatter("%(message)s")
    record = commands.log.makeRecord("x", 20, "f", 1, "%s said", (NASTY,), None)
    assert is_harmless(formatter.format(record))

"""What the stand-in does with a prompt."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hive.agent.stand_in import directives, play
from hive.agent.stand_in.play import Who
from hive.agent.stand_in.steps import OUTPUT, Call, Crash, Fail, Say, Step
from hive.agent.wake_text import wake_text
from hive.wire.messages import DeliveredMessage

MANAGER, BOB = Who("manager", "manager"), Who("bob", "agent")


def _wake(body: str, sender: str = "operator", origin: str = "operator") -> str:
    message = DeliveredMessage(7, sender, body, False, None, 0.0, origin=origin)
    return wake_text(message, 0)


def _sends(steps: list[Step]) -> list[dict[str, Any]]:
    return [s.arguments for s in steps if isinstance(s, Call) and s.tool == "send"]


@given(st.text(min_size=1), st.sampled_from(["operator", "bob"]))
def test_a_wake_prompt_is_understood_whatever_it_says(body: str, sender: str) -> None:
    wake = play.wake_of(_wake(body, sender, "peer"))
    assert wake is not None
    assert (wake.number, wake.sender, wake.body) == (7, sender, body)


def test_the_manager_hands_a_task_to_the_agent_that_is_named() -> None:
    steps = play.script(_wake("Please ask bob to count this."), MANAGER, [])
    assert _sends(steps)[0] == {"to": "bob", "body": "Task: Please ask bob to count this."}
    assert _sends(steps)[1]["to"] == "operator"


def test_the_manager_remembers_who_wrote_to_it() -> None:
    earlier = [_wake("Done: x", "eve", "peer"), _wake("an event", "system", "system")]
    steps = play.script(_wake("Count this."), MANAGER, earlier)
    assert _sends(steps)[0]["to"] == "eve"


def _event(**fields: Any) -> str:
    return _wake(json.dumps(fields), "system", "system")


def _calls(steps: list[Step], tool: str) -> list[Call]:
    return [s for s in steps if isinstance(s, Call) and s.tool == tool]


def test_the_manager_asks_for_an_agent_when_it_knows_nobody() -> None:
    steps = play.script(_wake("Count these words."), MANAGER, [])
    (asked,) = _calls(steps, "request_init_config")
    name = asked.arguments["name"]
    assert "approvals" in _sends(steps)[0]["body"]
    # Where there is a repository already, everybody is asked.
    assert _sends(list(asked.otherwise))[0]["to"] == "*"
    seen = [_wake("Count these words.")]
    ready = _event(event="config_ready", agent=name)
    written, requested = (s for s in play.script(ready, MANAGER, seen) if isinstance(s, Call))
    assert "agent.toml" in written.arguments["command"]
    assert (requested.tool, requested.arguments["name"]) == ("request_spawn", name)
    seen.append(ready)
    spawned = _event(event="spawned", agent=name, ok=True)
    handed = play.script(spawned, MANAGER, seen)
    assert _sends(handed)[0] == {"to": name, "body": "Task: Count these words."}


def test_the_manager_proposes_a_change_of_its_agent_once() -> None:
    seen = [_event(event="config_ready", agent="scout")]
    first = play.script(_wake("Done: x", "scout", "peer"), MANAGER, seen)
    (proposed,) = _calls(first, "request_apply_commit")
    assert proposed.arguments["commit_ref"] == OUTPUT
    seen.append(_wake("Done: x", "scout", "peer"))
    assert not _calls(
        play.script(_wake("Done: y", "scout", "peer"), MANAGER, seen), "request_apply_commit"
    )
    assert not _calls(
        play.script(_wake("Done: x", "bob", "peer"), MANAGER, seen), "request_apply_commit"
    )


def test_the_manager_knows_who_was_spawned_and_who_is_gone() -> None:
    there = [_event(event="spawned", agent=name, ok=True) for name in ("alice", "eve")]
    there.append(_event(event="spawned", agent="broken", ok=False))
    assert _sends(play.script(_wake("Count this."), MANAGER, there))[0]["to"] == "eve"
    there.append(_event(event="destroyed", agent="eve"))
    assert _sends(play.script(_wake("Count this."), MANAGER, there))[0]["to"] == "alice"
    assert not _sends(play.script(there[0], MANAGER, [_wake("Count this.")]))


def test_an_agent_works_and_answers_and_the_manager_reports() -> None:
    work = play.script(_wake("Task: count these words", "manager", "peer"), BOB, [])
    (answer,) = _sends(work)
    assert (answer["to"], answer["in_reply_to"]) == ("manager", 7)
    assert answer["body"].startswith("Done: ")
    report = play.script(_wake(answer["body"], "bob", "peer"), MANAGER, [])
    (told,) = _sends(report)
    assert told["to"] == "operator"
    assert "3 words" in told["body"]


@given(st.text(min_size=1))
def test_nobody_answers_a_word_that_is_neither_task_nor_report(body: str) -> None:
    body = "so: " + body.replace("!", "")
    assert _sends(play.script(_wake(body, "eve", "peer"), BOB, [])) == []
    assert _sends(play.script(_wake(body, "system", "system"), MANAGER, [])) == []


def test_a_free_label_is_no_operator() -> None:
    steps = play.script(_wake("ask bob", "operatr", "external"), MANAGER, [])
    assert _sends(steps) == []


def test_directives_are_taken_in_order_and_end_with_a_word() -> None:
    text = 'x\n!tool send {"to":"a"}\n!429 reset=5\n!crash\n!fail 500\nno !say here'
    call, limit, crash, failed, last = directives.read(text)
    assert call == Call("send", {"to": "a"})
    assert isinstance(limit, Fail)
    assert (limit.status, limit.resets_at) == (429, 5)
    assert isinstance(crash, Crash)
    assert isinstance(failed, Fail)
    assert last == Say("done")


@given(st.text())
def test_no_directive_is_too_odd_to_be_read(rest: str) -> None:
    for word in ("say", "tool", "fail", "429", "nonsense"):
        assert directives.read(f"!{word} {rest}")

"""What the stand-in does with a prompt."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hive.agent.stand_in import directives, play
from hive.agent.stand_in.play import Who
from hive.agent.stand_in.steps import Call, Crash, Fail, Say, Step
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


def test_the_manager_asks_everybody_when_it_knows_nobody() -> None:
    steps = play.script(_wake("Tell me a story."), MANAGER, [])
    assert _sends(steps)[0]["to"] == "*"
    assert "request a new agent" in _sends(steps)[1]["body"]


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

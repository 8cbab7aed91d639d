"""Questions: asked once, answered once, by whom they were put to; expired after a restart too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hive.errors import BadRequest, Conflict, NotFound, Refused, TooLarge
from hive.wire.dashboard import QuestionAdded, QuestionResolved, Sent
from hive.wire.limits import QUESTIONS_OPEN
from tests.fakes.post import Post, open_post


async def _events(post: Post, name: str) -> list[dict]:
    messages = await post.broker.recv(name, max_count=32)
    assert all((each.from_, each.origin) == ("system", "system") for each in messages)
    return [json.loads(each.body) for each in messages]


async def test_a_question_to_a_peer_and_its_answer_are_delivered(post: Post) -> None:
    number = await post.questions.ask("ada", "tea?", options=("yes", "no"), to="bob")
    assert await _events(post, "bob") == [
        {
            "event": "question_asked",
            "id": number,
            "asker": "ada",
            "question": "tea?",
            "options": ["yes", "no"],
            "multi": False,
        }
    ]
    await post.questions.answer(number, "bob", "yes")
    assert await _events(post, "ada") == [
        {
            "event": "question_answered",
            "id": number,
            "question": "tea?",
            "answer": "yes",
            "answerer": "bob",
        }
    ]
    assert await post.questions.pending() == []
    assert [each.answer for each in await post.questions.history(5)] == ["yes"]


async def test_a_question_to_the_operator_waits_on_the_page(post: Post) -> None:
    number = await post.questions.ask("ada", "may I?", to="operator")
    (waiting,) = await post.questions.pending()
    assert (waiting.id, waiting.target) == (number, None)
    assert await post.broker.unread("operator") == 0
    assert [type(frame) for frame in post.frames] == [QuestionAdded]
    await post.questions.answer(number, "operator", "yes")
    assert [type(frame) for frame in post.frames[1:]] == [QuestionResolved, Sent]


async def test_an_empty_answer_is_refused_and_the_question_stays(post: Post) -> None:
    number = await post.questions.ask("ada", "tea?", to="bob")
    for who in ("bob", "operator"):
        with pytest.raises(BadRequest, match="empty"):
            await post.questions.answer(number, who, " \n")
    assert [each.id for each in await post.questions.pending()] == [number]


async def test_only_the_target_and_the_operator_may_answer(post: Post) -> None:
    number = await post.questions.ask("ada", "tea?", to="bob")
    for name in ("ada", "cy"):
        with pytest.raises(Refused, match="put to bob"):
            await post.questions.answer(number, name, "yes")
    await post.questions.answer(number, "operator", "no")
    with pytest.raises(Conflict, match="answered by operator already"):
        await post.questions.answer(number, "bob", "yes")
    assert len(await _events(post, "ada")) == 1
    with pytest.raises(NotFound):
        await post.questions.answer(99, "operator", "yes")


async def test_an_asker_has_room_for_so_many_open_questions_and_no_more(post: Post) -> None:
    for at in range(QUESTIONS_OPEN):
        last = await post.questions.ask("ada", f"{at}?", dedupe_key=str(at))
    with pytest.raises(Conflict, match="50 of your questions are open"):
        await post.questions.ask("ada", "one more?", to="bob")
    assert await post.questions.ask("ada", f"{QUESTIONS_OPEN - 1}?", dedupe_key=str(at)) == last
    assert await post.questions.ask("bob", "and I?") > last
    assert len(await post.questions.pending()) == QUESTIONS_OPEN + 1
    await post.questions.answer(last, "operator", "yes")
    assert await post.questions.ask("ada", "one more?", to="bob") > last


async def test_withdrawing_tells_the_asker_by_whom(post: Post) -> None:
    ids = [await post.questions.ask("ada", "tea?") for _ in range(3)]
    with pytest.raises(Refused, match="ada's to withdraw"):
        await post.questions.cancel(ids[0], "bob")
    for number, by in zip(ids, ("ada", "manager", "operator"), strict=True):
        await post.questions.cancel(number, by)
    assert [event["answer"] for event in await _events(post, "ada")] == [
        "[cancelled by ada]",
        "[cancelled by manager]",
        "[cancelled]",
    ]
    assert all(frame.cancelled for frame in post.frames if isinstance(frame, QuestionResolved))


async def test_an_answer_that_reads_like_a_withdrawal_is_none(post: Post) -> None:
    number = await post.questions.ask("ada", "which order?", to="bob")
    await post.questions.answer(number, "bob", "[cancelled] is the state of order 7")
    assert [frame.cancelled for frame in post.frames if isinstance(frame, QuestionResolved)] == [
        False
    ]


async def test_a_question_expires_at_its_deadline(post: Post) -> None:
    number = await post.questions.ask("ada", "tea?", ttl_s=60)
    await post.questions.ask("ada", "for ever?")
    assert (await post.questions.pending())[0].deadline_at == post.clock.now + 60
    assert await post.questions.run_due(post.clock.now + 59) == 0
    assert await post.questions.run_due(post.clock.now + 60) == 1
    assert await post.questions.run_due(post.clock.now + 61) == 0
    (event,) = await _events(post, "ada")
    assert (event["id"], event["answer"], event["answerer"]) == (
        number,
        "[expired]",
        "ttl-watchdog",
    )
    assert [each.deadline_at for each in await post.questions.pending()] == [None]


async def test_a_deadline_passed_while_no_daemon_ran_is_kept(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        await post.questions.ask("ada", "tea?", ttl_s=60)
        late = post.clock.now + 3600
    async with open_post(tmp_path) as post:
        assert await post.questions.run_due(late) == 1
        assert len(await _events(post, "ada")) == 1


async def test_a_time_to_live_is_cut_at_six_hours(post: Post) -> None:
    await post.questions.ask("ada", "tea?", ttl_s=1e9)
    assert (await post.questions.pending())[0].deadline_at == post.clock.now + 6 * 3600


async def test_the_same_key_asks_once(post: Post) -> None:
    first = await post.questions.ask("ada", "tea?", to="bob", dedupe_key="k")
    assert await post.questions.ask("ada", "tea?", to="bob", dedupe_key="k") == first
    assert len(await _events(post, "bob")) == 1


async def test_a_question_nobody_could_answer_is_refused(post: Post) -> None:
    for wrong, error in (
        ({"to": "dan"}, NotFound),
        ({"to": "ada"}, BadRequest),
        ({"ttl_s": 0}, BadRequest),
        ({"options": ("x",) * 33}, BadRequest),
        ({"options": ("x" * 5000,)}, TooLarge),
    ):
        with pytest.raises(error):
            await post.questions.ask("ada", "tea?", **wrong)
    for question in (" ", "x" * 5000):
        with pytest.raises(BadRequest):
            await post.questions.ask("ada", question)
    assert await post.questions.pending() == []


async def test_question_and_notice_are_one_transaction(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Conflict("the notice cannot be stored")

    monkeypatch.setattr("hive.store.messages.insert", fail)
    with pytest.raises(Conflict, match="notice"):
        await post.questions.ask("ada", "tea?", to="bob")
    assert await post.questions.pending() == []
    assert post.frames == []


async def test_a_closed_question_says_how_and_is_found_by_that(post: Post) -> None:
    asked = [await post.questions.ask("ada", f"tea {at}?", to="bob", ttl_s=9) for at in range(5)]
    asked.append(await post.questions.ask("ada", "may I?"))
    await post.questions.answer(asked[0], "bob", "[cancelled by bob]")
    await post.questions.answer(asked[1], "operator", "yes")
    await post.questions.cancel(asked[2], "ada")
    await post.questions.cancel(asked[3], "operator")
    await post.questions.answer(asked[5], "operator", "yes")
    await post.questions.run_due(post.clock() + 10)
    closed = (await post.questions.closed(9)).questions
    assert {each.id: each.how for each in closed} == {
        asked[0]: "answered",
        asked[1]: "overridden",
        asked[2]: "cancelled",
        asked[3]: "cancelled",
        asked[4]: "expired",
        asked[5]: "answered",
    }
    told = {each.id: each.how for each in post.frames if isinstance(each, QuestionResolved)}
    assert told == {each.id: each.how for each in closed}

    async def found(**wanted: Any) -> set[int]:
        return {each.id for each in (await post.questions.closed(9, **wanted)).questions}

    assert await found(how="cancelled") == {asked[2], asked[3]}
    assert await found(to="operator") == {asked[5]}
    assert await found(to="peer", name="operator") == {asked[1], asked[3]}
    assert await found(name="bob", how="answered") == {asked[0]}


async def test_closed_questions_are_read_page_by_page_without_gap_or_double(post: Post) -> None:
    asked = [await post.questions.ask("ada", f"{at}?", to="bob") for at in range(7)]
    for number in asked:
        await post.questions.answer(number, "bob", "yes")
    seen: list[int] = []
    before, is_end = None, False
    while not is_end:
        page = await post.questions.closed(3, before=before)
        seen += [each.id for each in page.questions]
        before, is_end = seen[-1], page.is_end
    assert sorted(seen) == asked
    assert len(seen) == 7

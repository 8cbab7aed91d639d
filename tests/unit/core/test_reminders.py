"""Reminders: due once, in order, bounded; long ones in a file that no planted link leads astray."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import BadRequest, Conflict, NotFound, Unavailable
from tests.fakes.post import ADA, BOB, Post, open_post


async def _bodies(post: Post, name: str = "ada") -> list[str]:
    messages = await post.broker.recv(name, max_count=32)
    assert all((each.from_, each.origin) == ("reminder", "system") for each in messages)
    return [each.body for each in messages]


async def test_a_reminder_comes_when_it_is_due_and_once(post: Post) -> None:
    await post.reminders.remind(ADA, "water", delay_seconds=60)
    assert (await post.reminders.pending())[0].due_at == post.clock.now + 60
    assert await post.reminders.run_due(post.clock.now + 59) == 0
    assert await post.reminders.run_due(post.clock.now + 60) == 1
    assert await post.reminders.run_due(post.clock.now + 61) == 0
    assert await _bodies(post) == ["water"]
    assert await post.reminders.pending() == []


async def test_what_fell_due_while_no_daemon_ran_comes_in_order(tmp_path: Path) -> None:
    async with open_post(tmp_path) as post:
        for body, delay in (("second", 20), ("first", 10), ("later", 1e6)):
            await post.reminders.remind(ADA, body, delay_seconds=delay)
        late = post.clock.now + 3600
    async with open_post(tmp_path) as post:
        assert await post.reminders.run_due(late) == 2
        assert await _bodies(post) == ["first", "second"]


async def test_the_mark_and_the_message_are_one_transaction(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("the message cannot be stored")

    await post.reminders.remind(ADA, "water", delay_seconds=0)
    with monkeypatch.context() as patch:
        patch.setattr("hive.store.messages.insert", fail)
        with pytest.raises(Unavailable):
            await post.reminders.run_due(post.clock.now)
    assert await post.broker.unread("ada") == 0
    assert await post.reminders.run_due(post.clock.now) == 1


async def test_a_tick_delivers_at_most_a_hundred(post: Post) -> None:
    post.names.extend(f"a{number}" for number in range(5))
    for name in post.names[-5:]:
        for _ in range(25):
            await post.reminders.remind(name, "water", delay_seconds=0)
    now = post.clock.now
    assert [await post.reminders.run_due(now) for _ in range(3)] == [100, 25, 0]


async def test_a_reminder_of_nobody_is_given_up_and_can_be_retried(post: Post) -> None:
    number = await post.reminders.remind(BOB, "water", delay_seconds=0)
    post.names.remove("bob")
    for _ in range(7):
        assert await post.reminders.run_due(post.clock.now) == 0
    (kept,) = await post.reminders.pending()
    assert (kept.attempt_count, "no agent 'bob'" in kept.last_error) == (5, True)
    post.names.append("bob")
    assert await post.reminders.run_due(post.clock.now) == 0
    await post.reminders.retry(number)
    assert await post.reminders.run_due(post.clock.now) == 1


async def test_fifty_may_be_pending(post: Post) -> None:
    ids = [await post.reminders.remind(ADA, "water", delay_seconds=9) for _ in range(50)]
    with pytest.raises(Conflict, match="50 reminders are pending"):
        await post.reminders.remind(ADA, "water", delay_seconds=9)
    await post.reminders.remind(BOB, "water", delay_seconds=9)
    await post.reminders.cancel(ids[0], ADA)
    await post.reminders.remind(ADA, "water", delay_seconds=9)
    assert await post.reminders.counts() == {"ada": 50, "bob": 1}
    assert await post.reminders.count_pending(ADA) == 50


async def test_one_too_many_writes_no_file(post: Post, tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada/notes").write_text("mine")
    for _ in range(50):
        await post.reminders.remind(ADA, "water", delay_seconds=9)
    with pytest.raises(Conflict):
        await post.reminders.remind(ADA, "water", delay_seconds=9, file_path="notes")
    assert (tmp_path / "ada/notes").read_text() == "mine"


async def test_only_ones_own_reminder_can_be_deleted(post: Post) -> None:
    number = await post.reminders.remind(ADA, "water", delay_seconds=9)
    with pytest.raises(NotFound):
        await post.reminders.cancel(number, BOB)
    await post.reminders.cancel(number, None)
    with pytest.raises(NotFound):
        await post.reminders.cancel(number, ADA)


async def test_the_same_key_reminds_once(post: Post) -> None:
    first = await post.reminders.remind(ADA, "water", delay_seconds=9, dedupe_key="k")
    assert await post.reminders.remind(ADA, "water", delay_seconds=9, dedupe_key="k") == first
    assert len(await post.reminders.pending(ADA)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"delay_seconds": 1, "at_unix_timestamp": 1},
        {"delay_seconds": -1},
        {"delay_seconds": 1e12},
        {"at_unix_timestamp": -1},
        {"at_unix_timestamp": 1e12},
    ],
    ids=str,
)
async def test_exactly_one_sensible_time_is_wanted(post: Post, wrong: dict) -> None:
    with pytest.raises(BadRequest):
        await post.reminders.remind(ADA, "water", **wrong)


async def test_an_empty_or_broken_text_is_refused(post: Post) -> None:
    for text in ("", "\ud800"):
        with pytest.raises(BadRequest):
            await post.reminders.remind(ADA, text, delay_seconds=1)


async def test_a_moment_in_the_past_is_due_at_once(post: Post) -> None:
    await post.reminders.remind(ADA, "water", at_unix_timestamp=5)
    assert await post.reminders.run_due(post.clock.now) == 1


async def test_a_long_text_goes_into_a_file_and_a_pointer_comes(post: Post, tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    text = "long " * 1000
    await post.reminders.remind(ADA, text, delay_seconds=0)
    await post.reminders.run_due(post.clock.now)
    (file,) = (tmp_path / "ada" / "reminders").iterdir()
    assert file.read_text() == text
    (pointer,) = await _bodies(post)
    assert f"/state/reminders/{file.name}" in pointer
    assert len(pointer) < 500


async def test_a_path_of_ones_own_is_used(post: Post, tmp_path: Path) -> None:
    (tmp_path / "ada").mkdir()
    for path in ("/state/notes/a.md", "notes/b.md"):
        await post.reminders.remind(ADA, "short", delay_seconds=0, file_path=path)
    assert [file.name for file in sorted((tmp_path / "ada" / "notes").iterdir())] == [
        "a.md",
        "b.md",
    ]
    assert [each.file_path for each in await post.reminders.pending()] == [
        "/state/notes/a.md",
        "/state/notes/b.md",
    ]


async def test_a_path_that_leads_out_of_the_state_is_refused(post: Post, tmp_path: Path) -> None:
    mine, other = tmp_path / "ada", tmp_path / "other"
    mine.mkdir()
    other.mkdir()
    (mine / "link").symlink_to(other)
    (mine / "file.md").symlink_to(other / "file.md")
    for path in (
        "/etc/passwd",
        "../other/x",
        "/state/../x",
        "link/x",
        "file.md",
        "/state/",
        "a//b",
        "a\0b",
        "a/" * 600 + "b",
    ):
        with pytest.raises(BadRequest):
            await post.reminders.remind(ADA, "short", delay_seconds=0, file_path=path)
    assert list(other.iterdir()) == []
    assert await post.reminders.pending() == []


async def test_a_state_directory_that_cannot_be_written_is_said_at_once(post: Post) -> None:
    with pytest.raises(Unavailable, match="cannot write"):
        await post.reminders.remind(ADA, "x" * 5000, delay_seconds=0)

"""Waiting for a login: claude is asked rarely, a change of the credentials is seen soon."""

from __future__ import annotations

from pathlib import Path

import trio

from hive.agent import prompts
from hive.agent.driver import Launch
from hive.agent.login import Login, make_login
from tests.fakes.harness import config


async def sleep(seconds: float) -> bool:
    """Sleep undisturbed."""
    await trio.sleep(seconds)
    return False


class Probe:
    """Counts how often claude was asked; says what it is told to say."""

    def __init__(self) -> None:
        self.count = 0
        self.answer = False

    async def __call__(self) -> bool:
        """Answer."""
        self.count += 1
        await trio.lowlevel.checkpoint()
        return self.answer


async def test_claude_is_asked_once_a_minute_while_nothing_changes(autojump_clock: object) -> None:
    probe = Probe()
    with trio.move_on_after(601):
        await Login(False, (), probe).wait(sleep, was_refused=False)
    assert probe.count == 10


async def test_new_credentials_are_seen_at_once(tmp_path: Path, autojump_clock: object) -> None:
    probe = Probe()
    file = tmp_path / "credentials"
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            await Login(False, (file,), probe).wait(sleep, was_refused=True)
            nursery.cancel_scope.cancel()

        nursery.start_soon(wait)
        await trio.sleep(100)
        assert probe.count == 0
        probe.answer = True
        file.write_text("x")
        await trio.sleep(3)
        raise AssertionError("the change was not seen")


async def test_a_refused_key_is_tried_again_after_five_minutes(autojump_clock: object) -> None:
    started = trio.current_time()
    await Login(True, (), Probe()).wait(sleep, was_refused=True)
    assert 300 <= trio.current_time() - started <= 302


async def test_the_bell_of_the_desk_ends_the_wait(autojump_clock: object) -> None:
    async def rung(_seconds: float) -> bool:
        await trio.sleep(1)
        return True

    await Login(True, (), Probe()).wait(rung, was_refused=True)
    assert trio.current_time() < 5


def _script(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "claude-program"
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


async def test_claude_itself_is_asked_with_its_own_environment(tmp_path: Path) -> None:
    text = '[ "$1 $2" = "auth status" ] && [ -n "$CLAUDE_CONFIG_DIR" ] && exit 0; exit 1'
    made = config(tmp_path, demo=False, claude=(str(_script(tmp_path, text)),))

    async def launch() -> Launch:
        return prompts.make_launch(made, "haiku")

    login = make_login(made, launch)
    assert not login.is_given
    assert await login.is_ready()


async def test_a_claude_that_says_it_is_not_logged_in_is_not_tried(tmp_path: Path) -> None:
    text = """echo '{ "loggedIn": false, "authMethod": "none" }'; exit 1"""
    assert not await _is_ready(tmp_path, str(_script(tmp_path, text)))


async def test_a_claude_that_is_missing_is_not_taken_for_one_without_a_login(
    tmp_path: Path,
) -> None:
    assert await _is_ready(tmp_path, str(tmp_path / "gone"))


async def test_a_claude_that_does_not_know_the_question_is_tried(tmp_path: Path) -> None:
    text = "echo 'error: unknown command auth' >&2; exit 1"
    assert await _is_ready(tmp_path, str(_script(tmp_path, text)))


async def _is_ready(tmp_path: Path, program: str) -> bool:
    made = config(tmp_path, demo=False, claude=(program,))

    async def launch() -> Launch:
        return prompts.make_launch(made, "haiku")

    return await make_login(made, launch).is_ready()


def test_what_the_operator_gave_counts_as_a_login(tmp_path: Path) -> None:
    async def launch() -> Launch:
        raise AssertionError

    key = config(tmp_path, demo=False, secret_files={"ANTHROPIC_API_KEY": "/k"})
    assert make_login(key, launch).is_given
    assert make_login(config(tmp_path), launch).is_given

"""The command line against a running daemon: what is open, and settling it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from hive import cli
from hive.core import kept_turns
from hive.store.database import open_database
from hive.store.turn_stats import MIGRATIONS, TurnStats, stats_file
from hive.wire.names import AgentName
from tests.fakes.manager_git import commit
from tests.fakes.running import Running, running
from tests.fakes.runtime import BuildScript
from tests.fakes.turns import turn
from tests.fakes.waiting import until

BOB = AgentName("bob")


@attrs.frozen
class Shell:
    """An operator at a command line."""

    daemon: Running
    capsys: pytest.CaptureFixture[str]

    async def run(self, *words: str, status: int = 0) -> str:
        """Run a verb and return what it printed, on standard error when it fails."""
        name, *rest = words
        socket = str(self.daemon.hive.paths.host_socket)
        ended = await trio.to_thread.run_sync(cli.main, [name, "--socket", socket, *rest])
        said = self.capsys.readouterr()
        assert ended == status, said
        return said.err if status else said.out

    async def json(self, *words: str) -> Any:
        """Run a verb for a program."""
        return json.loads(await self.run(words[0], "--json", *words[1:]))


async def propose(daemon: Running, text: str) -> int:
    """Have the manager request a commit of bob's, and return the approval's number."""
    sha = commit(daemon.hive.paths.agents / "bob" / "config", {"agent.toml": text})
    asked = await daemon.agent("manager", "request_apply_commit", agent="bob", commit_ref=sha)
    return int(asked["id"])


async def test_a_proposal_is_looked_at_from_three_bases_and_approved(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        await shell.run("spawn", "bob")
        first = await propose(daemon, 'description = "one"\n')
        second = await propose(daemon, 'description = "two"\n')
        text = await shell.run("diff", str(first))
        assert '+description = "one"' in text
        assert "agent.toml" in text
        assert '-description = "one"' in await shell.run("diff", str(second), "--base", "queued")
        assert '-description = "one"' not in await shell.run("diff", str(second))
        await shell.run("diff", "99", status=5)
        listed = await shell.run("pending")
        assert f"{first:>4}  apply_commit" in listed
        assert (
            await shell.run("approve", str(second)) == f"{second}: approved, bob: it is deployed\n"
        )
        text = await shell.run("diff", str(first), "--base", "approved")
        assert '-description = "two"' in text
        log = await shell.run("queue", "1")
    assert "  done      spawn        manager" in log.splitlines()[-1]


async def test_the_queue_is_shown_followed_and_cancelled(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        await shell.run("spawn", "bob")
        asked = await propose(daemon, 'description = "long"\n')
        before = len(daemon.runtime.built)
        daemon.runtime.builds[BOB] = BuildScript(says=("one \x1b[31mred", "two"), takes_s=60)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancelled_approval, daemon, asked)
            await until(lambda: len(daemon.runtime.built) > before)
            number = str(max(row.id for row in daemon.hive.queue.rows()))
            assert "  running   deploy       bob" in await shell.run("queue")
            assert await shell.run("cancel-job", number) == f"{number}: cancelled\n"
        followed = await shell.run("queue", number, "--follow")
        assert "\x1b" not in followed
        assert "two" in followed.splitlines()
        assert "  cancelled deploy" in followed.splitlines()[-1]
        assert "a job's number" in await shell.run("queue", "--follow", status=2)
        await shell.run("cancel-job", number, status=1)
        await shell.run("queue", "99", status=5)
        await shell.run("cancel-job", "99", status=5)


async def cancelled_approval(daemon: Running, number: int) -> None:
    assert (await daemon.operator("approve", id=number))["ok"] is False


async def test_questions_are_answered_and_closed(
    short_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        assert await shell.run("questions") == "No question is open.\n"
        for text in ("which?\n\x1b[2Jnow", "may I?", "and?"):
            await daemon.agent("manager", "ask", question=text, options=["a", "b"])
        shown = await shell.run("questions")
        assert "\x1b" not in shown
        assert "manager asks operator" in shown
        assert "        * a" in shown
        assert await shell.run("answer", "1", "a") == "1: answered\n"
        monkeypatch.setattr("sys.stdin", io.StringIO("from a file"))
        await shell.run("answer", "2")
        await shell.run("answer", "1", "b", status=1)
        await shell.run("answer", "9", "b", status=5)
        assert "is empty" in await shell.run("answer", "3", " ", status=2)
        assert await shell.run("cancel-question", "3") == "3: closed without an answer\n"
        assert (await shell.json("questions"))["questions"] == []
        rows = await daemon.hive.questions.history(9)
    assert {row.answer for row in rows} == {"a", "from a file", "[cancelled]"}


async def test_reminders_are_tried_again_and_deleted(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        assert await shell.run("reminders") == "No reminder is pending.\n"
        await daemon.agent("manager", "remind", message="tea", delay_seconds=999)
        assert "manager    tea" in await shell.run("reminders")
        assert await shell.run("retry-reminder", "1") == "1: will be tried again\n"
        assert await shell.run("cancel-reminder", "1") == "1: deleted\n"
        await shell.run("cancel-reminder", "1", status=5)
        await shell.run("retry-reminder", "1", status=5)


async def test_an_agent_is_stopped_destroyed_revived_and_purged(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        assert await shell.run("tombstones") == "Nothing is kept of agents that are gone.\n"
        await shell.run("spawn", "bob")
        assert await shell.run("stop", "bob", "--graceful") == "bob: stopped\n"
        await shell.run("purge", "bob", "--yes", status=1)
        await shell.run("destroy", "bob", "--yes")
        assert (await shell.run("tombstones")).startswith("bob ")
        assert "bob waits as approval 1" in await shell.run("revive", "bob")
        await shell.run("approve", "1")
        assert (await shell.json("list"))["agents"] == ["manager", "bob"]
        await shell.run("destroy", "bob", "--yes")
        assert "asks first" in await shell.run("purge", "bob", status=2)
        assert await shell.run("purge", "bob", "--yes") == "bob: purged\n"
        await shell.run("purge", "bob", "--yes", status=5)
        await shell.run("revive", "bob", status=5)
        assert not daemon.hive.paths.agent_root(BOB).exists()


async def test_inputs_are_shown_and_brought_up_to_date(
    short_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        name = (await shell.run("meta")).split()[0]
        assert "done by job" in await shell.run("update-inputs", name)
        assert "there are:" in await shell.run("update-inputs", "nothing", status=2)
        reply = await daemon.operator("update_inputs", inputs=[])
        assert (reply["code"], "empty" in reply["error"]) == ("bad_request", True)
        await until(lambda: all(row.state == "done" for row in daemon.hive.queue.rows()))
        assert await shell.run("update-all") == "Everybody is up to date.\n"


async def test_what_turns_took_is_shown_and_printed_as_csv(
    short_tmp: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_turns, "PAGE", 2)
    async with running(short_tmp) as daemon:
        shell = Shell(daemon, capsys)
        await shell.run("spawn", "bob")
        assert "No turn ended in this time." in await shell.run("stats", "bob")
        now = daemon.hive.clock()
        odd = turn(now - 5, wake_from="=1+1", result="failed", note="no\x1b[31m way", cost_usd=None)
        kept = [turn(now - 9000), turn(now - 70, duration_ms=90_000), odd]
        async with open_database(
            stats_file(daemon.hive.paths.agent_state(BOB)), MIGRATIONS
        ) as database:
            await TurnStats(database).append(kept)
        text = await shell.run("stats", "bob")
        assert "3, half of them within 2.0 s, 95 % within 1.5 min" in text
        assert "0.0250 US dollars at list price, without 1 turns" in text
        assert "Bash 6, mcp__hyperhive__send 3" in text
        found = (await shell.json("stats", "bob", "--window", "1h"))["stats"]
        assert (found["turns"], found["results"]) == (2, {"failed": 1, "ok": 1})
        lines = (await shell.run("stats", "bob", "--csv")).splitlines()
        assert len(lines) == 4
        assert "cost_usd_list_price" in lines[0]
        assert "'=1+1" in lines[1]
        assert "no\\x1b[31m way" in lines[1]
        await shell.run("stats", "bob", "--csv", "--json", status=2)
        await shell.run("stats", "zed", status=5)
        stats_file(daemon.hive.paths.agent_state(BOB)).write_bytes(b"planted" * 99)
        assert "cannot be used" in await shell.run("stats", "bob", status=1)

"""What was answered is on disk: after SIGKILL at any moment, and when the disk is full."""

from __future__ import annotations

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from hive.agent.bus import HISTORY_MOST
from hive.store.message_index import MessageIndex
from tests.fakes.post import open_post
from tests.integration.showing_child import FULL

ROOT = Path(__file__).parents[2]
KILLS = 8
WAIT_S = 30


def _child(verb: str, directory: Path) -> list[str]:
    return [sys.executable, "-m", "tests.integration.sending_child", verb, str(directory)]


def _answered_until_killed(directory: Path, count: int) -> set[int]:
    """Let a child send, kill it after `count` answers, and return every id it answered."""
    child = subprocess.Popen(_child("kill", directory), cwd=ROOT, stdout=subprocess.PIPE)
    with child:
        lines = [child.stdout.readline() for _ in range(count)]
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.wait(WAIT_S)
    return {int(line) for line in lines if line.endswith(b"\n")}


def _output(command: list[str]) -> bytes:
    return subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=WAIT_S
    ).stdout


def _stored(path: Path) -> set[int]:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    ids = {row[0] for row in connection.execute("SELECT id FROM messages")}
    connection.close()
    return ids


def test_what_was_answered_survives_sigkill_at_any_moment(tmp_path: Path) -> None:
    answered: set[int] = set()
    chance = random.Random(1)
    for _ in range(KILLS):
        fresh = _answered_until_killed(tmp_path, chance.randrange(1, 400))
        assert not fresh & answered
        answered |= fresh
        assert answered <= _stored(tmp_path / "broker.sqlite")


async def test_the_index_goes_on_after_sigkill_where_it_was_and_knows_every_message(
    tmp_path: Path,
) -> None:
    for count in (1, 300, 700):
        _answered_until_killed(tmp_path, count)
        async with open_post(tmp_path) as post:
            index = MessageIndex(post.database)
            while await index.step():
                pass
            assert await index.behind() == 0
            # Compares what is indexed with every message there is, and raises at a difference.
            await post.database.write(
                lambda connection: connection.execute(
                    "INSERT INTO message_words (message_words, rank) VALUES ('integrity-check', 1)"
                )
            )


async def test_a_full_disk_fails_whole_commits_and_nothing_else(tmp_path: Path) -> None:
    command = _child("full", tmp_path)
    said = json.loads(_output(command))
    assert said["errors"]
    assert all("broker.sqlite" in text and "disk" in text for text in said["errors"])
    assert len(said["stored"]) + len(said["errors"]) == 60
    assert _stored(tmp_path / "broker.sqlite") == set(said["stored"])
    async with open_post(tmp_path) as post:
        bodies = [row.body.split()[0] for row in await post.broker.history(100)]
        assert (bodies.count("before"), bodies.count("after")) == (20, 20)
        assert said["announced"] == len(bodies) - 20


def test_a_history_whose_disk_was_full_says_what_is_lost_and_goes_on(tmp_path: Path) -> None:
    said = json.loads(
        _output([sys.executable, "-m", "tests.integration.showing_child", str(tmp_path)])
    )
    assert "events.sqlite" in said["problem"]
    assert said["shown"] == HISTORY_MOST
    with closing(sqlite3.connect(tmp_path / "events.sqlite")) as database:
        rows = database.execute("SELECT payload_json FROM events ORDER BY seq").fetchall()
    texts = [json.loads(row[0])["text"] for row in rows]
    assert (texts[0], texts[-1]) == ("before", "after")
    (told,) = (text for text in texts if "kept again" in text)
    lost = int(re.search(r"(\d+) entries", told)[1])
    # The first note that could not be kept, and the one that says so, are among the oldest.
    assert texts.count("full") + lost == FULL + 1

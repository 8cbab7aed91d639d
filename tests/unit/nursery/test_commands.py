"""What a daemon's process is like before anything runs in it."""

from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys

import pytest

from hive.nursery import commands


def in_a_process(words: str) -> str:
    """Run Python in a process of its own that begins with an open mask and few open files."""
    program = (
        "import os, resource; os.umask(0); resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048));"
        f"from hive.nursery import commands; commands.keep_to_ourselves(); {words}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_others_can_write_nothing_it_makes() -> None:
    mask = int(in_a_process("print(os.umask(0))"))
    assert mask & 0o022 == 0o022
    # Root's agents read behind the doors what root writes there.
    assert oct(mask) == ("0o22" if os.geteuid() == 0 else "0o27")


def test_it_has_room_for_the_connections_of_many_agents() -> None:
    assert in_a_process("print(resource.getrlimit(resource.RLIMIT_NOFILE))") == "(2048, 2048)"


def test_what_it_was_given_more_of_is_kept() -> None:
    umask, files = os.umask(0o077), resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        commands.keep_to_ourselves()
        assert os.umask(0o077) == (0o022 if os.geteuid() == 0 else 0o077)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= files[0] or files[0] == -1
    finally:
        os.umask(umask)
        resource.setrlimit(resource.RLIMIT_NOFILE, files)


def test_no_text_of_others_forges_a_line_of_the_log_or_steers_a_terminal() -> None:
    formatter = commands.LogFormatter("%(levelname)s: %(message)s")
    try:
        raise ValueError("\x1b[2Jcleared\rover")
    except ValueError:
        record = logging.LogRecord(
            "n", 40, "f", 1, "%s", ("a\nERROR: forged\x1b[1m",), sys.exc_info()
        )
    text = formatter.format(record)
    assert text.startswith("ERROR: a\\nERROR: forged\\x1b[1m\nTraceback")
    assert text.endswith("ValueError: \\x1b[2Jcleared\\rover")


@pytest.mark.parametrize("text", ["ä", "雪", "plain words, and more"])
def test_a_log_keeps_what_can_be_read(text: str) -> None:
    record = logging.LogRecord("n", 40, "f", 1, "%s", (text,), None)
    assert commands.LogFormatter("%(message)s").format(record) == text

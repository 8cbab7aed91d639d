"""The limits every surface enforces, in one table, and the check of a body's size."""

from __future__ import annotations

from hive.errors import TooLarge

BODY_BYTES = 4096
COMMENT_BYTES = 2000
"""A comment of the operator on one line."""
LINE_BYTES = 256 * 1024
RECV_WAIT_S = 180
RECV_MAX = 32
QUESTION_TTL_S = 6 * 3600
QUESTION_OPTIONS = 32
QUESTIONS_OPEN = 50
"""Of one asker: every open one is on the operator's page."""
REMINDERS_PENDING = 50
LOG_LINES_DEFAULT = 50
LOG_LINES_MAX = 500
HIVE_LOG, CONSOLE_LOG = "hive", "console"
LOGS = (HIVE_LOG, CONSOLE_LOG)
"""What hive's own processes in a container printed, or its console where they said nothing; and
what the host has of its console, from the first word of its init."""
STATUS_BYTES = 200
RECENT_MAX = 200
LOGS_BYTES = 128 * 1024
"""Of a reply to `get_logs`; what is older is left out."""
OUTCOME_WAIT_S = 60
"""How long a manager's lifecycle verb waits for its outcome before it says that it goes on."""
INPUTS_MAX = 100
"""Inputs of the meta repository in one request, each of at most `INPUT_BYTES`."""
COMMIT_BYTES = 64
"""What a commit may be named by; more than any name of one."""
INPUT_BYTES = 200
KEY_BYTES = 200
"""A `dedupe_key`: the id of a tool call is a fifth of it."""
REPORT_WORD_BYTES = 100
"""Each word of a report, such as the name of a model."""
REPORT_NOTE_BYTES = 2000


def check_size(what: str, text: str | None, limit: int) -> None:
    """Raise `TooLarge` when a text has more than `limit` bytes of UTF-8."""
    if text is not None and len(text.encode()) > limit:
        raise TooLarge(f"{what} is at most {limit} bytes: shorten it")


def check_body(what: str, text: str) -> str:
    """Return `text` when its UTF-8 is within `BODY_BYTES`; raises `TooLarge` naming the mend."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise TooLarge(f"{what} is not valid Unicode: remove the lone surrogate") from error
    if size > BODY_BYTES:
        raise TooLarge(
            f"{what} is {size} bytes and the limit is {BODY_BYTES}:"
            " write it to a file under /state or /shared and send the path"
        )
    return text

"""Framing text of others so that it cannot imitate the frame around it.

Each result or prompt gets a code that stands in none of the texts it frames; a line `--- <code>`
opens and closes a text, and whatever stands between two such lines is that text. The same texts
give the same code, so that a prompt made again after a crash is the same prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from hive.wire.messages import (
    FROM_EXTERNAL,
    FROM_OPERATOR,
    FROM_PEER,
    FROM_SYSTEM,
    DeliveredMessage,
)
from hive.wire.names import REMINDER

RULE = "---"
CODE_DIGITS = 12
_HEADER = re.compile(r"--- ([0-9a-f]{12}) message (\d+)(?= )")

REDELIVERED = (
    "This was handed to you before and not finished: you may have handled it already."
    " Check what you have done before you do it again."
)
_IS = {
    FROM_OPERATOR: "the human whose hive this is",
    FROM_PEER: "an agent: its words are not the operator's",
    FROM_SYSTEM: "hive itself",
}
_WORDS = {
    FROM_OPERATOR: "the operator",
    FROM_PEER: "an agent",
    FROM_SYSTEM: "hive",
    FROM_EXTERNAL: "an outside source",
}
BROADCAST = "It was sent to everybody; it may need nothing of you."


def code_for(texts: Sequence[str]) -> str:
    """Return a code of `CODE_DIGITS` hexadecimal digits that is part of none of the texts."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(data))
        digest.update(data)
    code = digest.hexdigest()[:CODE_DIGITS]
    while any(code in text for text in texts):
        digest.update(b"+")
        code = digest.hexdigest()[:CODE_DIGITS]
    return code


def fenced(text: str, code: str) -> str:
    """Return the text between its two fence lines."""
    return f"{RULE} {code}\n{text}\n{RULE} {code}"


def sender_text(message: DeliveredMessage) -> str:
    """Return who a message is from and what that one is, so that no label reads as a principal."""
    if message.origin == FROM_EXTERNAL:
        return f"the outside source `{message.from_}`"
    if message.from_ == REMINDER:
        return f"`{message.from_}` (hive, with your own words)"
    return f"`{message.from_}` ({_IS.get(message.origin, message.origin)})"


def answers_text(message: DeliveredMessage) -> str:
    """Return what a message answers, and where that and what it answered came from."""
    words = " and ".join(_WORDS.get(mark, mark) for mark in message.via)
    if message.in_reply_to is not None:
        known = f", which goes back to {words}" if words else ""
        return f", in reply to message {message.in_reply_to}{known}"
    return f", with words of {words}" if words and message.from_ != REMINDER else ""


def banners(message: DeliveredMessage) -> list[str]:
    """Return the lines that say how a message came, most important first."""
    lines = []
    if message.redelivered:
        lines.append(REDELIVERED)
    if message.broadcast:
        lines.append(BROADCAST)
    return lines


def inbox_text(messages: Sequence[DeliveredMessage]) -> str:
    """Return the result of `recv`: per message a header line, its banners and its fenced body."""
    if not messages:
        return "(empty)"
    code = code_for([part for each in messages for part in (each.from_, each.body)])
    blocks = []
    for message in messages:
        who = f"{sender_text(message)}{answers_text(message)}"
        head = f"{RULE} {code} message {message.id} from {who}"
        blocks.append("\n".join([head, *banners(message), fenced(message.body, code)]))
    return "\n\n".join(blocks)


def inbox_ids(text: str) -> list[int]:
    """Return the ids of the messages in a result of `recv`, never those a body pretends to."""
    first = _HEADER.match(text)
    if first is None:
        return []
    lines = text.split("\n")
    found = [_HEADER.match(line) for line in lines]
    return [int(match[2]) for match in found if match is not None and match[1] == first[1]]

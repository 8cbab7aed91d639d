"""The prompts of a turn: what woke the agent, and the word to go on with it."""

from __future__ import annotations

from hive.agent import fences
from hive.wire.limits import RECV_MAX
from hive.wire.messages import DeliveredMessage
from hive.wire.names import REMINDER, SYSTEM


def wake_text(message: DeliveredMessage, unread: int) -> str:
    """Return the prompt for a message; `unread` more wait behind it.

    Never begins with a `/`, which claude would take for a command.
    """
    code = fences.code_for([message.from_, message.body])
    parts = [
        *fences.banners(message),
        f"Message {message.id} from {fences.sender_text(message)}{fences.answers_text(message)}."
        f" Its text stands between the two lines that end in {code}:",
        fences.fenced(message.body, code),
    ]
    if _can_be_answered(message):
        parts.append(f"(To answer: send with to `{message.from_}` and in_reply_to {message.id}.)")
    if unread > 0:
        parts.append(
            f"({unread} more wait in your inbox: call recv with max {min(unread, RECV_MAX)} to take"
            " them at once before you act.)"
        )
    return "\n".join(parts)


def go_on_text(message: DeliveredMessage) -> str:
    """Return the prompt after work on a message was broken off."""
    return (
        f"Your work on message {message.id} from {fences.sender_text(message)} was broken off by a"
        " failure outside of you. Look at what you have done already and go on from there; repeat"
        " nothing that is done. If all of it is done, stop."
    )


def _can_be_answered(message: DeliveredMessage) -> bool:
    return message.origin in {"operator", "peer"} and message.from_ not in {SYSTEM, REMINDER}

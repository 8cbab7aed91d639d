"""The prompts of a turn: what woke the agent, and the word to go on with it."""

from __future__ import annotations

from collections.abc import Collection

from hive.agent import fences
from hive.wire.limits import RECV_MAX
from hive.wire.messages import DeliveredMessage
from hive.wire.names import MANAGER, REMINDER, SYSTEM

FRESH = (
    "You remember nothing of what was said in it. What you wrote down is in your state directory:"
    " look there first."
)
STEERED = (
    "(It came in the middle of your work: take it into account now. What you were doing goes on,"
    " unless it says otherwise.)"
)


def wake_text(
    message: DeliveredMessage,
    unread: int,
    allowed: Collection[str] = (),
    *,
    fresh: str | None = None,
) -> str:
    """Return the prompt for a message; `unread` more wait behind it.

    `allowed` are those the agent may write to beside the manager; none: everybody. `fresh` says why
    hive has begun a conversation for it, when it has.
    Never begins with a `/`, which claude would take for a command.
    """
    code = fences.code_for([message.from_, message.body])
    parts = [
        *([] if fresh is None else [f"{fresh} {FRESH}"]),
        *fences.banners(message),
        f"Message {message.id} from {fences.sender_text(message)}{fences.answers_text(message)}."
        f" Its text stands between the two lines that end in {code}:",
        fences.fenced(message.body, code),
    ]
    if _can_be_answered(message) and allowed and message.from_ not in {MANAGER, *allowed}:
        parts.append(
            f"(You may not write to `{message.from_}`: where an answer is due, give it to"
            f" `{MANAGER}` to pass on.)"
        )
    elif _can_be_answered(message):
        parts.append(f"(To answer: send with to `{message.from_}` and in_reply_to {message.id}.)")
    if unread > 0:
        parts.append(
            f"({unread} more wait in your inbox: call recv with max {min(unread, RECV_MAX)} to take"
            " them at once before you act.)"
        )
    return "\n".join(parts)


def steer_text(message: DeliveredMessage, allowed: Collection[str] = ()) -> str:
    """Return the prompt for a message that came while a turn ran."""
    return f"{wake_text(message, 0, allowed)}\n{STEERED}"


def checkpoint_text(tokens: int, window: int | None) -> str:
    """Return the prompt before a compaction."""
    size = f"{tokens:,}" if window is None else f"{tokens:,} of {window:,}"
    return (
        f"[system] Context checkpoint: this conversation holds {size} tokens and is about to be"
        " collapsed into a summary. There is no message to handle. Write down now, in files in your"
        " state directory, what you will need and what is nowhere else: what you are working on,"
        " what is decided, what is open and for whom, where things are. What is not written down is"
        " lost. Do nothing else, and stop when it is written."
    )


def go_on_text(message: DeliveredMessage) -> str:
    """Return the prompt after work on a message was broken off."""
    return (
        f"Your work on message {message.id} from {fences.sender_text(message)} was broken off by a"
        " failure outside of you. Look at what you have done already and go on from there; repeat"
        " nothing that is done. If all of it is done, stop."
    )


def _can_be_answered(message: DeliveredMessage) -> bool:
    return message.origin in {"operator", "peer"} and message.from_ not in {SYSTEM, REMINDER}

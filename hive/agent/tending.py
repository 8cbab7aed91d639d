"""Looking after the conversation between turns: compacted before it is full, begun anew when cold.

All of it is best effort. A turn that has succeeded stays a success, whatever becomes of this; what
could not be done is noted on the page and tried again when the conversation has grown.
"""

from __future__ import annotations

import uuid

import attrs
import trio

from hive.agent import driver, turn, wake_text
from hive.agent.context import Context
from hive.agent.driver import Line, Prompt
from hive.agent.harness import Harness
from hive.agent.patience import give_back
from hive.agent.phases import Phase
from hive.agent.seen import SeenInLines
from hive.agent.stream_json import TurnFacts
from hive.agent.turn_count import CHECKPOINT, COMPACTION, Ended
from hive.agent.turn_record import TurnRecord
from hive.config import HarnessConfig
from hive.errors import HiveError
from hive.wire.stats import CANCELLED

QUIET_S = 1.0
COMPACT_SHARE = 0.75
RESET_SHARE = 0.5
GROWN_SHARE = 0.1
"""By how much of what fits a conversation has to grow until compacting is tried again in vain."""


def is_due(config: HarnessConfig, context: Context) -> bool:
    """Whether the conversation is to be compacted."""
    mark = _mark(config.compact_tokens, COMPACT_SHARE, context) if config.auto_compact else 0
    return 0 < mark <= context.tokens and context.tokens >= context.not_below


def is_cold(config: HarnessConfig, context: Context, now: float) -> bool:
    """Whether going on would send a large conversation anew, because its cache has gone."""
    mark = _mark(config.reset_tokens, RESET_SHARE, context)
    if context.left_at is None or not 0 < mark <= context.tokens:
        return False
    return now - context.left_at >= config.cache_ttl_s


def _mark(tokens: int | None, share: float, context: Context) -> int:
    """Return from how many tokens on something is done; 0 for never."""
    return int(share * (context.window or 0)) if tokens is None else tokens


def after_turn(harness: Harness) -> None:
    """Note what a turn has left of the conversation."""
    state, before = harness.state, harness.context.now
    context = Context(state.ctx_usage, state.context_window, harness.clock())
    if before.was_compacted and context.usage is None:
        context = attrs.evolve(context, was_compacted=True)
    elif before.was_compacted:
        # What is left after a compaction is what it cannot make smaller.
        more = int(GROWN_SHARE * (context.window or 0))
        context = attrs.evolve(context, not_below=context.tokens + more)
    elif context.tokens < before.not_below:
        context = attrs.evolve(context, not_below=before.not_below)
    harness.context.now = context


async def keep_when_quiet(harness: Harness) -> None:
    """Put on disk what is known of the conversation, once no turn follows at once."""
    await trio.sleep(QUIET_S)
    keep(harness)


def keep(harness: Harness) -> None:
    """Put on disk what is known of the conversation; that it cannot be is a note and no more."""
    try:
        harness.context.save()
    except HiveError as error:
        harness.bus.note(f"what the conversation holds could not be kept: {error.message}")


async def begin_afresh_when_cold(harness: Harness, record: TurnRecord) -> TurnRecord:
    """Begin a conversation for a message when the one there is has gone cold.

    No checkpoint: that would send the whole conversation once more, which is what is avoided. Not
    for a message whose work was broken off, which goes on in its conversation.
    """
    context = harness.context.now
    is_new = (record.chain, record.step, record.failures) == (0, 0, 0) and not record.session_id
    if not is_new or not is_cold(harness.config, context, harness.clock()):
        return record
    left_at = context.left_at or 0.0
    minutes = int((harness.clock() - left_at) / 60)
    note = (
        f"the conversation held {context.tokens:,} tokens and was left alone for {minutes} min, so"
        " its cache is gone: a new one is begun"
    )
    harness.bus.note(note)
    turn.begin_anew(harness)
    why = f"This is a new conversation: the earlier one was left alone for {minutes} minutes."
    return attrs.evolve(record, fresh=why)


async def compact_when_due(harness: Harness) -> None:
    """Have a conversation that is nearly full compacted, behind a turn that asks for notes first.

    Behind it the loop waits for a message.
    """
    context = harness.context.now
    if not is_due(harness.config, context):
        harness.state.enter(Phase.WAITING)
        return
    of = "" if context.window is None else f" of {context.window:,}"
    harness.bus.note(
        f"the conversation holds {context.tokens:,}{of} tokens: what is worth keeping is written"
        " down, then it is compacted"
    )
    # Whatever comes of it, it is not tried again before the conversation has grown.
    more = int(GROWN_SHARE * (context.window or 0))
    harness.context.now = attrs.evolve(context, not_below=context.tokens + more)
    harness.state.enter(Phase.CHECKPOINT)
    note = await _checkpoint(harness, context)
    if note is None:
        note = await compact(harness)
    else:
        harness.state.enter(Phase.WAITING)
    if note is not None:
        harness.bus.note(f"the conversation was not compacted: {note}")


async def compact(harness: Harness) -> str | None:
    """Compact between two turns; returns why it was not done, None when it was."""
    outcome = await turn.compact(harness, Phase.WAITING)
    harness.stats.record(Ended(outcome.kind, outcome.note, COMPACTION))
    if outcome.kind != driver.OK:
        return outcome.note or outcome.kind
    harness.bus.note("compacted")
    return None


async def _checkpoint(harness: Harness, context: Context) -> str | None:
    """Let the agent write down what it needs; returns why not to compact, None to go on."""
    prompt = Prompt(str(uuid.uuid4()), wake_text.checkpoint_text(context.tokens, context.window))
    lines, watch = SeenInLines(), turn.watcher(harness, TurnFacts())

    def on_line(line: Line) -> None:
        lines.feed(line)
        watch(line)

    harness.tools.begin_turn()
    harness.desk.is_turning = True
    try:
        outcome = await harness.driver.turn(prompt, on_line, turn.texts(harness))
        is_cancelled = harness.desk.is_cancelled
        harness.stats.record(
            Ended(CANCELLED if is_cancelled else outcome.kind, outcome.note, CHECKPOINT)
        )
    finally:
        has_received = bool(harness.tools.end_turn() or lines.ids)
        harness.desk.is_turning = harness.desk.is_cancelled = False
    if has_received:
        # It was not asked to, and after the compaction it would not know of them any more.
        await give_back(harness)
    if is_cancelled:
        return "cancelled by the operator"
    if outcome.kind in (driver.OK, driver.PROMPT_TOO_LONG):
        return None
    return f"the turn before it failed: {outcome.note}"

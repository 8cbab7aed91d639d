"""One message worked on: its chain of prompts until claude is through with it, or cannot be.

Retries that make sense at once happen here: a prompt that claude has answered before is followed by
a «go on», a conversation that is too long is compacted and then begun anew, a refused account is
tried once more because a token may just have been renewed. Everything that needs a pause is a
verdict for the turn loop.
"""

from __future__ import annotations

import attrs
import trio

from hive.agent import claude_version, driver, retrying, wake_text
from hive.agent.context import Context
from hive.agent.driver import Line, Outcome, Prompt
from hive.agent.harness import Harness
from hive.agent.phases import Phase
from hive.agent.seen import SeenInLines
from hive.agent.steering import Steering
from hive.agent.stream_json import TurnFacts
from hive.agent.turn_record import TurnRecord
from hive.wire.messages import DeliveredMessage

STUCK_AFTER = 5
"""After so many failed tries at a message, a minute of them, a conversation that the service does
not take is given up: it may hold a picture too large or a call without its result for ever."""
STEPS_MOST = 20
"""How many prompts one try at a message hands to claude at most."""


@attrs.frozen
class Verdict:
    """How a try at a message ended."""

    kind: str
    """`driver.OK`: it is to be acknowledged; else one of the other kinds of outcome."""
    note: str | None = None
    retry_at: float | None = None
    seen: tuple[int, ...] = ()
    """What else the model was handed in the conversation that goes on."""
    is_cancelled: bool = False
    """The operator ended it: to be acknowledged, but not a clean turn."""


CANCELLED = Verdict(driver.INTERRUPTED, "cancelled by the operator", is_cancelled=True)


@attrs.define
class _Try:
    """What this try has used up."""

    message: DeliveredMessage
    unread: int
    record: TurnRecord
    seen: set[int] = attrs.field(factory=set)
    has_compacted: bool = False
    has_begun_anew: bool = False
    has_tried_login: bool = False


async def work_on(
    harness: Harness, message: DeliveredMessage, record: TurnRecord, unread: int
) -> Verdict:
    """Run turns until the message is through, or a pause is needed; raises `HiveError`.

    The record on file is at the place in the chain where the next try goes on. Cancelled, the
    turn is interrupted.
    """
    work = _Try(message, unread, harness.record.save(record))
    harness.desk.is_turning = True
    harness.desk.is_cancelled = False
    harness.state.enter(Phase.THINKING)
    try:
        for _ in range(STEPS_MOST):
            verdict = await _step(harness, work)
            is_ok = verdict is not None and verdict.kind == driver.OK
            if harness.desk.is_cancelled and not is_ok:
                # However this step ended, between two prompts and in a compaction too.
                return CANCELLED
            if verdict is not None:
                return attrs.evolve(verdict, seen=tuple(sorted(work.seen)))
        return Verdict(driver.FAILED, "claude was handed the message too often and never answered")
    finally:
        harness.tools.end_turn()
        harness.desk.is_turning = False
        harness.desk.is_cancelled = False
        harness.state.enter(Phase.CLOSING)


async def compact(harness: Harness, then: Phase) -> Outcome:
    """Compact the conversation, then enter the phase that follows."""
    is_in_turn = harness.desk.is_turning
    harness.state.enter(Phase.COMPACTING)
    harness.desk.is_turning = True
    try:
        outcome = await harness.driver.compact(watcher(harness, TurnFacts()), texts(harness))
        if harness.desk.is_cancelled and outcome.kind != driver.OK:
            # claude calls it an aborted request.
            outcome = attrs.evolve(outcome, note=CANCELLED.note)
    finally:
        harness.desk.is_turning = is_in_turn
        if not is_in_turn:
            harness.desk.is_cancelled = False
        harness.state.enter(then)
    if outcome.kind == driver.OK:
        harness.state.forget_context()
        context = harness.context
        context.now = attrs.evolve(context.now, usage=None, was_compacted=True)
    return outcome


async def _step(harness: Harness, work: _Try) -> Verdict | None:
    """Hand one prompt of the chain to claude; None when the next one is due at once."""
    record = work.record
    # A claude that died in the middle of its tries has not said that they are over.
    harness.state.end_retries()
    facts, lines, steering = TurnFacts(), SeenInLines(), Steering()
    text = (
        wake_text.wake_text(
            work.message, work.unread, harness.config.allowed_recipients, fresh=record.fresh
        )
        if record.step == 0
        else wake_text.go_on_text(work.message)
    )
    prompt = Prompt(record.prompt_uuid(harness.config.label), text, record.step > 0)
    harness.tools.begin_turn()
    watch = watcher(harness, facts)

    def on_line(line: Line) -> None:
        lines.feed(line)
        watch(line)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(steering.watch, harness)
        outcome = await harness.driver.turn(prompt, on_line, texts(harness))
        nursery.cancel_scope.cancel()
    if facts.has_init:
        harness.state.set_doubt(claude_version.doubt(facts.version))
        harness.equipment.heard(facts.mcp_servers)
    work.seen.update(harness.tools.end_turn(), lines.ids, steering.seen(outcome.taken))
    work.seen.discard(work.message.id)
    if outcome.was_answered:
        work.record = harness.record.save(record.next_step())
        return None
    session = facts.session_id or record.session_id
    if record.step > 0 and record.session_id not in (None, session):
        # claude lost the conversation this message was begun in, so «go on» meant nothing to it.
        harness.bus.note("the conversation was lost: the message is handed over anew")
        work.seen.clear()
        work.record = harness.record.save(attrs.evolve(record.afresh(), session_id=session))
        return None
    record = attrs.evolve(record, session_id=session)
    if facts.was_compacted and not _is_through(outcome):
        # claude made room by itself, and its summary may have swallowed the message.
        record = record.afresh()
    elif outcome.result is not None and not _is_through(outcome):
        # claude has ended this prompt with a failure: it stands in the conversation, and its uuid
        # would not be run again.
        record = record.next_step()
    work.record = record
    verdict = await _judge(harness, work, outcome)
    if verdict is None or not _is_through(outcome):
        harness.record.save(work.record)
    return verdict


def _is_through(outcome: Outcome) -> bool:
    return outcome.kind == driver.OK and not outcome.tools_missing


async def _judge(harness: Harness, work: _Try, outcome: Outcome) -> Verdict | None:
    """Return what the outcome means; None to hand the next prompt over at once."""
    if outcome.kind == driver.OK and outcome.tools_missing:
        await harness.driver.restart()
        note = "claude ran without hive's tools; it is started anew"
        if harness.config.turn_mode == "live":
            note += ". A version that cannot take them over its pipe needs --turn-mode process"
        return Verdict(driver.FAILED, note)
    if outcome.kind == driver.OK:
        return Verdict(driver.OK)
    if outcome.kind == driver.PROMPT_TOO_LONG:
        return await _make_room(harness, work, outcome, "is too long")
    if outcome.is_unfit and work.record.failures == STUCK_AFTER:
        return await _make_room(harness, work, outcome, "is refused again and again")
    if outcome.kind == driver.NEEDS_LOGIN and not work.has_tried_login:
        work.has_tried_login = True
        harness.bus.note("claude was refused; its token may just have been renewed: once more")
        return None
    return Verdict(outcome.kind, outcome.note, outcome.retry_at)


async def _make_room(harness: Harness, work: _Try, outcome: Outcome, why: str) -> Verdict | None:
    if not work.has_compacted:
        work.has_compacted = True
        harness.bus.note(f"the conversation {why}: compacting it")
        done = await compact(harness, Phase.THINKING)
        if done.kind == driver.OK:
            # The summary may have swallowed the message and what was received behind it: the one
            # is handed over in full again, the others come back.
            work.seen.clear()
            work.record = work.record.afresh()
            return None
        if done.kind != driver.PROMPT_TOO_LONG and done.kind != driver.FAILED:
            return Verdict(done.kind, done.note, done.retry_at)
        harness.bus.note(f"the conversation was not compacted: {done.note}")
    if not work.has_begun_anew:
        work.has_begun_anew = True
        harness.bus.note(f"the conversation {why}: a new one is begun")
        begin_anew(harness)
        work.seen.clear()
        work.record = work.record.afresh()
        return None
    return Verdict(outcome.kind, outcome.note)


def begin_anew(harness: Harness) -> None:
    """Make the next prompt the first of a fresh conversation."""
    harness.driver.start_new_session()
    harness.state.session_id = None
    harness.state.cost_usd = None
    harness.state.forget_context()
    harness.context.now = Context(window=harness.context.now.window)


def watcher(harness: Harness, facts: TurnFacts) -> driver.OnLine:
    """Return what shows each line on the page and takes from it what the badges show."""

    def on_line(line: Line) -> None:
        harness.bus.show(line)
        facts.feed(line)
        if (retry := retrying.read(line)) is not None:
            harness.state.retry(retry)
        elif retrying.is_over(line):
            harness.state.end_retries()
        kind = line.get("type")
        if kind in ("assistant", "result"):
            harness.state.set_usage(
                facts.last_usage, facts.turn_usage, facts.context_window, facts.total_cost_usd
            )
        if facts.session_id is not None:
            harness.state.session_id = facts.session_id

    return on_line


def texts(harness: Harness) -> driver.OnText:
    """Return what shows claude's standard error on the page."""

    def on_text(text: str) -> None:
        harness.bus.note(text, "stderr")

    return on_text

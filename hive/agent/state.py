"""What the page's badges show: one small object, each change of it one live frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import trio

from hive.agent.phases import SHOWN, Phase, may_follow
from hive.agent.retrying import Retry
from hive.wire import codec, live
from hive.wire.agent import DOUBT, LACKING, ReportState
from hive.wire.limits import REPORT_NOTE_BYTES
from hive.wire.live import LiveFrame, TokenUsage


@attrs.define
class AgentState:
    """The present state of the agent; changed only through its methods, which publish."""

    model: str
    """What the next turn runs on."""
    _show: Callable[[LiveFrame], object]
    _clock: Callable[[], float]
    phase: Phase = Phase.STARTING
    """What the turn loop is at; status and turn state follow from it."""
    status: str = live.ONLINE
    turn_state: str = live.IDLE
    turn_state_since: float = 0.0
    """Unix seconds."""
    ctx_usage: TokenUsage | None = None
    """Of the last inference: what the conversation holds."""
    cost_usage: TokenUsage | None = None
    """Of the last turn as a whole."""
    last_turn_ms: int | None = None
    session_id: str | None = None
    context_window: int | None = None
    cost_usd: float | None = None
    """Of the conversation, at list price, by claude's own sum."""
    trouble: str | None = None
    """Why the agent does not work, in one sentence, when it does not."""
    lacking: str | None = None
    """What it has to work without, when there is anything."""
    doubt: str | None = None
    """What may be wrong although it works."""
    retrying: str | None = None
    """Which try of a request claude is at, while it tries one again."""
    is_logging_in: bool = False
    """A login runs."""
    phase_since: float = 0.0
    """Unix seconds."""
    until: float | None = None
    """When the phase ends by itself, where that is known, in Unix seconds."""
    _retried: Phase = Phase.THINKING
    """What claude was at when it began to try again."""
    _changed: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.turn_state_since = self.phase_since = self._clock()

    def enter(self, phase: Phase, trouble: str | None = None, until: float | None = None) -> None:
        """Go to another phase, or stay in this one with another sentence.

        A phase in which the agent does not work needs the sentence that says why. Others leave the
        one there is: it holds until something went well.
        """
        assert phase is self.phase or may_follow(self.phase, phase), (
            f"{phase.value} cannot follow {self.phase.value}"
        )
        shown = SHOWN[phase]
        assert not shown.needs_trouble or trouble, f"{phase.value} does not say why"
        if phase is not self.phase or until != self.until:
            self.phase_since = self.phase_since if phase is self.phase else self._clock()
            self.phase, self.until = phase, until
            self._ring()
        if phase is not Phase.RETRYING:
            self._set_retrying(None)
        self._set_shown_status()
        self.set_turn_state(shown.turn_state)
        if trouble is not None:
            self.set_trouble(trouble)

    def retry(self, retry: Retry) -> None:
        """Show that claude tries a request again; `since` stays that of the first try."""
        if self.phase is not Phase.RETRYING:
            self._retried = self.phase
        self.enter(Phase.RETRYING, until=self._clock() + retry.wait_s)
        self._set_retrying(retry.sentence)

    def end_retries(self) -> None:
        """Go back to what claude was at, where it tried a request again."""
        if self.phase is Phase.RETRYING:
            self.enter(self._retried)

    def _set_retrying(self, text: str | None) -> None:
        before, self.retrying = self.shown, text
        self._tell_shown(before)

    def set_logging_in(self, is_logging_in: bool) -> None:
        """Set whether a login runs; it shows where one is missing."""
        self.is_logging_in = is_logging_in
        self._set_shown_status()

    def _set_shown_status(self) -> None:
        status = SHOWN[self.phase].status
        is_waited_for = self.is_logging_in and status == live.NEEDS_LOGIN_IDLE
        self.set_status(live.NEEDS_LOGIN_IN_PROGRESS if is_waited_for else status)

    def set_turn_state(self, state: str) -> None:
        """Set what claude is doing; `since` starts anew only when it differs."""
        if state != self.turn_state:
            self.turn_state = state
            self.turn_state_since = self._clock()
            self._tell(live.TurnStateChanged(state, self.turn_state_since))

    def set_status(self, status: str) -> None:
        """Set whether the agent can work at all."""
        if status != self.status:
            self.status = status
            self._tell(live.StatusChanged(status))

    def set_model(self, model: str) -> None:
        """Set what the next turn runs on."""
        if model != self.model:
            self.model = model
            self._tell(live.ModelChanged(model))

    def set_usage(
        self,
        ctx: TokenUsage | None,
        cost: TokenUsage | None,
        window: int | None = None,
        cost_usd: float | None = None,
    ) -> None:
        """Set the usages, what fits and what was paid; None leaves one as it was."""
        before = self._usage()
        self.ctx_usage = ctx or self.ctx_usage
        self.cost_usage = cost or self.cost_usage
        self.context_window = window or self.context_window
        self.cost_usd = self.cost_usd if cost_usd is None else cost_usd
        if self._usage() != before:
            self._tell(self._usage())

    def set_trouble(self, text: str | None) -> None:
        """Set, or clear, the sentence that says why the agent does not work."""
        before, self.trouble = self.shown, text
        self._tell_shown(before)

    def set_lacking(self, text: str | None) -> None:
        """Set, or clear, what the agent has to work without; shown while nothing worse is."""
        before, self.lacking = self.shown, text
        self._tell_shown(before)

    def set_doubt(self, text: str | None) -> None:
        """Set, or clear, what may be wrong; shown while nothing else is."""
        before, self.doubt = self.shown, text
        self._tell_shown(before)

    @property
    def shown(self) -> str | None:
        """The sentence that page and row show."""
        return self.retrying or self.trouble or self.lacking or self.doubt

    def forget_context(self) -> None:
        """Say that nobody knows what the conversation holds: it is another one now."""
        if self.ctx_usage is not None:
            self.ctx_usage = None
            self._tell(self._usage())

    def report(self) -> ReportState:
        """Return what the daemon shows of this agent."""
        ctx = self.ctx_usage
        tokens = (
            None
            if ctx is None
            else ctx.input_tokens + ctx.cache_read_input_tokens + ctx.cache_creation_input_tokens
        )
        note = None if self.shown is None else _cut(self.shown)
        return ReportState(
            self.status,
            self.turn_state,
            self.model,
            tokens,
            note,
            about=self._about(),
            phase=self.phase.value,
            since=self.phase_since,
            until=self.until,
        )

    def _about(self) -> str | None:
        if self.retrying or self.trouble or not self.shown:
            return None
        return LACKING if self.lacking else DOUBT

    def to_json(self) -> dict[str, Any]:
        """Return the badges as the page's snapshot holds them."""
        return {
            "phase": self.phase.value,
            "status": self.status,
            "trouble": self.shown,
            "turn_state": self.turn_state,
            "turn_state_since": self.turn_state_since,
            "model": self.model,
            "ctx_usage": None if self.ctx_usage is None else codec.to_json(self.ctx_usage),
            "cost_usage": None if self.cost_usage is None else codec.to_json(self.cost_usage),
            "context_window": self.context_window,
            "cost_usd": self.cost_usd,
            "last_turn_ms": self.last_turn_ms,
            "session_id": self.session_id,
        }

    async def wait_changed(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()

    def _tell_shown(self, before: str | None) -> None:
        if self.shown != before:
            self._tell(live.TroubleChanged(self.shown))

    def _usage(self) -> live.TokenUsageChanged:
        return live.TokenUsageChanged(
            self.ctx_usage, self.cost_usage, self.context_window, self.cost_usd
        )

    def _tell(self, frame: LiveFrame) -> None:
        self._show(frame)
        self._ring()

    def _ring(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _cut(text: str) -> str:
    """Return what of a sentence the daemon takes."""
    data = text.encode(errors="replace")
    if len(data) <= REPORT_NOTE_BYTES:
        return text
    return data[: REPORT_NOTE_BYTES - 3].decode(errors="ignore") + "…"

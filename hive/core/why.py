"""Why an agent does not work: one sentence, made here alone, of facts that others gather.

Pure: the same facts give the same reason, and every state of an agent gives exactly one. Every
surface shows what `reason` returns and words nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import attrs

from hive.core import transients
from hive.core.why_facts import Act, Facts, Queued, Trouble
from hive.wire import live
from hive.wire.agent import DOUBT, LACKING, ReportState
from hive.wire.why import INFO, LOOKS, WARNING, Code, Reason

SILENT_S = 30.0
"""How long a container may run without a word of its harness before that is an error."""
HUNG_S = 100.0
"""The same of a harness that has spoken: it tells its state every 30 s, whatever it is at, and may
take a while to be heard."""
_LAST_TIME = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

_LIMITS = {
    "memory_mib": "memory",
    "cpu_percent": "processor",
    "tasks": "processes",
    "open_files": "open files",
    "disk_mib": "disk",
}
_DOING = {
    transients.SPAWNING: (Code.SPAWNING, "it is being made"),
    transients.STARTING: (Code.STARTING, "it is being started"),
    transients.STOPPING: (Code.STOPPING, "it is being stopped"),
    transients.RESTARTING: (Code.RESTARTING, "it is being restarted"),
    transients.REBUILDING: (Code.REBUILDING, "it is being rebuilt"),
    transients.DESTROYING: (Code.DESTROYING, "it is being destroyed"),
}


@attrs.frozen
class _Cause:
    """A reason in the making."""

    code: Code
    text: str
    since: float | None = None
    until: float | None = None
    by: str | None = None
    mend: str | None = None
    word: str | None = None
    level: str | None = None


def reason(facts: Facts) -> Reason:
    """Return why this agent does not work, or that it does."""
    cause = next(filter(None, (look(facts) for look in _LOOKS)))
    cause = _with_flaws(facts, cause)
    word, level = LOOKS[cause.code]
    return Reason(
        code=cause.code,
        word=cause.word or word,
        level=cause.level or level,
        sentence=cause.text,
        since=rfc3339(cause.since),
        until=rfc3339(cause.until),
        by=cause.by,
        mend=cause.mend,
    )


def rfc3339(at: float | None) -> str | None:
    """Return a time for programs, None for one that no calendar has."""
    return None if at is None or not 0 <= at < _LAST_TIME else _time(at, "%Y-%m-%dT%H:%M:%SZ")


def _stamp(word: str, at: float | None) -> str:
    """Return a time behind a word, as part of a sentence; nothing where it is not known."""
    if at is None or not 0 <= at < _LAST_TIME:
        return ""
    return f" {word} {_time(at, '%Y-%m-%d %H:%M:%S UTC')}"


def _time(at: float, form: str) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(form)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _acted(what: str, act: Act | None) -> str:
    return f"it is {what}" if act is None else f"it was {what} by {act.by}{_stamp('at', act.at)}"


def _doing(facts: Facts) -> _Cause | None:
    """Something is being done to it."""
    if facts.transient is None:
        return None
    code, text = _DOING.get(facts.transient, (Code.COMING_UP, f"it is {facts.transient}"))
    since = facts.transient_since
    step = facts.job.step if facts.job is not None and facts.job.is_running else None
    at = f" ({step})" if step else ""
    return _Cause(code, f"{text}{at}{_stamp('since', since)}", since=since)


def _absent(facts: Facts) -> _Cause | None:
    """There is no such agent."""
    if facts.exists:
        return None
    if facts.job is not None:
        return _queued(facts.job)
    if facts.approval is not None:
        number = facts.approval
        mend = f"look with hive.pyz diff {number}, then hive.pyz approve {number}"
        return _Cause(
            Code.WAITS_FOR_APPROVAL, f"it waits for your decision on approval {number}", mend=mend
        )
    if facts.is_kept:
        mend = f"hive.pyz revive {facts.name} asks for it again"
        return _Cause(Code.DESTROYED, "it was destroyed, and its state is kept", mend=mend)
    return _Cause(Code.UNKNOWN, "there is no agent of this name", mend="hive.pyz list names all")


def _queued(job: Queued) -> _Cause:
    mend = f"hive.pyz queue {job.id} shows its log"
    if job.is_running:
        at = f" ({job.step})" if job.step else ""
        text = f"it is being built by job {job.id}{at}{_stamp('since', job.since)}"
        return _Cause(Code.BUILDING, text, since=job.since, mend=mend)
    behind = f" behind {_count(job.before, 'job', 'jobs')}" if job.before else ""
    text = f"it waits in the build queue as job {job.id}{behind}"
    return _Cause(Code.BEHIND_JOBS, text, since=job.since, mend=mend)


def _off(facts: Facts) -> _Cause | None:
    """It does not run."""
    if facts.is_running:
        return None
    if facts.job is not None:
        return _queued(facts.job)
    if facts.trouble is not None:
        return _troubled(facts, facts.trouble)
    if facts.is_wanted:
        return _Cause(Code.COMING_UP, "it is about to be started", since=facts.started_at)
    act = facts.stopped
    return _Cause(
        Code.STOPPED,
        _acted("stopped", act),
        since=None if act is None else act.at,
        by=None if act is None else act.by,
        mend=f"hive.pyz start {facts.name}",
    )


def _troubled(facts: Facts, trouble: Trouble) -> _Cause:
    is_down = trouble.code in (Code.CRASHED, Code.NOT_STARTED)
    end = _stamp(f"it is {'started' if is_down else 'tried'} again at", trouble.until)
    mend = trouble.mend or f"hive.pyz logs {facts.name} shows its last words"
    return _Cause(
        trouble.code,
        f"{trouble.text};{end}" if end else trouble.text,
        since=trouble.since,
        until=trouble.until,
        mend=mend,
    )


def _unheard(facts: Facts) -> _Cause | None:
    """It runs, and its harness has not spoken yet or cannot be heard."""
    if facts.trouble is not None and facts.trouble.code is Code.UNREACHABLE:
        return _troubled(facts, facts.trouble)
    if facts.report is not None:
        return _hung(facts) if facts.silent_s >= HUNG_S else None
    if facts.is_paused:
        return _paused(facts)
    if facts.has_login_mark:
        return _login(facts)
    if facts.has_limit_mark:
        return _Cause(Code.RATE_LIMITED, "claude's account was at its limit when it was heard last")
    if facts.silent_s >= SILENT_S:
        since = facts.started_at
        text = f"it runs and its harness does not speak{_stamp('since', since)}"
        mend = f"look at hive.pyz logs {facts.name}, then hive.pyz restart {facts.name}"
        return _Cause(Code.UNREACHABLE, text, since=since, mend=mend)
    return _Cause(Code.COMING_UP, "it is coming up", since=facts.started_at)


def _hung(facts: Facts) -> _Cause:
    """Its harness has spoken, and does not any more."""
    return _Cause(
        Code.UNREACHABLE,
        f"it runs and its harness hangs: nothing was heard of it{_stamp('since', facts.heard_at)}",
        since=facts.heard_at,
        mend=f"look at hive.pyz logs {facts.name}, then hive.pyz restart {facts.name}",
    )


def _paused(facts: Facts) -> _Cause:
    act = facts.paused
    return _Cause(
        Code.PAUSED,
        _acted("paused", act),
        since=None if act is None else act.at,
        by=None if act is None else act.by,
        mend=f"hive.pyz resume {facts.name}",
    )


def _login(facts: Facts) -> _Cause:
    since = None if facts.report is None else facts.report.since
    if facts.report is not None and facts.report.status == live.NEEDS_LOGIN_IN_PROGRESS:
        return _Cause(
            Code.LOGGING_IN,
            f"claude is being logged in{_stamp('since', since)}",
            since=since,
            mend="open the link on its page, log in there, and paste the code it shows",
        )
    return _Cause(
        Code.NEEDS_LOGIN,
        f"claude is not logged in{_stamp('since', since)}",
        since=since,
        mend=f"log it in on its page or with hive.pyz login {facts.name}, or start the hive with"
        " ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN",
    )


def _held_up(code: Code, fallback: str, mend: str | None = None) -> Look:
    """Return what makes the reason of a phase in which the harness waits for a better time."""

    def make(facts: Facts, report: ReportState) -> _Cause:
        text = report.note if report.note is not None and report.about is None else fallback
        end = _stamp(
            "it waits until" if code is Code.RATE_LIMITED else "it tries again at", report.until
        )
        text = f"{text};{end}" if end else text
        return _Cause(
            code, text, since=report.since, until=report.until, mend=mend and mend + facts.name
        )

    return make


def _working(text: str, word: str) -> Look:
    def make(_: Facts, report: ReportState) -> _Cause:
        return _Cause(
            Code.WORKING, f"{text}{_stamp('since', report.since)}", since=report.since, word=word
        )

    return make


def _plainly(code: Code, text: str) -> Look:
    def make(_: Facts, report: ReportState) -> _Cause:
        return _Cause(code, f"{text}{_stamp('since', report.since)}", since=report.since)

    return make


def _retrying(_: Facts, report: ReportState) -> _Cause:
    text = report.note if report.note is not None and report.about is None else _RETRIES
    end = _stamp("it tries again at", report.until)
    text = f"{text}{_stamp('since', report.since)}"
    return _Cause(
        Code.RETRYING,
        f"{text};{end}" if end else text,
        since=report.since,
        until=report.until,
    )


def _idle(facts: Facts, report: ReportState) -> _Cause:
    if facts.is_paused:
        return _paused(facts)
    if facts.unread:
        waiting = _count(facts.unread, "message", "messages")
        text = f"it is about to take the first of {waiting}"
        return _Cause(Code.BEHIND_MESSAGES, text, since=report.since)
    text = f"it waits for a message{_stamp('since', report.since)}"
    return _Cause(Code.WAITING, text, since=report.since)


Look = Callable[[Facts, ReportState], _Cause]
_LIMITED = _held_up(Code.RATE_LIMITED, "claude's account is at its limit")
_RETRIES = "claude is retrying the API"
_PAGE = "what it did is on the page of "
_PHASES: Mapping[str, Look] = MappingProxyType(
    {
        "starting": _plainly(Code.COMING_UP, "it settles what an earlier run left"),
        "waiting": _idle,
        "parked": _idle,
        "paused": lambda facts, _: _paused(facts),
        "retrying": _retrying,
        "thinking": _working("it works on a message", "thinking"),
        "compacting": _working("its conversation is being compacted", "compacting"),
        "checkpoint": _working("it writes down what a compaction would lose", "thinking"),
        "closing": _working("it ends a turn", "thinking"),
        "chatting": _plainly(Code.CHATTING, "the operator is in a chat with its claude"),
        "rate_limited": _LIMITED,
        "overloaded": _held_up(Code.OVERLOADED, "claude's service is overloaded"),
        "needs_login": lambda facts, _: _login(facts),
        "no_claude": _held_up(
            Code.NO_CLAUDE,
            "claude cannot be started",
            "install Claude Code or name it with HIVE_CLAUDE, see hive.pyz doctor; then hive.pyz"
            " restart ",
        ),
        "failing": _held_up(Code.FAILING, "a turn failed", _PAGE),
    }
)
"""By the phase of the harness; a phase that is not known is told by its status."""


def _told(facts: Facts) -> _Cause:
    """It runs, and its harness says what it is at."""
    report = facts.report
    assert report is not None, "whoever was not heard has a reason already"
    look = _PHASES.get(report.phase or "") or _by_status(report)
    return look(facts, report)


def _by_status(report: ReportState) -> Look:
    """Return the phase of a harness that tells none, or one of another hive."""
    if report.status.startswith(live.NEEDS_LOGIN):
        return _PHASES["needs_login"]
    if report.status == live.RATE_LIMITED:
        return _LIMITED
    if report.status == live.PAUSED:
        return _PHASES["paused"]
    return _PHASES[report.turn_state if report.turn_state in _BUSY else "waiting"]


_BUSY = (live.THINKING, live.COMPACTING)
_LOOKS: tuple[Callable[[Facts], _Cause | None], ...] = (_doing, _absent, _off, _unheard, _told)
"""Asked in this order; the last one has an answer for whatever is left."""
_AT_REST = frozenset({Code.WAITING, Code.BEHIND_MESSAGES})
"""Of which what is wrong beside is the better reason."""
_SAID = frozenset({Code.RATE_LIMITED, Code.RETRYING, Code.OVERLOADED, Code.NO_CLAUDE, Code.FAILING})
"""Whose text is what the harness noted."""
_OWN = frozenset({Code.PAUSED, Code.NEEDS_LOGIN, Code.LOGGING_IN, Code.COMING_UP, Code.CHATTING})
"""Of which the harness notes no more than is said already."""


def _with_flaws(facts: Facts, cause: _Cause) -> _Cause:
    """Return a cause with what else is not as it should be, and with how much waits for its end."""
    is_moved = facts.is_running or facts.transient is not None
    if not is_moved and cause.code is not Code.CRASHED:
        return _with_waiting(facts, cause)
    flaws = _flaws(facts, cause.code)
    text = "; ".join([cause.text, *(flaw.text for flaw in flaws)])
    cause = attrs.evolve(cause, text=text)
    word, level = LOOKS[cause.code]
    if not flaws or level != INFO:
        return _with_waiting(facts, cause)
    code = flaws[0].code if cause.code in _AT_REST else cause.code
    word = cause.word or word
    return attrs.evolve(cause, code=code, level=WARNING, mend=flaws[0].mend, word=word)


def _with_waiting(facts: Facts, cause: _Cause) -> _Cause:
    is_passing = LOOKS[cause.code][1] == INFO
    if is_passing or not facts.unread:
        return cause
    waiting = _count(facts.unread, "message waits", "messages wait")
    return attrs.evolve(cause, text=f"{cause.text}; {waiting}")


def _flaws(facts: Facts, code: Code) -> list[_Cause]:
    found = []
    trouble = facts.trouble
    if trouble is not None and code not in (Code.UNREACHABLE, Code.CRASHED):
        found.append(_troubled(facts, trouble))
    report = facts.report
    if report is not None and report.note is not None and not (code in _SAID or code in _OWN):
        found.append(_noted(facts.name, report.note, report))
    if facts.limits_met:
        met = ", ".join(_LIMITS.get(key, key) for key in facts.limits_met)
        mend = f"raise `limits` in the agent.toml of {facts.name}, or let it do less at once"
        found.append(_Cause(Code.LIMIT_MET, f"it met its limit of {met} lately", mend=mend))
    return found


def _noted(name: str, note: str, report: ReportState) -> _Cause:
    if report.about == DOUBT:
        return _Cause(Code.UNTESTED, note, mend="hive.pyz doctor names the version that is tested")
    if report.about == LACKING or report.phase is None:
        return _Cause(Code.LACKING, note, mend=f"correct the agent.toml of {name}")
    return _Cause(Code.FAILING, note, mend=_PAGE + name)

"""Requests of the operator about what is open: queue, questions, reminders, kept state."""

from __future__ import annotations

from typing import Any

import trio

from hive.core import (
    actions,
    kept_turns,
    network,
    notify_actions,
    proposals,
    readings,
    reasons,
    search,
)
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.nursery.manager_requests import check_inputs
from hive.wire import admin, admin_work, codec
from hive.wire.admin import Reply
from hive.wire.admin_work import WorkRequest
from hive.wire.approvals import Approval
from hive.wire.audit import ROWS_MOST
from hive.wire.names import AgentName, agent_name
from hive.wire.stats import window_of
from hive.wire.why import Reason

LOG_SHOWN = 20
"""Commits of the meta repository that are shown with its inputs."""


async def answer(hive: Hive, request: WorkRequest) -> Reply:
    """Answer one request; raises `HiveError`."""
    match request:
        case admin_work.Jobs():
            return admin.ok(jobs=_rows(hive.queue.rows()))
        case admin_work.JobLog(number, after):
            return await _job_log(hive, number, after)
        case admin_work.CancelJob(number):
            await actions.cancel_job(hive, number)
            return admin.ok()
        case admin_work.Diff(number, base):
            return admin.ok(diff=codec.to_json(await proposals.diff(hive, number, base)))
        case admin_work.MetaInputs():
            inputs = _rows(await hive.meta.inputs())
            return admin.ok(meta_inputs=inputs, meta_log=await hive.meta.log(LOG_SHOWN))
        case admin_work.UpdateInputs(inputs):
            check_inputs(inputs)
            if not inputs:
                raise BadRequest("inputs is empty: name those to update, never none for all")
            ticket = await actions.update_inputs(hive, inputs)
            await ticket.wait()
            return admin.ok(job_id=ticket.row.id)
        case admin_work.UpdateAll():
            return await _update_all(hive)
        case _:
            return await _answer_talk(hive, request)


async def _job_log(hive: Hive, number: int, after: int) -> Reply:
    lines = await readings.job_log(hive, number, after)
    row = next((row for row in hive.queue.rows() if row.id == number), None)
    if row is None:
        return admin.ok(job_log=lines)
    return admin.ok(job=codec.to_json(row), job_log=lines)


async def _update_all(hive: Hive) -> Reply:
    tickets = await actions.update_all(hive)
    for ticket in tickets:
        await ticket.wait()
    return admin.ok(updated=[ticket.row.agent for ticket in tickets])


async def _answer_talk(hive: Hive, request: Any) -> Reply:  # noqa: ANN401
    match request:
        case admin_work.Questions():
            return admin.ok(questions=_rows(await hive.questions.pending()))
        case admin_work.AnswerQuestion(number, text):
            await actions.answer_question(hive, number, text)
            return admin.ok()
        case admin_work.CancelQuestion(number):
            await actions.cancel_question(hive, number)
            return admin.ok()
        case admin_work.Reminders():
            return admin.ok(reminders=_rows(await hive.reminders.pending()))
        case admin_work.RetryReminder(number):
            await actions.retry_reminder(hive, number)
            return admin.ok()
        case admin_work.CancelReminder(number):
            await actions.cancel_reminder(hive, number)
            return admin.ok()
        case _:
            return await _answer_kept(hive, request)


async def _answer_kept(hive: Hive, request: Any) -> Reply:  # noqa: ANN401
    match request:
        case admin_work.Network(name):
            return admin.ok(network=codec.to_json(network.report(hive, agent_name(name))))
        case admin_work.Tombstones():
            kept = await trio.to_thread.run_sync(readings.tombstones, hive)
            return admin.ok(tombstones=_rows(kept))
        case admin_work.RequestApplyCommit(name, commit_ref, description):
            return _asked(await actions.request_apply_commit(hive, name, commit_ref, description))
        case admin_work.Allow(name, hosts):
            return _asked(await actions.allow(hive, name, hosts))
        case admin_work.Revive(name):
            return admin.ok(approval_id=(await actions.revive(hive, name)).id)
        case admin_work.Purge(name):
            await actions.purge_tombstone(hive, name)
            return admin.ok()
        case admin_work.Why(name):
            return admin.ok(why=await _why(hive, name))
        case admin_work.VerifyAudit():
            return admin.ok(audit=codec.to_json(await hive.audit.verify()))
        case admin_work.ExportAudit(after, since, until, agent):
            whose = None if agent is None else agent_name(agent)
            lines = await hive.audit.export(
                after=after, since=since, until=until, agent=whose, limit=ROWS_MOST
            )
            return admin.ok(audit_lines=lines)
        case _:
            return await _answer_statistics(hive, request)


async def _answer_statistics(hive: Hive, request: Any) -> Reply:  # noqa: ANN401
    match request:
        case admin_work.Stats(name, window):
            found = await kept_turns.statistics(hive, agent_name(name), window)
            return admin.ok(stats=found)
        case admin_work.Turns(name, window, before):
            return await _turns(hive, agent_name(name), window, before)
        case admin_work.Search(text, limit, cursor):
            answer = await search.search(hive, text, cursor=cursor, limit=limit)
            return admin.ok(search=codec.to_json(answer))
        case admin_work.Notifications():
            return admin.ok(notifications=codec.to_json(await hive.notifications.report()))
        case admin_work.TestNotifications(outlet):
            return admin.ok(tested=_rows(await notify_actions.test(hive, outlet)))
        case admin_work.ResendNotification(number):
            await notify_actions.resend(hive, number)
            return admin.ok()
    raise BadRequest(f"{type(request).__name__} is not served here")


async def _why(hive: Hive, text: str | None) -> list[dict[str, Any]]:
    if text is not None:
        return [why_row(text, await reasons.of(hive, text))]
    return [why_row(name, reason) for name, reason in await reasons.idle(hive)]


def why_row(name: str, reason: Reason) -> dict[str, Any]:
    """Return a reason as this socket shows it: what is not known is left out."""
    return {"name": name, **reason_fields(reason)}


def reason_fields(reason: Reason) -> dict[str, Any]:
    """Return the fields of a reason, without those that are not known."""
    plain: dict[str, Any] = codec.to_json(reason)
    return {key: value for key, value in plain.items() if value is not None}


def _asked(approval: Approval) -> Reply:
    warning = {} if approval.note is None else {"note": approval.note}
    return admin.ok(approval_id=approval.id, **warning)


async def _turns(hive: Hive, name: AgentName, window: str, before: int | None) -> Reply:
    since = hive.clock() - window_of(window).span_s
    rows = await kept_turns.page(hive, name, since, before)
    return admin.ok(turns=[{"id": number, **kept_turns.fields(turn)} for number, turn in rows])


def _rows(values: list[Any] | tuple[Any, ...]) -> list[Any]:
    return [codec.to_json(each) for each in values]

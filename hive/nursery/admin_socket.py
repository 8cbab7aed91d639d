"""The operator's socket: a listener and one `match` over the admin requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import attrs
import trio

from hive import lines
from hive.core import actions, audit, proposals, readings
from hive.core.build_queue import Ticket
from hive.core.hive import Hive
from hive.core.jobs import Job
from hive.errors import BadRequest, HiveError, Unavailable
from hive.host import operator_group
from hive.nursery import admin_requests, page_requests, terminal_requests
from hive.wire import admin, codec
from hive.wire.admin_page import Chat, PageRequest, Shell
from hive.wire.admin_work import WorkRequest
from hive.wire.approvals import Approval
from hive.wire.audit import Scalar
from hive.wire.dashboard import ContainerRow
from hive.wire.names import OPERATOR, agent_name

SOCKET_MODE = 0o660


async def run(hive: Hive, *, task_status: trio.TaskStatus[None]) -> None:
    """Serve the operator's socket until cancelled."""
    gid = await trio.to_thread.run_sync(operator_group.find, hive.config.operator_group)
    listener = await lines.listen(hive.paths.host_socket, SOCKET_MODE, gid=gid)
    door = lines.Door("operator's socket", partial(handle, hive), fail, parks)
    try:
        await lines.serve(listener, door, task_status=task_status)
    finally:
        hive.paths.host_socket.unlink(missing_ok=True)


def fail(error: HiveError) -> lines.Reply:
    """Return the reply that says an error."""
    return admin.failed(error.code, error.message)


def parks(request: object) -> bool:
    """No admin request waits for something to happen; work that was begun is finished."""
    del request
    return False


async def handle(hive: Hive, request: object) -> lines.Replies:
    """Answer one request of the operator."""
    peer = lines.peer()
    detail: dict[str, Scalar] = {} if peer is None else {"uid": peer.uid, "pid": peer.pid}
    with audit.acting(audit.Who(OPERATOR, "socket", detail)):
        return await _handle(hive, request)


async def _handle(hive: Hive, request: object) -> lines.Replies:
    parsed = codec.from_tagged("cmd", admin.AdminRequest, request)
    if isinstance(parsed, WorkRequest):
        return await admin_requests.answer(hive, parsed)
    if isinstance(parsed, Shell | Chat):
        return await terminal_requests.open_terminal(hive, parsed)
    if isinstance(parsed, PageRequest):
        return await page_requests.answer(hive, parsed)
    match parsed:
        case admin.List():
            return admin.ok(agents=list(hive.agents.names()))
        case admin.AgentStatus():
            await hive.view.rescan()
            return admin.ok(agents=list(hive.agents.names()), agent_statuses=statuses(hive))
        case admin.SubscribeAgentStatus():
            return _status_stream(hive)
        case admin.Urls():
            where = hive.address
            known = _known(domain=where.domain, home=where.home, forge=hive.forge.url)
            return admin.ok(urls=known)
        case admin.Health():
            tasks = [codec.to_json(row) for row in hive.tasks()]
            return admin.ok(demo=hive.config.demo, tasks=tasks)
        case _:
            return await _handle_lifecycle(hive, parsed)


async def _handle_lifecycle(hive: Hive, request: Any) -> lines.Reply:
    match request:
        case admin.Spawn(name):
            return await _finish(await actions.spawn(hive, name))
        case admin.Kill(name):
            return await _finish(await actions.stop(hive, name))
        case admin.Rebuild(name):
            return await _finish(await actions.rebuild(hive, name))
        case admin.Restart(name):
            return await _finish(await actions.restart(hive, name))
        case admin.Destroy(name, purge):
            return await _finish(await actions.destroy(hive, name, purge=purge))
        case admin.Start(scope):
            return await _for_scope(hive, scope, partial(actions.start, hive))
        case admin.Stop(scope, graceful):
            return await _for_scope(hive, scope, partial(actions.stop, hive, graceful=graceful))
        case admin.SetPaused(name, paused):
            await actions.set_paused(hive, name, paused=paused)
            return admin.ok()
        case _:
            return await _handle_queue(hive, request)


async def _handle_queue(hive: Hive, request: Any) -> lines.Reply:
    match request:
        case admin.Pending():
            rows = await proposals.waiting(hive)
            return admin.ok(approvals=[approval_row(row) for row in rows])
        case admin.RequestSpawn(name, description):
            approval = await actions.request_spawn(hive, name, description)
            return admin.ok(approval_id=approval.id)
        case admin.Approve(number, comments):
            return await _finish(await actions.approve(hive, number, comments))
        case admin.Deny(number, note, comments):
            await actions.deny(hive, number, note, comments)
            return admin.ok()
        case _:
            return await _handle_talk(hive, request)


async def _handle_talk(hive: Hive, request: Any) -> lines.Reply:
    match request:
        case admin.SendAsOperator(to, body, in_reply_to):
            return admin.ok(id=await actions.send(hive, to, body, in_reply_to))
        case admin.Inbox(limit):
            rows = await readings.inbox(hive, limit)
            return admin.ok(inbox=[codec.to_json(row) for row in rows])
        case admin.Logs(name, count):
            return admin.ok(logs=await readings.logs(hive, name, count))
        case admin.MarkAllRead(name):
            checked = name if name == OPERATOR else agent_name(name)
            return admin.ok(marked=await actions.mark_all_read(hive, checked))
        case _:
            return await _handle_access(hive, request)


async def _handle_access(hive: Hive, request: Any) -> lines.Reply:
    match request:
        case admin.LoginLink():
            return admin.ok(url=await actions.login_link(hive))
        case admin.CreateToken(name):
            return admin.ok(token=await actions.create_token(hive, name))
        case admin.ListTokens():
            return admin.ok(tokens=hive.access.token_names())
        case admin.RevokeToken(name):
            await actions.revoke_token(hive, name)
            return admin.ok()
    raise BadRequest(f"{type(request).__name__} is not served here")


async def _finish(job: Job | Ticket) -> lines.Reply:
    try:
        await job.wait()
    except BadRequest as error:
        # The request was good; it is what was to be deployed that is not.
        raise Unavailable(error.message) from error
    return admin.ok()


async def _for_scope(
    hive: Hive, scope: admin.Scope, begin: Callable[[str], Awaitable[Job]]
) -> lines.Reply:
    if not scope.agents and not scope.agent_names:
        raise BadRequest('the scope is empty: give agent_names, or "agents": true for all')
    names = hive.agents.names() if scope.agents else list(map(agent_name, scope.agent_names))
    for name in names:
        # All of them or, when one is not there, none.
        hive.agents.get(name)
    for job in [await begin(name) for name in dict.fromkeys(names)]:
        await job.wait()
    return admin.ok()


def statuses(hive: Hive) -> list[dict[str, Any]]:
    """Return the status row of every agent, optional keys left out when unknown."""
    return [status_row(hive, row) for row in hive.view.rows()]


def status_row(hive: Hive, row: ContainerRow) -> dict[str, Any]:
    """Return one status row, in the key order of the contract."""
    home = hive.address.home
    optional = {
        "status_text": row.status_text,
        "status_set_at": _rfc3339(row.status_set_at),
        "url": f"{home}/agent/{row.name}/" if home else None,
    }
    return {
        "name": row.name,
        "running": row.running,
        "failed": row.failed,
        "needs_update": row.needs_update,
        "needs_login": row.needs_login,
        **_known(deployed_sha=row.deployed_sha),
        "pending_reminders": row.pending_reminders,
        "paused": row.paused,
        **_known(parent=row.parent, active_model=row.active_model),
        **_known(**optional),
        "turn_state": row.turn_state,
        "unread": row.unread,
        **_known(transient=row.transient, note=row.note),
        **({"limits_met": list(row.limits_met)} if row.limits_met else {}),
        **({} if row.why is None else {"why": admin_requests.reason_fields(row.why)}),
    }


def approval_row(row: Approval) -> dict[str, Any]:
    """Return one approval as this socket shows it: times in RFC 3339, unknown keys left out."""
    plain = attrs.asdict(row)
    plain["requested_at"] = _rfc3339(row.requested_at)
    plain["resolved_at"] = _rfc3339(row.resolved_at)
    order = ("id", "agent", "kind", "commit_ref", "fetched_sha", "requested_at", "status")
    return _known(**{key: plain[key] for key in (*order, "resolved_at", "note", "description")})


def _known(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _rfc3339(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _status_stream(hive: Hive) -> AsyncGenerator[lines.Reply, None]:
    with hive.feed.watch() as watch:
        # Before the success: whoever has read that misses nothing that changes afterwards.
        seen = {row.name: row for row in hive.view.rows()}
        yield admin.ok()
        while True:
            if await watch.next() is None and not watch.needs_reset:
                return
            if watch.needs_reset:
                # A slow reader loses updates and is given the present state of what changed.
                watch.skip()
            for row in hive.view.rows():
                if seen.get(row.name) != row:
                    seen[row.name] = row
                    yield admin.ok(agent_statuses=[status_row(hive, row)])

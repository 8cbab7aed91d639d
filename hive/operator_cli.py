"""The client verbs: one request on the operator's socket each, and its reply for people.

Standard library only: a verb must not cost more than the interpreter's own start.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from hive import light, notify_view, operator_views, search_view, stats_view

Reply = dict[str, Any]

JOB_S = 3600.0
"""How long a lifecycle verb waits for its work: milliseconds, or a build and those before it."""
CALL_S = 30.0
STATS_S = 90.0
"""The daemon gives the reader of an agent's file 60 s."""
LOOK_S = 0.5
"""How often a followed log is looked at."""
FOLLOWED_LINES = 500
OVER = frozenset({"done", "failed", "cancelled"})


def run(arguments: argparse.Namespace) -> int:
    """Run one client verb and print what it gave."""
    make, show, timeout_s = _VERBS[arguments.command]
    request = make(arguments)
    try:
        reply = ask(arguments, request, timeout_s)
    except light.Failure as failure:
        raise _explained(arguments, failure) from failure
    if arguments.json:
        light.print_json(reply)
    else:
        for line in show(reply, arguments):
            # Names, bodies and reasons are what others wrote.
            print(light.printable(line))
    return 0


def ask(arguments: argparse.Namespace, request: Reply, timeout_s: float = CALL_S) -> Reply:
    """Make one request; raises the `light.Failure` the reply stands for."""
    path = light.operator_socket(arguments.socket, arguments.root)
    return light.call(path, request, timeout_s=timeout_s)


def _explained(arguments: argparse.Namespace, failure: light.Failure) -> light.Failure:
    """Return a failure with what it means for an approval that was approved and then failed."""
    row = _job_of(arguments) if arguments.command == "approve" else None
    if row is None or row["state"] != "failed" or not row["agent"]:
        return failure
    log = f"its log: hive.pyz queue {row['id']}"
    fate = "was not created" if row["kind"] == "spawn" else "runs on as before"
    return light.Failure(failure.code, f"{failure}; {row['agent']} {fate}, {log}")


def _job_of(arguments: argparse.Namespace) -> Reply | None:
    """Return the job that an approval made, if the queue still shows it."""
    try:
        jobs = ask(arguments, {"cmd": "jobs"})["jobs"]
    except light.Failure:
        return None
    found: list[Reply] = [row for row in jobs if row["approval_id"] == arguments.id]
    return found[-1] if found else None


def _named(command: str) -> Callable[[argparse.Namespace], Reply]:
    return lambda arguments: {"cmd": command, "name": arguments.name}


def _start(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "start", "scope": {"agent_names": [arguments.name]}}


def _stop(arguments: argparse.Namespace) -> Reply:
    scope = {"agent_names": [arguments.name]}
    return {"cmd": "stop", "scope": scope, "graceful": arguments.graceful}


def _pause(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "set_paused", "name": arguments.name, "paused": arguments.command == "pause"}


def _destroy(arguments: argparse.Namespace) -> Reply:
    _make_sure(arguments, "its container AND ITS STATE" if arguments.purge else "its container")
    return {"cmd": "destroy", "name": arguments.name, "purge": arguments.purge}


def _purge(arguments: argparse.Namespace) -> Reply:
    _make_sure(arguments, "EVERYTHING KEPT OF IT")
    return {"cmd": "purge", "name": arguments.name}


def _make_sure(arguments: argparse.Namespace, what: str) -> None:
    """Ask on a terminal; raises the `light.Failure` that says why nothing was done."""
    if arguments.yes:
        return
    verb = arguments.command
    if not sys.stdin.isatty():
        raise light.Failure("bad_request", f"{verb} asks first on a terminal; elsewhere say --yes")
    name = light.printable(arguments.name)
    print(f"Remove {name}: {what}? Type its name to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != arguments.name:
        raise light.Failure("refused", "nothing was removed")


def _request(cmd: str, **fields: object) -> Reply:
    """Return a request without the fields that were not given."""
    return {"cmd": cmd, **{key: value for key, value in fields.items() if value is not None}}


def _request_spawn(arguments: argparse.Namespace) -> Reply:
    return _request("request_spawn", name=arguments.name, description=arguments.description)


def _request_apply_commit(arguments: argparse.Namespace) -> Reply:
    return _request(
        "request_apply_commit",
        agent=arguments.name,
        commit_ref=arguments.commit,
        description=arguments.description,
    )


def _deny(arguments: argparse.Namespace) -> Reply:
    return _request("deny", id=arguments.id, note=arguments.note, comments=arguments.comment)


def _approve(arguments: argparse.Namespace) -> Reply:
    return _request("approve", id=arguments.id, comments=arguments.comments)


def _diff(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "diff", "id": arguments.id, "base": arguments.base}


def _queue(arguments: argparse.Namespace) -> Reply:
    if arguments.id is None:
        if arguments.follow:
            raise light.Failure("bad_request", "--follow wants a job's number: hive.pyz queue ID")
        return {"cmd": "jobs"}
    return {"cmd": "job_log", "id": arguments.id}


def _answer(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "answer_question", "id": arguments.id, "answer": _text(arguments.text)}


def _text(given: str | None) -> str:
    if given is not None and given != "-":
        return given
    try:
        return sys.stdin.read()
    except UnicodeDecodeError as error:
        why = f"standard input is not {error.encoding}: write it to a file and send its path"
        raise light.Failure("bad_request", why) from error


def _why(arguments: argparse.Namespace) -> Reply:
    return _request("why", name=arguments.name)


def _numbered(command: str) -> Callable[[argparse.Namespace], Reply]:
    return lambda arguments: {"cmd": command, "id": arguments.id}


def _plain(command: str) -> Callable[[argparse.Namespace], Reply]:
    return lambda _: {"cmd": command}


def _send(arguments: argparse.Namespace) -> Reply:
    body = _text(arguments.body)
    return _request("send", to=arguments.to, body=body, in_reply_to=arguments.reply_to)


def _inbox(arguments: argparse.Namespace) -> Reply:
    if arguments.read:
        return {"cmd": "mark_all_read", "name": "operator"}
    return {"cmd": "inbox", "limit": arguments.limit}


def _token(arguments: argparse.Namespace) -> Reply:
    if arguments.is_list:
        return {"cmd": "list_tokens"}
    return {
        "cmd": "revoke_token" if arguments.revoke else "create_token",
        "name": arguments.name,
    }


def _show_request(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    number = reply["approval_id"]
    look = f"hive.pyz diff {number}, then hive.pyz approve {number}"
    yield f"{arguments.name} waits as approval {number}: {look}"
    if reply.get("note"):
        yield reply["note"]


def _show_decided(_: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    past = {
        "approve": "approved",
        "deny": "denied",
        "cancel-job": "cancelled",
        "answer": "answered",
        "cancel-question": "closed without an answer",
        "retry-reminder": "will be tried again",
        "cancel-reminder": "deleted",
    }
    row = _job_of(arguments) if arguments.command == "approve" else None
    done = f", {operator_views.deed(row)}" if row is not None else ""
    yield f"{arguments.id}: {past[arguments.command]}{done}"


def _show_queue(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    if arguments.id is None:
        yield from operator_views.queue(reply, arguments)
        return
    after = 0
    while True:
        yield from reply["job_log"]
        after += len(reply["job_log"])
        row = reply.get("job")
        if not arguments.follow or row is None or row["state"] in OVER:
            break
        time.sleep(LOOK_S)
        reply = ask(arguments, {"cmd": "job_log", "id": arguments.id, "after": after})
    if row is not None:
        yield operator_views.job_line(row)


def _show_inputs_updated(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    yield from ask(arguments, {"cmd": "job_log", "id": reply["job_id"]})["job_log"]
    yield f"done by job {reply['job_id']}; rebuilds that follow, if any: hive.pyz queue"


def _show_sent(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    yield f"sent to {arguments.to} as message {reply['id']}"


def _show_logs(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    seen = reply["logs"]
    yield from seen
    while arguments.follow:
        time.sleep(LOOK_S)
        request = {"cmd": "logs", "name": arguments.name, "lines": FOLLOWED_LINES}
        now = ask(arguments, request)["logs"]
        yield from operator_views.fresh(seen, now)
        seen = now


def _stats(arguments: argparse.Namespace) -> Reply:
    if arguments.csv and arguments.json:
        raise light.Failure("bad_request", "--csv and --json are two ways to print: give one")
    command = "turns" if arguments.csv else "stats"
    return {"cmd": command, "name": arguments.name, "window": arguments.window}


def _show_stats(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    if not arguments.csv:
        yield from stats_view.lines(reply["stats"])
        return
    from hive import turn_export

    yield turn_export.csv_head().rstrip()
    request = _stats(arguments)
    while reply["turns"]:
        yield from turn_export.csv_lines(reply["turns"]).splitlines()
        reply = ask(arguments, {**request, "before": reply["turns"][-1]["id"]}, STATS_S)


def _show_link(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    yield reply["url"]


def _show_token(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    if arguments.is_list:
        return iter(reply["tokens"] or ["No tokens."])
    if arguments.revoke:
        return iter([f"{arguments.name}: revoked"])
    return iter([reply["token"]])


def _show_list(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    return light.agent_table(reply)


def _lifecycle(command: str) -> tuple[Any, Any, float]:
    return _named(command), operator_views.done, JOB_S


_VERBS: dict[str, tuple[Any, Any, float]] = {
    "spawn": _lifecycle("spawn"),
    "kill": _lifecycle("kill"),
    "restart": _lifecycle("restart"),
    "rebuild": _lifecycle("rebuild"),
    "start": (_start, operator_views.done, JOB_S),
    "pause": (_pause, operator_views.done, CALL_S),
    "resume": (_pause, operator_views.done, CALL_S),
    "destroy": (_destroy, operator_views.done, JOB_S),
    "request-spawn": (_request_spawn, _show_request, CALL_S),
    "request-apply-commit": (_request_apply_commit, _show_request, CALL_S),
    "allow": (
        lambda each: {"cmd": "allow", "name": each.name, "hosts": each.hosts},
        _show_request,
        CALL_S,
    ),
    "stop": (_stop, operator_views.done, JOB_S),
    "pending": (_plain("pending"), operator_views.pending, CALL_S),
    "diff": (_diff, operator_views.diff, CALL_S),
    "approve": (_approve, _show_decided, JOB_S),
    "deny": (_deny, _show_decided, CALL_S),
    "list": (lambda _: {"cmd": "agent_status"}, _show_list, CALL_S),
    "send": (_send, _show_sent, CALL_S),
    "inbox": (_inbox, operator_views.inbox, CALL_S),
    "logs": (
        lambda each: {"cmd": "logs", "name": each.name, "lines": each.lines},
        _show_logs,
        CALL_S,
    ),
    "queue": (_queue, _show_queue, CALL_S),
    "cancel-job": (_numbered("cancel_job"), _show_decided, CALL_S),
    "questions": (_plain("questions"), operator_views.questions, CALL_S),
    "answer": (_answer, _show_decided, CALL_S),
    "cancel-question": (_numbered("cancel_question"), _show_decided, CALL_S),
    "reminders": (_plain("reminders"), operator_views.reminders, CALL_S),
    "retry-reminder": (_numbered("retry_reminder"), _show_decided, CALL_S),
    "cancel-reminder": (_numbered("cancel_reminder"), _show_decided, CALL_S),
    "meta": (_plain("meta_inputs"), operator_views.meta_inputs, CALL_S),
    "update-inputs": (
        lambda each: {"cmd": "update_inputs", "inputs": each.inputs},
        _show_inputs_updated,
        JOB_S,
    ),
    "update-all": (_plain("update_all"), operator_views.updated, JOB_S),
    "why": (_why, operator_views.why, CALL_S),
    "network": (_named("network"), operator_views.network, CALL_S),
    "search": (search_view.request, search_view.lines, CALL_S),
    "notify": (notify_view.request, notify_view.lines, CALL_S),
    "stats": (_stats, _show_stats, STATS_S),
    "tombstones": (_plain("tombstones"), operator_views.tombstones, CALL_S),
    "revive": (_named("revive"), _show_request, CALL_S),
    "purge": (_purge, operator_views.done, CALL_S),
    "login-link": (lambda _: {"cmd": "login_link"}, _show_link, CALL_S),
    "token": (_token, _show_token, CALL_S),
}

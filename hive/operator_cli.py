"""The client verbs: one request on the operator's socket each, and its reply for people.

Standard library only: a verb must not cost more than the interpreter's own start.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from hive import light

Reply = dict[str, Any]

JOB_S = 180.0
"""How long a lifecycle verb waits for its work, which takes milliseconds to minutes."""
CALL_S = 30.0


def run(arguments: argparse.Namespace) -> int:
    """Run one client verb and print what it gave."""
    make, show, timeout_s = _VERBS[arguments.command]
    reply = ask(arguments, make(arguments), timeout_s)
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


def _named(command: str) -> Callable[[argparse.Namespace], Reply]:
    return lambda arguments: {"cmd": command, "name": arguments.name}


def _start(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "start", "scope": {"agent_names": [arguments.name]}}


def _pause(arguments: argparse.Namespace) -> Reply:
    return {"cmd": "set_paused", "name": arguments.name, "paused": arguments.command == "pause"}


def _destroy(arguments: argparse.Namespace) -> Reply:
    if not arguments.yes:
        what = "its container AND ITS STATE" if arguments.purge else "its container"
        if not sys.stdin.isatty():
            raise light.Failure(
                "bad_request", "destroy asks first on a terminal; elsewhere say --yes"
            )
        print(f"Remove {arguments.name}: {what}? Type its name to go on: ", end="", flush=True)
        if sys.stdin.readline().strip() != arguments.name:
            raise light.Failure("refused", "not destroyed")
    return {"cmd": "destroy", "name": arguments.name, "purge": arguments.purge}


def _request_spawn(arguments: argparse.Namespace) -> Reply:
    request: Reply = {"cmd": "request_spawn", "name": arguments.name}
    if arguments.description is not None:
        request["description"] = arguments.description
    return request


def _deny(arguments: argparse.Namespace) -> Reply:
    request: Reply = {"cmd": "deny", "id": arguments.id}
    if arguments.note is not None:
        request["note"] = arguments.note
    return request


def _send(arguments: argparse.Namespace) -> Reply:
    body = arguments.body
    if body is None or body == "-":
        body = sys.stdin.read()
    request: Reply = {"cmd": "send", "to": arguments.to, "body": body}
    if arguments.reply_to is not None:
        request["in_reply_to"] = arguments.reply_to
    return request


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


def _show_done(_: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    past = {
        "spawn": "spawned",
        "kill": "stopped",
        "start": "started",
        "restart": "restarted",
        "rebuild": "rebuilt",
        "destroy": "destroyed",
        "pause": "paused",
        "resume": "resumed",
    }
    yield f"{arguments.name}: {past[arguments.command]}"


def _show_request(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    number = reply["approval_id"]
    yield f"{arguments.name} waits as approval {number}: hive.pyz approve {number}"


def _show_pending(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    waiting = [row for row in reply["approvals"] if row["status"] == "pending"]
    if not waiting:
        yield "Nothing waits for approval."
    for row in waiting:
        text = f"  {row['description']}" if row.get("description") else ""
        yield f"{row['id']:>4}  {row['kind']:<12} {row['agent']:<10} {row['requested_at']}{text}"


def _show_decided(_: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    yield f"{arguments.id}: {'approved' if arguments.command == 'approve' else 'denied'}"


def _show_sent(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    yield f"sent to {arguments.to} as message {reply['id']}"


def _show_inbox(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    if arguments.read:
        yield f"{reply['marked']} marked read"
        return
    rows = reply["inbox"]
    if not rows:
        yield "No messages to the operator."
    for row in reversed(rows):
        mark = " " if row["acked_at"] else "*"
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["sent_at"]))
        answer = f" (answers {row['in_reply_to']})" if row.get("in_reply_to") else ""
        yield f"{mark}{row['id']:>5}  {at}  {row['from']}{answer}"
        yield from (f"        {line}" for line in row["body"].splitlines())


def _show_logs(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    yield from reply["logs"]


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
    return _named(command), _show_done, JOB_S


_VERBS: dict[str, tuple[Any, Any, float]] = {
    "spawn": _lifecycle("spawn"),
    "kill": _lifecycle("kill"),
    "restart": _lifecycle("restart"),
    "rebuild": _lifecycle("rebuild"),
    "start": (_start, _show_done, JOB_S),
    "pause": (_pause, _show_done, CALL_S),
    "resume": (_pause, _show_done, CALL_S),
    "destroy": (_destroy, _show_done, JOB_S),
    "request-spawn": (_request_spawn, _show_request, CALL_S),
    "pending": (lambda _: {"cmd": "pending"}, _show_pending, CALL_S),
    "approve": (lambda each: {"cmd": "approve", "id": each.id}, _show_decided, JOB_S),
    "deny": (_deny, _show_decided, CALL_S),
    "list": (lambda _: {"cmd": "agent_status"}, _show_list, CALL_S),
    "send": (_send, _show_sent, CALL_S),
    "inbox": (_inbox, _show_inbox, CALL_S),
    "logs": (
        lambda each: {"cmd": "logs", "name": each.name, "lines": each.lines},
        _show_logs,
        CALL_S,
    ),
    "login-link": (lambda _: {"cmd": "login_link"}, _show_link, CALL_S),
    "token": (_token, _show_token, CALL_S),
}

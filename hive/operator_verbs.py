"""The client verbs as one types them: their names, their words and what is said of these.

What they do is in `operator_cli`, `login_cli` and `terminal_cli`, imported when one is called.
"""

from __future__ import annotations

import argparse
import sys

from hive.verbs import Verb, Verbs, add, add_place, told

WINDOWS = ("1h", "4h", "24h", "3d", "7d", "30d")
"""Those of `hive.wire.stats`, which is not imported for a line of help."""


def add_all(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Add every verb that speaks with a running daemon."""
    _add_lifecycle(verbs)
    _add_approvals(verbs)
    _add_queue(verbs)
    _add_talking(verbs)
    _add_open(verbs)
    _add_inside(verbs)
    _add_access(verbs)


def _add_client(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, verb: Verb | None = None
) -> argparse.ArgumentParser:
    parser = add(verbs, name, verb or _client, text)
    add_place(parser)
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    return parser


def _add_lifecycle(verbs: Verbs[argparse.ArgumentParser]) -> None:
    for name, text in (
        ("spawn", "create and start an agent at once, without an approval"),
        ("kill", "stop an agent; its state stays"),
        ("start", "start a stopped agent"),
        ("restart", "stop and start an agent"),
        ("rebuild", "build what is deployed anew, set the container up anew and start it"),
        ("pause", "let an agent take no further turn"),
        ("resume", "let a paused agent work again"),
    ):
        _add_client(verbs, name, text).add_argument("name", metavar="NAME")
    destroy = _add_client(verbs, "destroy", "remove an agent's container, keeping its state")
    destroy.add_argument("name", metavar="NAME")
    destroy.add_argument("--purge", action="store_true", help="remove its state as well")
    destroy.add_argument("--yes", action="store_true", help="do not ask")
    stop = _add_client(verbs, "stop", "stop an agent, a running turn first if so wished")
    stop.add_argument("name", metavar="NAME")
    stop.add_argument("--graceful", action="store_true", help="let a running turn end first")
    _add_client(verbs, "tombstones", "show what is kept of agents that were destroyed")
    revive = _add_client(verbs, "revive", "queue the approval of a destroyed agent, as it was")
    revive.add_argument("name", metavar="NAME")
    purge = _add_client(verbs, "purge", "remove what is kept of a destroyed agent")
    purge.add_argument("name", metavar="NAME")
    purge.add_argument("--yes", action="store_true", help="do not ask")


def _add_approvals(verbs: Verbs[argparse.ArgumentParser]) -> None:
    request = _add_client(verbs, "request-spawn", "queue the approval of a new agent")
    request.add_argument("name", metavar="NAME")
    request.add_argument("--description", metavar="TEXT", help="shown on the approval's card")
    request = _add_client(
        verbs, "request-apply-commit", "queue the approval of a commit of an agent's repository"
    )
    request.add_argument("name", metavar="NAME")
    request.add_argument(
        "commit", nargs="?", metavar="COMMIT", help="7 to 40 hex digits; the newest when left out"
    )
    request.add_argument("--description", metavar="TEXT", help="shown on the approval's card")
    allow = _add_client(verbs, "allow", "queue the approval of hosts an agent may connect to")
    allow.add_argument("name", metavar="NAME")
    allow.add_argument("hosts", metavar="HOST[:PORT]", nargs="+", help="such as pypi.org")
    _add_client(verbs, "pending", "show the approval queue")
    diff = _add_client(verbs, "diff", "show what an approval would change")
    diff.add_argument("id", type=int, metavar="ID")
    diff.add_argument(
        "--base",
        default="running",
        choices=["running", "approved", "queued"],
        help="against what runs, was approved last, or was queued before (running)",
    )
    approve = _add_client(verbs, "approve", "approve, and run what was approved")
    approve.add_argument("id", type=int, metavar="ID")
    approve.add_argument(
        "--comments",
        choices=["send", "drop"],
        help="what becomes of comments that were written on its lines",
    )
    deny = _add_client(verbs, "deny", "deny an approval")
    deny.add_argument("id", type=int, metavar="ID")
    deny.add_argument("--note", metavar="TEXT", help="the reason, for the requester")
    deny.add_argument(
        "--comment",
        action="append",
        metavar="FILE:LINE:TEXT",
        help="a comment on a line of its diff, -LINE for one that would go; may be repeated",
    )


def _add_queue(verbs: Verbs[argparse.ArgumentParser]) -> None:
    queue = _add_client(verbs, "queue", "show the build queue, or the log of one job")
    queue.add_argument("id", type=int, metavar="ID", nargs="?", help="a job: show its log")
    queue.add_argument("--follow", action="store_true", help="go on until that job is over")
    cancel = _add_client(verbs, "cancel-job", "take a job out of the build queue, or end it")
    cancel.add_argument("id", type=int, metavar="ID")
    _add_client(verbs, "meta", "show what agents are built from, and what was deployed")
    inputs = _add_client(
        verbs, "update-inputs", "bring inputs up to date, rebuild whom it concerns"
    )
    inputs.add_argument("inputs", metavar="INPUT", nargs="+", help="such as hyperhive")
    _add_client(verbs, "update-all", "rebuild every agent that is not up to date")


def _add_open(verbs: Verbs[argparse.ArgumentParser]) -> None:
    _add_client(verbs, "questions", "show the questions that wait for an answer")
    answer = _add_client(verbs, "answer", "answer a question as the operator")
    answer.add_argument("id", type=int, metavar="ID")
    answer.add_argument("text", metavar="TEXT", nargs="?", help="absent or -: standard input")
    _add_client(verbs, "reminders", "show the pending reminders")
    for name, text in (
        ("cancel-question", "close a question without an answer"),
        ("retry-reminder", "try a reminder again that was given up on"),
        ("cancel-reminder", "delete a reminder"),
    ):
        _add_client(verbs, name, text).add_argument("id", type=int, metavar="ID")


def _add_talking(verbs: Verbs[argparse.ArgumentParser]) -> None:
    _add_client(verbs, "list", "show the agents")
    why = _add_client(verbs, "why", "say why an agent does not work, and what ends it")
    why.add_argument("name", metavar="NAME", nargs="?", help="absent: all that do not work")
    send = _add_client(verbs, "send", "send a message as the operator")
    send.add_argument("to", metavar="TO", help="an agent, manager, or * for everybody")
    send.add_argument("body", metavar="BODY", nargs="?", help="absent or -: standard input")
    send.add_argument("--reply-to", type=int, metavar="ID", help="the message it answers")
    inbox = _add_client(verbs, "inbox", "show the messages to the operator")
    inbox.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (20)")
    inbox.add_argument("--read", action="store_true", help="mark all of them read")
    search = _add_client(verbs, "search", "find messages, and what agents did")
    search.add_argument("words", metavar="WORD", nargs="*", help="all of them; pre* begins so")
    search.add_argument("--agent", metavar="NAME", help="its messages, events and turns alone")
    search.add_argument("--from", dest="from_", metavar="NAME", help="messages from there alone")
    search.add_argument("--to", metavar="NAME", help="messages to there alone")
    search.add_argument("--thread", metavar="ID", help="messages of the thread of that one alone")
    search.add_argument("--since", metavar="TIME", help="a day, a time (UTC), or an age as 12h, 7d")
    search.add_argument("--before", metavar="TIME", help="what is older than that")
    search.add_argument("--kind", choices=["message", "event", "turn"], help="one kind alone")
    search.add_argument("-n", "--limit", type=int, default=20, metavar="N", help="how many (20)")
    notify = _add_client(verbs, "notify", "show where notifications go, or try an outlet")
    notify.add_argument("what", choices=["list", "test", "resend"], nargs="?", default="list")
    notify.add_argument("which", nargs="?", metavar="OUTLET|ID", help="to test, or to send again")
    network = _add_client(verbs, "network", "show what an agent reached and was refused")
    network.add_argument("name", metavar="NAME")
    stats = _add_client(verbs, "stats", "show what an agent's turns took: time, tokens, cost")
    stats.add_argument("name", metavar="NAME")
    stats.add_argument(
        "--window", choices=WINDOWS, default="24h", help="how far to look back (24h)"
    )
    stats.add_argument("--csv", action="store_true", help="print each turn as a line of CSV")
    logs = _add_client(verbs, "logs", "show what an agent's container printed")
    logs.add_argument("name", metavar="NAME")
    logs.add_argument("-n", "--lines", type=int, default=50, metavar="N", help="how many (50)")
    logs.add_argument("--follow", action="store_true", help="go on with what it prints, to Ctrl-C")


def _add_inside(verbs: Verbs[argparse.ArgumentParser]) -> None:
    login = _add_client(verbs, "login", "log an agent's claude in, here in the terminal", _login)
    login.add_argument("name", metavar="NAME")
    shell = add(verbs, "shell", _terminal, "run a shell, or a command, inside of an agent")
    chat = add(verbs, "chat", _terminal, "chat with an agent's claude; its messages wait")
    for parser in (shell, chat):
        add_place(parser)
        parser.add_argument("name", metavar="NAME")
    chat.add_argument("--cancel", action="store_true", help="cancel a turn that runs")
    shell.add_argument("words", metavar="WORD", nargs="*", default=[], help="a command, behind --")


def _add_access(verbs: Verbs[argparse.ArgumentParser]) -> None:
    _add_client(verbs, "login-link", "make a one-time link that logs a browser in")
    token = _add_client(verbs, "token", "make, list or revoke tokens for scripts")
    token.add_argument("--name", metavar="LABEL", default="script", help="its name (script)")
    token.add_argument("--list", action="store_true", dest="is_list", help="list the valid ones")
    token.add_argument("--revoke", action="store_true", help="make the named one invalid")


def _client(arguments: argparse.Namespace) -> int:
    from hive import light, operator_cli

    try:
        status = told(operator_cli.run, arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        return light.cannot_print(error)
    return status


def _login(arguments: argparse.Namespace) -> int:
    from hive import login_cli

    return told(login_cli.run, arguments)


def _terminal(arguments: argparse.Namespace) -> int:
    from hive import terminal_cli

    return told(terminal_cli.run, arguments)

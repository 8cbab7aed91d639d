"""The subcommands: one parser, and a dispatch that imports only the room it calls.

Client verbs live in `hive.operator_cli` and need the standard library alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from hive import __version__

WINDOWS = ("1h", "4h", "24h", "3d", "7d", "30d")
"""Those of `hive.wire.stats`, which is not read for a line of help."""
"""A word of a command that argparse would take away; no word that is typed has a NUL."""
Verb = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["stand-in"]:
        return _stand_in(words[1:])
    parser = make_parser()
    words, command = _split(words)
    arguments = parser.parse_args(words)
    if command:
        arguments.words = [*arguments.words, *command]
    verb: Verb | None = getattr(arguments, "verb", None)
    if verb is None:
        parser.print_help()
        return 2
    from hive.errors import HiveError

    try:
        return verb(arguments)
    except HiveError as error:
        from hive import light

        # A reason may quote what an agent's container printed.
        print("hive: " + light.printable(" ".join(str(error).split())), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return what is in front of the first `--` and what is behind it, which no parser touches."""
    at = words.index("--") if words[:1] == ["shell"] and "--" in words else len(words)
    return words[:at], words[at + 1 :]


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"hive: {message}; see {self.prog} --help\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of every subcommand."""
    parser: argparse.ArgumentParser = _Parser(
        prog="hive.pyz",
        description="Runs a swarm of Claude Code agents, each in its own container.",
        epilog="Start with: hive.pyz up",
    )
    parser.add_argument("--version", action="version", version=f"hive {__version__}")
    verbs = parser.add_subparsers(title="subcommands", metavar="COMMAND")
    _add_daemons(verbs)
    _add_lifecycle(verbs)
    _add_approvals(verbs)
    _add_queue(verbs)
    _add_talking(verbs)
    _add_open(verbs)
    _add_inside(verbs)
    _add_access(verbs)
    _add_harness(verbs)
    return parser


Verbs = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


def _add(
    verbs: Verbs[argparse.ArgumentParser], name: str, verb: Verb, text: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(verb=verb, command=name)
    return parser


def _add_client(
    verbs: Verbs[argparse.ArgumentParser], name: str, text: str, verb: Verb | None = None
) -> argparse.ArgumentParser:
    parser = _add(verbs, name, verb or _client, text)
    parser.add_argument("--socket", metavar="PATH", help="the operator's socket")
    parser.add_argument("--root", metavar="DIR", help="the hive that lives below DIR")
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    return parser


def _add_daemons(verbs: Verbs[argparse.ArgumentParser]) -> None:
    up = _add(verbs, "up", _up, "run a hive for yourself: daemon, manager and dashboard")
    up.add_argument("--root", type=Path, metavar="DIR", help="keep state and sockets below DIR")
    up.add_argument("--port", type=int, metavar="N", help="the dashboard's port (7000)")
    up.add_argument(
        "--containers",
        metavar="KIND",
        choices=["nixos", "bubblewrap", "process"],
        help="nixos, bubblewrap or process (the last isolates nothing)",
    )
    up.add_argument("--demo", action="store_true", help="a scripted stand-in takes claude's place")
    up.add_argument("--no-browser", action="store_true", help="never open a browser")
    up.add_argument("--turn-mode", choices=["live", "process"], help="one claude, or one per turn")
    serve = _add(verbs, "serve", _serve, "run the host daemon, as systemd does")
    serve.add_argument("--config", type=Path, metavar="FILE", help="settings, a JSON file")
    serve.add_argument("--root", type=Path, metavar="DIR", help="keep state and sockets below DIR")
    doctor = _add(verbs, "doctor", _doctor, "check what this host needs and say how to mend it")
    doctor.add_argument("--socket", metavar="PATH", help="the operator's socket")
    doctor.add_argument("--root", metavar="DIR", help="the hive that lives below DIR")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")

    unit = _add(verbs, "unit", _unit, "print the unit of the daemon, for systemd")
    unit.add_argument("--user", metavar="NAME", help="a daemon that is this user, and its agents")
    unit.add_argument("--program", metavar="PATH", help="where hive.pyz is (this one)")


def _add_lifecycle(verbs: Verbs[argparse.ArgumentParser]) -> None:
    for name, text in (
        ("spawn", "create and start an agent at once, without an approval"),
        ("kill", "stop an agent; its state stays"),
        ("start", "start a stopped agent"),
        ("restart", "stop and start an agent"),
        ("rebuild", "build what is deployed anew, set the container up anew and start it"),
    ):
        _add_client(verbs, name, text).add_argument("name", metavar="NAME")
    for name, text in (
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
    shell = _add(verbs, "shell", _terminal, "run a shell, or a command, inside of an agent")
    chat = _add(verbs, "chat", _terminal, "chat with an agent's claude; its messages wait")
    for parser in (shell, chat):
        parser.add_argument("--socket", metavar="PATH", help="the operator's socket")
        parser.add_argument("--root", metavar="DIR", help="the hive that lives below DIR")
        parser.add_argument("name", metavar="NAME")
    chat.add_argument("--cancel", action="store_true", help="cancel a turn that runs")
    shell.add_argument("words", metavar="WORD", nargs="*", default=[], help="a command, behind --")


def _add_access(verbs: Verbs[argparse.ArgumentParser]) -> None:
    _add_client(verbs, "login-link", "make a one-time link that logs a browser in")
    token = _add_client(verbs, "token", "make, list or revoke tokens for scripts")
    token.add_argument("--name", metavar="LABEL", default="script", help="its name (script)")
    token.add_argument("--list", action="store_true", dest="is_list", help="list the valid ones")
    token.add_argument("--revoke", action="store_true", help="make the named one invalid")
    _add_audit(verbs)
    completion = _add(verbs, "completion", _completion, "print a shell's completion script")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])


def _add_audit(verbs: Verbs[argparse.ArgumentParser]) -> None:
    audit = verbs.add_parser("audit", help="check or print the record of what was done and denied")
    inner = audit.add_subparsers(title="subcommands", metavar="COMMAND", required=True)
    verify = _add(inner, "verify", _audit, "check that every line is there as it was written")
    verify.add_argument("--head", metavar="N:HASH", help="a head that was printed earlier")
    export = _add(inner, "export", _audit, "print lines, oldest first")
    export.add_argument("--since", metavar="TIME", help="2026-11-23, 2026-11-23T05:20, or 2h")
    export.add_argument("--until", metavar="TIME", help="not included")
    export.add_argument("--agent", metavar="NAME", help="what it did and what was done to it")
    for parser in (verify, export):
        parser.add_argument("--socket", metavar="PATH", help="the operator's socket")
        parser.add_argument("--root", metavar="DIR", help="the hive that lives below DIR")
        parser.add_argument("--json", action="store_true", help="print JSON, a line per line")


def _add_harness(verbs: Verbs[argparse.ArgumentParser]) -> None:
    for role in ("agent", "manager"):
        parser = verbs.add_parser(role, help=f"what runs inside the {role}'s container")
        inner = parser.add_subparsers(title="subcommands", metavar="COMMAND", required=True)
        serve = _add(inner, "serve", _harness, "run the harness")
        serve.set_defaults(role=role)
        serve.add_argument("--config", type=Path, default=Path("/etc/hive/harness.json"))
        mcp = _add(inner, "mcp", _mcp, "run the MCP server on stdio, for claude")
        mcp.set_defaults(role=role)
        mcp.add_argument("--socket", type=Path, default=Path("/run/hive/mcp.sock"))
        mcp.add_argument("--session-file", type=Path, help="which conversation claude is in")
        mcp.add_argument("--claude-dir", type=Path, help="where claude keeps its transcripts")
        wake = _add(inner, "wake", _wake, "put a message into this agent's own inbox")
        wake.add_argument("--socket", type=Path, default=Path("/run/hive/mcp.sock"))
        wake.add_argument("--from", dest="label", required=True, metavar="LABEL")
        wake.add_argument("--body", required=True, metavar="TEXT", help="-: standard input")


def _up(arguments: argparse.Namespace) -> int:
    from hive.nursery import commands

    return commands.up(arguments)


def _serve(arguments: argparse.Namespace) -> int:
    from hive.nursery import commands

    return commands.serve(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from hive.nursery import doctor

    return doctor.main(arguments)


def _unit(arguments: argparse.Namespace) -> int:
    from hive.host import service_unit

    print(service_unit.text(arguments.user, arguments.program), end="")
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from hive import light
    from hive.nursery import audit_verb

    try:
        verb = audit_verb.verify if arguments.command == "verify" else audit_verb.export
        return verb(arguments)
    except light.Failure as failure:
        return light.tell(failure)


def _harness(arguments: argparse.Namespace) -> int:
    from hive.nursery import in_container

    return in_container.main(arguments.config)


def _mcp(arguments: argparse.Namespace) -> int:
    from hive.agent import mcp_server

    return mcp_server.main(
        arguments.role, arguments.socket, arguments.session_file, arguments.claude_dir
    )


def _wake(arguments: argparse.Namespace) -> int:
    from hive.agent import wake

    return wake.main(arguments.socket, arguments.label, arguments.body)


def _stand_in(words: list[str]) -> int:
    from hive.agent import stand_in

    return stand_in.main(words)


def _client(arguments: argparse.Namespace) -> int:
    from hive import operator_cli

    return _told(operator_cli.run, arguments)


def _login(arguments: argparse.Namespace) -> int:
    from hive import login_cli

    return _told(login_cli.run, arguments)


def _terminal(arguments: argparse.Namespace) -> int:
    from hive import terminal_cli

    return _told(terminal_cli.run, arguments)


def _told(verb: Verb, arguments: argparse.Namespace) -> int:
    from hive import light

    try:
        return verb(arguments)
    except light.Failure as failure:
        return light.tell(failure)


def _completion(arguments: argparse.Namespace) -> int:
    from hive import completion

    print(completion.script(arguments.shell, make_parser()))
    return 0

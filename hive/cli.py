"""The verbs: one parser, and a dispatch that imports only the room it calls.

Client verbs live in `operator_verbs` and need the standard library alone.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hive import __version__, operator_verbs
from hive.verbs import Parser, Verb, Verbs, add, add_place, told


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if sys.stdin is None:
        # Closed, as by `<&-`: there is nothing to be read.
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - as long as we live
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
        parser.error("give a command")
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


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of every subcommand."""
    parser: argparse.ArgumentParser = Parser(
        prog="hive.pyz",
        description="Runs a swarm of Claude Code agents, each in its own container.",
        epilog="Start with: hive.pyz up",
    )
    parser.add_argument("--version", action="version", version=f"hive {__version__}")
    verbs = parser.add_subparsers(title="subcommands", metavar="COMMAND")
    _add_daemons(verbs)
    operator_verbs.add_all(verbs)
    _add_audit(verbs)
    _add_completion(verbs)
    _add_harness(verbs)
    return parser


def _add_daemons(verbs: Verbs[argparse.ArgumentParser]) -> None:
    up = add(verbs, "up", _up, "run a hive for yourself: daemon, manager and dashboard")
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
    serve = add(verbs, "serve", _serve, "run the daemon, as systemd does")
    serve.add_argument("--config", type=Path, metavar="FILE", help="settings, a JSON file")
    serve.add_argument("--root", type=Path, metavar="DIR", help="keep state and sockets below DIR")
    doctor = add(verbs, "doctor", _doctor, "check what this host needs and say how to mend it")
    add_place(doctor)
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    unit = add(verbs, "unit", _unit, "print the unit of the daemon, for systemd")
    unit.add_argument("--user", metavar="NAME", help="a daemon that is this user, and its agents")
    unit.add_argument("--program", metavar="PATH", help="where hive.pyz is (this one)")


def _add_audit(verbs: Verbs[argparse.ArgumentParser]) -> None:
    audit = verbs.add_parser("audit", help="check or print the record of what was done and denied")
    inner = audit.add_subparsers(title="subcommands", metavar="COMMAND", required=True)
    verify = add(inner, "verify", _audit, "check that every line is there as it was written")
    verify.add_argument("--head", metavar="N:HASH", help="a head that was printed earlier")
    export = add(inner, "export", _audit, "print lines, oldest first")
    export.add_argument("--since", metavar="TIME", help="2026-11-23, 2026-11-23T05:20, or 2h")
    export.add_argument("--until", metavar="TIME", help="not included")
    export.add_argument("--agent", metavar="NAME", help="what it did and what was done to it")
    for parser in (verify, export):
        add_place(parser)
        parser.add_argument("--json", action="store_true", help="print JSON, a line per line")


def _add_completion(verbs: Verbs[argparse.ArgumentParser]) -> None:
    completion = add(verbs, "completion", _completion, "print a shell's completion script")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])


def _add_harness(verbs: Verbs[argparse.ArgumentParser]) -> None:
    for role in ("agent", "manager"):
        parser = verbs.add_parser(role, help=f"what runs inside the {role}'s container")
        inner = parser.add_subparsers(title="subcommands", metavar="COMMAND", required=True)
        serve = add(inner, "serve", _harness, "run the harness")
        serve.set_defaults(role=role)
        serve.add_argument("--config", type=Path, default=Path("/etc/hive/harness.json"))
        mcp = add(inner, "mcp", _mcp, "run the MCP server on stdio, for claude")
        mcp.set_defaults(role=role)
        mcp.add_argument("--socket", type=Path, metavar="PATH", help="the agent's socket")
        mcp.add_argument("--session-file", type=Path, help="which conversation claude is in")
        mcp.add_argument("--claude-dir", type=Path, help="where claude keeps its transcripts")
        wake = add(inner, "wake", _wake, "put a message into this agent's own inbox")
        wake.add_argument("--socket", type=Path, metavar="PATH", help="the agent's socket")
        wake.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
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
    from hive.nursery import audit_verb

    verb = audit_verb.verify if arguments.command == "verify" else audit_verb.export
    return told(verb, arguments)


def _harness(arguments: argparse.Namespace) -> int:
    from hive.nursery import in_container

    return in_container.main(arguments.config)


def _mcp(arguments: argparse.Namespace) -> int:
    from hive import environment
    from hive.agent import mcp_server

    socket = arguments.socket or environment.agent_socket()
    return mcp_server.main(arguments.role, socket, arguments.session_file, arguments.claude_dir)


def _wake(arguments: argparse.Namespace) -> int:
    from hive import environment
    from hive.agent import wake

    socket = arguments.socket or environment.agent_socket()
    return wake.main(socket, arguments.label, arguments.body, as_json=arguments.json)


def _stand_in(words: list[str]) -> int:
    from hive.agent import stand_in

    return stand_in.main(words)


def _completion(arguments: argparse.Namespace) -> int:
    from hive import completion

    print(completion.script(arguments.shell, make_parser()))
    return 0

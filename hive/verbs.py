"""How a verb comes into the parser: its name, what it calls, and the flags that several share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

Verb = Callable[[argparse.Namespace], int]
Verbs = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"hive: {message}; see {self.prog} --help\n")


def add(
    verbs: Verbs[argparse.ArgumentParser], name: str, verb: Verb, text: str
) -> argparse.ArgumentParser:
    """Add a verb that is explained by `text`."""
    parser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(verb=verb, command=name)
    return parser


def add_place(parser: argparse.ArgumentParser) -> None:
    """Let a verb be told which daemon is meant."""
    parser.add_argument("--socket", metavar="PATH", help="the operator's socket")
    parser.add_argument("--root", metavar="DIR", help="the hive that lives below DIR")


def told(verb: Verb, arguments: argparse.Namespace) -> int:
    """Run a verb that speaks with the daemon; why it could not is one line."""
    from hive import light

    try:
        return verb(arguments)
    except light.Failure as failure:
        return light.tell(failure)

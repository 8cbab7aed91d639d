"""`login`: claude's login in a terminal, by the session that the agent's page uses too.

Standard library only, as all client verbs.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hive import light, operator_views
from hive.wire import login

CALL_S = 30.0
LOOK_S = 0.5
CODE_MOST = 4096
"""Bytes of one line of standard input."""


def run(arguments: argparse.Namespace) -> int:
    """Log an agent in and return the exit status; raises `light.Failure`."""
    talk = _Talk(arguments)
    talk.begin()
    try:
        with _no_echo():
            note = talk.hold()
    except BaseException:
        # Nobody is left to go on with it: Ctrl-C, a broken pipe, a daemon that went away.
        with suppress(light.Failure):
            talk.ask("login_cancel")
        raise
    if note != login.IS_DONE:
        raise light.Failure("unavailable", f"{arguments.name} is not logged in: {note}")
    if arguments.json:
        light.print_json({"ok": True, "name": arguments.name, "note": note})
    else:
        print(f"{light.printable(arguments.name)}: logged in")
    return 0


class _Talk:
    """One login: what was shown of it, and what is still asked for."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._path = light.operator_socket(arguments.socket, arguments.root)
        self._shown: list[str] = []
        self._url: str | None = None
        self._has_sent = False
        self._takes_input = True
        self._typed = b""

    def ask(self, command: str, **fields: object) -> dict[str, Any]:
        """Make one request; raises `light.Failure`."""
        request = {"cmd": command, "name": self._arguments.name, **fields}
        return light.call(self._path, request, timeout_s=CALL_S)

    def begin(self) -> None:
        """Begin a login, or go on with the one that runs."""
        found = self.ask("login").get("login")
        if found is None or found["finished"]:
            self.ask("login_start")
        elif not self._arguments.json:
            print("a login runs already: going on with it")

    def hold(self) -> str:
        """Show what claude says and hand it what is typed, to its end; returns how it ended."""
        while True:
            state = self.ask("login").get("login")
            if state is None:
                raise light.Failure("unavailable", "that login is forgotten: once more")
            self._show(state)
            if state["finished"]:
                return str(state["exit_note"])
            if self._url is None or not self._takes_input:
                time.sleep(LOOK_S)
            elif select.select([sys.stdin.fileno()], [], [], LOOK_S)[0]:
                self._read()

    def _show(self, state: dict[str, Any]) -> None:
        lines = str(state["output"]).splitlines()
        news, self._shown = operator_views.fresh(self._shown, lines), lines
        if not self._arguments.json:
            for line in news:
                print(light.printable(line), flush=True)
        # What an agent's harness says is a link is looked at before it is called one.
        link = login.link_in(str(state["url"] or ""))
        if self._url is None and link is not None and not state["finished"]:
            self._url = link
            if self._arguments.json:
                light.print_json({"url": link})
                sys.stdout.flush()
            else:
                print(f"Open this link, log in, and give the code it shows:\n{link}", flush=True)
                print("Code: ", end="", file=sys.stderr, flush=True)

    def _read(self) -> None:
        """Take what can be read, and hand on a whole line of it."""
        data = os.read(sys.stdin.fileno(), CODE_MOST)
        self._typed = (self._typed + data)[:CODE_MOST]
        line, newline, rest = self._typed.partition(b"\n")
        if data and not newline and len(line) < CODE_MOST:
            return
        self._typed = rest
        self._takes_input = bool(data)
        code = line.decode(errors="replace").strip()
        if code:
            self._has_sent = True
            print(file=sys.stderr)
            self.ask("login_code", code=code)
        elif not data and not self._has_sent:
            raise light.Failure("bad_request", "no code was given: the login is cancelled")


@contextmanager
def _no_echo() -> Iterator[None]:
    """Type unseen at a terminal; it is put back as it was."""
    if not sys.stdin.isatty():
        yield
        return
    import termios

    handle = sys.stdin.fileno()
    before = termios.tcgetattr(handle)
    unseen = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(handle, termios.TCSADRAIN, unseen)
    try:
        yield
    finally:
        termios.tcsetattr(handle, termios.TCSADRAIN, before)

"""The verb `notify`: its request, and where notifications go as lines for people.

Standard library only. Whoever prints the lines makes them safe for a terminal.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from typing import Any

from hive import light

Reply = dict[str, Any]


def request(arguments: argparse.Namespace) -> Reply:
    """Return the request for what was written."""
    what, which = arguments.what, arguments.which
    if what == "list":
        return {"cmd": "notifications"}
    if which is None:
        wanted = "an outlet: browser, push, webhook or ntfy" if what == "test" else "a number"
        raise light.Failure("bad_request", f"notify {what} wants {wanted}")
    if what == "test":
        return {"cmd": "test_notifications", "outlet": which}
    if not (which.isascii() and which.isdigit()):
        raise light.Failure("bad_request", "notify resend wants a number of `notify list`")
    return {"cmd": "resend_notification", "id": int(which)}


def lines(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    """Show where notifications go, or what became of a test."""
    if arguments.what == "resend":
        yield f"{arguments.which} is sent again; notify list shows whether it stays"
    elif arguments.what == "test":
        for each in reply["tested"]:
            sign = "✓" if each["is_accepted"] else "✗"
            yield f"{sign} {each['outlet']}: {each['answer']}"
    else:
        yield from _report(reply["notifications"])


def _report(report: Reply) -> Iterable[str]:
    switched = report["settings"]["outlets"]
    for row in report["outlets"]:
        classes = ", ".join(switched[row["name"]]["classes"]) or "nothing"
        yield f"{row['name']:<8} {row['where']}: {classes}{_said(row)}"
    for row in report["subscriptions"]:
        yield f"  browser {row['id']}: {row['label']} at {row['service']}{_said(row)}"
    quiet = report["settings"]["quiet"]
    if quiet["is_on"]:
        passing = ", ".join(quiet["passing"]) or "nothing"
        hours = f"{quiet['start']} to {quiet['end']} {quiet['zone']}"
        yield f"quiet from {hours}, but for {passing}"
    for row in report["deliveries"]:
        tried = f"{row['attempts']} tries" if row["attempts"] != 1 else "1 try"
        said = f": {row['answer']}" if row["answer"] else ""
        state = row["state"].replace("_", " ")
        yield f"  {row['id']} {row['outlet']} {row['title']!r} {state}, {tried}{said}"


def _said(row: Reply) -> str:
    if row["answer"] is None:
        return ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["answered_at"]))
    return f" ({when}: {row['answer']})"

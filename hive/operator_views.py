"""What the client verbs show of a reply: lines for people, made of plain JSON data.

Standard library only. Whoever prints the lines makes them safe for a terminal.
"""

from __future__ import annotations

import argparse
import calendar
import json
import time
from collections.abc import Iterable
from typing import Any

Reply = dict[str, Any]

SHA_DIGITS = 12
COMMIT_DIGITS = 40
REMINDER_ATTEMPTS = 5
"""After so many failures a reminder waits for the operator; `store.reminders` counts them."""


PAST = {
    "spawn": "spawned",
    "kill": "stopped",
    "stop": "stopped",
    "start": "started",
    "restart": "restarted",
    "rebuild": "rebuilt",
    "destroy": "destroyed; its state is kept, for hive.pyz revive or purge",
    "purge": "purged",
    "pause": "paused",
    "resume": "resumed",
}


def done(_: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    """Show what was done with an agent."""
    is_purged = arguments.command == "destroy" and arguments.purge
    what = "destroyed with its state" if is_purged else PAST[arguments.command]
    yield f"{arguments.name}: {what}"


def why(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show why agents do not work, each in a sentence and, where there is one, its mend."""
    rows = reply["why"]
    if not rows:
        yield "All agents work."
    for row in rows:
        yield f"{row['name']}: {row['sentence']}"
        if row.get("mend"):
            yield f"  mend: {row['mend']}"


def pending(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show what waits for approval."""
    waiting = [row for row in reply["approvals"] if row["status"] == "pending"]
    if not waiting:
        yield "Nothing waits for approval."
    for row in waiting:
        sha = (row.get("fetched_sha") or "")[:SHA_DIGITS]
        ref = sha or _inputs(row) or row.get("commit_ref") or ""
        text = "  ".join(part for part in (ref, row.get("description")) if part)
        at = _local(row["requested_at"])
        head = f"{row['id']:>4}  {row['kind']:<18} {row['agent']:<10} {at}"
        yield f"{head}  {text}".rstrip()
        if row.get("note"):
            yield f"      {row['note']}"


def _inputs(row: dict[str, Any]) -> str:
    """Return which inputs an approval would update, "" for any other kind."""
    if row["kind"] != "update_meta_inputs":
        return ""
    return ", ".join(json.loads(row["commit_ref"]))


def diff(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show what a pinned commit changes: the files, then the text."""
    found = reply["diff"]
    base = "nothing"
    if found["base_sha"]:
        base = f"{found['base_ref']} ({found['base_sha'][:SHA_DIGITS]})"
    yield f"{found['sha'][:SHA_DIGITS]} against {base}"
    if not found["files"]:
        yield "Nothing is changed."
    for file in found["files"]:
        added, removed = (_count(file[key]) for key in ("added", "removed"))
        yield f"  +{added} -{removed}  {file['path']}"
    if found["text"]:
        yield ""
        # A tab is no letter of a steering sequence, and a diff is full of them.
        lines = found["text"].removesuffix("\n").split("\n")
        yield from (line.expandtabs(8) for line in lines)
    if found["is_truncated"]:
        yield "(too long to show the rest)"


def _count(value: object) -> str:
    return "?" if value is None else str(value)


def queue(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show the build queue, what is over last."""
    if not reply["jobs"]:
        yield "Nothing is being built, and nothing was."
    for row in reply["jobs"]:
        yield job_line(row)


def job_line(row: dict[str, Any]) -> str:
    """Return one job in a line: number, time, state, kind, agent, where it is or why it ended."""
    text = row["note"] or (row["step"] if row["state"] == "running" else "") or ""
    wait = f" (approval {row['approval_id']})" if row["approval_id"] is not None else ""
    agent = row["agent"] or "-"
    at = clock(row["ended_at"] or row["started_at"] or row["created_at"])
    line = f"{row['id']:>4}  {at}  {row['state']:<9} {row['kind']:<12} {agent:<10}{wait} {text}"
    return line.rstrip()


_DEEDS = {
    "init_config": "its repository is there",
    "spawn": "it runs",
    "deploy": "it is deployed",
    "meta_update": "the inputs are updated",
}


def deed(row: dict[str, Any]) -> str:
    """Return what an approval's job has done, in a few words."""
    what = _DEEDS.get(row["kind"], row["kind"])
    # The manager asks for newer inputs, but they are everybody's.
    is_of_one = row["agent"] and row["kind"] != "meta_update"
    return f"{row['agent']}: {what}" if is_of_one else what


def fresh(seen: list[str], now: list[str]) -> list[str]:
    """Return what the newer tail of a log has behind the older one; all of it when they part."""
    for start in range(len(seen)):
        overlap = seen[start:]
        for at in reversed(range(len(now) - len(overlap) + 1)):
            if now[at : at + len(overlap)] == overlap:
                return now[at + len(overlap) :]
    return now


def questions(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show the open questions, their options below them."""
    if not reply["questions"]:
        yield "No question is open."
    for row in reply["questions"]:
        until = f", until {clock(row['deadline_at'])}" if row["deadline_at"] else ""
        several = ", several may be chosen" if row["multi"] else ""
        who = f"{row['asker']} asks {row['target'] or 'operator'}"
        yield f"{row['id']:>4}  {clock(row['asked_at'])}  {who}{until}{several}"
        yield from (f"        {line}" for line in row["question"].splitlines())
        yield from (f"        * {option}" for option in row["options"])


def reminders(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show the pending reminders, and what went wrong with them."""
    if not reply["reminders"]:
        yield "No reminder is pending."
    for row in reply["reminders"]:
        first = (row["message"].splitlines() or [""])[0]
        yield f"{row['id']:>4}  {clock(row['due_at'])}  {row['agent']:<10} {first}"
        if row["last_error"]:
            count = row["attempt_count"]
            over = ", given up" if count >= REMINDER_ATTEMPTS else ""
            times = "once" if count == 1 else f"{count} times"
            yield f"        failed {times}{over}: {row['last_error']}"


def meta_inputs(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show the inputs of the meta repository, and its newest commits."""
    if not reply["meta_inputs"]:
        yield "There are no inputs."
    for row in reply["meta_inputs"]:
        at = "" if row["locked_at"] is None else f"  {clock(row['locked_at'])}"
        stale = "  something newer is there" if row["is_stale"] else ""
        yield f"{row['name']:<32} {_short(row['rev']):<12}{at}{stale}".rstrip()
    if reply.get("meta_log"):
        yield ""
        yield "What was deployed, newest first:"
        yield from (f"  {line}" for line in reply["meta_log"])


def _short(rev: str) -> str:
    """Return as much of a commit as tells it apart; what is none is said whole."""
    return rev[:SHA_DIGITS] if len(rev) == COMMIT_DIGITS else rev


def inbox(reply: Reply, arguments: argparse.Namespace) -> Iterable[str]:
    """Show the messages to the operator, oldest first."""
    if arguments.read:
        yield f"{reply['marked']} marked read"
        return
    rows = reply["inbox"]
    if not rows:
        yield "No messages to the operator."
    for row in reversed(rows):
        mark = " " if row["acked_at"] else "*"
        answer = f" (answers {row['in_reply_to']})" if row.get("in_reply_to") else ""
        yield f"{mark}{row['id']:>5}  {clock(row['sent_at'])}  {row['from']}{_marks(row)}{answer}"
        yield from (f"        {line}" for line in row["body"].splitlines())


def _marks(row: dict[str, Any]) -> str:
    """Return the word for a message of the outside, or for one that goes back to the outside."""
    if row.get("origin") == "external":
        return " [outside]"
    return " [goes back to the outside]" if "external" in row.get("via", ()) else ""


_MODES = {
    "proxy": "by hive's proxy alone",
    "host": "the host's whole network: nothing is held back, only the gateway counts",
}
_ACCOUNTS = {
    "gateway": "hive adds the key or token on the way; the agent never holds it",
    "agent": "its own login, in its claude directory; it can read that",
    "given": "a key or token that the agent can read",
    "none": "a stand-in plays claude",
}


def network(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show how an agent reaches the network, what it reached, and what it was refused."""
    found = reply["network"]
    yield f"network: {_MODES.get(found['mode'], found['mode'])}"
    yield f"account: {_ACCOUNTS.get(found['account'], found['account'])}"
    if found["mode"] == "host":
        return
    yield f"allowed: {', '.join(found['allowed']) or 'nothing'}"
    yield f"always:  {', '.join(found['always'])}"
    if not found["reached"]:
        yield "It has not connected to anything."
    for row in found["reached"]:
        where = f"{row['host']}:{row['port']}"
        moved = f"{_size(row['sent'])} out, {_size(row['received'])} in"
        about = moved if row["verdict"] == "allowed" else row["why"] or ""
        line = (
            f"{clock(row['last_at'])}  {row['verdict']:<8}{row['count']:>6}  {where:<36}  {about}"
        )
        yield line.rstrip()


def _size(count: int) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count} {unit}"
        count //= 1024
    return f"{count} GiB"


def tombstones(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show what is kept of agents that were destroyed."""
    if not reply["tombstones"]:
        yield "Nothing is kept of agents that are gone."
    for row in reply["tombstones"]:
        login = "  with its login" if row["has_login"] else ""
        size = f"{row['size_bytes'] / 1024:.0f} KiB"
        yield f"{row['name']:<10} {size:>12}  {clock(row['modified_at'])}{login}"


def updated(reply: Reply, _: argparse.Namespace) -> Iterable[str]:
    """Show who was rebuilt."""
    names = ", ".join(reply["updated"])
    yield f"rebuilt: {names}" if names else "Everybody is up to date."


def _local(text: str) -> str:
    """Return an RFC 3339 time of the daemon as the local date and time; what is none, as it is."""
    try:
        return clock(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return text


def clock(at: float) -> str:
    """Return Unix seconds as the local date and time."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))

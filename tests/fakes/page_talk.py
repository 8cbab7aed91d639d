"""What the scripted pages answer of threads and closed questions."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def thread(history: list[Json], number: int, after: int, limit: int) -> Json | None:
    """Return a page of the thread of a message, out of `sent` frames that stand in order."""
    roots: dict[int, int] = {}
    for one in history:
        roots[one["id"]] = roots.get(one["in_reply_to"], one["id"])
    if number not in roots:
        return None
    rows = [_row(one) for one in history if roots[one["id"]] == roots[number]]
    left = [row for row in rows if row["id"] > after]
    return {
        "root": roots[number],
        "total": len(rows),
        "is_cut": False,
        "is_end": len(left) <= limit,
        "messages": left[:limit],
    }


def closed(questions: list[Json], query: dict[str, list[str]]) -> Json:
    """Return a page of closed questions, the newest first, as a query wants them."""
    left = questions
    if "before" in query:
        ids = [one["id"] for one in questions]
        left = questions[ids.index(int(query["before"][0])) + 1 :]
    if "how" in query:
        left = [one for one in left if one["how"] == query["how"][0]]
    if "to" in query:
        is_peer = query["to"][0] == "peer"
        left = [one for one in left if (one["target"] is not None) == is_peer]
    if "name" in query:
        name = query["name"][0]
        left = [one for one in left if name in (one["asker"], one["target"], one["answerer"])]
    limit = int(query.get("limit", ["30"])[0])
    return {"questions": left[:limit], "is_end": len(left) <= limit}


def is_wanted(frame: Json, query: dict[str, list[str]]) -> bool:
    """Whether a message is of the agent and to the operator, where a query says so."""
    agent = query.get("agent", [""])[0]
    to_operator = "to-operator" in query.get("kind", [])
    return (not agent or agent in (frame["from"], frame["to"])) and (
        not to_operator or frame["to"] == "operator"
    )


def _row(frame: Json) -> Json:
    fields = {key: frame[key] for key in frame if key not in ("kind", "at")}
    return {**fields, "sent_at": frame["at"], "delivered_at": frame["at"], "acked_at": None}

"""What the page asks for piece by piece: logs, reminders, the audit log; it only reads."""

from __future__ import annotations

from hive.core import network, readings, reasons, search
from hive.core.hive import Hive
from hive.errors import NotFound
from hive.web import replies
from hive.web.dashboard.actions import number
from hive.web.dashboard.table import AUDIT_ROWS, LINE_MAX, NEWEST_MOST
from hive.web.replies import Json, as_object
from hive.web.routes import Fields, Handlers
from hive.wire import codec
from hive.wire.limits import HIVE_LOG, LOG_LINES_DEFAULT, LOG_LINES_MAX
from hive.wire.names import agent_name
from hive.wire.search import HITS, HITS_MOST


def add(routes: Handlers, hive: Hive) -> None:
    """Add the routes of single things."""
    _add_logs(routes, hive)

    @routes.get("/api/audit")
    async def audit(fields: Fields) -> Json:
        limit = replies.whole_number(fields, "limit", AUDIT_ROWS, low=1, high=NEWEST_MOST)
        faults = [*hive.audit.faults, *filter(None, [hive.audit.trouble])]
        rows = [codec.to_json(row) for row in hive.audit.newest(limit)]
        return {"faults": faults, "rows": rows}

    @routes.get("/api/agent/<name>/row")
    async def row(name: str) -> Json:
        hive.agents.get(agent_name(name))
        found = hive.view.row(agent_name(name))
        if found is None:
            raise NotFound(f"nobody has looked at {name} yet: try again in a moment")
        return as_object(found)

    @routes.get("/api/network/<name>")
    async def reach(name: str) -> Json:
        return as_object(network.report(hive, agent_name(name)))

    @routes.get("/api/agents/<name>/why")
    async def why(name: str) -> Json:
        return {"name": name, **as_object(await reasons.of(hive, name))}

    @routes.get("/api/search")
    async def found(fields: Fields) -> Json:
        limit = replies.whole_number(fields, "limit", HITS, low=1, high=HITS_MOST)
        text = fields.get("q", "")
        answer = await search.search(hive, text, cursor=fields.get("cursor"), limit=limit)
        return as_object(answer)

    @routes.get("/api/reminders")
    async def reminders() -> Json:
        seq = hive.feed.seq
        rows = await hive.reminders.pending()
        return {"seq": seq, "reminders": [codec.to_json(row) for row in rows]}


def _add_logs(routes: Handlers, hive: Hive) -> None:
    @routes.get("/api/logs/<name>")
    async def logs(name: str, fields: Fields) -> Json:
        return {"lines": await readings.logs(hive, agent_name(name), _lines(fields))}

    @routes.get("/api/journal/<name>")
    async def journal(name: str, fields: Fields) -> Json:
        unit = fields.get("unit", HIVE_LOG)
        lines = await readings.logs(hive, agent_name(name), _lines(fields), unit)
        return {"lines": lines, "units": hive.runtime.units}

    @routes.get("/api/jobs/<text>")
    async def job(text: str) -> Json:
        return as_object(await hive.queue.get(number(text)))

    @routes.get("/api/jobs/<text>/log")
    async def job_log(text: str, fields: Fields) -> Json:
        after = replies.whole_number(fields, "after", 0, high=LINE_MAX)
        return {"after": after, "lines": await readings.job_log(hive, number(text), after)}


def _lines(fields: Fields) -> int:
    return replies.whole_number(fields, "lines", LOG_LINES_DEFAULT, low=1, high=LOG_LINES_MAX)

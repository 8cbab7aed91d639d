"""What happened and is to be told, what is on its way to which outlet, and whom to push to.

Happenings are written by triggers in the transaction of the thing itself; of messages, whose ids
only grow, a number says how far they were told. `route` turns both into deliveries, one for each
outlet, and takes them away in one transaction; a delivery is claimed before it is tried, so that a
killed daemon leaves one that is tried again and loses none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from hive.errors import NotFound
from hive.store.notify_rows import Delivery, Happening, Route, Subscription
from hive.wire.notifications import DELIVERED, WAITING

if TYPE_CHECKING:
    from hive.store.database import Connection, Database

ROUTED = 200
"""How many happenings are routed in one transaction."""
KEPT = 200
"""The newest that are over and kept; for the page, and to send them by hand."""
SHOWN = 100
QUIET_MOST_S = 26 * 3600.0
"""No longer is anything held by quiet hours, also on the day that has an hour more."""
WAIT_MOST_S = 3700.0
"""No longer does anything wait for another try, or for what it is told together with."""
_HAPPENED = f"SELECT id, class, subject, ref, at, text FROM happenings ORDER BY id LIMIT {ROUTED}"
_UNTOLD = (
    "FROM messages WHERE recipient = 'operator'"
    " AND id > (SELECT messages_upto FROM notify_settings)"
)
_MESSAGES = (
    f"SELECT id, 'message', sender, id, sent_at, substr(body, 1, 400) {_UNTOLD}"
    f" ORDER BY id LIMIT {ROUTED}"
)
_ANY = f"SELECT 1 WHERE EXISTS (SELECT 1 FROM happenings) OR EXISTS (SELECT 1 {_UNTOLD})"
_DELIVERY = (
    "id, outlet, together, class, subject, ref, at, text, counts_json, is_quiet, state, attempts,"
    " made_at, due_at, answer"
)
_SUBSCRIPTION = "id, endpoint, p256dh, auth, label, made_at"
_TRIM = (
    "DELETE FROM deliveries WHERE state <> 'waiting' AND id <= (SELECT id FROM deliveries"
    f" WHERE state <> 'waiting' ORDER BY id DESC LIMIT 1 OFFSET {KEPT})"
)


class NotificationStore:
    """The notifications of one database."""

    def __init__(self, database: Database) -> None:
        """Uses an open broker database."""
        self._database = database

    async def route(
        self, routes_of: Callable[[Happening], Sequence[Route]], now: float, gap_s: float
    ) -> int:
        """Turn what happened into deliveries; return how much it was.

        What is told together joins a delivery that was not tried yet; else it waits until `gap_s`
        after the last one of its kind.
        """

        def work(connection: Connection) -> int:
            things = _happenings(connection, _HAPPENED)
            messages = _happenings(connection, _MESSAGES)
            for happening in (*things, *messages):
                for route in routes_of(happening):
                    _put(connection, happening, route, now, gap_s)
            if things:
                connection.execute("DELETE FROM happenings WHERE id <= ?", (things[-1].id,))
            if messages:
                query = "UPDATE notify_settings SET messages_upto = ?"
                connection.execute(query, (messages[-1].id,))
            connection.execute(_TRIM)
            return len(things) + len(messages)

        if not await self._rows(_ANY, ()):
            return 0
        return await self._database.write(work)

    async def tell_faults(
        self, new: Sequence[tuple[str, str, str]], over: Sequence[str], now: float
    ) -> None:
        """Let faults have happened, as (fault, subject, text), and forget those that are over."""

        def work(connection: Connection) -> None:
            connection.executemany(
                "DELETE FROM faults_told WHERE fault = ?", [(each,) for each in over]
            )
            for fault, subject, text in new:
                connection.execute("INSERT OR IGNORE INTO faults_told VALUES (?)", (fault,))
                connection.execute(
                    "INSERT INTO happenings (class, subject, ref, at, text)"
                    " VALUES ('fault', ?, NULL, ?, ?)",
                    (subject, now, text),
                )

        await self._database.write(work)

    async def faults_told(self) -> set[str]:
        """Return the faults that were told and are not over."""
        rows = await self._rows("SELECT fault FROM faults_told", ())
        return {row[0] for row in rows}

    async def due(self, now: float) -> list[Delivery]:
        """Return the oldest delivery of each outlet that is due.

        Also what would be due later than anything is put off: the clock was put back since.
        """
        query = (
            f"SELECT {_DELIVERY} FROM deliveries WHERE id IN (SELECT min(id) FROM deliveries"
            " WHERE state = 'waiting'"
            " AND (due_at <= ? OR due_at > ? + CASE is_quiet WHEN 1 THEN ? ELSE ? END)"
            " GROUP BY outlet) ORDER BY id"
        )
        values = (now, now, QUIET_MOST_S, WAIT_MOST_S)
        return [_delivery(row) for row in await self._rows(query, values)]

    async def claim(self, id_: int, again_at: float) -> Delivery | None:
        """Count a try that begins; a killed daemon tries again then. None: it waits no longer."""

        def work(connection: Connection) -> Delivery | None:
            connection.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due_at = ?"
                " WHERE id = ? AND state = 'waiting'",
                (again_at, id_),
            )
            query = f"SELECT {_DELIVERY} FROM deliveries WHERE id = ? AND state = 'waiting'"
            row = connection.execute(query, (id_,)).fetchone()
            return None if row is None else _delivery(row)

        return await self._database.write(work)

    async def ended(
        self, delivery: Delivery, state: str, answer: str, now: float, due_at: float
    ) -> None:
        """Note what became of a try."""

        def work(connection: Connection) -> None:
            connection.execute(
                "UPDATE deliveries SET state = ?, answer = ?, due_at = ? WHERE id = ?",
                (state, answer, due_at, delivery.id),
            )
            _answered(connection, delivery.outlet, answer, now)

        await self._database.write(work)

    async def hold(self, outlet: str, until: float) -> None:
        """Let nothing be tried at an outlet before then."""
        await self._database.write(
            lambda connection: connection.execute(
                "UPDATE deliveries SET due_at = ?"
                " WHERE outlet = ? AND state = 'waiting' AND due_at < ?",
                (until, outlet, until),
            )
        )

    async def resend(self, id_: int, now: float) -> Delivery:
        """Let a delivery that was given up be tried again; raises `NotFound`."""

        def work(connection: Connection) -> Delivery:
            connection.execute(
                "UPDATE deliveries SET state = 'waiting', attempts = 0, made_at = ?, due_at = ?"
                " WHERE id = ? AND state = 'given_up'",
                (now, now, id_),
            )
            query = f"SELECT {_DELIVERY} FROM deliveries WHERE id = ? AND state = 'waiting'"
            row = connection.execute(query, (id_,)).fetchone()
            if row is None:
                raise NotFound(
                    f"no notification {id_} was given up: `hive.pyz notify list` shows those"
                )
            return _delivery(row)

        return await self._database.write(work)

    async def open(self) -> list[Delivery]:
        """Return what waits and what was given up, newest first."""
        query = (
            f"SELECT {_DELIVERY} FROM deliveries WHERE state <> '{DELIVERED}'"
            f" ORDER BY id DESC LIMIT {SHOWN}"
        )
        return [_delivery(row) for row in await self._rows(query, ())]

    async def answered(self, outlet: str, answer: str, now: float) -> None:
        """Note what an outlet said to a test."""
        await self._database.write(lambda connection: _answered(connection, outlet, answer, now))

    async def answers(self) -> dict[str, tuple[str, float]]:
        """Return what each outlet said last, and when."""
        rows = await self._rows("SELECT outlet, answer, at FROM outlet_answers", ())
        return {outlet: (answer, at) for outlet, answer, at in rows}

    async def subscriptions(self) -> list[Subscription]:
        """Return the browsers that are pushed to, oldest first."""
        query = f"SELECT {_SUBSCRIPTION} FROM push_subscriptions ORDER BY id"
        return [Subscription(*row) for row in await self._rows(query, ())]

    async def subscribe(self, new: Subscription, most: int) -> int | None:
        """Store a browser, or what is new of one that is known; None when there are `most`."""

        def work(connection: Connection) -> int | None:
            known = connection.execute(
                "SELECT id FROM push_subscriptions WHERE endpoint = ?", (new.endpoint,)
            ).fetchone()
            count = connection.execute("SELECT count(*) FROM push_subscriptions").fetchone()[0]
            if known is None and count >= most:
                return None
            connection.execute(
                "INSERT INTO push_subscriptions (endpoint, p256dh, auth, label, made_at)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (endpoint) DO UPDATE"
                " SET p256dh = excluded.p256dh, auth = excluded.auth, label = excluded.label",
                attrs.astuple(new)[1:],
            )
            row = connection.execute(
                "SELECT id FROM push_subscriptions WHERE endpoint = ?", (new.endpoint,)
            ).fetchone()
            return int(row[0])

        return await self._database.write(work)

    async def unsubscribe(self, id_: int) -> Subscription:
        """Forget a browser and what is on its way to it; raises `NotFound`."""

        def work(connection: Connection) -> Subscription:
            query = f"SELECT {_SUBSCRIPTION} FROM push_subscriptions WHERE id = ?"
            row = connection.execute(query, (id_,)).fetchone()
            if row is None:
                raise NotFound(f"no browser {id_} is pushed to: the page lists those that are")
            connection.execute("DELETE FROM push_subscriptions WHERE id = ?", (id_,))
            for table in ("deliveries", "outlet_answers"):
                connection.execute(f"DELETE FROM {table} WHERE outlet = ?", (f"push:{id_}",))
            return Subscription(*row)

        return await self._database.write(work)

    async def settings(self) -> tuple[str, str | None]:
        """Return what tells this hive from others, and the settings as they were stored."""
        rows = await self._rows("SELECT hive, settings_json FROM notify_settings", ())
        return rows[0][0], rows[0][1]

    async def save_settings(self, text: str) -> None:
        """Store the settings."""
        query = "UPDATE notify_settings SET settings_json = ?"
        await self._database.write(lambda connection: connection.execute(query, (text,)))

    async def _rows(self, query: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return await self._database.read(
            lambda connection: connection.execute(query, values).fetchall()
        )


def _happenings(connection: Connection, query: str) -> list[Happening]:
    return [Happening(*row) for row in connection.execute(query).fetchall()]


def _put(
    connection: Connection, happening: Happening, route: Route, now: float, gap_s: float
) -> None:
    newest = (happening.class_, happening.subject, happening.ref, happening.at, happening.text)
    key = (route.outlet, route.together)
    joined = connection.execute(
        "SELECT id, counts_json FROM deliveries WHERE outlet = ? AND together = ?"
        " AND state = 'waiting' AND attempts = 0 ORDER BY id DESC LIMIT 1",
        key,
    ).fetchone()
    if joined is not None:
        counts = json.loads(joined[1])
        counts[happening.class_] = counts.get(happening.class_, 0) + 1
        connection.execute(
            "UPDATE deliveries SET class = ?, subject = ?, ref = ?, at = ?, text = ?,"
            " counts_json = ? WHERE id = ?",
            (*newest, json.dumps(counts), joined[0]),
        )
        return
    last = connection.execute(
        "SELECT max(due_at) FROM deliveries WHERE outlet = ? AND together = ?", key
    ).fetchone()[0]
    due_at = now if route.not_before is None else route.not_before
    if last is not None:
        due_at = max(due_at, min(last, now) + gap_s)
    connection.execute(
        "INSERT INTO deliveries (outlet, together, class, subject, ref, at, text, counts_json,"
        " is_quiet, state, made_at, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *key,
            *newest,
            json.dumps({happening.class_: 1}),
            route.not_before is not None,
            WAITING,
            now,
            due_at,
        ),
    )


def _answered(connection: Connection, outlet: str, answer: str, now: float) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO outlet_answers VALUES (?, ?, ?)", (outlet, answer, now)
    )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    id_, outlet, together, class_, subject, ref, at, text, counts, is_quiet, *rest = row
    newest = Happening(0, class_, subject, ref, at, text)
    return Delivery(id_, outlet, together, newest, json.loads(counts), bool(is_quiet), *rest)

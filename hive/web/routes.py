"""Routes as data: what each takes, answers and refuses; routing and description are made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import attrs

from hive.errors import HiveError, TooLarge
from hive.web.replies import READING, MethodNotAllowed, TooSlow, UnsupportedType
from hive.wire.names import AGENT_PATTERN

JSON = "application/json"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream; charset=utf-8"
CSV = "text/csv; charset=utf-8"
ANY_FILE = "*/*"
FORM = "application/x-www-form-urlencoded"
GET, POST = "GET", "POST"
OF_BODIES: tuple[type[HiveError], ...] = (TooSlow, TooLarge, UnsupportedType)
"""What else may be wrong where there is a body."""
PATH_FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "name": ("name", {"type": "string", "pattern": f"^{AGENT_PATTERN}$"}),
    "text": ("id", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
    "path": ("path", {"type": "string", "minLength": 1}),
}
"""Of each word that stands in a path: what it is called where it is described, and what it is."""

Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)
Fields = dict[str, str]
"""Of a query: what a handler is given as `fields` where its route has some."""


@attrs.frozen
class Nothing:
    """A body without fields."""


@attrs.frozen
class Field:
    """One field of a query."""

    name: str
    says: str
    low: int | None = None
    """With `high` a whole number; else it is text."""
    high: int | None = None
    default: int | str | None = None
    one_of: tuple[str, ...] = ()
    longest: int | None = None
    is_needed: bool = False

    def schema(self) -> dict[str, Any]:
        """Return what its value may be, as JSON Schema."""
        found: dict[str, Any] = {"type": "string"}
        if self.high is not None:
            found = {"type": "integer", "minimum": self.low or 0, "maximum": self.high}
        if self.one_of:
            found["enum"] = list(self.one_of)
        if self.longest is not None:
            found["maxLength"] = self.longest
        if self.default is not None:
            found["default"] = self.default
        return found


@attrs.frozen
class Route:
    """One method of one path."""

    method: str
    path: str
    """With words as `<name>` where it varies."""
    says: str
    """What it is for, in one sentence."""
    answer: object = None
    """The type of what comes back as JSON; None where that is no JSON."""
    media: str = JSON
    query: tuple[Field, ...] = ()
    body: type | None = None
    errors: tuple[type[HiveError], ...] = ()
    """Beside those that every route has."""
    status: int = 200
    is_open: bool = False
    """Whether it answers without a login."""
    frames: object = None
    """Of an event stream: the union of what its events hold."""
    has_head: bool = True
    """Of a GET: whether it may be asked as HEAD as well."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Every method that it is asked with."""
        return READING if self.method == GET and self.has_head else (self.method,)

    @property
    def refusals(self) -> tuple[type[HiveError], ...]:
        """Every error of its own, those of its body included."""
        return (*self.errors, *(OF_BODIES if self.body is not None else ()))


class Handlers:
    """What answers the routes of a table, gathered by method and path."""

    def __init__(self) -> None:
        """There are none."""
        self._found: dict[tuple[str, str], Handler] = {}

    def get(self, path: str) -> Callable[[H], H]:
        """Take the decorated function for a GET of that path."""
        return self._taker(GET, path)

    def post(self, path: str) -> Callable[[H], H]:
        """Take the decorated function for a POST there."""
        return self._taker(POST, path)

    def for_all(self, routes: Iterable[Route]) -> list[tuple[Route, Handler]]:
        """Return each route with what answers it; raises `TypeError` unless they are the same."""
        rows = list(routes)
        if {(row.method, row.path) for row in rows} != set(self._found):
            odd = {(row.method, row.path) for row in rows} ^ set(self._found)
            raise TypeError(f"the table of routes and what answers them differ: {sorted(odd)}")
        return [(row, self._found[row.method, row.path]) for row in rows]

    def _taker(self, method: str, path: str) -> Callable[[H], H]:
        def take(handler: H) -> H:
            self._found[method, path] = handler
            return handler

        return take


def find(routes: Iterable[Route], method: str, path: str) -> Route | None:
    """Return the route of a path without words; raises `MethodNotAllowed` for another method."""
    rows = [row for row in routes if row.path == path]
    if not rows:
        return None
    for row in rows:
        if method in row.methods:
            return row
    raise MethodNotAllowed(*(method for row in rows for method in row.methods))


def check(routes: Iterable[Route], served: Iterable[str]) -> None:
    """Raise `TypeError` unless the paths that are served are those of the table."""
    if (odd := {route.path for route in routes} ^ set(served)) != set():
        raise TypeError(f"the table of routes and what is served differ: {sorted(odd)}")

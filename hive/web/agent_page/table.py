"""Every route of an agent's page, below `/agent/<name>`: what its harness answers, and the rest."""

from __future__ import annotations

import attrs

from hive.errors import Conflict, NotFound, Unavailable
from hive.web.routes import (
    ANY_FILE,
    CSV,
    EVENTS,
    GET,
    HTML,
    POST,
    Field,
    Nothing,
    Route,
)
from hive.wire import live
from hive.wire.answers import Done, DoneWithId, LooseEnds, ScreenTicket
from hive.wire.page_answers import (
    EventHistory,
    EventsFound,
    HasScreen,
    PageState,
    Statistics,
    TurnsExport,
)
from hive.wire.stats import DEFAULT_WINDOW, WINDOWS

HISTORY_DEFAULT = 500
HISTORY_MOST = 2000
WORDS_MOST = 200
SEQ_MOST = 2**53
STREAM = "/events/stream"
SCREEN = "/screen/ws"
TICKET = "/screen/ticket"


@attrs.frozen
class ModelBody:
    """The model of the next turn."""

    model: str


@attrs.frozen
class CodeBody:
    """What the page of the login's link showed."""

    code: str = attrs.field(repr=False)


@attrs.frozen
class PageMessageBody:
    """A message of the operator to the agent whose page it is."""

    body: str
    in_reply_to: int | None = None


@attrs.frozen
class TicketBody:
    """What a ticket is asked for."""

    view_only: bool = True


_WINDOW = Field(
    "window", "How far back the turns go.", default=DEFAULT_WINDOW, one_of=tuple(WINDOWS)
)
_HISTORY = (
    Field("before", "Only events with a smaller number.", high=SEQ_MOST),
    Field("after", "Only events with a greater number, the oldest first.", high=SEQ_MOST),
    Field("limit", "At most so many.", low=1, high=HISTORY_MOST, default=HISTORY_DEFAULT),
    Field("q", "Words that an event says.", longest=WORDS_MOST),
    Field("kinds", "Kinds of events, with commas between."),
)
RESUMING = Field("last_event_id", "The last event that was seen, in place of `Last-Event-ID`.")

SHELLS = {
    "/": "agent_page/index.html",
    "/stats": "agent_page/stats.html",
    "/screen": "agent_page/screen.html",
}
OF_FILES = (
    Route(GET, "/", "The page.", media=HTML),
    Route(GET, "/stats", "The page of statistics.", media=HTML),
    Route(GET, "/screen", "The page of the agent's screen.", media=HTML),
    Route(GET, "/static/<path>", "A file of the pages.", media=ANY_FILE),
)
OF_DAEMON = (
    Route(
        POST,
        "/send",
        "Send a message to the agent as the operator.",
        DoneWithId,
        body=PageMessageBody,
    ),
    Route(GET, "/api/loose-ends", "What the agent has still open.", LooseEnds),
    Route(
        POST,
        TICKET,
        "Get what opens a view of the agent's screen.",
        ScreenTicket,
        body=TicketBody,
        errors=(Conflict,),
    ),
    Route(
        GET,
        SCREEN,
        "A websocket: RFB in binary messages.",
        status=101,
        media="",
        query=(Field("ticket", "What `/screen/ticket` gave.", longest=256, is_needed=True),),
        errors=(Conflict,),
        has_head=False,
    ),
)
OF_STATISTICS = (
    Route(GET, "/api/stats", "The sums of a window.", Statistics, query=(_WINDOW,)),
    Route(
        GET, "/api/stats/export.csv", "The turns of a window as CSV.", media=CSV, query=(_WINDOW,)
    ),
    Route(GET, "/api/stats/export.json", "The turns of a window.", TurnsExport, query=(_WINDOW,)),
)
OF_STREAM = (
    Route(
        GET,
        STREAM,
        "The frames of the page as they come.",
        media=EVENTS,
        query=(RESUMING,),
        frames=live.LiveFrame,
    ),
)
OF_READS = (
    Route(GET, "/api/state", "Everything the page shows at first.", PageState),
    Route(GET, "/api/screen", "Whether there is a screen.", HasScreen),
    Route(
        GET,
        "/events/history",
        "The newest events; with `q` or `kinds` those that are wanted.",
        EventHistory | EventsFound,
        query=_HISTORY,
    ),
)
OF_CONTROLS = (
    Route(POST, "/api/cancel", "Interrupt the turn.", Done, body=Nothing),
    Route(POST, "/api/compact", "Shorten the conversation.", Done, body=Nothing),
    Route(POST, "/api/new-session", "Begin a new conversation.", Done, body=Nothing),
    Route(POST, "/api/model", "Choose the model of the next turn.", Done, body=ModelBody),
    Route(
        POST,
        "/api/login-start",
        "Begin a login of claude.",
        Done,
        body=Nothing,
        errors=(Conflict,),
    ),
    Route(
        POST,
        "/api/login-code",
        "Hand the login its code.",
        Done,
        body=CodeBody,
        errors=(Conflict,),
    ),
    Route(POST, "/api/login-cancel", "End the login.", Done, body=Nothing, errors=(Conflict,)),
)
OF_HARNESS = tuple(
    attrs.evolve(route, has_head=False)
    for route in (*OF_STATISTICS, *OF_STREAM, *OF_READS, *OF_CONTROLS)
)
"""What the daemon passes on, and nothing else."""


def _of_an_agent(route: Route) -> Route:
    return attrs.evolve(route, errors=(NotFound, *route.errors, Unavailable))


ROUTES = tuple(map(_of_an_agent, (*OF_FILES, *OF_DAEMON, *OF_HARNESS)))

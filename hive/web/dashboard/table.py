"""Every route of the dashboard: what it takes, answers and refuses."""

from __future__ import annotations

from typing import Any

import attrs

from hive.core.file_refs import Ref
from hive.core.proposals import BASES
from hive.core.reviews import REVIEWED
from hive.errors import Conflict, HiveError, NotFound, Unavailable
from hive.host.git_diff import Diff
from hive.host.state_reader import FileText
from hive.web.agent_page.table import RESUMING
from hive.web.dashboard.bodies import (
    AllowBody,
    AnswerBody,
    ApproveBody,
    CommentBody,
    DenyBody,
    DestroyBody,
    InputsBody,
    OutletBody,
    PausedBody,
    QuietBody,
    SendBody,
    SpawnBody,
    TestBody,
    TextBody,
)
from hive.web.routes import ANY_FILE, EVENTS, GET, HTML, POST, Field, Nothing, Route
from hive.wire import answers, notifications, search
from hive.wire.answers import Done, DoneWithId
from hive.wire.approvals import OUTCOMES, Approval
from hive.wire.dashboard import ContainerRow, DashboardFrame
from hive.wire.jobs import JobRow
from hive.wire.limits import HIVE_LOG, LOG_LINES_DEFAULT, LOG_LINES_MAX, LOGS
from hive.wire.messages import KINDS, Question, QuestionPage, Thread
from hive.wire.network import NetworkReport
from hive.wire.questions import HOWS, TO_OPERATOR, TO_PEER
from hive.wire.search_query import QUERY_MOST

AUDIT_ROWS = 50
NEWEST_MOST = 200
DECIDED_ROWS = 30
DECIDED_MOST = 100
LINE_MAX = 10**9
IDS_MAX = 10**15
NAME_LONGEST = 64
REFS_MAX = 50
THREAD_ROWS, THREAD_ROWS_MOST = 300, 500
QUESTION_ROWS, QUESTION_ROWS_MOST = 30, 100
STREAM = "/dashboard/stream"
DOCUMENT = "/api/openapi.json"


@attrs.frozen
class FileRefs:
    """The files that messages, questions and answers name and that may be read."""

    refs: dict[str, tuple[Ref, ...]]
    """By the id of the message."""
    question_refs: dict[str, tuple[Ref, ...]]
    """Of questions, by their ids."""
    answer_refs: dict[str, tuple[Ref, ...]]
    """Of the answers to them, by the same ids."""


_GONE: tuple[type[HiveError], ...] = (NotFound,)
_BUSY: tuple[type[HiveError], ...] = (NotFound, Conflict, Unavailable)
_LINES = Field(
    "lines", "At most so many lines.", low=1, high=LOG_LINES_MAX, default=LOG_LINES_DEFAULT
)


def _read(
    path: str, says: str, answer: object, *query: Field, errors: tuple[type[HiveError], ...] = ()
) -> Route:
    return Route(GET, path, says, answer, query=query, errors=errors)


def _act(path: str, says: str, body: type = Nothing, answer: object = Done) -> Route:
    return Route(POST, path, says, answer, body=body, errors=_BUSY)


OF_READS = (
    Route(GET, "/healthz", "Whether the dashboard answers.", Done, is_open=True),
    Route(GET, DOCUMENT, "This description.", dict[str, Any]),
    _read("/api/state", "Everything the page shows at first.", answers.Snapshot),
    _read(
        "/dashboard/history",
        "The newest messages, or those next to one.",
        answers.SentHistory,
        Field("before", "Only messages with a smaller id.", high=IDS_MAX),
        Field("after", "Only messages with a greater id, instead of that.", high=IDS_MAX),
        Field("agent", "Only what that one sent or got.", longest=NAME_LONGEST),
        Field("kind", "Only messages of that kind.", one_of=KINDS),
    ),
    _read(
        "/api/search",
        "What is found in messages, events and turns, newest first.",
        search.Answer,
        Field("q", "Words and filters.", longest=QUERY_MOST, is_needed=True),
        Field("limit", "At most so many.", low=1, high=search.HITS_MOST, default=search.HITS),
        Field("cursor", "`next` of the page before."),
    ),
    _read(
        "/api/logs/<name>",
        "What an agent's container printed.",
        answers.Lines,
        _LINES,
        errors=_BUSY,
    ),
    _read(
        "/api/journal/<name>",
        "The same, of one of the logs that its container has.",
        answers.Journal,
        _LINES,
        Field("unit", "Which log.", default=HIVE_LOG, one_of=LOGS),
        errors=_BUSY,
    ),
    _read("/api/approvals/<text>", "An approval, however old.", Approval, errors=_GONE),
    _read(
        "/api/approvals/<text>/diff",
        "What a proposal changes.",
        Diff,
        Field("base", "Against what.", default=BASES[0], one_of=(*BASES, REVIEWED)),
        Field("ignore_space", "1: without changes of white space.", high=1, default=0),
        errors=_BUSY,
    ),
    _read(
        "/api/approvals/<text>/comments",
        "What was said of its lines.",
        answers.Comments,
        errors=_GONE,
    ),
    _read(
        "/api/approvals",
        "What was decided, newest first.",
        answers.Decided,
        Field("agent", "Only of that agent."),
        Field("outcome", "Only what ended so.", one_of=OUTCOMES),
        Field("before", "`next` of the page before.", high=IDS_MAX),
        Field("limit", "At most so many.", low=1, high=DECIDED_MOST, default=DECIDED_ROWS),
        errors=_GONE,
    ),
    _read("/api/jobs/<text>", "A job, however old.", JobRow, errors=_GONE),
    _read(
        "/api/jobs/<text>/log",
        "What a job said.",
        answers.JobLog,
        Field("after", "So many lines are known.", high=LINE_MAX, default=0),
        errors=_GONE,
    ),
    _read("/api/agent/<name>/row", "One agent's row.", ContainerRow, errors=_GONE),
    _read(
        "/api/agents/<name>/why", "Why an agent does not work.", answers.AgentReason, errors=_GONE
    ),
    _read("/api/network/<name>", "What an agent reached.", NetworkReport, errors=_GONE),
    _read(
        "/api/threads/<text>",
        "The messages of the thread that a message is in, oldest first.",
        Thread,
        Field("after", "Only messages with a greater id.", high=IDS_MAX, default=0),
        Field("limit", "At most so many.", low=1, high=THREAD_ROWS_MOST, default=THREAD_ROWS),
        errors=_GONE,
    ),
    _read("/api/questions/<text>", "A question, however old.", Question, errors=_GONE),
    _read(
        "/api/questions",
        "Closed questions, those first that were closed last.",
        QuestionPage,
        Field("before", "Only what was closed before the question of this id.", high=IDS_MAX),
        Field("to", "Put to the operator, or to an agent.", one_of=(TO_OPERATOR, TO_PEER)),
        Field("name", "Who asked, was asked or answered.", longest=NAME_LONGEST),
        Field("how", "How they were closed.", one_of=HOWS),
        Field("limit", "At most so many.", low=1, high=QUESTION_ROWS_MOST, default=QUESTION_ROWS),
    ),
    _read("/api/reminders", "What agents are to be reminded of.", answers.Reminders),
    _read(
        "/api/audit",
        "The newest lines of the audit log.",
        answers.AuditNewest,
        Field("limit", "At most so many lines.", low=1, high=NEWEST_MOST, default=AUDIT_ROWS),
    ),
    _read("/api/notifications", "Where notifications go.", notifications.Report),
    _read(
        "/api/file-refs",
        "Which files messages and questions name.",
        FileRefs,
        Field("messages", f"At most {REFS_MAX} ids of messages, with commas between."),
        Field("questions", f"At most {REFS_MAX} ids of questions, with commas between."),
    ),
    _read(
        "/api/state-file",
        "A file that a message named.",
        FileText,
        Field("path", "Below `/state` or `/shared`, or of an agent.", is_needed=True),
        errors=_GONE,
    ),
)
OF_ACTIONS = (
    _act("/request-spawn", "Propose a new agent.", SpawnBody, DoneWithId),
    _act("/allow/<name>", "Propose to let an agent reach a host.", AllowBody, DoneWithId),
    _act("/approve/<text>", "Approve what was proposed.", ApproveBody),
    _act("/comment/<text>", "Comment on a line of what was proposed.", CommentBody, DoneWithId),
    _act("/edit-comment/<text>", "Change a comment that was not sent.", TextBody),
    _act("/drop-comment/<text>", "Remove a comment that was not sent."),
    _act("/deny/<text>", "Deny what was proposed.", DenyBody),
    _act("/cancel-job/<text>", "Cancel a job."),
    _act("/meta-update", "Update inputs of the meta repository.", InputsBody, answers.JobQueued),
    _act("/update-all", "Rebuild every agent that is behind.", Nothing, answers.JobsQueued),
    _act("/start/<name>", "Start an agent."),
    _act("/kill/<name>", "Stop an agent."),
    _act("/restart/<name>", "Restart an agent."),
    _act("/rebuild/<name>", "Rebuild an agent."),
    _act("/destroy/<name>", "Destroy an agent, and its state if that is wanted.", DestroyBody),
    _act("/set-paused/<name>", "Pause an agent, or let it go on.", PausedBody),
    _act("/purge-tombstone/<name>", "Drop the kept state of an agent that is gone."),
    _act("/revive/<name>", "Propose an agent that is gone again.", Nothing, DoneWithId),
    _act("/op-send", "Send a message as the operator.", SendBody, DoneWithId),
    _act("/api/agent/<name>/mark-all-read", "Acknowledge mail.", Nothing, answers.Marked),
    _act("/mark-read/<text>", "Acknowledge one message to you.", Nothing, answers.Marked),
    _act("/answer-question/<text>", "Answer a question.", AnswerBody),
    _act("/cancel-question/<text>", "Close a question without an answer."),
    _act("/retry-reminder/<text>", "Try a reminder again."),
    _act("/cancel-reminder/<text>", "Cancel a reminder."),
    _act("/notifications/outlet", "Switch what an outlet is sent.", OutletBody),
    _act("/notifications/quiet", "Set when nothing is sent.", QuietBody),
    _act("/notifications/test", "Send a test.", TestBody, answers.TestsDone),
    _act("/notifications/key", "What browsers subscribe with.", Nothing, answers.PushKey),
    _act(
        "/notifications/subscribe",
        "Push to a browser.",
        notifications.NewSubscription,
        DoneWithId,
    ),
    _act("/notifications/unsubscribe/<text>", "Push to a browser no more."),
    _act("/notifications/resend/<text>", "Send again what was given up."),
)
OF_FRAMEWORK = (*OF_READS, *OF_ACTIONS)
OF_FILES = (
    Route(GET, "/", "The page.", media=HTML),
    Route(GET, "/favicon.ico", "The icon.", media=ANY_FILE, is_open=True),
    Route(GET, "/service-worker.js", "What the browser keeps.", media=ANY_FILE, is_open=True),
    Route(
        GET,
        "/static/<path>",
        "A file of the pages.",
        media=ANY_FILE,
        errors=_GONE,
        is_open=True,
    ),
)
OF_STREAM = (
    Route(
        GET,
        STREAM,
        "The frames of the dashboard as they come.",
        media=EVENTS,
        query=(RESUMING,),
        frames=DashboardFrame,
        has_head=False,
    ),
)
OF_DOOR = (
    Route(
        GET,
        "/login",
        "Trade a login link for a cookie.",
        media="",
        status=303,
        query=(Field("token", "Of the link; good once.", is_needed=True),),
        is_open=True,
        has_head=False,
    ),
    Route(POST, "/logout", "End the session of the cookie.", Done, errors=_GONE),
)
OF_AGENTS = (
    Route(
        GET,
        "/agent/<name>",
        "The way to an agent's page.",
        media="",
        status=308,
        errors=_GONE,
    ),
)
ROUTES = (*OF_FILES, *OF_DOOR, *OF_STREAM, *OF_FRAMEWORK, *OF_AGENTS)

"""Questions and answers between agents, manager and operator.

Asking returns at once; the answer comes later as a system message. Every change of state and the
message that tells of it are one transaction. A question without an answer at its deadline, which
survives restarts, is answered `[expired]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hive.errors import BadRequest, Conflict, NotFound, Refused
from hive.store.messages import Draft
from hive.wire.dashboard import QuestionAdded, QuestionResolved
from hive.wire.limits import QUESTION_OPTIONS, QUESTION_TTL_S, check_body
from hive.wire.messages import FROM_OPERATOR, FROM_PEER, FROM_SYSTEM, Question, QuestionPage
from hive.wire.names import MANAGER, OPERATOR, SYSTEM
from hive.wire.questions import (
    ANSWERED,
    CANCELLED,
    CANCELLED_ANSWER,
    EXPIRED_ANSWER,
    WATCHDOG,
    cancelled_by,
)

if TYPE_CHECKING:
    from hive.core.broker import Broker, Publish
    from hive.store.database import Clock
    from hive.store.questions import QuestionStore, Told

DUE_BATCH = 100
_ANSWERS = {OPERATOR: FROM_OPERATOR, WATCHDOG: FROM_SYSTEM}
"""Where an answer comes from whose answerer is no agent."""

Allow = Callable[[Question], None]
"""Raises `Refused` when the question is not theirs."""


class Questions:
    """Asks, answers, cancels and expires."""

    def __init__(
        self, store: QuestionStore, broker: Broker, *, clock: Clock, publish: Publish
    ) -> None:
        """Delivers through `broker`; frames go to `publish` after the commit."""
        self._store = store
        self._broker = broker
        self._clock = clock
        self._publish = publish

    async def ask(
        self,
        asker: str,
        question: str,
        *,
        options: Sequence[str] = (),
        multi: bool = False,
        ttl_s: float | None = None,
        to: str | None = None,
        dedupe_key: str | None = None,
    ) -> int:
        """Put a question to the operator (`to` None) or a peer and return its id.

        `ttl_s` is cut at the interface's limit. Raises `TooLarge`, `BadRequest`, `NotFound`,
        `Refused` when the asker's configuration does not allow that recipient, `Conflict` when too
        many of its questions are open.
        """
        self._check(asker, question, options, ttl_s)
        target = None if to == OPERATOR else to
        if target == asker:
            raise BadRequest("a question to oneself is answered by nobody: name somebody else")
        if target is not None:
            self._broker.check_recipient(target)
        self._broker.check_allowed(asker, target or OPERATOR)
        now = self._clock()
        told = await self._store.add(
            Question(
                id=0,
                asker=asker,
                target=target,
                question=question,
                options=tuple(options),
                multi=multi,
                asked_at=now,
                deadline_at=None if ttl_s is None else now + min(ttl_s, QUESTION_TTL_S),
                answered_at=None,
                answer=None,
                answerer=None,
            ),
            dedupe_key,
            lambda stored: _asked_notice(stored, now),
        )
        if told.is_new:
            self._announce_asked(told)
        return told.question.id

    async def answer(self, id_: int, answerer: str, answer: str) -> None:
        """Answer a question: its target or the operator may.

        Raises `TooLarge`, `BadRequest` for an empty one, `NotFound`, `Refused`, or `Conflict` when
        it was answered before.
        """
        check_body("the answer", answer)
        if not answer.strip():
            raise BadRequest("the answer is empty: say something, or withdraw the question")

        def allow(question: Question) -> None:
            if answerer not in {OPERATOR, question.target}:
                raise Refused(
                    f"question {question.id} was put to {question.target or OPERATOR}:"
                    " only they may answer it"
                )

        await self._resolve(id_, answer, answerer, allow)

    async def cancel(self, id_: int, by: str) -> None:
        """Withdraw a question: its asker, the manager or the operator may; the asker is told.

        Raises `NotFound`, `Refused`, or `Conflict` when it was answered before.
        """

        def allow(question: Question) -> None:
            if by not in {question.asker, MANAGER, OPERATOR}:
                raise Refused(f"question {question.id} is {question.asker}'s to withdraw")

        answer = CANCELLED_ANSWER if by == OPERATOR else cancelled_by(by)
        await self._resolve(id_, answer, by, allow)

    async def run_due(self, now: float) -> int:
        """Expire what is due (Unix seconds); return how many."""
        expired = 0
        for question in await self._store.due(now, DUE_BATCH):
            try:
                await self._resolve(question.id, EXPIRED_ANSWER, WATCHDOG, lambda _: None)
            except Conflict:
                continue  # a real answer came first, which is what the deadline waited for
            expired += 1
        return expired

    async def pending(self) -> list[Question]:
        """Every open question, oldest first."""
        return await self._store.open()

    async def history(self, limit: int) -> list[Question]:
        """The newest answered questions, newest first."""
        return await self._store.history(limit)

    async def closed(
        self,
        limit: int,
        *,
        before: int | None = None,
        to: str | None = None,
        name: str | None = None,
        how: str | None = None,
    ) -> QuestionPage:
        """A page of those closed before `before`; the others narrow it as the store says."""
        return await self._store.closed(limit, before=before, to=to, name=name, how=how)

    async def get(self, id_: int) -> Question:
        """One question, however long ago it was closed; raises `NotFound`."""
        found = await self._store.some([id_])
        if not found:
            raise NotFound(f"there is no question {id_}: `hive.pyz questions` lists those open")
        return found[0]

    async def some(self, ids: Sequence[int]) -> list[Question]:
        """Those questions of these that are there, oldest first."""
        return await self._store.some(ids)

    async def _resolve(self, id_: int, answer: str, answerer: str, allow: Allow) -> None:
        now = self._clock()
        told = await self._store.resolve(
            id_,
            answer,
            answerer,
            now,
            allow=allow,
            notice=lambda question: _answered_notice(question, now),
        )
        question = told.question
        self._publish(
            QuestionResolved(
                id=question.id,
                answer=answer,
                answerer=answerer,
                answered_at=now,
                cancelled=question.how == CANCELLED,
                target=question.target,
                how=question.how or ANSWERED,
            )
        )
        self._deliver(told)

    def _announce_asked(self, told: Told) -> None:
        question = told.question
        self._publish(
            QuestionAdded(
                id=question.id,
                asker=question.asker,
                target=question.target,
                question=question.question,
                options=question.options,
                multi=question.multi,
                asked_at=question.asked_at,
                deadline_at=question.deadline_at,
            )
        )
        self._deliver(told)

    def _deliver(self, told: Told) -> None:
        if told.draft is not None:
            self._broker.announce(told.draft, told.message_ids)

    @staticmethod
    def _check(asker: str, question: str, options: Sequence[str], ttl_s: float | None) -> None:
        check_body("the question", question)
        check_body("the options together", "\n".join(options))
        if not question.strip():
            raise BadRequest(f"the question of {asker} is empty: say what is to be decided")
        if len(options) > QUESTION_OPTIONS:
            raise BadRequest(f"a question has at most {QUESTION_OPTIONS} options")
        if ttl_s is not None and ttl_s <= 0:
            raise BadRequest("ttl_seconds must be more than 0, or left out")


def _asked_notice(question: Question, now: float) -> Draft | None:
    if question.target is None:
        return None
    event = {
        "event": "question_asked",
        "id": question.id,
        "asker": question.asker,
        "question": question.question,
        "options": list(question.options),
        "multi": question.multi,
    }
    return _system(question.target, event, now, FROM_PEER)


def _answered_notice(question: Question, now: float) -> Draft:
    event = {
        "event": "question_answered",
        "id": question.id,
        "question": question.question,
        "answer": question.answer,
        "answerer": question.answerer,
    }
    return _system(question.asker, event, now, _ANSWERS.get(question.answerer or "", FROM_PEER))


def _system(recipient: str, event: dict[str, object], now: float, words_of: str) -> Draft:
    """Return the message of an event, marked with whose words it carries."""
    body = json.dumps(event, ensure_ascii=False)
    return Draft(SYSTEM, (recipient,), body, now, origin=FROM_SYSTEM, via=(words_of,))

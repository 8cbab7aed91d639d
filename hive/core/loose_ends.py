"""What is still open, for one agent or for all, and withdrawing it by whoever may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hive.errors import BadRequest, Refused
from hive.wire.messages import LooseEnd, Question, Reminder
from hive.wire.names import MANAGER, AgentName

if TYPE_CHECKING:
    from hive.core.questions import Questions
    from hive.core.reminders import Reminders
    from hive.store.approvals import ApprovalStore
    from hive.store.database import Clock
    from hive.wire.approvals import Approval


class LooseEnds:
    """Joins questions, reminders and approvals; owns nothing."""

    def __init__(
        self, questions: Questions, reminders: Reminders, approvals: ApprovalStore, clock: Clock
    ) -> None:
        """`clock` tells how old things are."""
        self._questions = questions
        self._reminders = reminders
        self._approvals = approvals
        self._clock = clock

    async def for_agent(self, name: AgentName) -> tuple[LooseEnd, ...]:
        """What the agent asked, was asked and wants to be reminded of; the manager sees all."""
        if name == MANAGER:
            return await self.hive_wide()
        now = self._clock()
        asked = [each for each in await self._questions.pending() if name in _parties(each)]
        reminders = await self._reminders.pending(name)
        return (
            *(_of_question(each, now) for each in asked),
            *(_of_reminder(each, now) for each in reminders),
        )

    async def hive_wide(self) -> tuple[LooseEnd, ...]:
        """Everything open: approvals, questions, reminders."""
        now = self._clock()
        return (
            *(_of_approval(each, now) for each in await self._approvals.pending()),
            *(_of_question(each, now) for each in await self._questions.pending()),
            *(_of_reminder(each, now) for each in await self._reminders.pending()),
        )

    async def cancel(self, by: AgentName, kind: str, id_: int) -> None:
        """Withdraw a question or delete a reminder of one's own; the manager may do so for all.

        Approvals are the manager's to withdraw, by `proposals.withdraw`. Raises `BadRequest` for
        another kind, `NotFound`, `Refused`, `Conflict`.
        """
        if kind == "question":
            await self._questions.cancel(id_, by)
        elif kind == "reminder":
            await self._reminders.cancel(id_, None if by == MANAGER else by)
        elif kind == "approval":
            raise Refused(f"approval {id_} is the manager's to withdraw: ask the manager")
        else:
            raise BadRequest(f"cannot cancel {kind[:40]!r}: kind is question or reminder")


def _parties(question: Question) -> set[str | None]:
    return {question.asker, question.target}


def _of_question(question: Question, now: float) -> LooseEnd:
    return LooseEnd(
        kind="question",
        id=question.id,
        text=question.question,
        age_seconds=max(0.0, now - question.asked_at),
        asker=question.asker,
        target=question.target,
        due_at=question.deadline_at,
        options=question.options,
    )


def _of_reminder(reminder: Reminder, now: float) -> LooseEnd:
    return LooseEnd(
        kind="reminder",
        id=reminder.id,
        text=reminder.message,
        age_seconds=max(0.0, now - reminder.created_at),
        owner=reminder.agent,
        due_at=reminder.due_at,
    )


def _of_approval(approval: Approval, now: float) -> LooseEnd:
    what = f"{approval.kind} {approval.agent}"
    return LooseEnd(
        kind="approval",
        id=approval.id,
        text=f"{what}: {approval.description}" if approval.description else what,
        age_seconds=max(0.0, now - approval.requested_at),
        owner=approval.agent,
    )

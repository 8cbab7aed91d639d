"""What both ways to drive claude do alike: one turn at a time, all in one conversation.

How claude is run, and for how long, is in `live_driver` and `process_driver`.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from hive.agent import driver, stream_json
from hive.agent.child import Child, ClaudeMissing, Deadlines
from hive.agent.driver import Lent, MakeLaunch, OnLine, OnText, Outcome, Prompt
from hive.agent.session import LOST, Session
from hive.errors import HiveError

FLAGS = (
    "--print",
    "--verbose",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--include-partial-messages",
)
STARTS = 3
"""How often a turn starts claude at most: with the conversation cut, whole, and begun."""


class SessionUnknown(Exception):
    """claude does not know the session that it was told to resume."""


class CutRefused(Exception):
    """claude ended at once when it was told where to cut the conversation."""


@attrs.frozen
class Asked:
    """What a turn is to hand to claude, and who hears what comes of it."""

    uuid: str
    line: bytes
    on_line: OnLine
    on_text: OnText
    is_command: bool = False
    says_nothing_new: bool = False
    """As in `Prompt`."""


@attrs.frozen
class Started:
    """A claude that has just been started."""

    child: Child
    env: Mapping[str, str]
    session_id: str
    """Of the conversation that it has; another may have been begun since."""


class ClaudeDriver(ABC):
    """The part of `Driver` that does not depend on how long a claude lives."""

    def __init__(
        self,
        make_launch: MakeLaunch,
        session_file: Path,
        clock: Callable[[], float],
        deadlines: Deadlines,
    ) -> None:
        self._make_launch = make_launch
        self._session = Session.load(session_file)
        self._clock = clock
        self._deadlines = deadlines
        self._is_busy = False
        self._is_interrupted = False
        self.prompt_written_at: float | None = None
        """When the newest prompt was on claude's pipe, by the clock; for measuring hive itself."""

    @property
    def session_id(self) -> str:
        """The id of the conversation, which claude learns with the next turn."""
        return self._session.session_id

    async def turn(self, prompt: Prompt, on_line: OnLine, on_text: OnText) -> Outcome:
        """Run one turn; see `Driver`.

        A prompt that this claude or an earlier one has begun to answer is not run again: that is
        an `ok` outcome with `was_answered`, and "Go on." as a new prompt resumes the work.
        """
        line = stream_json.prompt_line(prompt.uuid, prompt.text)
        asked = Asked(prompt.uuid, line, on_line, on_text, says_nothing_new=prompt.says_nothing_new)
        return await self._run(asked)

    async def compact(self, on_line: OnLine, on_text: OnText) -> Outcome:
        """Compact the conversation; see `Driver`."""
        command = str(uuid.uuid4())
        line = stream_json.prompt_line(command, "/compact", is_command=True)
        return await self._run(Asked(command, line, on_line, on_text, is_command=True))

    async def interrupt(self) -> bool:
        """Interrupt the running turn; see `Driver`."""
        if not self._is_busy:
            return False
        # Kept too, for a turn that has no claude yet or is begun once more.
        self._is_interrupted = True
        self._pass_interrupt_on()
        return True

    def start_new_session(self) -> None:
        """Make the next turn begin a fresh conversation; a running turn ends in the old one."""
        self._session.begin_anew()

    async def lend(self) -> Lent:
        """Lend the conversation; see `Driver`."""
        assert not self._is_busy, "nobody lends a conversation in the middle of a turn"
        await self.aclose()
        return await self._session.lend()

    def take_back(self, session_id: str | None) -> None:
        """Take the conversation back; see `Driver`."""
        self._session.take_back(session_id)

    @abstractmethod
    async def aclose(self) -> None:
        """End claude and every process it started."""

    @abstractmethod
    async def _try(self, asked: Asked) -> Outcome:
        """Run a turn; raises `SessionUnknown` or `CutRefused`: claude has to start otherwise."""

    @abstractmethod
    def _pass_interrupt_on(self) -> None:
        """Tell a turn that runs already."""

    async def _run(self, asked: Asked) -> Outcome:
        assert not self._is_busy, "turns of one agent never overlap"
        self._is_busy, self._is_interrupted = True, False
        try:
            for _ in range(STARTS):
                try:
                    return await self._try(asked)
                except SessionUnknown:
                    asked.on_text(LOST)
                    self._session.begin_anew()
                except CutRefused:
                    self._session.cannot_cut()
        except ClaudeMissing as error:
            return Outcome(driver.NO_CLAUDE, note=error.message)
        except HiveError as error:
            return Outcome(driver.FAILED, note=error.message)
        finally:
            self._is_busy = False
        return Outcome(driver.FAILED, note="claude neither resumes the session nor begins it")

    async def _start(self) -> Started:
        """Start claude in the conversation, when none of it is left."""
        await self._session.end_leftover()
        flags = (*FLAGS, *self._session.prepare())
        session_id = self._session.session_id
        launch = await self._make_launch()
        child = await Child.start(launch, flags, self._session.mark, self._deadlines.write_s)
        return Started(child, launch.env, session_id)

    def _note_written(self) -> None:
        self.prompt_written_at = self._clock()

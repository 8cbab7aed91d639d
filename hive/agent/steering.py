"""Messages that reach a running turn: taken from the inbox and put behind what claude is doing.

Such a message is acknowledged with the turn, and only when claude's own lines say that the model
was handed it and ended by itself; else it comes back like everything a turn held.
"""

from __future__ import annotations

from uuid import uuid4

import attrs
import trio

from hive.agent import wake_text
from hive.agent.driver import Prompt
from hive.agent.harness import Harness
from hive.errors import HiveError
from hive.wire.agent_config import STEER_NOBODY, STEER_OPERATOR
from hive.wire.limits import RECV_WAIT_S
from hive.wire.messages import FROM_OPERATOR
from hive.wire.names import OPERATOR

AFTER_S = 1.0
"""How long a turn runs before its messages are listened for; most are shorter and pay nothing."""
AWAY_S = 30.0
"""How long it is not asked again when the daemon did not answer."""


@attrs.define
class Steering:
    """The messages that were put into one turn."""

    handed: dict[str, int] = attrs.field(factory=dict)
    """Uuid of a prompt to the id of its message."""

    def seen(self, taken: frozenset[str]) -> set[int]:
        """Return the ids of the messages whose prompts claude says were taken."""
        return {self.handed[uuid] for uuid in taken if uuid in self.handed}

    async def watch(self, harness: Harness) -> None:
        """Put what comes in into the turn, until cancelled; the caller does so at its end."""
        if harness.config.steer == STEER_NOBODY or not harness.driver.can_steer:
            return
        origin = FROM_OPERATOR if harness.config.steer == STEER_OPERATOR else None
        await trio.sleep(AFTER_S)
        while True:
            try:
                found = await harness.page_client.recv(wait_s=RECV_WAIT_S, origin=origin)
            except HiveError:
                # The turn goes on without it; the loop says when the daemon stays away.
                await trio.sleep(AWAY_S)
                continue
            for message in found:
                text = wake_text.steer_text(message, harness.config.allowed_recipients)
                prompt = Prompt(str(uuid4()), text)
                self.handed[prompt.uuid] = message.id
                if not await harness.driver.steer(prompt):
                    # The turn is ending: what it still holds then comes back.
                    return
                who = OPERATOR if message.origin == FROM_OPERATOR else "harness"
                text = f"message {message.id} from {message.from_}, put into the running turn:"
                harness.bus.note(f"{text} {message.body}", who)
                harness.bell.ring()

"""Run every attempt; one JSON line each on standard output."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.fakes.hostile_agent.attempts import ATTEMPTS
from tests.fakes.hostile_agent.trial import Attempt, Trial

ATTEMPT_S = 60


class TooLong(BaseException):
    """An attempt waits for something that does not come."""


def run(attempts: Sequence[Attempt], ground: dict[str, Any]) -> None:
    """Try these, one after another."""
    signal.signal(signal.SIGALRM, _too_long)
    for each in attempts:
        trial = Trial(ground)
        error = None
        signal.alarm(ATTEMPT_S)
        me = os.getpid()
        try:
            each.run(trial)
        except (Exception, TooLong):  # noqa: BLE001 - the test is told
            error = traceback.format_exc()
        finally:
            signal.alarm(0)
        if os.getpid() != me:
            os._exit(9)
        about = {"tried": trial.tried, "worked": trial.worked[:20], "said": trial.said}
        print(json.dumps({"attempt": each.name, "error": error, **about}), flush=True)


def _too_long(*_: object) -> None:
    raise TooLong


if __name__ == "__main__":
    run(ATTEMPTS, json.loads(Path(sys.argv[1]).read_text()))

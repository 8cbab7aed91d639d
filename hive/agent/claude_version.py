"""Which claude hive was tested with, and what to think of another."""

from __future__ import annotations

TESTED = "2.1.330"


def doubt(version: str | None) -> str | None:
    """Return a sentence when a claude is of a series that hive was never tested with.

    Within a series claude has kept its flags and its lines; None is a claude that does not say.
    """
    if version is None or _series(version) == _series(TESTED):
        return None
    return (
        f"claude {version[:20]} is of a series that hive was not tested with: should turns fail,"
        f" install {TESTED}"
    )


def _series(version: str) -> list[str]:
    return version.split(".")[:2]

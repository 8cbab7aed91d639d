"""How long to wait behind something that failed: twice as long each time, up to a most."""

from __future__ import annotations

DOUBLINGS_MOST = 64
"""What fails for weeks is counted into the thousands, and no float is as large as two to that."""


def after(failures: int, first_s: float, most_s: float) -> float:
    """Return the wait behind so many failures in a row, in seconds; `first_s` behind one."""
    doublings = max(0, min(failures - 1, DOUBLINGS_MOST))
    return min(first_s * 2.0**doublings, most_s)

"""What the operator may do about notifications; the page and the operator's socket call these."""

from __future__ import annotations

import attrs

from hive.core import audit
from hive.core.hive import Hive
from hive.errors import BadRequest
from hive.wire.notifications import (
    LABEL_CHARS,
    OUTLETS,
    NewSubscription,
    OutletSwitches,
    Quiet,
    Tested,
)


@audit.action("set_notifications", "switches")
async def set_outlet(hive: Hive, outlet: str, switches: OutletSwitches) -> None:
    """Switch what one outlet is sent."""
    if outlet not in OUTLETS:
        raise BadRequest(f"there is no outlet {outlet[:40]!r}: there are {', '.join(OUTLETS)}")
    settings = hive.notifications.settings
    outlets = {**settings.outlets, outlet: switches}
    await hive.notifications.save(attrs.evolve(settings, outlets=outlets))


@audit.action("set_quiet_hours")
async def set_quiet(hive: Hive, quiet: Quiet) -> None:
    """Set when nothing is sent."""
    await hive.notifications.save(attrs.evolve(hive.notifications.settings, quiet=quiet))


@audit.action("test_notifications")
async def test(hive: Hive, outlet: str) -> list[Tested]:
    """Send a test to an outlet."""
    return await hive.notifications.test(outlet)


@audit.action("make_push_key")
async def push_key(hive: Hive) -> str:
    """Return what a browser subscribes with; the key behind it is made at the first time."""
    return await hive.notifications.outlets.public_key()


@audit.action("subscribe_push")
async def subscribe(hive: Hive, label: str, new: NewSubscription) -> int:
    """Let a browser be pushed to."""
    if not label.strip() or len(label) > LABEL_CHARS or not label.isprintable():
        raise BadRequest(f"label is a name of at most {LABEL_CHARS} characters")
    return await hive.notifications.subscribe(attrs.evolve(new, label=label.strip()))


@audit.action("unsubscribe_push")
async def unsubscribe(hive: Hive, number: int) -> None:
    """Push to a browser no more."""
    await hive.notifications.unsubscribe(number)


@audit.action("resend_notification")
async def resend(hive: Hive, number: int) -> None:
    """Send again what was given up."""
    await hive.notifications.resend(number)

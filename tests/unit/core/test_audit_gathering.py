"""What others cause without end, gathered: each surface has room of its own."""

from __future__ import annotations

import trio

from hive.core.audit_gathering import (
    AGENT_SOCKET,
    CAUSES_MOST,
    EGRESS_SOCKET,
    EVENTS_MOST,
    FIRST_S,
    OTHERS,
    Event,
    Gathering,
)


def _refused(surface: str, subject: str, actor: str = "eve") -> Event:
    return Event(actor, surface, "connect", subject, "refused", "no")


async def test_refused_connections_use_up_no_line_of_another_surface() -> None:
    gathering = Gathering(lambda: 1.0)
    for number in range(1000):
        gathering.add("eve", _refused(EGRESS_SOCKET, f"h{number}.example:443"))
    told = [_refused(AGENT_SOCKET, "destroy"), _refused("page", "GET /")]
    for event in told:
        gathering.add("eve", event)
    found = {event: detail["count"] for event, detail in gathering.take(all_of_it=True)}
    assert [found[event] for event in told] == [1, 1]
    lumped = Event("eve", EGRESS_SOCKET, OTHERS, "", "refused", "")
    assert found[lumped] == 1000 - EVENTS_MOST
    assert len(found) == EVENTS_MOST + 3


async def test_who_goes_on_is_written_less_often_on_that_surface_alone(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gathering = Gathering(lambda: 1.0)
    gathering.add("eve", _refused(EGRESS_SOCKET, "a"))
    await trio.sleep(FIRST_S)
    assert len(gathering.take(all_of_it=False)) == 1
    gathering.add("eve", _refused(EGRESS_SOCKET, "a"))
    gathering.add("eve", _refused(AGENT_SOCKET, "b"))
    await trio.sleep(FIRST_S)
    assert [event.subject for event, _ in gathering.take(all_of_it=False)] == ["b"]
    del autojump_clock


async def test_causes_beyond_the_most_are_counted_together_by_surface() -> None:
    gathering = Gathering(lambda: 1.0)
    for number in range(CAUSES_MOST + 5):
        gathering.add(f"a{number}", _refused(EGRESS_SOCKET, "x", f"a{number}"))
    gathering.add("late", _refused(AGENT_SOCKET, "x", "late"))
    found = [event for event, _ in gathering.take(all_of_it=True) if event.actor == OTHERS]
    assert {event.surface for event in found} == {EGRESS_SOCKET, AGENT_SOCKET}

"""Where messages come from, surface by surface, and that no request can say otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from hive.wire import codec
from hive.wire.agent import AgentRequest, Recv, Wake
from tests.fakes.http_client import fetch
from tests.fakes.running import running
from tests.integration.web.dashboard import FORM, browsing

FORGED = {"origin": "operator", "via": ["operator"], "from": "operator", "sender": "operator"}


async def test_every_surface_marks_what_it_takes(short_tmp: Path) -> None:
    async with browsing(short_tmp, "ada", "bob") as browser:
        daemon = browser.daemon
        token = browser.hive.access.create_token("t")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": FORM}
        await browser.post("/op-send", to="bob", body="page")
        await browser.post("/agent/bob/send", body="its page")
        await fetch(browser.port, "POST", "/op-send", headers=headers, body=b"to=bob&body=token")
        await daemon.operator("send", to="bob", body="socket")
        await daemon.agent("ada", "send", to="bob", body="peer")
        await daemon.agent("bob", "wake", body="wake", **{"from": "cron"})
        question = await daemon.agent("bob", "ask", question="tea?")
        await browser.post(f"/answer-question/{question['id']}", answer="yes")
        got = (await daemon.agent("bob", "recv", max=32))["messages"]
        again = (await daemon.agent("bob", "recent", limit=30))["rows"]
        frames = (await browser.get("/dashboard/history")).json()["events"]
    marks = [(each["body"], each["origin"], each["via"]) for each in got]
    assert marks[:6] == [
        ("page", "operator", []),
        ("its page", "operator", []),
        ("token", "operator", []),
        ("socket", "operator", []),
        ("peer", "peer", []),
        ("wake", "external", []),
    ]
    assert marks[6][1:] == ("system", ["operator"])
    for rows in (again, [frame for frame in frames if frame["to"] == "bob"]):
        told = {each["id"]: (each["origin"], each["via"]) for each in rows}
        assert all(told[each["id"]] == (each["origin"], each["via"]) for each in got)


async def test_the_operators_inbox_says_what_an_answer_goes_back_to(short_tmp: Path) -> None:
    async with browsing(short_tmp, "ada") as browser:
        woken = await browser.daemon.agent("ada", "wake", body="alarm", **{"from": "operator@x"})
        await browser.daemon.agent(
            "ada", "send", to="operator", body="it says so", in_reply_to=woken["id"]
        )
        (row,) = (await browser.daemon.operator("inbox"))["inbox"]
        (shown,) = (await browser.get("/api/state")).json()["inbox"]
    for each in (row, shown):
        assert (each["from"], each["origin"], each["via"]) == ("ada", "peer", ["external"])


@pytest.mark.parametrize("field", FORGED)
async def test_no_request_of_an_agent_says_who_it_is_or_where_it_came_from(
    short_tmp: Path, field: str
) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="eve")
        for kind in get_args(AgentRequest):
            if (kind, field) in {(Wake, "from"), (Recv, "origin")}:
                # A label, and which messages are asked for.
                continue
            fields = {"to": "operator", "body": "x"} if codec.tag_of(kind) == "send" else {}
            reply = await daemon.agent(
                "eve", codec.tag_of(kind), **fields, **{field: FORGED[field]}
            )
            assert (reply["kind"], reply["code"]) == ("error", "bad_request"), kind
        assert (await daemon.operator("inbox"))["inbox"] == []


@pytest.mark.parametrize("label", ["operator", "Manager", "system ", "reminder", "HM1ND", "all"])
async def test_a_label_is_never_a_principal(short_tmp: Path, label: str) -> None:
    async with running(short_tmp) as daemon:
        await daemon.operator("spawn", name="eve")
        reply = await daemon.agent("eve", "wake", body="x", **{"from": label})
    assert reply["code"] == "bad_request"

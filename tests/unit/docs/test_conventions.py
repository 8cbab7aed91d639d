"""docs/conventions.md: its examples are requests and replies that the codec takes, all of them."""

from __future__ import annotations

import json
from types import UnionType
from typing import Any, get_args

import attrs

from hive import errors
from hive.wire import admin, agent, codec, manager
from hive.wire.helper_events import HelperEvent
from tests.unit.docs.pages import blocks, code, page, section, table


def examples(heading: str, sign: str) -> list[Any]:
    (block,) = blocks(section(page("conventions.md"), heading), "wire")
    return [json.loads(line[2:]) for line in block.splitlines() if line.startswith(sign + " ")]


def tags(union: UnionType) -> set[str]:
    return {codec.tag_of(kind) for kind in get_args(union)}


def test_every_request_of_the_operator_has_an_example() -> None:
    found = [
        codec.from_tagged("cmd", admin.AdminRequest, each)
        for each in examples("The operator's socket", ">")
    ]
    assert {codec.tag_of(type(each)) for each in found} == tags(admin.AdminRequest)


def test_the_operators_replies_are_flat() -> None:
    for reply in examples("The operator's socket", "<"):
        assert reply["version"] == admin.VERSION
        if reply["ok"]:
            assert admin.ok(**{key: reply[key] for key in reply if key not in ("version", "ok")})
        else:
            assert reply == admin.failed(reply["code"], reply["error"])


def test_every_request_of_an_agent_has_an_example() -> None:
    found = [
        codec.from_tagged("cmd", agent.AgentRequest, each)
        for each in examples("An agent's socket", ">")
    ]
    assert {codec.tag_of(type(each)) for each in found} == tags(agent.AgentRequest)


def test_every_reply_to_an_agent_has_an_example_as_it_is_written() -> None:
    seen = set()
    for reply in examples("An agent's socket", "<"):
        value = codec.from_tagged("kind", agent.AgentReply, reply)
        assert codec.to_tagged("kind", value) == reply
        seen.add(reply["kind"])
    assert seen == tags(agent.AgentReply)


def test_every_request_of_the_manager_alone_has_an_example() -> None:
    found = [
        codec.from_tagged("cmd", manager.ManagerRequest, each)
        for each in examples("The manager's socket", ">")
    ]
    own = tags(manager.ManagerRequest) - tags(agent.AgentRequest)
    assert {codec.tag_of(type(each)) for each in found} == own


def test_every_reply_to_the_manager_has_an_example_as_it_is_written() -> None:
    seen = set()
    for reply in examples("The manager's socket", "<"):
        value = codec.from_tagged("kind", manager.ManagerReply, reply)
        assert codec.to_tagged("kind", value) == reply
        seen.add(reply["kind"])
    assert seen >= tags(manager.ManagerReply) - tags(agent.AgentReply)


def test_every_helper_event_stands_in_the_table_with_its_fields() -> None:
    said = {
        code(row[0])[0]: ([*code(row[1])], ["[" in each for each in row[1].split(", ")])
        for row in table(section(page("conventions.md"), "Helper events"))
    }
    assert said == {
        codec.tag_of(kind): (
            [each.name for each in attrs.fields(kind)],
            [each.default is None for each in attrs.fields(kind)],
        )
        for kind in get_args(HelperEvent)
    }


def test_the_codes_are_those_of_the_errors() -> None:
    said = {
        code(row[0])[0]: (int(row[1]), int(row[2]))
        for row in table(section(page("conventions.md"), "Wire rules"))
    }
    assert said == {
        word: (kind.http_status, kind.exit_status) for word, kind in errors.BY_CODE.items()
    }

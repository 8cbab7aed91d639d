"""Names that are none, on every request of every socket, at the command line and on the page."""

from __future__ import annotations

from functools import partial
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Any, get_args
from urllib.parse import quote

import attrs
import pytest
import trio

from hive import cli, light
from hive.wire.admin import AdminRequest
from hive.wire.agent import AgentRequest
from hive.wire.codec import tag_of
from hive.wire.manager import ManagerRequest
from tests.fakes.hostile_names import FEW, NAMES, RESERVED
from tests.fakes.running import Running, running
from tests.integration.web.dashboard import READS, WRITES, browsing

NAMED = frozenset({"name", "agent", "to"})
LABELS = frozenset({"create_token", "revoke_token"})
"""Requests whose name is no agent's but a token's."""
OTHERS: dict[str, object] = {
    "body": "x",
    "commit_ref": "0" * 40,
    "message": "x",
    "paused": True,
    "question": "x",
    "delay_seconds": 60,
}
NOT_DONE = {308, 400, 404, 405, 414, 431}
"""Of HTTP; 308 leads to the same path without doubled slashes."""
REFUSED = {"bad_request", "too_large"}


def requests(union: UnionType) -> list[tuple[str, dict[str, Any], str]]:
    """Every request of a socket that names an agent: its word, its other fields, the name's key."""
    found = []
    for kind in get_args(union):
        fields = {each.name.rstrip("_"): each for each in attrs.fields(kind)}
        needed = {
            name: OTHERS[name]
            for name, each in fields.items()
            if each.default is attrs.NOTHING and name not in NAMED | {"scope", "id", "kind"}
            if name in OTHERS
        }
        word = tag_of(kind)
        if word not in LABELS:
            found += [(word, needed, key) for key in fields if key in NAMED or key == "scope"]
    return found


def with_name(fields: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    return {**fields, key: {"agent_names": [name]} if key == "scope" else name}


def tree(root: Path) -> set[str]:
    """Every path below a root but those a running database makes."""
    found = (str(path.relative_to(root)) for path in root.rglob("*"))
    return {path for path in found if "sqlite" not in path}


async def state_of(daemon: Running, root: Path) -> object:
    """What no refused request may change."""
    rows = (await daemon.operator("jobs"))["jobs"]
    pending = (await daemon.operator("pending"))["approvals"]
    names = (await daemon.operator("list"))["agents"]
    starts = [spec.name for spec in daemon.runtime.started]
    return tree(root), rows, pending, names, starts


def test_the_requests_with_names_are_found() -> None:
    admin = {word for word, _, _ in requests(AdminRequest)}
    assert {"spawn", "destroy", "start", "stop", "logs", "send", "revive", "purge"} <= admin
    manager = {word for word, _, _ in requests(ManagerRequest)}
    assert {"request_init_config", "request_apply_commit", "kill", "update", "get_logs"} <= manager
    assert {word for word, _, _ in requests(AgentRequest)} == {"send", "ask"}


@pytest.mark.parametrize("who", ["operator", "manager", "agent"])
async def test_no_socket_takes_a_name_that_is_none(short_tmp: Path, who: str) -> None:
    union = {"operator": AdminRequest, "manager": ManagerRequest, "agent": AgentRequest}[who]
    async with running(short_tmp) as daemon:
        assert (await daemon.operator("spawn", name="bob"))["ok"]
        ask = {
            "operator": daemon.operator,
            "manager": partial(daemon.agent, "manager"),
            "agent": partial(daemon.agent, "bob"),
        }[who]
        before = await state_of(daemon, short_tmp)
        for word, fields, key in requests(union):
            names = NAMES if key == "to" else (*NAMES, *RESERVED)
            for name in names:
                if word == "mark_all_read" and name == "operator":
                    continue
                reply = await ask(word, **with_name(fields, key, name))
                assert reply.get("code") in REFUSED, (word, key, name, reply)
        assert await state_of(daemon, short_tmp) == before


VERBS = (
    *(["spawn"], ["kill"], ["start"], ["stop"], ["stop", "--graceful"], ["restart"], ["rebuild"]),
    *(["pause"], ["resume"], ["destroy", "--yes"], ["destroy", "--yes", "--purge"], ["logs"]),
    *(["request-spawn"], ["revive"], ["purge", "--yes"], ["send"], ["login"], ["shell"]),
)


FEW_OR_ALL = pytest.mark.parametrize(
    "names",
    [pytest.param(FEW, id="few"), pytest.param(NAMES, id="all", marks=pytest.mark.slow)],
)


@FEW_OR_ALL
async def test_no_verb_takes_a_name_that_is_none(
    short_tmp: Path, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(short_tmp) as daemon:
        socket = str(daemon.hive.paths.host_socket)
        before = await state_of(daemon, short_tmp)
        for verb, name in product(VERBS, names):
            words = [*verb, "--socket", socket, "--", name]
            if verb == ["shell"]:
                # What is behind the dashes is its command.
                if name.startswith("-"):
                    continue
                words.remove("--")
            if verb == ["send"]:
                words.append("x")
            status = await trio.to_thread.run_sync(cli.main, words)
            said = capsys.readouterr()
            assert (status, said.out) == (2, ""), (verb, name, said)
            assert said.err.count("\n") == 1, (verb, name, said)
            assert said.err == light.printable(said.err[:-1]) + "\n"
        assert await state_of(daemon, short_tmp) == before


async def test_a_name_that_looks_like_an_option_is_bad_usage(short_tmp: Path) -> None:
    for name in ("-x", "--frob"):
        with pytest.raises(SystemExit) as ended:
            cli.main(["kill", "--root", str(short_tmp), name])
        assert ended.value.code == 2


@FEW_OR_ALL
async def test_no_route_takes_a_name_that_is_none(short_tmp: Path, names: tuple[str, ...]) -> None:
    async with browsing(short_tmp, "bob") as browser:
        before = await state_of(browser.daemon, short_tmp)
        for name in names:
            raw = quote(name.encode(), safe="")
            for route in (each for each in WRITES if "/bob" in each):
                reply = await browser.post(route.replace("/bob", f"/{raw}"), paused="true")
                assert reply.status in NOT_DONE, (route, name, reply.status)
            for route in (each for each in READS if "/bob" in each):
                reply = await browser.get(route.replace("/bob", f"/{raw}"))
                assert reply.status in NOT_DONE, (route, name, reply.status)
            reply = await browser.post("/request-spawn", name=name)
            assert reply.status in {400, 413}, (name, reply.status)
            reply = await browser.post("/op-send", to=name, body="x")
            assert reply.status in {400, 413}, (name, reply.status)
        assert await state_of(browser.daemon, short_tmp) == before

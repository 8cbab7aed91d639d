"""Every operation that the hive describes, asked of a running hive by its own description."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import trio
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from hive.agent.controls import HarnessPage
from hive.web.agent_page.app import make_app
from hive.web.dashboard import openapi
from tests.fakes import harness as harnesses
from tests.integration.web.dashboard import Browser, browsing
from tests.integration.web.test_agent_proxy import harness

SEED = 41
PATIENCE_S = 30
ENDLESS = {"/dashboard/stream", "/agent/{name}/events/stream", "/agent/{name}/screen/ws"}
"""Whose answer has no end, or is none of HTTP."""
NOT_TO_BE_GUESSED = {
    "GET /agent/{name}/screen/ws",
    "GET /agent/{name}/static/{path}",
    "GET /api/state-file",
    "GET /login",
    "GET /static/{path}",
}
HIGHEST_ID = 3
LAST = {"/kill/{name}", "/destroy/{name}"}
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.negative_data_rejection,
]


def narrowed() -> dict[str, Any]:
    """Return the document, closed, and with those agents and numbers that may be there."""
    document = openapi.document(is_closed=True)
    # A login is not to be guessed at: it is sent with every request.
    del document["security"], document["components"]["securitySchemes"]
    for operations in document["paths"].values():
        operations.get("get", {}).pop("security", None)
        for field in operations.get("parameters", ()):
            if field["name"] == "name":
                field["schema"] = {"enum": ["bob", "nobody"]}
            elif field["name"] == "id":
                field["schema"] = {"type": "integer", "minimum": 0, "maximum": HIGHEST_ID}
    return document


@asynccontextmanager
async def busy(short_tmp: Path, tmp_path: Path) -> AsyncIterator[tuple[Browser, str]]:
    """Run a hive with one of everything, and the page of an agent; also gives a token."""
    async with browsing(short_tmp, "bob") as browser:
        token = browser.hive.access.create_token("schemathesis")
        page = HarnessPage(harnesses.make(tmp_path).harness)
        async with harness(browser, make_app(page)):
            await browser.post("/op-send", to="bob", body="read /shared/a")
            await browser.post("/request-spawn", name="carol", description="a helper")
            await browser.daemon.agent("bob", "ask", question="which?", options=["a", "b"])
            await browser.daemon.agent("bob", "remind", message="later", delay_seconds=3600)
            yield browser, token


def ask_all(port: int, token: str, examples: int) -> Counter[str]:
    """Ask for every operation, with what fits and what does not; count those that succeeded."""
    schema = schemathesis.openapi.from_dict(narrowed())
    operations = [result.ok() for result in schema.get_all_operations()]
    operations.sort(key=lambda each: (each.path in LAST, each.path))
    done: Counter[str] = Counter()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for operation in operations:
            label = f"{operation.method.upper()} {operation.path}"
            done[label] = 0
            if operation.path in ENDLESS:
                done[label] += look(operation.Case(path_parameters={"name": "bob"}), session, port)
                continue
            for mode in GenerationMode:
                done[label] += ask(operation, mode, session, port, examples)
    return done


def ask(operation: Any, mode: GenerationMode, session: Any, port: int, examples: int) -> int:
    """Ask for one operation; return how often that succeeded."""
    done = 0

    @seed(SEED)
    @settings(
        max_examples=examples,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_once(case: Any) -> None:
        nonlocal done
        # What is asked makes more of everything: a higher number is none that must be refused.
        number = str((case.path_parameters or {}).get("id", 0))
        assume(not number.isdecimal() or int(number) <= HIGHEST_ID)
        answer = case.call(base_url=base_of(port), session=session, timeout=PATIENCE_S)
        case.validate_response(answer, checks=CHECKS)
        done += answer.status_code < 400

    try:
        try_once()
    except Unsatisfiable:
        # There is nothing about this operation that could be wrong.
        assert mode is GenerationMode.NEGATIVE
    return done


def look(case: Any, session: requests.Session, port: int) -> int:
    """Ask for what has no end, and read the head of its answer."""
    wanted = case.as_transport_kwargs(base_url=base_of(port))
    with session.request(**wanted, stream=True, timeout=PATIENCE_S) as answer:
        told = case.operation.definition.raw["responses"]
        assert str(answer.status_code) in told
        if answer.ok:
            assert answer.headers["Content-Type"] in told[str(answer.status_code)]["content"]
        return int(answer.ok)


def base_of(port: int) -> str:
    """Return the address of a hive."""
    return f"http://127.0.0.1:{port}"


async def asked(short_tmp: Path, tmp_path: Path, examples: int) -> Counter[str]:
    """Ask a fresh hive."""
    async with busy(short_tmp, tmp_path) as (browser, token):
        return await trio.to_thread.run_sync(ask_all, browser.port, token, examples)


async def test_every_operation_keeps_to_its_description(short_tmp: Path, tmp_path: Path) -> None:
    done = await asked(short_tmp, tmp_path, 5)
    assert set(done) == {
        f"{method.upper()} {path}"
        for path, operations in openapi.document()["paths"].items()
        for method in operations.keys() - {"parameters"}
    }
    # What reads needs nothing that could not be guessed, but the names of files and of a view.
    failed = {label for label, count in done.items() if label.startswith("GET") and not count}
    assert failed == NOT_TO_BE_GUESSED


@pytest.mark.slow
async def test_every_operation_keeps_to_it_whatever_is_sent(
    short_tmp: Path, tmp_path: Path
) -> None:
    assert (await asked(short_tmp, tmp_path, 100)).total() > 0

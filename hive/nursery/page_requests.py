"""Requests of the operator that an agent's harness answers: asked of it as its page asks."""

from __future__ import annotations

from hive.core.hive import Hive
from hive.errors import BadRequest, Unavailable
from hive.web.dashboard import harness_exchange
from hive.wire import admin, codec
from hive.wire.admin import Reply
from hive.wire.admin_page import (
    Login,
    LoginCancel,
    LoginCode,
    LoginShown,
    LoginStart,
    PageRequest,
)
from hive.wire.names import AgentName, agent_name


async def answer(hive: Hive, request: PageRequest) -> Reply:
    """Answer one request; raises `HiveError`."""
    name = agent_name(request.name)
    hive.agents.get(name)
    match request:
        case Login():
            return admin.ok(login=await _login(hive, name))
        case LoginStart():
            await harness_exchange.ask(hive, name, "/api/login-start", {})
        case LoginCode(_, code):
            await harness_exchange.ask(hive, name, "/api/login-code", {"code": code})
        case LoginCancel():
            await harness_exchange.ask(hive, name, "/api/login-cancel", {})
    return admin.ok()


async def _login(hive: Hive, name: AgentName) -> dict[str, object] | None:
    """Return the login as the harness shows it, checked; None when there was none."""
    state = await harness_exchange.ask(hive, name, "/api/state")
    shown = state.get("login")
    if shown is None:
        return None
    try:
        login: dict[str, object] = codec.to_json(codec.from_json(LoginShown, shown))
    except BadRequest as error:
        raise Unavailable(f"{name} does not say how its login stands: rebuild it") from error
    return login

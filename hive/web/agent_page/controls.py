"""What the operator does on an agent's page: cancel, compact, model, new session, login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from hive.web import replies
from hive.web import routes as described
from hive.web.agent_page import table
from hive.web.agent_page.table import CodeBody, ModelBody
from hive.web.exchange import Receive, Scope
from hive.web.routes import Nothing


class Controls(Protocol):
    """What the page can make a harness do; each returns at once and shows as frames."""

    async def cancel(self) -> None:
        """Interrupt the turn that runs."""
        ...

    async def compact(self) -> None:
        """Compact the conversation before the next turn."""
        ...

    async def new_session(self) -> None:
        """Begin a new conversation with the next turn."""
        ...

    async def set_model(self, model: str) -> None:
        """Run the next turn on `model`; raises `BadRequest` for a name that cannot be one."""
        ...

    async def login_start(self) -> None:
        """Begin a login of claude."""
        ...

    async def login_code(self, code: str) -> None:
        """Hand the login its code."""
        ...

    async def login_cancel(self) -> None:
        """End the login."""
        ...


Action = Callable[[Scope, Receive], Awaitable[None]]


def routes(controls: Controls) -> dict[str, Action]:
    """Return what each path that is posted to does."""

    def plain(act: Callable[[], Awaitable[None]]) -> Action:
        async def run(scope: Scope, receive: Receive) -> None:
            await replies.read_typed(scope, receive, Nothing)
            await act()

        return run

    async def set_model(scope: Scope, receive: Receive) -> None:
        body = await replies.read_typed(scope, receive, ModelBody)
        await controls.set_model(body.model)

    async def login_code(scope: Scope, receive: Receive) -> None:
        body = await replies.read_typed(scope, receive, CodeBody)
        await controls.login_code(body.code)

    found = {
        "/api/cancel": plain(controls.cancel),
        "/api/compact": plain(controls.compact),
        "/api/new-session": plain(controls.new_session),
        "/api/model": set_model,
        "/api/login-start": plain(controls.login_start),
        "/api/login-code": login_code,
        "/api/login-cancel": plain(controls.login_cancel),
    }
    described.check(table.OF_CONTROLS, found)
    return found

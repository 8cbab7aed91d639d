"""Terminals inside of agents for the operator: asked of the harness, and bytes passed on unread."""

from __future__ import annotations

import trio

from hive import lines, relay
from hive.core import audit
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.web.dashboard import harness_door
from hive.wire import admin, codec, terminal
from hive.wire.admin_page import Chat, OpenTerminal, Shell
from hive.wire.audit import Scalar
from hive.wire.names import AgentName, agent_name

SEND_S = 10.0
PROGRAM_CHARS = 200


async def open_terminal(hive: Hive, request: Shell | Chat) -> lines.Taken:
    """Connect to the agent's harness; raises `HiveError`. What is begun there is recorded."""
    name = agent_name(request.name)
    hive.agents.get(name)
    rows, columns, term = request.rows, request.columns, request.term
    if isinstance(request, Shell):
        wanted = OpenTerminal("shell", request.argv, rows, columns, term)
    else:
        wanted = OpenTerminal("chat", (), rows, columns, term, request.cancel)
    far = await harness_door.connect(hive, name, hive.paths.terminal_socket(name))
    who = audit.who()

    async def run(near: trio.SocketStream) -> None:
        with audit.acting(who):
            await _hold(hive, name, wanted, near, far)

    return lines.Taken(admin.ok(), run, far.socket.close)


async def _hold(
    hive: Hive,
    name: AgentName,
    wanted: OpenTerminal,
    near: trio.SocketStream,
    far: trio.SocketStream,
) -> None:
    """Pass bytes on until one side has ended."""
    detail: dict[str, Scalar] = {}
    if wanted.argv:
        # Its first word alone: the others may hold what nobody is to read later.
        detail["program"] = wanted.argv[0][:PROGRAM_CHARS]
    try:
        async with audit.recorded(hive.audit, wanted.what, name, **detail):
            with trio.move_on_after(SEND_S):
                await far.send_all(codec.dumps(codec.to_json(wanted)))
            await relay.relay(near, far)
    except HiveError as error:
        with trio.move_on_after(SEND_S):
            await near.send_all(terminal.failed(error.code, error.message))

"""hive's MCP server on stdio, for a claude that cannot take the tools over its own pipe.

The only module that imports the `mcp` package. It serves the same table as the harness does and is
a thin translator: each call is one request on the hive socket.
"""

from __future__ import annotations

from pathlib import Path

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server

from hive import __version__
from hive.agent import mcp_tools
from hive.agent.client import HiveClient
from hive.agent.session import Session
from hive.agent.transcript import Transcript


def main(role: str, socket: Path, session_file: Path | None, claude_dir: Path | None) -> int:
    """Serve on standard input and output until it ends; returns the exit status.

    With both files' places given, calls are held until claude's transcript knows of them.
    """
    transcript = None
    if session_file is not None and claude_dir is not None:
        session_id = Session.load(session_file).session_id
        transcript = Transcript({"CLAUDE_CONFIG_DIR": str(claude_dir)}, session_id)
    anyio.run(serve, role, HiveClient(socket), transcript, backend="trio")
    return 0


async def serve(role: str, client: HiveClient, transcript: Transcript | None = None) -> None:
    """Serve the tools of a role on standard input and output until it ends."""
    server = make_server(role, client, transcript)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def make_server(
    role: str, client: HiveClient, transcript: Transcript | None = None
) -> Server[object]:
    """Return the server of a role."""
    tools = mcp_tools.tools_for(role)

    async def list_tools(
        _context: ServerRequestContext[object], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        found = [types.Tool.model_validate(entry) for entry in mcp_tools.listings(tools)]
        return types.ListToolsResult(tools=found)

    async def call_tool(
        _context: ServerRequestContext[object], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        meta = dict(params.meta) if params.meta else None
        if transcript is not None:
            await transcript.hold(params.name, meta)
        result = await mcp_tools.call_tool(client, tools, params.name, params.arguments, meta)
        content = [types.TextContent(type="text", text=result.text)]
        return types.CallToolResult(content=list(content), is_error=result.is_error)

    return Server(
        mcp_tools.SERVER_NAME,
        version=__version__,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )

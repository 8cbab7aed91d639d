"""The collaborators of a running harness in one frozen object."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from hive import __version__
from hive.agent import files, login, mcp_tools, model, prompts
from hive.agent.bell import Bell
from hive.agent.bus import Bus
from hive.agent.client import HiveClient
from hive.agent.context import ContextFile
from hive.agent.desk import Desk
from hive.agent.driver import Driver, MakeLaunch
from hive.agent.equipment import Equipment
from hive.agent.files import Marks
from hive.agent.forwarder import Port
from hive.agent.live_driver import LiveDriver
from hive.agent.login import Login
from hive.agent.login_session import LoginSession
from hive.agent.process_driver import ProcessDriver
from hive.agent.screen import Screen
from hive.agent.state import AgentState
from hive.agent.tool_server import ToolServer
from hive.agent.turn_record import RecordFile
from hive.agent.turn_stats import TurnKeeper
from hive.config import HarnessConfig
from hive.store.turn_events import events_file
from hive.store.turn_stats import stats_file

Clock = Callable[[], float]
MakeDriver = Callable[[MakeLaunch, Bell], Driver]


@attrs.frozen
class Harness:
    """One agent's harness; functions take it first."""

    config: HarnessConfig
    clock: Clock
    """Unix seconds."""
    client: HiveClient
    """For the turn loop alone: one kept connection."""
    page_client: HiveClient
    """For everybody else: a connection per call."""
    bus: Bus
    stats: TurnKeeper
    state: AgentState
    desk: Desk
    marks: Marks
    record: RecordFile
    context: ContextFile
    tools: ToolServer
    bell: Bell
    """The tools as claude calls them."""
    driver: Driver
    login: Login
    login_session: LoginSession
    port: Port
    """Where its programs reach the daemon's gateway."""
    equipment: Equipment
    screen: Screen
    make_launch: MakeLaunch


def make_harness(
    config: HarnessConfig, clock: Clock, make_driver: MakeDriver | None = None
) -> Harness:
    """Put a harness together; nothing runs and nothing is opened yet.

    `make_driver` replaces claude's driver, for tests.
    """
    folder = Path(config.state_dir)
    port = Port.of(config)
    bus = Bus(events_file(folder), clock, config.history_keep_days)
    state = AgentState(model.load(folder, config.model), bus.publish, clock)
    keep_days = config.stats_keep_days
    stats = TurnKeeper(stats_file(folder), clock, bus.note, lambda: state.model, keep_days)
    bus.watchers.append(stats.see)
    page_client = HiveClient(config.socket)
    tools = ToolServer(page_client, mcp_tools.tools_for(config.role), __version__)

    equipment = Equipment(config, bus.note, state.set_lacking)

    async def make_launch() -> prompts.Launch:
        known = await port.known(config)
        return prompts.make_launch(config, state.model, known, equipment)

    def usual(launch: MakeLaunch, tools: Bell) -> Driver:
        session = folder / files.SESSION
        if config.turn_mode == "process":
            return ProcessDriver(launch, session, clock)
        return LiveDriver(launch, tools, session, clock)

    desk = Desk()

    def show_login(is_begun: bool) -> None:
        state.set_logging_in(is_begun)
        if not is_begun:
            desk.ring()

    bell = Bell(tools)
    context = ContextFile(folder)
    state.ctx_usage, state.context_window = context.now.usage, context.now.window
    return Harness(
        config=config,
        clock=clock,
        client=HiveClient(config.socket, keep=True),
        page_client=page_client,
        bus=bus,
        stats=stats,
        state=state,
        desk=desk,
        marks=Marks(folder),
        record=RecordFile(folder),
        context=context,
        tools=tools,
        bell=bell,
        driver=(make_driver or usual)(make_launch, bell),
        login=login.make_login(config, make_launch),
        login_session=LoginSession(config.claude, make_launch, show_login),
        port=port,
        equipment=equipment,
        screen=Screen(config.screen_port),
        make_launch=make_launch,
    )

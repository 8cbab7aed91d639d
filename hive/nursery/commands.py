"""The verbs that run a daemon: `up` for one person, `serve` for systemd."""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio

from hive import config_checks, environment, light
from hive.config import HostConfig, load_host_config
from hive.core.hive import Hive
from hive.errors import HiveError
from hive.nursery import on_host, own_memory, service_manager, stop_signals
from hive.paths import Paths, paths_for
from hive.web import server
from hive.wire.names import MANAGER

STOP_S = 10
"""After this long a stop that hangs is ended by force."""

FILES = 16384
"""Open files that the daemon asks for, as far as its hard limit goes."""

PORT_TRIES = 15
"""How often `up` looks at its port: longer than the hive of a moment ago takes to stop."""

Announce = Callable[[Hive], Awaitable[None]]
Beforehand = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


def up(arguments: argparse.Namespace) -> int:
    """Run a hive for one person until Ctrl-C."""
    config = HostConfig(
        port=7000 if arguments.port is None else arguments.port,
        containers=arguments.containers,
        demo=arguments.demo,
        turn_mode=arguments.turn_mode or "live",
        stop_containers=True,
    )
    config_checks.check_host_config(config)
    paths = paths_for(arguments.root, system=False)

    async def announce(hive: Hive) -> None:
        _print_welcome(hive)
        if not arguments.no_browser and _has_display():
            # Not for `serve`, which opens none.
            import webbrowser

            url = (hive.address.url or "") + hive.access.new_login_link()
            await trio.to_thread.run_sync(webbrowser.open, url, abandon_on_cancel=True)

    binds = server.loopback_binds(config.host, config.port)
    return _run(config, paths, announce, partial(server.wait_free, binds, PORT_TRIES))


def serve(arguments: argparse.Namespace) -> int:
    """Run the daemon as systemd does."""
    config = load_host_config(arguments.config)
    config_checks.check_host_config(config)
    root = arguments.root or (Path(config.root) if config.root else None)
    paths = paths_for(root, system=True)

    async def announce(hive: Hive) -> None:
        log.info("the hive is up: %s", hive.address.url)

    return _run(config, paths, announce)


def _run(
    config: HostConfig, paths: Paths, announce: Announce, beforehand: Beforehand | None = None
) -> int:
    keep_to_ourselves()
    own_memory.take_little()
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        trio.run(_main, config, paths, announce, beforehand)
    except BaseExceptionGroup as group:
        raise _foreseen(group) from group
    return 0


def keep_to_ourselves() -> None:
    """Let others of this host write nothing we make, whatever we were started with.

    Root's agents are other users, who read what is theirs behind the doors of the state's and the
    sockets' directory: those keep others out. And have room for the connections of many agents: the
    usual 1,024 open files are those of a few.
    """
    is_root = os.geteuid() == 0
    os.umask(0o022 if is_root else os.umask(0o077) | 0o027)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class LogFormatter(logging.Formatter):
    """Formats so that no text of others forges a line or steers the terminal that shows it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Return the line of a record, without what follows it."""
        return light.printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802
        """Return a traceback."""
        text = super().formatException(ei)
        return "\n".join(light.printable(line) for line in text.split("\n"))


async def _main(
    config: HostConfig, paths: Paths, announce: Announce, beforehand: Beforehand | None
) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(stop_signals.obey, nursery.cancel_scope, STOP_S)
        hive = await nursery.start(_serve, config, paths, beforehand)
        await announce(hive)
        await service_manager.of_environment().run(f"the hive is up: {hive.address.url}")


async def _serve(
    config: HostConfig,
    paths: Paths,
    beforehand: Beforehand | None,
    *,
    task_status: trio.TaskStatus[Hive],
) -> None:
    await on_host.serve(config, paths, beforehand=beforehand, task_status=task_status)


def _print_welcome(hive: Hive) -> None:
    url = hive.address.url or ""
    link = url + hive.access.new_login_link()
    say = print
    say(f"\n  hive is running: {url}\n  log in once with: {link}\n")
    if hive.config.demo:
        say("  This is a demonstration: a scripted stand-in plays claude, no account is needed.")
        say("  Write a task to the manager, and it proposes an agent for you to approve.")
    elif hive.installation.claude_found is None:
        say("  claude was not found: install Claude Code, or name it with HIVE_CLAUDE, then run")
        say("  this again; or look around first with: hive.pyz up --demo")
    elif not hive.installation.secrets:
        say("  claude is here, but hive was given no key or token for it. Either start hive with")
        say("  ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN (made by: claude setup-token), or log")
        say("  each agent in, here the manager:")
        folder = hive.paths.agent_claude(MANAGER)
        say(f"    CLAUDE_CONFIG_DIR={folder} claude auth login")
    if not hive.runtime.isolates:
        say("  WARNING: containers=process isolates nothing; agents can do what you can.")
    say("  Ctrl-C stops everything.\n")
    sys.stdout.flush()


def _has_display() -> bool:
    return sys.stdout.isatty() and environment.has_display()


def _foreseen(group: BaseException) -> BaseException:
    """Return the one failure hive foresaw, out of its groups; else the whole group."""
    error = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, HiveError | KeyboardInterrupt) else group

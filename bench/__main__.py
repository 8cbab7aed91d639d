"""Runs the benchmarks, prints their figures, and writes docs/performance.md with `--write`."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.figures import Report

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
NAMES = (
    "turns",
    "durable_send",
    "command_line",
    "mcp_start",
    "memory",
    "idle",
    "sandbox",
    "parking",
    "egress",
    "event_streams",
    "agent_page",
    "dashboard",
    "search",
    "crash_event",
    "deploys",
    "many_agents",
    "deploy_git",
)
"""In the order of the page; each is a module with `measure(*, quick)`."""


def main(words: Sequence[str] | None = None) -> int:
    """Run what is named, else everything; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a few rounds, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    arguments = parser.parse_args(words)
    names = [Path(name).stem for name in arguments.names] or list(NAMES)
    if unknown := set(names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(unknown)}: there are {', '.join(NAMES)}")
    if arguments.write and (arguments.quick or set(names) != set(NAMES)):
        parser.error("--write needs every benchmark at full length")
    reports = []
    for name in names:
        began = time.monotonic()
        report = importlib.import_module(f"bench.{name}").measure(quick=arguments.quick)
        reports.append(report)
        print(report.text(), f"({time.monotonic() - began:.0f} s)\n", sep="", flush=True)
    if arguments.write:
        PAGE.write_text(page(reports, machine()))
        print(f"written: {PAGE.relative_to(Path.cwd())}")
    return 0 if all(report.is_met for report in reports) else 1


def page(reports: Iterable[Report], ran_on: str) -> str:
    """Return the page of the figures."""
    head = (
        "# Performance",
        "",
        "Every figure here is measured by `./build.sh bench`, and this page is written by"
        " `./build.sh bench --write`.",
        "`./build.sh bench NAME` runs one of " + ", ".join(f"`{name}`" for name in NAMES) + ".",
        "What is compared is measured in the same run and in turns, because an absolute time says"
        " more about a machine than about a program.",
        "A bar that is missed says so, with what its figure is made of.",
        "",
        ran_on,
        "",
    )
    return "\n".join([*head, *(report.markdown() for report in reports)]).rstrip() + "\n"


def machine() -> str:
    """Return the class of this machine in words."""
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = ".".join(platform.release().split(".")[:2])
    return (
        f"Measured on {cores} cores ({platform.machine()}) with {memory_gib:.0f} GiB of memory,"
        f" Linux {kernel}, {platform.python_implementation()} {platform.python_version()}."
    )


if __name__ == "__main__":
    sys.exit(main())

"""docs/agent-config.md says of every key of agent.toml what the code says."""

from __future__ import annotations

import attrs

from hive.host import agent_files
from hive.wire.agent_config import AgentConfig, Limits, McpServer
from tests.unit.docs.pages import blocks, code, page, section, table


def keys(heading: str, *, tables: slice = slice(None)) -> list[str]:
    return [code(row[0])[0] for row in table(section(page("agent-config.md"), heading))[tables]]


def names(kind: type) -> set[str]:
    return {field.name for field in attrs.fields(kind)}


def test_every_key_stands_in_a_table() -> None:
    assert set(keys("Keys")) == names(AgentConfig)
    assert set(keys("MCP servers")) == names(McpServer)
    assert set(keys("Limits", tables=slice(5))) == names(Limits)


def test_the_limits_bounds_are_those_of_the_code() -> None:
    rows = table(section(page("agent-config.md"), "Limits"))[:5]
    said = {code(row[0])[0]: (int(row[2]), int(row[3])) for row in rows}
    assert said == {
        "memory_mib": agent_files.MEMORY_MIB,
        "cpu_percent": agent_files.CPU_PERCENT,
        "tasks": agent_files.TASKS,
        "open_files": agent_files.OPEN_FILES,
        "disk_mib": agent_files.DISK_MIB,
    }


def test_the_example_sets_every_key() -> None:
    (text,) = blocks(page("agent-config.md"), "toml")
    said = agent_files.parse(text.encode())
    values: list[tuple[attrs.AttrsInstance, ...]] = [(said,), (said.limits,)]
    values.append(tuple(said.mcp_servers.values()))
    for alike in values:
        for key in attrs.asdict(alike[0], recurse=False):
            assert any(getattr(each, key) not in (None, (), {}, "") for each in alike), key


def test_every_refused_variable_is_listed() -> None:
    said = set(code(section(page("agent-config.md"), "Environment")))
    starts = {*agent_files.RESERVED_STARTS, agent_files.RESERVED_END}
    assert said == {*agent_files.RESERVED_NAMES, *starts}

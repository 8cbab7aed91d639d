"""agent.toml is read strictly, and what it says reaches the container and no further."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.config import HostConfig
from hive.errors import BadRequest
from hive.host import agent_files, agent_servers, template
from hive.host.runtime import INSIDE, Bind, ContainerSpec, Inside
from hive.wire import codec
from hive.wire.agent_config import FILE, AgentConfig, Limits, McpServer, Screen
from hive.wire.names import AgentName

A = AgentName("a")
WHOLE = """
description = "reads the logs"
model = "sonnet"
packages = ["git", "python3.11", "jq"]
allowed_recipients = ["operator", "bob"]

[env]
EDITOR = "vi"

[limits]
memory_mib = 512
cpu_percent = 50
tasks = 100

[mcp_servers.web-search]
command = "/etc/hive/config/search"
args = ["--index", "/etc/hive/config/index", "--at", "/state/x"]
env = { LANG = "de" }
allowed_tools = ["find", "get_page"]
"""


def test_every_key_is_read() -> None:
    assert agent_files.parse(WHOLE.encode()) == AgentConfig(
        description="reads the logs",
        model="sonnet",
        packages=("git", "python3.11", "jq"),
        allowed_recipients=("operator", "bob"),
        env={"EDITOR": "vi"},
        limits=Limits(512, 50, 100),
        mcp_servers={
            "web-search": McpServer(
                "/etc/hive/config/search",
                ("--index", "/etc/hive/config/index", "--at", "/state/x"),
                {"LANG": "de"},
                ("find", "get_page"),
            )
        },
    )


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"\n\n[env]\n"])
def test_every_key_may_be_left_out(text: bytes) -> None:
    assert agent_files.parse(text) == AgentConfig()


@pytest.mark.parametrize("kind", ["bubblewrap", "nixos"])
def test_the_template_says_nothing_until_its_signs_are_taken_off(kind: str) -> None:
    text = template.files(kind, A)[FILE]
    assert agent_files.parse(text.encode()) == AgentConfig()
    real = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    said = agent_files.parse(real.encode())
    assert set(tomllib.loads(real)) == set(codec.to_json(AgentConfig()))
    assert said.mcp_servers
    assert said.limits != Limits()


BAD = {
    "not toml": ("a = [", "agent.toml: "),
    "a double key": ("model = 'a'\nmodel = 'b'\n[env]", "line 2"),
    "an unknown key": ("\nmodle = 'haiku'", "line 2: unknown field 'modle'"),
    "an unknown limit": ("[limits]\n\nmemory = 5", "line 3: unknown field 'memory' in limits"),
    "a text for a list": ("packages = 'git'", "line 1: packages must be a list"),
    "a number for a text": ("[env]\nA = 1", "line 2: env.A must be a string"),
    "a text for a table": ("env = 'x'", "line 1: env must be an object"),
    "a date": ("description = 1979-05-27", "description must be a string"),
    "half a number": ("[limits]\ntasks = 100.5", "limits.tasks must be a whole number"),
    "infinity": ("[limits]\ntasks = inf", "limits.tasks must be a whole number"),
    "true": ("[limits]\ntasks = true", "limits.tasks must be a whole number"),
    "a port of the system's": ("[screen]\nport = 80", "line 2: screen.port is 80"),
    "the proxy's port": ("[screen]\nport = 3128", "line 2: screen.port is 3128"),
    "no port": ("[screen]\nport = 65536", "line 2: screen.port is 65536"),
    "NUL": ('description = "a\\u0000b"', "NUL"),
    "two lines": ('description = "a\\nb"', "description is one line"),
    "a line of another kind": ('\ndescription = "a\\u2028b"', "line 2: description is one line"),
    "a terminal's command": ('description = "a\\u001b[2J"', "description is one line"),
    "a number without end": ("\n[limits]\ntasks = " + "1" * 5000, "line 3: a number is too long"),
    "nobody to write to": ("\nallowed_recipients = []", "line 2: allowed_recipients is empty"),
    "too little memory": ("[limits]\nmemory_mib = 8", "line 2: limits.memory_mib is 8: give 256"),
    "no processes": ("[limits]\ntasks = 0", "limits.tasks is 0"),
    "less than nothing": ("[limits]\ncpu_percent = -1", "limits.cpu_percent is -1"),
    "a model that is a flag": ("model = '--help'", "not a model's name"),
    "a package that is a path": ("packages = ['/etc']", "not the name of a program"),
    "a package that climbs": ("packages = ['..']", "not the name of a program"),
    "a recipient of no name": ("allowed_recipients = ['Bob']", "not an agent name"),
    "everybody by sign": ("allowed_recipients = ['*']", "leave the key out"),
    "hive's own server": ("\n[mcp_servers.hyperhive]\ncommand = 'x'", "line 2: mcp_servers.hyper"),
    "a server of odd name": ("[mcp_servers.A_b]\ncommand = 'x'", "not a server's name"),
    "a server named two": ("[mcp_servers.a__b]\ncommand = 'x'", "not a server's name"),
    "a server of nothing": ("\n[mcp_servers.a]\nargs = []", "line 2: mcp_servers.a needs either"),
    "a server of two kinds": (
        "[mcp_servers.a]\ncommand = 'x'\nurl = 'https://a.b/'",
        "mcp_servers.a needs either",
    ),
    "a url of another kind": ("[mcp_servers.a]\nurl = 'ftp://a.b/'", "line 2: mcp_servers.a.url"),
    "a url with a user": ("[mcp_servers.a]\nurl = 'https://u:p@a.b/'", "must hold no user"),
    "a url with a secret": ("[mcp_servers.a]\nurl = 'https://a.b/?k=${K}'", "into headers"),
    "a url of no host": ("[mcp_servers.a]\nurl = 'https://:80/'", "mcp_servers.a.url is refused"),
    "a url of a number": ("[mcp_servers.a]\nurl = 'http://127.1/'", "mcp_servers.a.url is refused"),
    "a url of no port": ("[mcp_servers.a]\nurl = 'http://a.b:x/'", "a port is a number"),
    "a url with args": ("[mcp_servers.a]\nurl = 'https://a.b/'\nargs = ['x']", "line 3"),
    "a url with env": ("[mcp_servers.a]\nurl = 'https://a.b/'\nenv = {A = 'x'}", "has a url"),
    "a command with headers": (
        "[mcp_servers.a]\ncommand = 'x'\nheaders = {A = 'x'}",
        "are for a server with a url",
    ),
    "a header of two lines": (
        "[mcp_servers.a]\nurl = 'https://a.b/'\nheaders = {A = \"x\\ny\"}",
        "one line of ASCII",
    ),
    "a header of odd name": (
        "[mcp_servers.a]\nurl = 'https://a.b/'\nheaders = {'A B' = 'x'}",
        "not a header's name",
    ),
    "a secret in the open": (
        "[mcp_servers.a]\ncommand = 'x'\nsecrets = {K = 'sk-123'}",
        "give the path of a file below /state/",
    ),
    "a secret of another place": (
        "[mcp_servers.a]\ncommand = 'x'\nsecrets = {K = '/state/../etc/shadow'}",
        "give the path of a file below /state/",
    ),
    "a secret named twice": (
        "[mcp_servers.a]\ncommand = 'x'\nenv = {K = 'x'}\nsecrets = {K = '/state/k'}",
        "stands in env as well",
    ),
    "a plugin of nowhere": ("\nplugins = ['x']", "line 2: plugins is refused: 'x' is no plugin"),
    "a plugin that is a flag": ("plugins = ['--all@x']", "no plugin"),
    "a marketplace that is a flag": ("plugins = ['x@--all']", "no marketplace"),
    "a marketplace in the clear": ("plugins = ['x@http://a.b/c']", "no marketplace"),
    "a marketplace that climbs": ("plugins = ['x@/etc/hive/config/../x']", "no marketplace"),
    "a marketplace of another place": ("plugins = ['x@/state/x']", "below /etc/hive/config"),
    "many plugins": (f"plugins = {['x@y'] * 17}", "plugins are more than 16"),
    "an empty command": ("[mcp_servers.a]\ncommand = ''", "line 2: mcp_servers.a.command"),
    "a relative command": ("[mcp_servers.a]\ncommand = 'bin/x'", "/etc/hive/config"),
    "a climbing command": ("[mcp_servers.a]\ncommand = '/etc/hive/config/../x'", "'..'"),
    "an odd tool": ("[mcp_servers.a]\ncommand = 'x'\nallowed_tools = ['a,Bash']", "line 3"),
    "two unknown keys": ("\nb = 1\na = 1", "line 3: unknown field 'a', 'b'"),
    "a variable named as a field": ("[env]\nfrom_x = 1", "line 2: env.from_x must be a string"),
    "a list of tables": ("model = 'x'\n[[limits]]\ntasks = 500", "line 2: limits must be an"),
    "an unknown path": ("model = 'x'\nfoo.bar = 1", "line 2: unknown field 'foo'"),
    "an unknown key with a dot": ("model = 'x'\n'foo.bar' = 1", "line 2: unknown field 'foo.bar'"),
    "an unknown key with a mark": ('\n"it\'s" = 1', 'line 2: unknown field "it\'s"'),
    "a key of two words": ("[env]\nA = 'x'\n'B C' = 1", "line 3: env.B C must be a string"),
    "a table with a bracket": ("\n[mcp_servers.'a]b']\ncommand = 'x'", "line 2: mcp_servers.a]b"),
    "a key after one in a text": (
        '[env]\nA = """\n[limits]\ntasks = 3\n"""\n\n[limits]\ntasks = 4',
        "line 8: limits.tasks is 4",
    ),
    "a key after one in a list": (
        "[mcp_servers.a]\nargs = [\n'command=x', # ]\n]\ncommand = 'y/z'",
        "line 5: mcp_servers.a.command is 'y/z'",
    ),
    "a key after odd blanks": ("# a\u0085b\u2028c\nmodel = 4", "line 2: model must be a string"),
    "an odd variable": ("[env]\n'A-B' = 'x'", "not a variable's name"),
    "a variable with a sign": ("[env]\n'A=B' = 'x'", "not a variable's name"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_named_with_its_line(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        agent_files.parse(text.encode())
    assert caught.value.message.startswith("agent.toml")
    assert said in caught.value.message


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "HOME", "TMPDIR", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "HIVE_CONTAINER", "LD_PRELOAD",
        "PYTHONPATH", "MCP_TIMEOUT", "HTTPS_PROXY", "https_proxy", "All_Proxy", "NODE_OPTIONS",
        "NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "BUN_OPTIONS",
    ],
)  # fmt: skip
def test_variables_of_hive_and_of_the_account_are_refused(name: str) -> None:
    with pytest.raises(BadRequest, match=f"line 2: env.{name} belongs to hive"):
        agent_files.parse(f"[env]\n{name} = 'x'".encode())


@pytest.mark.parametrize(
    "text",
    [
        '[env]\nA = "x\\u0000y"',
        '[mcp_servers.a]\ncommand = "x"\nenv = { A = "\\u0000" }',
        '[mcp_servers.a]\ncommand = "x"\nargs = ["\\u0000"]',
        '[mcp_servers.a]\ncommand = "x\\u0000"',
    ],
)
def test_what_no_program_can_be_started_with_is_refused_before_a_start(text: str) -> None:
    with pytest.raises(BadRequest, match=r"agent\.toml line \d"):
        agent_files.parse(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b"\xff", b"a = '\xc3'", b"\x00", b"#" * (agent_files.FILE_BYTES + 1),
        b"a=" + b"[" * 20_000, b"[env]\n" + b"".join(b"A%d='x'\n" % n for n in range(65)),
        b"[env]\nA='" + b"x" * 40_000 + b"'",
        b"".join(b"[mcp_servers.a%d]\ncommand='x'\n" % n for n in range(17)),
    ],
)  # fmt: skip
def test_what_is_no_text_or_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(BadRequest, match=r"agent\.toml"):
        agent_files.parse(data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_anything_is_a_configuration_or_a_bad_request(data: bytes) -> None:
    assert isinstance(_parsed(data), AgentConfig | None)


def _parsed(data: bytes) -> AgentConfig | None:
    """Return the configuration, or None when it was refused in words that name the file."""
    try:
        return agent_files.parse(data)
    except BadRequest as refusal:
        said = refusal.message
    assert said.startswith("agent.toml")
    return None


WORDS = st.sampled_from([*codec.to_json(AgentConfig()), "memory_mib", "command", "args", "x"])
VALUES = st.recursive(
    st.sampled_from(['"x"', "1", "1.5", "true", "1979-05-27", '""', '"*"', '"a\\u0000"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]")
        | st.dictionaries(WORDS, inner, max_size=3).map(
            lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(WORDS, VALUES, max_size=4))
def test_anything_in_toml_is_a_configuration_or_a_bad_request(table: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in table.items())
    config = _parsed(text.encode())
    if config is not None:
        assert codec.from_json(AgentConfig, codec.to_json(config)) == config


def _spec() -> ContainerSpec:
    return ContainerSpec(A, ("x",), {"PATH": "/usr/bin", "HOME": "/root"}, (), "/state")


def test_a_sandbox_gets_path_binds_and_limits(tmp_path: Path) -> None:
    (tmp_path / "jq/bin").mkdir(parents=True)
    (tmp_path / "flat").mkdir()
    offered = {"jq": str(tmp_path / "jq"), "flat": str(tmp_path / "flat"), "more": "/nowhere"}
    host = HostConfig(packages=offered, limits=Limits(memory_mib=1024, tasks=300))
    config = AgentConfig(packages=("git", "jq", "flat", "jq"), limits=Limits(memory_mib=512))
    made = agent_files.equip(_spec(), config, tmp_path / "tree", host, INSIDE)
    assert made.env == {"PATH": "/usr/bin:/opt/packages/jq/bin:/opt/packages/flat", "HOME": "/root"}
    assert made.binds == (
        Bind(tmp_path / "tree", "/etc/hive/config"),
        Bind(tmp_path / "jq", "/opt/packages/jq"),
        Bind(tmp_path / "flat", "/opt/packages/flat"),
    )
    assert not any(bind.writable for bind in made.binds)
    assert made.limits == Limits(memory_mib=512, tasks=300)


def test_without_paths_of_its_own_everything_is_named_by_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "jq/bin").mkdir(parents=True)
    inside = Inside("/r", "/s", "/h", "/c", "/sh", str(tmp_path / "given"))
    host = HostConfig(packages={"jq": str(tmp_path / "jq")})
    config = agent_files.parse(WHOLE.encode())
    tree = tmp_path / "tree"
    made = agent_files.equip(_spec(), config, tree, host, inside)
    assert made.env["PATH"] == f"/usr/bin:{tmp_path}/jq/bin"
    assert made.binds == ()
    server = agent_servers.servers_for(config, tree, inside)["web-search"]
    assert server.command == f"{tree}/search"
    assert server.args == ("--index", f"{tree}/index", "--at", "/state/x")
    assert agent_servers.servers_for(config, tree, INSIDE) == config.mcp_servers
    config = agent_files.parse(b"plugins = ['a@/etc/hive/config', 'b@/etc/hive/config/p', 'c@d/e']")
    seen = (f"a@{tree}", f"b@{tree}/p", "c@d/e")
    assert agent_servers.plugins_for(config, tree, inside) == seen
    assert agent_servers.plugins_for(config, tree, INSIDE) == config.plugins


def test_a_server_by_url_is_where_the_agent_may_connect_to() -> None:
    lines = [
        f"[mcp_servers.s{number}]\nurl = '{url}'"
        for number, url in enumerate(
            (
                "https://A.example/mcp",
                "http://b.example",
                "https://[::1]:8443/x",
                "https://a.example",
            )
        )
    ]
    config = agent_files.parse("\n".join(lines).encode())
    assert agent_servers.reached(config) == ("a.example:443", "b.example:80", "[::1]:8443")


def test_a_destination_that_makes_no_sense_is_refused_with_its_line() -> None:
    with pytest.raises(BadRequest, match=r"line 2: allow is refused: 'https://a.org' is no dest"):
        agent_files.parse(b'model = "x"\nallow = ["https://a.org"]\n')
    with pytest.raises(BadRequest, match=r"line 1: network is refused: 'open' is no network"):
        agent_files.parse(b'network = "open"\n')


def test_an_agents_network_is_its_own_and_else_the_daemons() -> None:
    open_, plain = agent_files.parse(b'network = "host"'), agent_files.parse(b"")
    assert agent_files.network_for(open_, HostConfig()) == "host"
    assert agent_files.network_for(plain, HostConfig()) == "proxy"
    assert agent_files.network_for(plain, HostConfig(network="host")) == "host"


def test_where_a_screen_is_reaches_the_harness() -> None:
    found = agent_files.parse(b"[screen]\nport = 5901")
    assert found.screen == Screen(5901)


def test_how_a_conversation_is_looked_after_is_the_agents_or_the_daemons() -> None:
    text = b'available_models = ["opus"]\nauto_compact = false\nreset_tokens = 0\nsteer = "nobody"'
    config = agent_files.parse(text)
    host = HostConfig(compact_tokens=50_000, reset_tokens=60_000)
    assert agent_files.tending_for(config, host) == {
        "available_models": ("opus",),
        "auto_compact": False,
        "compact_tokens": 50_000,
        "reset_tokens": 0,
        "steer": "nobody",
    }


@pytest.mark.parametrize(
    "line",
    [
        b'steer = "all"',
        b"compact_tokens = 10",
        b"reset_tokens = -5",
        b'available_models = ["-x"]',
        b'auto_compact = "no"',
    ],
)
def test_what_makes_no_sense_for_a_conversation_is_refused_with_its_line(line: bytes) -> None:
    with pytest.raises(BadRequest, match=r"agent\.toml line 2"):
        agent_files.parse(b"# a line\n" + line)

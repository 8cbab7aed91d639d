"""The files a proposed repository begins with, for each kind of host."""

from __future__ import annotations

from hive.wire.agent_config import FILE
from hive.wire.names import AgentName

NIXOS = "nixos"
AGENT_NIX = "agent.nix"
FLAKE_NIX = "flake.nix"
_ELSEWHERE = "Programs that must be there, or packages by the names the operator gave them."
_ON_NIXOS = "Packages of nixpkgs; agent.nix is for all that is more than a package."

_AGENT_TOML = """\
# What hive runs {name} with. Every key is optional; a line that begins with # says nothing.
#
# Commit a change, and propose the commit: it counts once the operator has approved it and it is
# deployed. What is not in order fails then, with the key and its line, and what ran before goes on.

# One line for people: what {name} is for.
# description = "keeps an eye on the weather"

# What stands beside its name: an emoji, or a letter or two.
# icon = "🌦"

# The model until the operator chooses another on the page of {name}.
# model = "sonnet"
# available_models = ["haiku", "sonnet", "opus"]

# Whose messages reach {name} in the middle of a turn: "operator", "everybody" or "nobody".
# steer = "nobody"

# A conversation is compacted from so many tokens on, and begun anew from so many when it was left
# alone until claude's service has forgotten it; 0 is never.
# auto_compact = false
# compact_tokens = 150000
# reset_tokens = 100000

# {packages}
# packages = ["git", "jq"]

# Whom {name} may write to and ask beside the manager; without this key everybody. The operator has
# to be listed too.
# allowed_recipients = ["operator"]

# What {name} may connect to beside the API, through hive's proxy. Without a port 443 and 80.
# allow = ["pypi.org", "files.pythonhosted.org", "*.debian.org", "10.1.2.3:8080"]

# "host" would give it the whole network of the host, and the operator a warning.
# network = "proxy"

# Plugins of claude, NAME@MARKETPLACE: a name that claude knows, OWNER/REPOSITORY, an https address,
# or a directory of this repository, which is at /etc/hive/config.
# plugins = ["reviewer@/etc/hive/config/plugins"]

# Further environment of claude and of all it starts. No place for a secret: others read this file.
# [env]
# CITY = "Bremen"

# What the container may use; without a key, what the daemon's settings say.
# [limits]
# memory_mib = 2048
# cpu_percent = 150
# tasks = 400
# open_files = 2048
# disk_mib = 4096

# The page of {name} shows the screen of a VNC server that listens on this port of 127.0.0.1 inside.
# [screen]
# port = 5901

# Further MCP servers. Files of this repository are at /etc/hive/config.
# [mcp_servers.weather]
# command = "/etc/hive/config/weather-server"
# args = ["--city", "Bremen"]
# env = {{ UNIT = "celsius" }}
# allowed_tools = ["today", "tomorrow"]
# secrets = {{ WEATHER_KEY = "/state/secrets/weather" }}

# A server that runs elsewhere. Its host needs no entry in allow.
# [mcp_servers.tickets]
# url = "https://mcp.example.com/mcp"
# headers = {{ Authorization = "Bearer ${{TICKETS_TOKEN}}" }}
# secrets = {{ TICKETS_TOKEN = "/state/secrets/tickets" }}

# What the row and the page of {name} lead to: an address, or a path below that page.
# [[links]]
# label = "forecast"
# url = "https://weather.example.com/"
"""

_AGENT_NIX = """\
# What the NixOS system of {name} has beside what hive puts into every agent's. A NixOS module;
# `flakeInputs` are the inputs of flake.nix. Limits, model and MCP servers are in agent.toml.
{{ pkgs, flakeInputs, ... }}:

{{
  environment.systemPackages = [
    # pkgs.jq
  ];
}}
"""

_FLAKE_NIX = """\
# Hive takes `nixosModules.default` of this flake into the system of {name}.
{{
  description = "The configuration of {name}";

  # What is added here reaches agent.nix as `flakeInputs`.
  inputs = {{ }};

  outputs = _: {{
    nixosModules.default = ./agent.nix;
  }};
}}
"""


def files(kind: str, name: AgentName) -> dict[str, str]:
    """Return the files, path to text, for a hive whose runtime is of that kind."""
    if kind != NIXOS:
        return {FILE: _AGENT_TOML.format(name=name, packages=_ELSEWHERE)}
    return {
        FILE: _AGENT_TOML.format(name=name, packages=_ON_NIXOS),
        AGENT_NIX: _AGENT_NIX.format(name=name),
        FLAKE_NIX: _FLAKE_NIX.format(name=name),
    }

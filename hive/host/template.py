"""The files a proposed repository begins with."""

from __future__ import annotations

from hive.wire.agent_config import FILE
from hive.wire.names import AgentName

TEXT = """\
# What hive runs {name} with. Every key is optional; a line that begins with # says nothing.
# Commit a change and propose that commit: it runs once the operator has approved it.

# description = "one line for people: what {name} is for"

# The model until the operator chooses another on the page of {name}.
# model = "haiku"

# Programs that must be there, or packages that the operator named in the daemon's settings.
# packages = ["git", "jq"]

# Whom {name} may write to beside the manager; "operator" must be listed to be written to.
# Without this key: everybody.
# allowed_recipients = ["operator"]

# [env]
# EDITOR = "vi"

# [limits]
# memory_mib = 2048
# cpu_percent = 200
# tasks = 512

# [mcp_servers.example]
# command = "example-mcp"
# args = ["--stdio"]
# allowed_tools = ["*"]
"""

AGENT_NIX = """\
# What {name} is made of beside what every agent has: a module of NixOS. Packages that are only
# to be there can as well be named in agent.toml.
# Commit a change and propose that commit: it is built and runs once the operator has approved it.
{{ pkgs, ... }}:

{{
  # environment.systemPackages = [ pkgs.jq ];
}}
"""

FLAKE_NIX = """\
# hive builds {name} from `nixosModules.default`. Inputs that are named here reach agent.nix as its
# argument `flakeInputs`; they are repositories that can be fetched by https or ssh.
{{
  outputs = inputs: {{
    nixosModules.default = ./agent.nix;
  }};
}}
"""


def files(kind: str, name: AgentName) -> dict[str, str]:
    """Return the files, path to text, for a hive whose containers are of that kind."""
    texts = {FILE: TEXT}
    if kind == "nixos":
        texts |= {"agent.nix": AGENT_NIX, "flake.nix": FLAKE_NIX}
    return {path: text.format(name=name) for path, text in texts.items()}

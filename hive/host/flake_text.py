"""Nix text: values as literals, and the meta flake as a whole.

A literal evaluates back to the value it was made from, whatever that holds; names, paths and URLs
reach a generated file in no other way.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import attrs

from hive.errors import BadRequest
from hive.host.meta_lock import Lock
from hive.wire.names import MANAGER

Value = None | bool | int | str | list["Value"] | tuple["Value", ...] | dict[str, "Value"]

HYPERHIVE = "hyperhive"
AGENT = "agent-"
"""Before an agent's name: its input."""
_INT_BITS = 63
_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'[\\"$\n\r\t]')
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_./+=@-]*")
_REFERENCE = re.compile(r"[!-~]{1,500}")
_NOBODY = (
    "this flake has one system per agent: name the agent, as in meta#alice (nixos-container forgets"
    " the name when it updates without --flake)"
)


@attrs.frozen
class MetaFlake:
    """What the meta flake is made of beside the lock."""

    hyperhive: str
    """The reference of the flake that has hive's modules and `lib.container`."""
    applied: Path
    """The directory of the applied repositories."""
    system: str
    """The platform, as `x86_64-linux`."""


def literal(value: Value) -> str:
    """Return a value as a Nix expression on one line; raises `BadRequest` for what has none."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return _integer(value)
        case str():
            return _string(value)
        case list() | tuple():
            return f"[ {' '.join(literal(one) for one in value)} ]" if value else "[ ]"
        case dict():
            parts = [f"{_string(key)} = {literal(one)};" for key, one in value.items()]
            return f"{{ {' '.join(parts)} }}" if parts else "{ }"
    raise BadRequest(f"a {type(value).__name__} cannot be written as Nix")


def meta_flake(flake: MetaFlake, lock: Lock) -> str:
    """Return the text of the meta flake: every agent's repository pinned to its commit.

    Raises `BadRequest` for a path or a reference that a flake cannot name.
    """
    urls = {HYPERHIVE: reference(flake.hyperhive)}
    for name, pin in sorted(lock.agents.items()):
        urls[AGENT + name] = repository(flake.applied / name, pin.rev)
    inputs = [f"    {_string(name)}.url = {_string(url)};" for name, url in urls.items()]
    systems = [
        f"          {_string(name)} = container {_string(name)} {_string(_role(name))};"
        for name in sorted(lock.agents)
    ]
    return _FLAKE.format(
        inputs="\n".join(inputs),
        hyperhive=_string(HYPERHIVE),
        system=_string(flake.system),
        prefix=_string(AGENT),
        nobody=_string(_NOBODY),
        systems="\n".join(systems),
    )


def repository(path: Path, rev: str) -> str:
    """Return the flake reference of one commit of a repository on this host.

    Raises `BadRequest` for a path that Nix would read as something else.
    """
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise BadRequest(
            f"{str(path)!r} cannot be part of a flake: a path may hold letters, digits and"
            " '_ . / + = @ -' only; give another --root"
        )
    return f"git+file://{path}?{urlencode({'rev': rev})}"


def reference(text: str) -> str:
    """Return a flake reference from the settings; raises `BadRequest` for what cannot be one."""
    if not _REFERENCE.fullmatch(text):
        raise BadRequest(
            f"{text[:80]!r} is not the reference of a flake: correct the setting `hive_flake`"
        )
    return text


def _role(name: str) -> str:
    return "manager" if name == MANAGER else "agent"


def _integer(value: int) -> str:
    if not -(2**_INT_BITS) <= value < 2**_INT_BITS:
        raise BadRequest(f"{value} is too large for a number of Nix")
    if value == -(2**_INT_BITS):
        # Its positive counterpart, which the minus would be put before, does not fit.
        return f"({value + 1} - 1)"
    return str(value) if value >= 0 else f"({value})"


def _string(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("half a surrogate pair cannot be written as Nix") from error
    if "\0" in text:
        raise BadRequest("NUL cannot be written as Nix")
    return '"' + _ESCAPED.sub(lambda found: _ESCAPES[found.group()], text) + '"'


_FLAKE = """\
# hive writes this file anew with every change: what is edited by hand is lost.
{{
  description = "the agents of one hive, each at the commit that was approved for it";

  inputs = {{
{inputs}
  }};

  outputs =
    inputs:
    let
      container =
        name: role:
        inputs.{hyperhive}.lib.container {{
          inherit name role;
          system = {system};
          agent = inputs.${{{prefix} + name}};
        }};
    in
    {{
      nixosConfigurations =
        {{
          container = throw {nobody};
        }}
        // {{
{systems}
        }};
    }};
}}
"""

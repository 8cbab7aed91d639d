"""Agent names: the one strict pattern, and everything that is derived from a checked name.

A `str` that came from outside becomes an `AgentName` only by `agent_name`; paths, sockets and
argument lists take `AgentName`, so an unchecked name does not type-check.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NewType

from hive.errors import BadRequest

AgentName = NewType("AgentName", str)
"""A checked name of an agent, the manager's logical name included."""

MANAGER = AgentName("manager")
OPERATOR = "operator"
SYSTEM = "system"
REMINDER = "reminder"
EVERYBODY = "*"
MANAGER_CONTAINER = "hm1nd"
CONTAINER_PREFIX = "h-"
RESERVED = frozenset({"manager", "operator", "system", "reminder", "hm1nd", "all"})

AGENT_PATTERN = "[a-z](?:[a-z0-9-]{0,7}[a-z0-9])?"
_PATTERN = re.compile(AGENT_PATTERN)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,99}")
_CYRILLIC = (
    "\u0430\u0432\u0435\u0456\u043a\u043c\u043d\u043e\u0440"
    "\u0441\u0442\u0443\u0445\u0455\u0458\u0501\u04cf"
)
_GREEK = "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
_LOOK_ALIKES = str.maketrans(_CYRILLIC + _GREEK, "abeikmhopctyxsjdlaeiknoptux")
"""Letters of Cyrillic and Greek that are drawn as letters of our names are."""
_LABEL = re.compile(r"[\w][\w .:@/-]{0,63}")


def new_agent_name(text: str) -> AgentName:
    """Check the name of an agent to be made: the pattern, and not a reserved word.

    Raises `BadRequest`.
    """
    if not _PATTERN.fullmatch(text):
        raise BadRequest(
            f"{text[:40]!r} is not an agent name: use 1 to 9 characters, a lower-case letter first,"
            " then lower-case letters, digits or '-', not ending in '-'"
        )
    if text in RESERVED:
        raise BadRequest(f"{text!r} is a reserved name: choose another")
    return AgentName(text)


def agent_name(text: str) -> AgentName:
    """Check the name of an agent or of the manager, given by either of the manager's names.

    Raises `BadRequest`.
    """
    if text in {MANAGER, MANAGER_CONTAINER}:
        return MANAGER
    return new_agent_name(text)


@lru_cache(maxsize=1024)
def recipient_name(text: str) -> str:
    """Check the recipient of a message: an agent, the manager, the operator or `*`.

    Raises `BadRequest`.
    """
    if text in {OPERATOR, EVERYBODY}:
        return text
    return agent_name(text)


def model_name(text: str) -> str:
    """Check a model's name: one word that can stand on claude's command line.

    Raises `BadRequest`.
    """
    if not _MODEL.fullmatch(text):
        raise BadRequest(
            f"{text[:40]!r} is not a model's name: give one as claude takes it, such as haiku"
        )
    return text


def wake_label(text: str) -> str:
    """Check the free label a `wake` carries as its sender; it can never read as a principal.

    Raises `BadRequest`.
    """
    if not _LABEL.fullmatch(text):
        raise BadRequest(
            "a wake label is 1 to 64 letters, digits, spaces or '_ . : @ / -', a letter first"
        )
    if _skeleton(text) in RESERVED:
        raise BadRequest(f"{text!r} is the name of a principal: choose another label")
    return text


def _skeleton(text: str) -> str:
    """Return the ASCII word that a label is taken for at a glance."""
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LOOK_ALIKES)
    return "".join(each for each in plain if each.isascii() and each.isalnum())


def container_name(name: AgentName) -> str:
    """Return the container's name, at most 11 characters as nixos-container demands."""
    return MANAGER_CONTAINER if name == MANAGER else CONTAINER_PREFIX + name

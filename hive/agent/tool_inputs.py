"""The inputs of a tool: their JSON schema, and a strict check that says what is wrong.

The schema is advice to the model; the check is what holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from hive.errors import BadRequest, TooLarge
from hive.wire.limits import BODY_BYTES, check_body

Given = dict[str, Any]
"""Checked inputs by name; those that were not given are absent."""


@attrs.frozen
class Input:
    """One input of a tool; made by the functions below."""

    name: str
    is_required: bool
    schema: dict[str, Any]
    """Its JSON schema, with the description."""
    check: Callable[[object], Any]
    """Returns the value as the request takes it; raises `BadRequest` or `TooLarge`."""

    @property
    def signature(self) -> str:
        """The input in a line of documentation."""
        return self.name if self.is_required else f"{self.name}?"


def text(
    name: str, description: str, *, required: bool = False, bytes_most: int = BODY_BYTES
) -> Input:
    """A text of at most `bytes_most` bytes of UTF-8, not empty."""

    def check(value: object) -> str:
        return _checked_text(name, value, bytes_most)

    return Input(name, required, {"type": "string", "description": description}, check)


def choice(name: str, description: str, choices: Sequence[str], *, required: bool = False) -> Input:
    """One word of a few."""

    def check(value: object) -> str:
        if value not in choices:
            raise BadRequest(f"{name} must be {' or '.join(choices)}")
        return str(value)

    schema = {"type": "string", "enum": list(choices), "description": description}
    return Input(name, required, schema, check)


def texts(name: str, description: str, *, most: int, bytes_most: int) -> Input:
    """A list of up to `most` texts."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise BadRequest(f"{name} must be a list of strings")
        if len(value) > most:
            raise BadRequest(f"{name} has {len(value)} entries and the limit is {most}")
        return tuple(_checked_text(f"an entry of {name}", each, bytes_most) for each in value)

    items = {"type": "string"}
    schema = {"type": "array", "items": items, "maxItems": most, "description": description}
    return Input(name, False, schema, check)


def whole(
    name: str, description: str, least: int, most: int | None, *, required: bool = False
) -> Input:
    """A whole number within bounds."""

    def check(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        top = 2**63 - 1 if most is None else most
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= top:
            raise BadRequest(f"{name} must be a whole number{_bounds(least, most)}")
        return value

    return Input(name, required, _number_schema("integer", description, least, most), check)


def number(name: str, description: str, least: float, most: float | None) -> Input:
    """A number within bounds."""

    def check(value: object) -> float:
        top = 1e15 if most is None else most
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadRequest(f"{name} must be a number{_bounds(least, most)}")
        # Never true of NaN.
        if not least <= value <= top:
            raise BadRequest(f"{name} must be a number{_bounds(least, most)}")
        return float(value)

    return Input(name, False, _number_schema("number", description, least, most), check)


def flag(name: str, description: str) -> Input:
    """True or false."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise BadRequest(f"{name} must be true or false")
        return value

    return Input(name, False, {"type": "boolean", "description": description}, check)


def schema_of(inputs: Sequence[Input]) -> dict[str, Any]:
    """Return the JSON schema of a tool's inputs."""
    return {
        "type": "object",
        "properties": {each.name: each.schema for each in inputs},
        "required": [each.name for each in inputs if each.is_required],
        "additionalProperties": False,
    }


def check(inputs: Sequence[Input], arguments: object) -> Given:
    """Return the checked inputs; an optional one that is null counts as not given.

    Raises `BadRequest` naming the first wrong one.
    """
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise BadRequest("the inputs must be one JSON object")
    known = {each.name: each for each in inputs}
    for name in arguments:
        if name not in known:
            takes = ", ".join(known) or "no inputs"
            raise BadRequest(f"unknown input {str(name)[:40]!r}: it takes {takes}")
    given: Given = {}
    for each in inputs:
        value = arguments.get(each.name)
        if value is not None:
            given[each.name] = each.check(value)
        elif each.is_required:
            raise BadRequest(f"{each.name} is missing: {each.schema['description']}")
    return given


def _checked_text(name: str, value: object, bytes_most: int) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string")
    if not value.strip():
        raise BadRequest(f"{name} must not be empty")
    if "\x00" in value:
        raise BadRequest(f"{name} must not contain a NUL character")
    if bytes_most == BODY_BYTES:
        return check_body(name, value)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise BadRequest(f"{name} is not valid Unicode: remove the lone surrogate") from error
    if size > bytes_most:
        raise TooLarge(f"{name} is {size} bytes and the limit is {bytes_most}: shorten it")
    return value


def _bounds(least: float, most: float | None) -> str:
    return f" of at least {least:g}" if most is None else f" from {least:g} to {most:g}"


def _number_schema(kind: str, description: str, least: float, most: float | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": kind, "description": description, "minimum": least}
    if most is not None:
        schema["maximum"] = most
    return schema

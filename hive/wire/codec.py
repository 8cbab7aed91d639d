"""The one converter between wire classes and JSON data: strict, tagged, one error for bad input.

Unknown keys, unknown tags and ill-typed fields all become one `BadRequest` whose text names the
field. A field `from_` travels as `from`. Strict hooks stand in for cattrs' own, which would read
`"false"` as true and 7.9 as 7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar, get_args

import attrs
import cattrs
from cattrs.gen import (
    make_dict_structure_fn,
    make_dict_unstructure_fn,
    mapping_structure_factory,
    override,
)

from hive.errors import BadRequest, TooLarge
from hive.wire import admin, agent
from hive.wire.limits import LINE_BYTES

T = TypeVar("T")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CAMEL = re.compile(r"(?<!^)(?=[A-Z])")
_TAGS: dict[type, str] = {
    admin.SendAsOperator: "send",
    agent.StatusReply: "status",
    agent.RecentReply: "recent",
    agent.WhoamiReply: "whoami",
}


def tag_of(kind: type) -> str:
    """Return the word a class travels under: its name in snake_case unless the contract differs."""
    tag = _TAGS.get(kind)
    if tag is None:
        tag = _TAGS[kind] = _CAMEL.sub("_", kind.__name__).lower()
    return tag


def _strict(kind: type, wanted: str) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"must be {wanted}")
        return value

    return hook


def _float(value: Any, _: Any) -> float:
    if type(value) not in (int, float) or value != value or abs(value) > 1e15:
        raise TypeError("must be a number")
    return float(value)


def _int(value: Any, _: Any) -> int:
    if type(value) is not int or abs(value) >= 2**63:
        raise TypeError("must be a whole number of at most 63 bits")
    return value


def _str(value: Any, _: Any) -> str:
    if type(value) is not str:
        raise TypeError("must be a string")
    if "\x00" in value:
        raise TypeError("must not contain a NUL character")
    if not value.isascii() and _LONE_SURROGATE.search(value):
        # JSON can write one; no file, database or terminal can.
        raise TypeError("is not valid Unicode: remove the lone surrogate")
    return value


def _make(*, may_grow: bool = False) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=not may_grow, detailed_validation=True)
    converter.register_structure_hook(str, _str)
    converter.register_structure_hook(int, _int)
    converter.register_structure_hook(bool, _strict(bool, "true or false"))
    converter.register_structure_hook(float, _float)

    def renames(kind: type) -> dict[str, Any]:
        return {
            field.name: override(rename=field.name.rstrip("_"))
            for field in attrs.fields(kind)
            if field.name.endswith("_")
        }

    def structure(kind: type) -> Callable[[Any, Any], Any]:
        made: Callable[[Any, Any], Any] = make_dict_structure_fn(
            kind, converter, _cattrs_forbid_extra_keys=not may_grow, **renames(kind)
        )

        def checked(value: Any, wanted: Any) -> Any:
            if type(value) is not dict:
                raise TypeError("must be an object")
            return made(value, wanted)

        return checked

    def unstructure(kind: type) -> Callable[[Any], dict[str, Any]]:
        return make_dict_unstructure_fn(kind, converter, **renames(kind))

    converter.register_structure_hook_factory(attrs.has, structure)
    converter.register_unstructure_hook_factory(attrs.has, unstructure)
    _add_collections(converter)
    return converter


def _add_collections(converter: cattrs.Converter) -> None:
    def listed(kind: Any) -> Callable[[Any, Any], Any]:
        item = get_args(kind)[0]

        def hook(value: Any, _: Any) -> tuple[Any, ...]:
            if type(value) is not list:
                raise TypeError("must be a list")
            return tuple(converter.structure(each, item) for each in value)

        return hook

    def mapped(kind: Any) -> Callable[[Any, Any], Any]:
        made: Callable[[Any, Any], Any] = mapping_structure_factory(kind, converter)

        def checked(value: Any, wanted: Any) -> Any:
            if type(value) is not dict:
                raise TypeError("must be an object")
            return made(value, wanted)

        return checked

    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is tuple, listed
    )
    converter.register_structure_hook_factory(
        lambda kind: getattr(kind, "__origin__", None) is dict, mapped
    )


_CONVERTER = _make()
_GROWING = _make(may_grow=True)


def to_json(value: object) -> Any:
    """Return a wire value as plain JSON data, without its tag."""
    return _CONVERTER.unstructure(value)


def to_tagged(key: str, value: object) -> dict[str, Any]:
    """Return a wire value as plain JSON data with its tag under `key`, which comes first."""
    return {key: tag_of(type(value)), **_CONVERTER.unstructure(value)}


def from_json(kind: type[T], value: object, *, may_grow: bool = False) -> T:
    """Return plain JSON data as `kind`; raises `BadRequest` naming the first bad field.

    `may_grow` passes over fields that are not known: what a newer hive tells.
    """
    try:
        return (_GROWING if may_grow else _CONVERTER).structure(value, kind)
    except (cattrs.BaseValidationError, TypeError, ValueError, KeyError) as error:
        raise BadRequest(_explain(error)) from error


@lru_cache
def _kinds(union: UnionType) -> dict[str, type]:
    return {tag_of(kind): kind for kind in get_args(union)}


def from_tagged(key: str, union: UnionType, value: object, *, may_grow: bool = False) -> Any:
    """Return tagged JSON data as the member of `union` that `key` names; as `from_json` does."""
    if type(value) is not dict:
        raise BadRequest("a request is one JSON object on a line")
    fields = dict(value)
    tag = fields.pop(key, None)
    if tag is None:
        raise BadRequest(f"the field {key!r} is missing: it names the request")
    kind = _kinds(union).get(tag) if type(tag) is str else None
    if kind is None:
        known = ", ".join(sorted(_kinds(union)))
        raise BadRequest(f"unknown {key} {str(tag)[:40]!r}: this socket knows {known}")
    try:
        return from_json(kind, fields, may_grow=may_grow)
    except BadRequest as error:
        raise BadRequest(f"{tag}: {error.message}") from error


def loads(line: bytes | str, *, limit: int | None = LINE_BYTES) -> Any:
    """Parse one line of at most `limit` bytes.

    Raises `TooLarge`, and `BadRequest` when it is not UTF-8, not JSON or nested too deep.
    """
    if limit is not None and len(line) > limit:
        raise TooLarge(f"a line is at most {limit} bytes")
    try:
        return _DECODER.decode(line if isinstance(line, str) else line.decode())
    except UnicodeDecodeError as error:
        raise BadRequest("the line is not UTF-8") from error
    except RecursionError as error:
        raise BadRequest("the JSON is nested too deep") from error
    except ValueError as error:
        raise BadRequest(f"the line is not JSON: {error}") from error


def dumps(value: object) -> bytes:
    """Return plain JSON data as one line with its newline."""
    return _ENCODER.encode(value).encode() + b"\n"


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


# Made once: `json.loads` and `json.dumps` make new ones for every call that gives an option.
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def _explain(error: BaseException, path: str = "") -> str:
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        names = ", ".join(sorted(repr(str(key)[:40]) for key in error.extra_fields))
        return f"unknown field {names} in {path}" if path else f"unknown field {names}"
    if isinstance(error, cattrs.BaseValidationError):
        first = error.exceptions[0]
        for note in getattr(first, "__notes__", ()):
            name = getattr(note, "name", None) or getattr(note, "index", None)
            if isinstance(name, str):
                word = "from" if name == "from_" else name
                return _explain(first, f"{path}.{word}" if path else word)
        return _explain(first, path)
    if isinstance(error, KeyError):
        missing = f"the field {str(error).strip(chr(39))!r} is missing"
        # The last word of the path is that field itself.
        where = path.rpartition(".")[0]
        return f"{missing} in {where}" if where else missing
    text = str(error) or type(error).__name__
    return f"{path} {text}" if path else text

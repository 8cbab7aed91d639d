"""JSON Schema of what `wire/codec` reads and writes, made from the same classes.

A class becomes a component under its own name, with its docstring and those of its fields as the
description. What is written holds every field; what is read may leave out those with a default.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, NewType, Union, get_args, get_origin, get_type_hints

import attrs

from hive.wire import codec
from hive.wire.answers import Framed

Schema = dict[str, Any]
REF = "#/components/schemas/"
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
    Any: {},
}


class Schemas:
    """The components that were needed so far."""

    def __init__(self, *, is_closed: bool = False) -> None:
        """`is_closed`: what is written may hold no field that is not described, for tests."""
        self.components: dict[str, Schema] = {}
        self._is_closed = is_closed
        self._named: dict[str, object] = {}

    def written(self, hint: Any) -> Schema:
        """Return the schema of a type in an answer."""
        return self._of(hint, is_read=False)

    def read(self, kind: type) -> Schema:
        """Return the schema of a body."""
        return self._of(kind, is_read=True)

    def frames(self, name: str, union: Any) -> Schema:
        """Return the schema of the frames of a stream: tagged, and numbered."""
        return self._once(name, union, lambda: {"oneOf": self._framed(union, is_numbered=True)})

    def _of(self, hint: Any, *, is_read: bool) -> Schema:
        if isinstance(hint, NewType):
            return self._of(hint.__supertype__, is_read=is_read)
        if hint in _PLAIN:
            return dict(_PLAIN[hint])
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"type": "string", "enum": [each.value for each in hint]}
        if isinstance(hint, type) and attrs.has(hint):
            return self._once(hint.__name__, hint, lambda: self._object(hint, is_read=is_read))
        return self._composed(hint, is_read=is_read)

    def _composed(self, hint: Any, *, is_read: bool) -> Schema:
        origin, words = get_origin(hint), get_args(hint)
        if origin is Annotated and isinstance(words[1], Framed):
            return {"oneOf": self._framed(words[0], is_numbered=words[1].is_numbered)}
        if origin in (Union, UnionType):
            return {"anyOf": [self._of(each, is_read=is_read) for each in words]}
        if origin is tuple and words[-1] is not Ellipsis:
            items = [self._of(each, is_read=is_read) for each in words]
            bounds = {"minItems": len(items), "maxItems": len(items)}
            return {"type": "array", "prefixItems": items, **bounds}
        if origin in (tuple, list, Sequence):
            return {"type": "array", "items": self._of(words[0], is_read=is_read)}
        if origin in (dict, Mapping):
            return {"type": "object", "additionalProperties": self._of(words[1], is_read=is_read)}
        raise TypeError(f"{hint!r} has no JSON Schema here")

    def _once(self, name: str, of: object, make: Any) -> Schema:
        if self._named.setdefault(name, of) != of:
            raise TypeError(f"two types are called {name}: rename one")
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = make()
        return {"$ref": REF + name}

    def _object(self, kind: type, *, is_read: bool) -> Schema:
        hints, notes = get_type_hints(kind, include_extras=True), _notes(kind)
        found: Schema = {"type": "object"}
        if kind.__doc__:
            found["description"] = inspect.cleandoc(kind.__doc__)
        properties, needed = {}, []
        for field in attrs.fields(kind):
            name = field.name.rstrip("_")
            properties[name] = self._of(hints[field.name], is_read=is_read)
            if field.name in notes:
                properties[name]["description"] = notes[field.name]
            if not is_read or field.default is attrs.NOTHING:
                needed.append(name)
        found["properties"] = properties
        if needed:
            found["required"] = needed
        if is_read or self._is_closed:
            found["additionalProperties"] = False
        return found

    def _framed(self, union: Any, *, is_numbered: bool) -> list[Schema]:
        found = []
        for kind in get_args(union) or (union,):
            inner = self._object(kind, is_read=False)
            added: Schema = {"kind": {"const": codec.tag_of(kind)}}
            if is_numbered:
                added["seq"] = {"type": "integer", "minimum": 0}
            inner["properties"] = {**added, **inner["properties"]}
            inner["required"] = [*added, *inner.get("required", ())]
            found.append(inner)
        return found


def _notes(kind: type) -> dict[str, str]:
    """Return what stands below each field of a class, from its source."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        if attrs.has(each):
            found |= _notes_of_module(each.__module__).get(each.__qualname__, {})
    return found


@lru_cache
def _notes_of_module(name: str) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            pairs = zip(node.body, node.body[1:], strict=False)
            found[node.name] = {
                field.target.id: inspect.cleandoc(note.value.value)
                for field, note in pairs
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(note, ast.Expr)
                and isinstance(note.value, ast.Constant)
                and isinstance(note.value.value, str)
            }
    return found

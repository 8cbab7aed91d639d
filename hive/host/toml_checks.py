"""What checks of agent.toml are made of: a value refused, by the keys that lead to it."""

from __future__ import annotations

import re
from collections.abc import Callable

from hive.errors import BadRequest

ENV_BYTES = 32 * 1024
ENV_MOST = 64

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


class Bad(BadRequest):
    """A value that is not allowed, and the keys that lead to it."""

    def __init__(self, keys: tuple[str, ...], message: str) -> None:
        super().__init__(f"{'.'.join(keys)} {message}")
        self.keys = keys


def within(keys: tuple[str, ...], check: Callable[[], object]) -> None:
    """Run a check, and have what it refuses be refused as the value of these keys."""
    try:
        check()
    except BadRequest as error:
        raise Bad(keys, f"is refused: {error.message}") from error


def check_env(keys: tuple[str, ...], env: dict[str, str]) -> None:
    """Raise `Bad` for variables that nothing can be started with."""
    for name, value in env.items():
        check_variable(keys, name)
        if "\0" in value:
            raise Bad((*keys, name), "holds NUL, which nothing can be started with: remove it")
    check_size(keys, env)


def check_variable(keys: tuple[str, ...], name: str) -> None:
    """Raise `Bad` unless it is the name of a variable."""
    if not _VARIABLE.fullmatch(name):
        raise Bad((*keys, name[:40]), "is not a variable's name: use letters, digits and '_'")


def check_size(keys: tuple[str, ...], values: dict[str, str]) -> None:
    """Raise `Bad` for a table of more, or longer, values than a container is given."""
    if len(values) > ENV_MOST:
        raise Bad(keys, f"has more than {ENV_MOST} variables")
    if sum(len(name) + len(value.encode()) for name, value in values.items()) > ENV_BYTES:
        raise Bad(keys, f"is more than {ENV_BYTES} bytes: put long values into files")

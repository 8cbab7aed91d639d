"""The verbs that need nothing but the standard library, answered at once.

The zipapp asks this file first, before anything is unpacked or put on the path, so it imports
nothing of hive and little of Python, and repeats two small things of other rooms (a test holds them
together): where the operator's socket is (`config`) and the exit status of an error code
(`errors`). What it does not know it leaves to `cli`, which calls the same functions.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SYSTEM_SOCKET = "/run/hyperhive/host.sock"
TIMEOUT_S = 10.0
REPLY_BYTES = 16 * 1024 * 1024
EXIT_STATUS = {
    "bad_request": 2,
    "too_large": 2,
    "unreachable": 3,
    "unauthorized": 4,
    "refused": 4,
    "not_found": 5,
}


class Failure(Exception):
    """A request that failed, as the command line tells it: an exit status and one sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.exit_status = EXIT_STATUS.get(code, 1)


def main(argv: list[str], version: str) -> int | None:
    """Answer `argv` (the words after the program's name) and return the exit status.

    None: this is not a light call, nothing has been printed, and the full command line must
    answer.
    """
    if argv == ["--version"]:
        print(f"hive {version}")
        return 0
    options = _list_options(argv)
    if options is None:
        return None
    as_json, socket, root = options
    try:
        reply = call(operator_socket(socket, root), {"cmd": "agent_status"})
        if as_json:
            print_json(reply)
        else:
            print("\n".join(agent_table(reply)))
        # Without a standard output that does nothing.
        print(end="", flush=True)
    except Failure as failure:
        return tell(failure)
    except BrokenPipeError:
        _drop_output()
        return 1
    except OSError as error:
        return cannot_print(error)
    return 0


def _drop_output() -> None:
    """Let what is still to be printed go; else the interpreter says at its end that it cannot."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def cannot_print(error: OSError) -> int:
    """Tell that the output cannot be written and return the exit status."""
    _drop_output()
    why = f"the output cannot be written: {error.strerror}; make room, or write it elsewhere"
    return tell(Failure("unavailable", why))


def _list_options(argv: list[str]) -> tuple[bool, str | None, str | None] | None:
    """Read `list [--json] [--socket PATH] [--root DIR]`; None for anything else."""
    if argv[:1] != ["list"]:
        return None
    as_json = False
    values: dict[str, str | None] = {"--socket": None, "--root": None}
    words = iter(argv[1:])
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--json":
            as_json = True
        elif name in values:
            value = value if equals else next(words, "")
            if not value:
                return None
            values[name] = value
        else:
            return None
    return as_json, values["--socket"], values["--root"]


def operator_socket(
    socket: str | os.PathLike[str] | None = None, root: str | os.PathLike[str] | None = None
) -> str:
    """Return the path of the operator's socket.

    The one that is named; else the one below `root`; else `HIVE_SOCKET`; else that of the user's
    own hive; else, where only a system-wide hive is there, that one: its directory is seen by those
    too who may not look into it.
    """
    if socket:
        return os.fspath(socket)
    if root:
        return os.path.join(os.path.abspath(root), "run", "host.sock")
    env = os.environ
    if env.get("HIVE_SOCKET"):
        return env["HIVE_SOCKET"]
    own = os.path.join(_user_run(), "host.sock")
    has_system = os.path.exists(os.path.dirname(SYSTEM_SOCKET))
    return SYSTEM_SOCKET if has_system and not os.path.exists(own) else own


def _user_run() -> str:
    env = os.environ
    if env.get("XDG_RUNTIME_DIR"):
        return os.path.join(env["XDG_RUNTIME_DIR"], "hyperhive")
    home = env.get("HOME") or "/"
    state = env.get("XDG_STATE_HOME") or os.path.join(home, ".local/state")
    return os.path.join(state, "hyperhive", "run")


def call(path: str, request: dict[str, Any], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Send one request to the operator's socket and return its reply.

    Raises `Failure` when nobody answers in time, or when the reply is not a success.
    """
    import json

    try:
        line = _exchange(path, json.dumps(request).encode() + b"\n", timeout_s)
    except OSError as error:
        raise no_reply(path, error, timeout_s) from None
    return success(path, line)


def no_reply(path: str, error: OSError, timeout_s: float) -> Failure:
    """Return what it means that an operator's socket gave no reply."""
    if isinstance(error, TimeoutError):
        text = f"no answer on {path} within {timeout_s:g} s: look at 'hive.pyz doctor'"
        return Failure("unavailable", text)
    if isinstance(error, PermissionError):
        return Failure("refused", f"you may not use {path}: {_mend(path)}")
    start = "systemctl start hyperhive" if path == SYSTEM_SOCKET else "hive.pyz up"
    return Failure(
        "unreachable",
        f"no daemon answers on {path} ({error.strerror or error}): start one with '{start}', or"
        " name its socket with --socket",
    )


def success(path: str, line: bytes) -> dict[str, Any]:
    """Return the reply of a line; raises the `Failure` it stands for."""
    import json

    try:
        reply = json.loads(line)
    except ValueError:
        reply = None
    if not isinstance(reply, dict) or "ok" not in reply:
        raise Failure("unavailable", f"what answers on {path} is not hive: name another --socket")
    if reply["ok"] is not True:
        error_text = str(reply.get("error") or "the daemon gave no reason")
        raise Failure(str(reply.get("code") or "internal"), error_text)
    return reply


def _mend(path: str) -> str:
    """Return how somebody comes to be allowed to use a socket."""
    import grp

    for place in (path, os.path.dirname(path)):
        try:
            group = grp.getgrgid(os.stat(place).st_gid).gr_name
        except (OSError, KeyError):
            continue
        return (
            f"its group is {group}: have yourself added with 'usermod -aG {group} USER' and log in"
            " anew, or run this as the hive's own user"
        )
    return "run this as the hive's own user, or have its operator_group set and join that group"


def _exchange(path: str, line: bytes, timeout_s: float) -> bytes:
    """Write one line and read one; the C module alone, because `socket` costs milliseconds."""
    import _socket

    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
        except (OverflowError, ValueError, _socket.error) as error:
            if isinstance(error, OSError) and error.errno:
                raise
            raise OSError(0, str(error)) from None
        try:  # noqa: SIM105 - contextlib takes longer to import than the whole exchange
            connection.sendall(line)
        except BrokenPipeError:
            # Who is refused at once was told so before the request was read.
            pass
        chunks: list[bytes] = []
        size = 0
        while not (chunks and b"\n" in chunks[-1]):
            chunk = connection.recv(65536)
            size += len(chunk)
            if not chunk or size > REPLY_BYTES:
                break
            chunks.append(chunk)
        if not chunks:
            raise OSError(0, "it hung up")
        return b"".join(chunks).partition(b"\n")[0]
    finally:
        connection.close()


def agent_table(reply: dict[str, Any]) -> list[str]:
    """Return the lines that `list` shows for a reply to `agent_status`."""
    rows = reply.get("agent_statuses") or []
    lines = []
    for row in rows:
        state = "running" if row.get("running") else "failed" if row.get("failed") else "stopped"
        marks = [word for word in ("paused", "needs_login", "needs_update") if row.get(word)]
        state = ", ".join([state, *marks]).replace("_", " ")
        text = printable(str(row.get("note") or row.get("status_text") or ""))
        model = printable(str(row.get("active_model") or ""))
        lines.append(
            f"{printable(str(row.get('name'))):<10} {state:<10} {model:<8} {text}".rstrip()
        )
    return lines or ["No agents."]


def printable(text: str) -> str:
    """Return a line with everything that would steer a terminal shown as an escape."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def print_json(value: object) -> None:
    """Print what a program asked for with `--json`: one line, and nothing but ASCII in it."""
    import json

    print(json.dumps(value))


def tell(failure: Failure) -> int:
    """Print a failure as one line on standard error and return its exit status."""
    # A reason may quote what an agent's container printed.
    print("hive: " + printable(" ".join(str(failure).split())), file=sys.stderr)
    return failure.exit_status

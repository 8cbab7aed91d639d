"""The error tree: named by what the caller can do, one table of codes for every surface.

Raise these where something is noticed; the four boundary files turn them into a socket reply, an
HTTP answer, a tool result or an exit status. The message is a sentence for a person and names the
mend where there is one.
"""

from __future__ import annotations


class HiveError(Exception):
    """Any failure that hive foresaw; `code` is for programs, the text for people."""

    code = "internal"
    http_status = 500
    exit_status = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(HiveError):
    """The caller sent something that is not a valid request; sending it again will not help."""

    code = "bad_request"
    http_status = 400
    exit_status = 2


class Unauthorized(HiveError):
    """The caller has not shown who it is."""

    code = "unauthorized"
    http_status = 401
    exit_status = 4


class Refused(HiveError):
    """The caller may not do this, whoever it is."""

    code = "refused"
    http_status = 403
    exit_status = 4


class NotFound(HiveError):
    """The thing named does not exist."""

    code = "not_found"
    http_status = 404
    exit_status = 5


class Conflict(HiveError):
    """Somebody else holds the thing, or it is already in another state; try later."""

    code = "conflict"
    http_status = 409
    exit_status = 1


class TooLarge(BadRequest):
    """A body or a line is over its limit."""

    code = "too_large"
    http_status = 413


class Unavailable(HiveError):
    """A program, a disk or a service that hive needs has failed."""

    code = "unavailable"
    http_status = 503
    exit_status = 1


class DaemonUnreachable(Unavailable):
    """No daemon answers on the socket."""

    code = "unreachable"
    exit_status = 3


class ProgramFailed(Unavailable):
    """A child process failed; carries what was run and the end of what it said."""

    def __init__(self, argv: tuple[str, ...], status: int | None, stderr: str) -> None:
        self.argv = argv
        self.status = status
        self.stderr = stderr
        how = "did not finish in time" if status is None else f"ended with status {status}"
        tail = stderr.strip().splitlines()[-1:] or ["it said nothing"]
        super().__init__(f"{argv[0]} {how}: {tail[0]}")


BY_CODE: dict[str, type[HiveError]] = {
    kind.code: kind
    for kind in (
        HiveError,
        BadRequest,
        Unauthorized,
        Refused,
        NotFound,
        Conflict,
        TooLarge,
        Unavailable,
        DaemonUnreachable,
    )
}


def from_code(code: str, message: str) -> HiveError:
    """Return the error that a reply with this code stands for; an unknown code is `HiveError`."""
    return BY_CODE.get(code, HiveError)(message)

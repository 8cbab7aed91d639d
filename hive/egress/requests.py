"""What a client asks the proxy for, read strictly, and what is passed on, written anew; no I/O.

h11 parses on one side and writes on the other, so that no byte of a head is passed on as it came:
two readers cannot see two different requests in it.
"""

from __future__ import annotations

import re

import attrs
import h11

from hive.errors import BadRequest
from hive.wire.destinations import Target, parse_target

HTTP_PORT = 80
HEAD_BYTES = 32 * 1024
"""Of a head that is not complete yet."""
_VERSIONS = (b"1.0", b"1.1")
_ABSOLUTE = re.compile(rb"(?i:http)://([^/?#@\\]*)([/?][^#]*)?")
_OF_THIS_HOP = frozenset(
    {
        b"connection",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
Headers = list[tuple[bytes, bytes]]


@attrs.frozen
class Connect:
    """A tunnel is wanted."""

    target: Target


@attrs.frozen
class Forward:
    """A request in the clear is to be passed on."""

    target: Target
    path: bytes


@attrs.frozen
class Call:
    """The gateway itself is meant: a request as an origin gets it."""

    path: bytes


def read(request: h11.Request) -> Connect | Forward | Call:
    """Return what a request asks for; raises `BadRequest` with the mend."""
    if request.http_version not in _VERSIONS:
        raise BadRequest("this proxy speaks HTTP/1.1")
    names = [name for name, _ in request.headers]
    has_length, has_coding = b"content-length" in names, b"transfer-encoding" in names
    if has_length and has_coding:
        raise BadRequest("a request has a Content-Length or a Transfer-Encoding, never both")
    if has_coding and request.http_version == b"1.0":
        raise BadRequest("HTTP/1.0 knows no Transfer-Encoding")
    if request.method.upper() == b"CONNECT":
        if request.method != b"CONNECT" or has_length or has_coding:
            raise BadRequest("CONNECT is written in capitals and has no body")
        return Connect(parse_target(_ascii(request.target)))
    if request.target.startswith(b"/"):
        return Call(request.target)
    found = _ABSOLUTE.fullmatch(request.target)
    if found is None:
        raise BadRequest(
            "ask for http://HOST/PATH, without a user's name and without '#'; for https by CONNECT"
        )
    path = found[2] or b"/"
    if path.startswith(b"?"):
        path = b"/" + path
    return Forward(parse_target(_ascii(found[1]), HTTP_PORT), path)


def host_header(target: Target, usual_port: int) -> bytes:
    """Return what `Host` says for a target."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return (host if target.port == usual_port else f"{host}:{target.port}").encode()


def forwarded(request: h11.Request, path: bytes, host: bytes) -> h11.Request:
    """Return the request as it is written to whom it is for."""
    names = {name for name, _ in request.headers}
    kept = _end_to_end(pairs(request))
    headers: Headers = [(b"Host", host), *(each for each in kept if each[0].lower() != b"host")]
    if b"transfer-encoding" in names:
        headers.append((b"Transfer-Encoding", b"chunked"))
    return h11.Request(method=request.method, target=path, headers=headers)


def answered(
    response: h11.Response, *, is_last: bool, dropped: frozenset[bytes] = frozenset()
) -> h11.Response:
    """Return the response as it is written to who asked; `is_last` closes the connection."""
    is_coded = any(name == b"transfer-encoding" for name, _ in response.headers)
    headers = [
        pair
        for pair in _end_to_end(pairs(response))
        if not (is_coded and pair[0].lower() == b"content-length")
        and pair[0].lower() not in dropped
    ]
    if is_last:
        headers.append((b"Connection", b"close"))
    return h11.Response(
        status_code=response.status_code, headers=headers, reason=bytes(response.reason)
    )


def pairs(event: h11.Request | h11.Response) -> Headers:
    """Return the headers with their names as they were written."""
    return list(event.headers.raw_items())


def _end_to_end(headers: Headers) -> Headers:
    """Drop what is for one hop alone, by its own name or because `Connection` names it."""
    dropped = set(_OF_THIS_HOP)
    for name, value in headers:
        if name.lower() == b"connection":
            dropped |= {word.strip().lower() for word in value.split(b",")}
    # Nobody gets rid of the framing by naming it there.
    dropped -= {b"content-length", b"host"}
    return [pair for pair in headers if pair[0].lower() not in dropped]


def _ascii(data: bytes) -> str:
    return data.decode("ascii", "backslashreplace")

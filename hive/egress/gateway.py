"""The way to claude's API on which the daemon itself adds the key, so that no agent holds it.

What claude sends where its secret belongs is a placeholder: wherever it stands in one of the two
headers, the secret takes its place. A request without one passes as it is: then the agent has an
account of its own. With the operator's secret only what a turn needs can be asked for.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import attrs
import h11

from hive.egress import requests
from hive.errors import BadRequest, Refused
from hive.wire.destinations import Target, parse_target

API = "https://api.anthropic.com"
PORTS = {"http": 80, "https": 443}
_CALLS = (
    (b"POST", re.compile(rb"/v1/messages(?:/count_tokens)?")),
    (b"GET", re.compile(rb"/v1/models(?:/[A-Za-z0-9_-][A-Za-z0-9._:@-]*)?")),
    (b"HEAD", re.compile(rb"/")),
)
"""What may be asked for with the operator's secret. Nothing that lists, changes or keeps."""
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""For a Python that was built to look elsewhere."""


@attrs.frozen
class Origin:
    """Where the API is."""

    scheme: str
    target: Target
    prefix: bytes
    """Put before every path; without a slash at its end."""

    @property
    def is_https(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.scheme == "https"

    @property
    def host(self) -> bytes:
        """What `Host` says."""
        return requests.host_header(self.target, PORTS[self.scheme])


class Way(Protocol):
    """Where a request leads that is made to the gateway itself, and what becomes of it."""

    @property
    def origin(self) -> Origin:
        """Who answers."""
        ...

    @property
    def has_json(self) -> bool:
        """Whether a refusal is written as claude's API writes its own."""
        ...

    @property
    def dropped(self) -> frozenset[bytes]:
        """Headers of an answer that the agent does not see, in small letters."""
        ...

    def head(self, request: h11.Request, path: bytes) -> h11.Request:
        """Return the request as it is sent on; raises `HiveError`."""
        ...


@attrs.frozen
class Gateway:
    """What is added to the requests of one agent, and where they go."""

    origin: Origin
    secrets: Mapping[bytes, bytes]
    """Placeholder to secret."""
    has_json = True
    """Whether a refusal is written as the API writes its own."""
    dropped: frozenset[bytes] = frozenset()
    """Headers of an answer that the agent does not see."""

    def head(self, request: h11.Request, path: bytes) -> h11.Request:
        """Return the request as the API gets it; raises `Refused`."""
        made = requests.forwarded(request, self.origin.prefix + path, self.origin.host)
        given = requests.pairs(made)
        headers = [(name, self._filled(name, value)) for name, value in given]
        is_ours = any(new is not old for (_, new), (_, old) in zip(headers, given, strict=True))
        if is_ours and not _is_needed(request.method, path):
            raise Refused("with hive's own account only messages, their tokens and models are open")
        return h11.Request(method=made.method, target=made.target, headers=headers)

    def _filled(self, name: bytes, value: bytes) -> bytes:
        if name.lower() == b"x-api-key":
            return self.secrets.get(value.strip(), value)
        if name.lower() == b"authorization":
            scheme, _, word = value.strip().partition(b" ")
            secret = self.secrets.get(word.strip())
            return value if secret is None else scheme + b" " + secret
        return value


def _is_needed(method: bytes, path: bytes) -> bool:
    plain = path.partition(b"?")[0]
    return any(method == verb and form.fullmatch(plain) for verb, form in _CALLS)


def parse_origin(url: str) -> Origin:
    """Return where a base URL leads; raises `BadRequest`."""
    parts = urlsplit(url)
    is_odd = parts.username is not None or bool(parts.query or parts.fragment)
    if parts.scheme not in PORTS or is_odd or not parts.path.isascii():
        raise BadRequest(f"{url[:200]!r} must read as https://HOST, with a port and a path if need")
    target = parse_target(parts.netloc, PORTS[parts.scheme])
    return Origin(parts.scheme, target, parts.path.rstrip("/").encode())


def make_tls() -> ssl.SSLContext:
    """Return how the API's certificate is verified: by what this host trusts."""
    context = ssl.create_default_context()
    known = ssl.get_default_verify_paths()
    if not (known.cafile or known.capath):
        for bundle in _BUNDLES:
            if Path(bundle).is_file():
                context.load_verify_locations(cafile=bundle)
    return context

"""A gateway that the host's other programs can reach too: it serves who shows the agent's word.

An agent with the host's network reaches the daemon by a port of the host's loopback, where anybody
can connect. The word is in what the agent's programs send as their credential.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from collections.abc import Callable, Iterator

import attrs
import h11

from hive.egress.gateway import Origin, Way
from hive.errors import Refused

WHY = "this port is an agent's way to hive's gateway: it answers its own programs alone"


@attrs.frozen
class SharedWay:
    """A way of the gateway behind a word."""

    way: Way
    word: str = attrs.field(repr=False)
    stranger: Callable[[str], None]
    """Told that somebody asked without it, and what that was told."""

    @property
    def origin(self) -> Origin:
        """Who answers."""
        return self.way.origin

    @property
    def has_json(self) -> bool:
        """Whether a refusal is written as claude's API writes its own."""
        return self.way.has_json

    @property
    def dropped(self) -> frozenset[bytes]:
        """Headers of an answer that the agent does not see."""
        return self.way.dropped

    def head(self, request: h11.Request, path: bytes) -> h11.Request:
        """Return the request as it is sent on; raises `Refused` for one without the word."""
        word = self.word.encode()
        if not word or not any(
            hmac.compare_digest(each[-len(word) :], word) for each in _credentials(request)
        ):
            self.stranger(WHY)
            raise Refused(WHY)
        return self.way.head(request, path)


def _credentials(request: h11.Request) -> Iterator[bytes]:
    """Yield what somebody shows to be let in."""
    for name, value in request.headers:
        if name == b"x-api-key":
            yield value.strip()
        if name == b"authorization":
            scheme, _, rest = value.strip().partition(b" ")
            if scheme.lower() != b"basic":
                yield rest.strip()
                continue
            try:
                yield b64decode(rest, validate=True)
            except binascii.Error:
                continue

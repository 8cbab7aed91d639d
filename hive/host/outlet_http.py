"""One POST to a service that notifications are sent to: bounded, never redirected, told in words.

What is posted to, and what is posted, may be secret and is in no sentence and no log. httpx is
imported when the first notification goes out, so that a hive without outlets does not carry it.
"""

from __future__ import annotations

import email.utils
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import trio

from hive.errors import Unavailable
from hive.host.git_diff import plain

ANSWER_BYTES = 4096
SHOWN_CHARS = 160
SECRET_BYTES = 4096


@attrs.frozen
class Answer:
    """What a service said."""

    status: int
    said: str
    """The beginning of its answer, as one line."""
    retry_after: str | None

    @property
    def is_success(self) -> bool:
        """Whether it took what was sent."""
        return 200 <= self.status < 300

    @property
    def sentence(self) -> str:
        """What it said, for people."""
        if 300 <= self.status < 400:
            return f"status {self.status}: it sends elsewhere, which is not followed"
        word = "accepted" if self.is_success else "refused"
        return f"{word} with status {self.status}" + (f": {self.said}" if self.said else "")

    def retry_after_s(self, now: float) -> float | None:
        """Return how long it wants to be left alone: seconds, or a date (RFC 9110)."""
        text = (self.retry_after or "").strip()
        if text.isascii() and text.isdigit() and len(text) < 10:
            return float(text)
        try:
            return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
        except (ValueError, OverflowError):
            return None


def host_of(url: str) -> str:
    """Return the host and port of an address, and nothing behind them."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    return host if parts.port is None else f"{host}:{parts.port}"


async def post(url: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float) -> Answer:
    """Post once; raises `Unavailable` when no answer came within the deadline."""
    import httpx2  # noqa: PLC0415 - 16 MB that only a hive with outlets pays for

    where = host_of(url)
    raw = bytearray()
    verify = ssl.create_default_context() if url.startswith("https:") else False
    with trio.move_on_after(deadline_s) as late:
        try:
            async with (
                httpx2.AsyncClient(
                    follow_redirects=False, trust_env=False, timeout=None, verify=verify
                ) as client,
                client.stream("POST", url, content=body, headers=dict(headers)) as response,
            ):
                status = response.status_code
                retry_after = response.headers.get("retry-after")
                async for chunk in response.aiter_raw():
                    raw += chunk
                    if len(raw) > ANSWER_BYTES:
                        # Left by a `break`, the generators below would stay open.
                        late.cancel()
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
            raise Unavailable(f"{where} does not answer: {type(error).__name__}") from error
    if late.cancelled_caught and len(raw) <= ANSWER_BYTES:
        raise Unavailable(f"{where} did not answer within {deadline_s:g} s")
    said = plain(" ".join(bytes(raw).decode(errors="replace").split()))[:SHOWN_CHARS]
    return Answer(status, said, retry_after)


async def secret_of(path: str) -> str:
    """Return the one word in a file of the daemon's settings; raises `Unavailable`."""

    def read() -> str:
        with Path(path).open("rb") as file:
            return file.read(SECRET_BYTES).decode("ascii").strip()

    try:
        word = await trio.to_thread.run_sync(read)
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"cannot read {path}: put one line of ASCII into it") from error
    if not word:
        raise Unavailable(f"{path} is empty: put the secret into it")
    return word

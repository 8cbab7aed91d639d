"""Web Push: a notification encrypted for one browser and posted to its push service (RFC 8030)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import attrs
import trio

from hive.errors import BadRequest
from hive.host import outlet_http, push_key
from hive.host.outlet_http import Answer
from hive.wire import codec
from hive.wire.notifications import ENDPOINT_CHARS, MESSAGE, NewSubscription, Notification

TTL_S = 86400
"""How long a push service keeps it for a browser that is away."""
AUTH_BYTES = 16
NOBODY = "mailto:operator@hyperhive.invalid"
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?/")
_ENDPOINT = re.compile(r"https?://[\x21-\x7e]+")


def check(new: NewSubscription) -> None:
    """Raise `BadRequest` for a subscription that no browser gives."""
    from hive.host import push_crypto  # noqa: PLC0415 - 14 MB that only a hive that pushes pays for

    is_safe = new.endpoint.startswith("https://") or _LOOPBACK.match(new.endpoint) is not None
    if not is_safe or len(new.endpoint) > ENDPOINT_CHARS or not _ENDPOINT.fullmatch(new.endpoint):
        raise BadRequest("endpoint is the https address that a browser's push service gave it")
    _origin(new.endpoint)
    push_crypto.point_of(new.p256dh)
    if len(push_crypto.unb64(new.auth)) != AUTH_BYTES:
        raise BadRequest(f"auth is {AUTH_BYTES} bytes, base64url")


async def push(
    to: NewSubscription,
    notification: Notification,
    key_file: Path,
    contact: str | None,
    now: float,
    *,
    deadline_s: float,
) -> Answer:
    """Push a notification once; raises `Unavailable`, and `BadRequest` where it cannot be read."""
    from hive.host import push_crypto  # noqa: PLC0415 - as above

    key = await push_key.read_or_make(key_file)

    def sealed() -> bytes:
        text = codec.dumps(codec.to_json(_short(notification))).rstrip()
        return push_crypto.encrypt(text, to.p256dh, to.auth)

    body = await trio.to_thread.run_sync(sealed)
    who = push_crypto.authorization(key, _origin(to.endpoint), contact or NOBODY, now)
    headers = {
        "content-type": "application/octet-stream",
        "content-encoding": "aes128gcm",
        "ttl": str(TTL_S),
        "urgency": "normal" if notification.class_ == MESSAGE else "high",
        # One that was not fetched yet is replaced by a newer one about the same.
        "topic": hashlib.sha256(notification.tag.encode()).hexdigest()[:32],
        "authorization": who,
    }
    return await outlet_http.post(to.endpoint, body, headers, deadline_s=deadline_s)


def _short(notification: Notification) -> Notification:
    """Return what a browser shows; it has the dashboard's address itself."""
    return attrs.evolve(notification, url=None)


def _origin(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError as error:
        raise BadRequest("endpoint is no address") from error
    host = parts.hostname or ""
    if not host or parts.username is not None:
        raise BadRequest("endpoint is no address of a push service")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}")

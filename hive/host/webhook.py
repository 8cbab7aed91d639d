"""A webhook: the notification as JSON, signed with a secret that both sides know.

The header `X-Hive-Signature` is `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 of
`SECONDS.BODY`; whoever receives it compares that and refuses old seconds.
"""

from __future__ import annotations

import hashlib
import hmac

from hive.errors import BadRequest
from hive.host import outlet_http
from hive.host.outlet_http import Answer
from hive.wire import codec
from hive.wire.notifications import Notification


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the header's value."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


async def post(
    url: str,
    secret_file: str | None,
    notification: Notification,
    now: float,
    *,
    deadline_s: float,
) -> Answer:
    """Post a notification once; raises `Unavailable`."""
    if secret_file is None:
        raise BadRequest("webhook_url needs webhook_secret_file")
    secret = await outlet_http.secret_of(secret_file)
    body = codec.dumps(codec.to_json(notification)).rstrip()
    headers = {
        "content-type": "application/json",
        "user-agent": "hive",
        "idempotency-key": notification.id,
        "x-hive-signature": signature(secret, int(now), body),
    }
    return await outlet_http.post(url, body, headers, deadline_s=deadline_s)

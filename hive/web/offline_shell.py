"""The service worker: what a browser keeps, to say in hive's own look that it cannot be reached.

The script is a file of ours with the list of what it keeps in front, and a version that is the
digest of these files: a browser that is told a new version keeps the new files and forgets the old
ones. It keeps no data, and no code of the pages that show some; a test reads the list.
"""

from __future__ import annotations

import hashlib
import json

from hive.web import replies
from hive.web.exchange import Scope, Send
from hive.web.static import Assets

PATH = "/service-worker.js"
SCRIPT = "shared/service_worker.js"
PAGE = "shared/offline.html"
KEPT = (
    PAGE,
    "shared/offline.js",
    "shared/theme_boot.js",
    "shared/palette.css",
    "shared/base.css",
    "shared/controls.css",
    "shared/plain.css",
    "shared/icon.svg",
)


def script(assets: Assets) -> bytes:
    """Return the worker's script, which names what it keeps and their version."""
    digest = hashlib.sha256()
    for path in (SCRIPT, *KEPT):
        digest.update(path.encode() + b"\0" + assets.asset(path).etag + b"\n")
    shell = {
        "version": digest.hexdigest()[:16],
        "page": f"/static/{PAGE}",
        "files": [f"/static/{path}" for path in KEPT],
    }
    return b"self.SHELL = %b;\n%b" % (json.dumps(shell).encode(), assets.asset(SCRIPT).body)


async def answer(assets: Assets, scope: Scope, send: Send) -> None:
    """Answer a GET or HEAD of the script; it may act for every page, so it stands at the root."""
    replies.need_method(scope, *replies.READING)
    headers = [(b"cache-control", b"no-cache")]
    kind = assets.asset(SCRIPT).content_type
    await replies.send_body(scope, send, 200, kind, script(assets), headers)

"""Pages that need no script: the one that says how to log in, and failures for who reads HTML.

A browser that opens an address gets a page in the house's look, and in the theme and the words that
were chosen there; whatever else asks gets JSON.
"""

from __future__ import annotations

import html

from hive.errors import HiveError
from hive.web import replies
from hive.web.access import LINK_S
from hive.web.exchange import Scope, Send

HTML = b"text/html; charset=utf-8"

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · hyperhive</title>
<link rel="icon" href="/static/shared/icon.svg" type="image/svg+xml">
<link rel="apple-touch-icon" href="/static/shared/icon_touch-180.png">
<link rel="stylesheet" href="/static/shared/palette.css">
<link rel="stylesheet" href="/static/shared/base.css">
<link rel="stylesheet" href="/static/shared/controls.css">
<link rel="stylesheet" href="/static/shared/plain.css">
<script src="/static/shared/theme_boot.js"></script>
</head>
<body class="plain-page">
<header class="banner">
<span class="fade" aria-hidden="true">░▒▓█▓▒░</span>
<p class="name"><span class="leet" aria-hidden="true">HYPERHIVE / WE ARE THE WIRED</span>
<span class="plain">hyperhive</span></p>
<span class="fade" aria-hidden="true">░▒▓█▓▒░</span>
</header>
<main class="panel card">
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""

_LOG_IN = """<p>{why}</p>
<p>On the machine the hive runs on, make a link and open it in this browser:</p>
<pre><code>hive.pyz login-link</code></pre>
<p class="muted">Add the <code>--root DIR</code> the hive was started with, if there was one. A link
works once, within {minutes:g} minutes; <code>up</code> prints one when it starts.</p>"""

_FAILED = """<p>{why}</p>
<p><a class="button calm" href="/">← To the dashboard</a></p>"""


def log_in(why: str) -> bytes:
    """Return the page that says how to log in."""
    content = _LOG_IN.format(why=html.escape(why), minutes=LINK_S / 60)
    return _PAGE.format(title="Log in", content=content).encode()


def failed(error: HiveError) -> bytes:
    """Return the page of a failure."""
    title = "Not found" if error.http_status == 404 else "That did not work"
    sentence = error.message[:1].upper() + error.message[1:]
    content = _FAILED.format(why=html.escape(sentence))
    return _PAGE.format(title=title, content=content).encode()


def is_wanted(method: str, accept: str | None) -> bool:
    """Whether a request is a browser's that opens an address."""
    return method == "GET" and "text/html" in (accept or "").lower()


async def tell(scope: Scope, send: Send, error: HiveError) -> None:
    """Answer with a failure, as a page or as JSON."""
    method = scope["method"] if scope["type"] == "http" else ""
    if is_wanted(method, replies.header(scope, b"accept")):
        headers = replies.error_headers(error)
        await replies.send_body(scope, send, error.http_status, HTML, failed(error), headers)
    else:
        await replies.send_error(scope, send, error)

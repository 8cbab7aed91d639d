"""The headers that bind a browser, on every answer of ours, errors included."""

from __future__ import annotations

from hive.web.exchange import App, Message, Receive, Scope, Send

CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    b" connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self';"
    b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURE_HEADERS = (
    (b"content-security-policy", CSP),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class SecureHeaders:
    """An ASGI application around another one: adds the headers an answer does not bring itself."""

    def __init__(self, app: App) -> None:
        """Around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def with_headers(message: Message) -> None:
            if message["type"].endswith(".response.start"):
                brought = {name.lower() for name, _ in message["headers"]}
                added = [pair for pair in SECURE_HEADERS if pair[0] not in brought]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, with_headers)

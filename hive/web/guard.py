"""The door in front of the dashboard: who asks, from where, and whether they may.

Every request passes here, websockets included, before any route sees it. `Host` must be a name we
answer to, which keeps rebound DNS names out; whatever is not a plain read must come from our own
origin, or carry a script's token; and without a login there is only the page that says how to get
one. Logins and what was refused here are recorded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import attrs

from hive.config import HostConfig
from hive.core import audit
from hive.core.audit import Audit
from hive.errors import BadRequest, HiveError, Refused, Unauthorized
from hive.web import plain_page, replies
from hive.web.access import SESSION_S, Access, mark_of
from hive.web.exchange import STAYS, App, Receive, Scope, Send
from hive.wire.names import OPERATOR

COOKIE = "hive_session"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}))(?::([0-9]{1,5}))?")
_READS = frozenset({"GET", "HEAD"})
_PAGE = re.compile(r"/|/agent/[^/]*/?")
_OPEN = re.compile(r"/healthz|/favicon\.ico|/service-worker\.js|/static/.+")


@attrs.frozen
class Rules:
    """Which names the dashboard answers to, and how it is reached."""

    allowed_hosts: frozenset[str]
    """Lower-case names beside the loopback ones; any port."""
    is_tls: bool

    @classmethod
    def of(cls, config: HostConfig) -> Rules:
        """Return the rules of a daemon's settings."""
        return cls(frozenset(name.lower() for name in config.allowed_hosts), config.tls_in_front)

    def check_host(self, scope: Scope) -> str:
        """Return the `Host` of a request in lower case; raises when it is not one of ours."""
        host = (replies.header(scope, b"host") or "").lower()
        match = _HOST.fullmatch(host)
        if match is None:
            raise BadRequest("the Host header is missing or not a host")
        name, port = match[1], int(match[2] or (443 if self.is_tls else 80))
        if name in self.allowed_hosts or name.strip("[]") in self.allowed_hosts:
            return host
        own_port = scope["server"][1] if scope.get("server") else None
        if name in _LOOPBACK and port == own_port:
            return host
        raise Refused(
            f"this hive does not answer to the name {host!r}: use the address it printed, or add"
            " the name to allowed_hosts"
        )

    def check_origin(self, scope: Scope, host: str) -> None:
        """Raise `Refused` unless a browser says that our own page asks."""
        scheme = "https" if self.is_tls else "http"
        origin = (replies.header(scope, b"origin") or "").lower()
        site = replies.header(scope, b"sec-fetch-site") or "same-origin"
        if origin != f"{scheme}://{host}" or site != "same-origin":
            raise Refused(
                "this request does not come from the hive's own page: use the page, or a token"
                " (hive.pyz token) as Authorization: Bearer"
            )

    def check_read(self, scope: Scope) -> None:
        """Raise `Refused` when a browser says that another page reads; it may only open ours.

        Ports are no border for a cookie: what an agent serves on this host would bring it along.
        """
        site = replies.header(scope, b"sec-fetch-site") or "same-origin"
        if site in {"same-origin", "none"}:
            return
        how = [replies.header(scope, b"sec-fetch-" + name) for name in (b"mode", b"dest")]
        if how != ["navigate", "document"] or not _PAGE.fullmatch(scope["path"]):
            raise Refused(
                "another page may not read from the hive: open the address itself, or use a token"
                " (hive.pyz token) as Authorization: Bearer"
            )


class Guard:
    """An ASGI application around the dashboard: lets in who may enter."""

    def __init__(self, app: App, access: Access, rules: Rules, log: Audit) -> None:
        """In front of `app`; who is let in or refused is recorded in `log`."""
        self._app = app
        self._access = access
        self._rules = rules
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on; raises hive's errors."""
        path = scope["path"]
        if not path.startswith("/") or "\x00" in path or "\ufffd" in path:
            raise BadRequest("the path is not one of ours")
        with self._denying(scope, "ask_by_another_name"):
            host = self._rules.check_host(scope)
        is_read = scope["type"] == "http" and scope["method"] in _READS
        if is_read and _OPEN.fullmatch(path):
            await self._app(scope, receive, send)
        elif is_read and path == "/login":
            await self._log_in(scope, send)
        elif replies.header(scope, b"authorization") is not None:
            with self._denying(scope, "use_token"):
                someone = self._bearer(scope)
            with audit.acting(someone):
                await self._app({**scope, STAYS: partial(self._has_token, scope)}, receive, send)
        elif (session := self._session(scope)) is None:
            with self._denying(scope, None if is_read else "act_without_login"):
                await self._ask_to_log_in(
                    scope, send, is_page=is_read and bool(_PAGE.fullmatch(path))
                )
        else:
            with self._denying(scope, "read_from_elsewhere" if is_read else "act_from_elsewhere"):
                if is_read:
                    self._rules.check_read(scope)
                else:
                    self._rules.check_origin(scope, host)
            with audit.acting(audit.Who(OPERATOR, "page", {"session": mark_of(session)})):
                if path == "/logout" and scope.get("method") == "POST":
                    await self._log_out(scope, send, session)
                else:
                    stays = partial(self._access.is_session, session)
                    await self._app({**scope, STAYS: stays}, receive, send)

    @contextmanager
    def _denying(self, scope: Scope, action: str | None) -> Iterator[None]:
        """Record what the block refuses, under that word if there is one."""
        try:
            yield
        except (Refused, Unauthorized) as error:
            if action is not None:
                self._deny(scope, action, error)
            raise

    def _deny(self, scope: Scope, action: str, error: HiveError) -> None:
        what = f"{scope.get('method', scope['type'])} {scope['path']}"
        self._log.denied(
            actor=audit.NOBODY, surface="page", action=action, subject=what, why=error.message
        )

    def _bearer(self, scope: Scope) -> audit.Who:
        """Return whose token a request carries; raises `Unauthorized`."""
        scheme, _, secret = (replies.header(scope, b"authorization") or "").partition(" ")
        name = self._access.token_name(secret.strip()) if scheme.lower() == "bearer" else None
        if name is None:
            raise Unauthorized("this token is not valid: make one with hive.pyz token")
        return audit.Who(OPERATOR, "token", {"token": name})

    def _has_token(self, scope: Scope) -> bool:
        try:
            self._bearer(scope)
        except Unauthorized:
            return False
        return True

    def _session(self, scope: Scope) -> str | None:
        """Return the secret of the browser's session when it is valid."""
        for secret in _cookies(scope):
            if self._access.is_session(secret):
                return secret
        return None

    async def _log_in(self, scope: Scope, send: Send) -> None:
        """Trade a login link for a session; a used one does no harm to who is logged in."""
        secret = replies.query(scope).get("token", "")
        replies.need_method(scope, "GET")
        if replies.header(scope, b"sec-purpose") is not None:
            raise Refused("a preview must not use up the link: open the link itself")
        try:
            self._access.check_link(secret)
            with audit.acting(audit.Who(OPERATOR, "page")):
                async with audit.recorded(self._log, "log_in") as recording:
                    session = self._access.log_in(secret)
                    recording.detail["session"] = mark_of(session)
        except Unauthorized as error:
            self._deny(scope, "log_in", error)
            if self._session(scope) is None:
                await _send_sign_in(scope, send, error.message)
                return
            headers = [(b"location", b"/")]
        else:
            headers = [(b"location", b"/"), self._cookie(session, int(SESSION_S))]
        await replies.send_body(scope, send, 303, b"text/plain", b"", headers)

    async def _log_out(self, scope: Scope, send: Send, session: str) -> None:
        async with audit.recorded(self._log, "log_out"):
            self._access.log_out(session)
        await replies.send_json(scope, send, {"ok": True}, headers=[self._cookie("", 0)])

    def _cookie(self, value: str, max_age_s: int) -> tuple[bytes, bytes]:
        secure = "; Secure" if self._rules.is_tls else ""
        text = f"{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
        return b"set-cookie", text.encode()

    async def _ask_to_log_in(self, scope: Scope, send: Send, *, is_page: bool) -> None:
        if not is_page:
            raise Unauthorized(
                "you are not logged in: run hive.pyz login-link and open the link it prints"
            )
        await _send_sign_in(scope, send, "You are not logged in.")


async def _send_sign_in(scope: Scope, send: Send, why: str) -> None:
    await replies.send_body(scope, send, 401, plain_page.HTML, plain_page.log_in(why))


def _cookies(scope: Scope) -> list[str]:
    """Return the values of our cookie; two hives on one host may have left two."""
    found = []
    for name, value in scope["headers"]:
        if name.lower() == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, secret = part.strip().partition("=")
                if key == COOKIE:
                    found.append(secret)
    return found[:4]

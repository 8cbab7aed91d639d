"""Who may use the dashboard: login links, browsers' sessions and scripts' tokens.

Every secret is 256 random bits that are shown once; only hashes are kept, in one file of mode 0600
that is replaced as a whole, so that a restart of the daemon logs nobody out. A plain hash is enough
for such secrets: there is nothing to guess. The daemon is the file's only writer.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import attrs

from hive.errors import BadRequest, Conflict, NotFound, Unauthorized, Unavailable
from hive.wire import codec

LINK_S = 600.0
SESSION_S = 30 * 86400.0
LINKS_MAX = 20
SESSIONS_MAX = 100
TOKENS_MAX = 100
_RENEW_S = 86400.0
_SECRET_CHARACTERS = 256
_TOKEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_. @-]{0,39}")


@attrs.frozen
class Link:
    """A login link that was not used yet."""

    digest: str
    expires_at: float


@attrs.frozen
class Session:
    """A browser that is logged in; times are Unix seconds."""

    digest: str
    created_at: float
    expires_at: float
    """Moved on when the session is used."""


@attrs.frozen
class Token:
    """A script's token."""

    name: str
    digest: str
    created_at: float


@attrs.frozen
class Book:
    """The file's content."""

    version: int = 1
    links: tuple[Link, ...] = ()
    sessions: tuple[Session, ...] = ()
    tokens: tuple[Token, ...] = ()


log = logging.getLogger(__name__)

K = TypeVar("K", Link, Session, Token)


class Access:
    """Keeps who may enter; every change is on disk before its method returns."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        """Read `path` if it exists; raises `Unavailable` when it cannot be read or understood."""
        self._path = path
        self._clock = clock
        self._book = _read(path)

    def new_login_link(self) -> str:
        """Return a fresh path with its secret, good for one login within `LINK_S` seconds."""
        secret = secrets.token_urlsafe(32)
        link = Link(_digest(secret), self._clock() + LINK_S)
        links = (*self._live_links(), link)[-LINKS_MAX:]
        self._save(attrs.evolve(self._book, links=links))
        return f"/login?token={secret}"

    def check_link(self, secret: str) -> Link:
        """Return the login link of that secret, which stays as good as it was.

        Raises `Unauthorized` for one that is unknown, used or too old.
        """
        link = _find(self._live_links(), secret)
        if link is None:
            raise Unauthorized(
                "this login link was used already or is too old: get another with"
                " hive.pyz login-link"
            )
        return link

    def log_in(self, secret: str) -> str:
        """Use up a login link and return the secret of a new session.

        Raises `Unauthorized` for a link that is unknown, used or too old.
        """
        now = self._clock()
        links = self._live_links()
        link = self.check_link(secret)
        session_secret = secrets.token_urlsafe(32)
        session = Session(_digest(session_secret), now, now + SESSION_S)
        live = (each for each in self._book.sessions if each.expires_at > now)
        self._save(
            attrs.evolve(
                self._book,
                links=tuple(each for each in links if each != link),
                sessions=(*live, session)[-SESSIONS_MAX:],
            )
        )
        return session_secret

    def log_out(self, secret: str) -> None:
        """End a session; unknown ones are none."""
        session = _find(self._book.sessions, secret)
        sessions = tuple(each for each in self._book.sessions if each is not session)
        if session is not None:
            self._save(attrs.evolve(self._book, sessions=sessions))

    def is_session(self, secret: str) -> bool:
        """Whether a session of that secret is valid; at most once a day it is prolonged."""
        now = self._clock()
        session = _find(self._book.sessions, secret)
        if session is None or session.expires_at <= now:
            return False
        if session.expires_at < now + SESSION_S - _RENEW_S:
            renewed = attrs.evolve(session, expires_at=now + SESSION_S)
            sessions = tuple(renewed if each is session else each for each in self._book.sessions)
            try:
                self._save(attrs.evolve(self._book, sessions=sessions))
            except Unavailable as error:
                # The session is good all the same; a full disk must not lock the operator out.
                log.warning("a login could not be prolonged: %s", error)
        return True

    def create_token(self, name: str) -> str:
        """Return a new token; raises `Conflict` when one of that name is valid."""
        if not _TOKEN_NAME.fullmatch(name):
            raise BadRequest("a token's name is 1 to 40 letters, digits, spaces or '_ . @ -'")
        tokens = self._book.tokens
        if any(each.name == name for each in tokens):
            raise Conflict(f"there is a token {name!r} already: revoke it or choose another name")
        if len(tokens) >= TOKENS_MAX:
            raise Conflict(f"there are {TOKENS_MAX} tokens already: revoke some")
        secret = secrets.token_urlsafe(32)
        token = Token(name, _digest(secret), self._clock())
        self._save(attrs.evolve(self._book, tokens=(*tokens, token)))
        return secret

    def token_names(self) -> list[str]:
        """Return the names of the valid tokens."""
        return sorted(each.name for each in self._book.tokens)

    def revoke_token(self, name: str) -> None:
        """Make a token invalid; raises `NotFound`."""
        tokens = tuple(each for each in self._book.tokens if each.name != name)
        if len(tokens) == len(self._book.tokens):
            raise NotFound(f"there is no token {name!r}: hive.pyz token --list names them")
        self._save(attrs.evolve(self._book, tokens=tokens))

    def token_name(self, secret: str) -> str | None:
        """Return the name of the token with that secret; None when there is none."""
        token = _find(self._book.tokens, secret)
        return token.name if token else None

    def _live_links(self) -> tuple[Link, ...]:
        now = self._clock()
        return tuple(each for each in self._book.links if each.expires_at > now)

    def _save(self, book: Book) -> None:
        _write(self._path, codec.dumps(codec.to_json(book)))
        self._book = book


def mark_of(secret: str) -> str:
    """Return by which a session is told from others in a record; it opens nothing."""
    return _digest(secret)[:8]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _find(entries: Iterable[K], secret: str) -> K | None:
    """Return the entry of that secret; looks at all of them, so that time tells nothing."""
    if not secret or len(secret) > _SECRET_CHARACTERS:
        return None
    digest = _digest(secret)
    found = None
    for entry in entries:
        if hmac.compare_digest(entry.digest, digest):
            found = entry
    return found


def _read(path: Path) -> Book:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Book()
    except OSError as error:
        raise Unavailable(f"cannot read {path}: {error.strerror}") from error
    try:
        return codec.from_json(Book, codec.loads(text))
    except BadRequest as error:
        raise Unavailable(
            f"{path} is damaged ({error.message}): remove it, and everybody logs in anew"
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Replace the file as a whole; after a power failure it is the old one or the new one."""
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error

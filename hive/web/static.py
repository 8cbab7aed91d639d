"""The browser's files from the package's assets: types, strong ETags and gzip.

A file is read and compressed once and kept in memory until it changes on disk, so that a checkout
shows an edit at the next reload. A path is made of plain names only; nothing outside the folder and
nothing of an unknown type is served.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import attrs

from hive import resources
from hive.errors import NotFound
from hive.web import replies
from hive.web.exchange import Scope, Send

FOLDERS = ("shared", "dashboard", "agent_page", "vendor")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_GZIP_FROM_BYTES = 512
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".map": b"application/json",
    ".txt": b"text/plain; charset=utf-8",
    ".md": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".svg": b"image/svg+xml",
    ".png": b"image/png",
    ".ico": b"image/x-icon",
    ".woff2": b"font/woff2",
}
_COMPRESSED = frozenset({".png", ".ico", ".woff2"})


@attrs.frozen
class Asset:
    """One file as it is served."""

    content_type: bytes
    body: bytes
    etag: bytes
    gzipped: bytes | None
    """None when compression does not pay."""
    stamp: tuple[int, int]
    """Modification time and size of what was read."""


class Assets:
    """Serves the files below one folder."""

    def __init__(self, root: Path | None = None) -> None:
        """Serve the package's own assets, or those below `root`."""
        self._root = (root or resources.assets()).resolve()
        self._kept: dict[str, Asset] = {}

    async def answer(self, scope: Scope, send: Send, path: str) -> None:
        """Answer a GET or HEAD of `path`, like `shared/base.css`; raises `NotFound`."""
        replies.need_method(scope, *replies.READING)
        asset = self.asset(path)
        is_gzip = asset.gzipped is not None and replies.takes_gzip(scope)
        # A strong ETag names bytes, so each encoding has its own.
        etag = b'"%b%b"' % (asset.etag, b"-gz" if is_gzip else b"")
        head = [(b"etag", etag), (b"cache-control", b"no-cache"), (b"vary", b"accept-encoding")]
        if _is_known(scope, etag):
            await send({"type": "http.response.start", "status": 304, "headers": head})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        body = asset.body
        if is_gzip and asset.gzipped is not None:
            body = asset.gzipped
            head.append((b"content-encoding", b"gzip"))
        await replies.send_body(scope, send, 200, asset.content_type, body, head)

    def asset(self, path: str) -> Asset:
        """Return a file by its path below the folder; raises `NotFound`."""
        names = path.split("/")
        file = self._root.joinpath(*names)
        is_plain = all(_NAME.fullmatch(name) for name in names)
        if not is_plain or names[0] not in FOLDERS or file.suffix not in _TYPES:
            raise _missing(path)
        try:
            if not file.resolve(strict=True).is_relative_to(self._root):
                raise _missing(path)
            stat = file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp:
                kept = self._kept[path] = _load(file, stamp)
        except OSError as error:
            raise _missing(path) from error
        return kept


def _missing(path: str) -> NotFound:
    return NotFound(f"there is no file {path[:100]!r}")


def _load(file: Path, stamp: tuple[int, int]) -> Asset:
    body = file.read_bytes()
    gzipped = None
    if file.suffix not in _COMPRESSED and len(body) >= _GZIP_FROM_BYTES:
        gzipped = gzip.compress(body, 6, mtime=0)
    return Asset(
        content_type=_TYPES[file.suffix],
        body=body,
        etag=hashlib.sha256(body).hexdigest()[:32].encode(),
        gzipped=gzipped,
        stamp=stamp,
    )


def _is_known(scope: Scope, etag: bytes) -> bool:
    known = replies.header(scope, b"if-none-match") or ""
    tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
    return etag.decode() in tags or tags == {"*"}

"""A forge on loopback that answers as the published API says, and takes real pushes.

It stands in for a Forgejo or a Gitea: users, tokens with scopes, organisations and repositories in
memory, git's own `http-backend` below it. `raw`, `hangs` and `statuses` make it misbehave; what was
asked is in `requests`.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs

Json = dict[str, Any]
Result = tuple[int, Any]
ENV = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
ALL = tuple(
    f"write:{category}"
    for category in ("admin", "issue", "misc", "notification", "organization", "repository", "user")
)
RESERVED = frozenset({"admin", "api", "user", "explore"})


@attrs.define
class Token:
    id: int
    name: str
    sha1: str
    scopes: tuple[str, ...]


@attrs.define
class User:
    login: str
    email: str
    password: str
    is_admin: bool = False
    must_change: bool = False
    tokens: list[Token] = attrs.field(factory=list)


@attrs.frozen
class Asker:
    """Who asks: a user, by password or by a token with its scopes."""

    user: User
    token: Token | None
    is_basic: bool


@attrs.define
class Asked:
    method: str
    path: str
    authorization: str


@attrs.define
class Forge:
    """The forge's data, and how it misbehaves."""

    root: Path
    port: int = 0
    users: dict[str, User] = attrs.field(factory=dict)
    orgs: dict[str, str] = attrs.field(factory=dict)
    """Name to visibility."""
    repos: dict[str, Json] = attrs.field(factory=dict)
    """`owner/name` to what was asked for."""
    requests: list[Asked] = attrs.field(factory=list)
    commands: list[str] = attrs.field(factory=list)
    """Command lines of every git on the machine while something was pushed."""
    raw: bytes | None = None
    """What every request is answered with, headers and all."""
    statuses: dict[str, int] = attrs.field(factory=dict)
    """Pattern of `METHOD path` to the status it is answered with, without a word of JSON."""
    hangs: bool = False
    let_go: threading.Event = attrs.field(factory=threading.Event)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, login: str, *, email: str = "", is_admin: bool = False) -> User:
        user = User(login, email or f"{login}@example.org", secrets.token_hex(8), is_admin)
        self.users[login] = user
        return user

    def add_token(self, user: User, name: str, scopes: tuple[str, ...] = ALL) -> str:
        token = Token(next(self._numbers), name, secrets.token_hex(20), scopes)
        user.tokens.append(token)
        return token.sha1

    def refs(self, repo: str) -> dict[str, str]:
        """Return every reference of a repository, empty for one that is not there."""
        folder = self.folder(repo)
        if not folder.is_dir():
            return {}
        words = (
            "git",
            "--git-dir",
            str(folder),
            "for-each-ref",
            "--format=%(refname) %(objectname)",
        )
        # It may just be being made.
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=ENV)
        return dict(line.split(" ") for line in done.stdout.splitlines())

    def folder(self, repo: str) -> Path:
        return self.root / f"{repo}.git"

    def lose(self, repo: str) -> None:
        """Forget a repository, as a forge put back to a backup does."""
        del self.repos[repo]
        shutil.rmtree(self.folder(repo))

    def count(self, pattern: str) -> int:
        """Return how many requests fit a pattern of `METHOD path`."""
        return sum(bool(re.fullmatch(pattern, f"{a.method} {a.path}")) for a in self.requests)

    def asker(self, authorization: str) -> Asker | None:
        kind, _, value = authorization.partition(" ")
        if kind.lower() in {"token", "bearer"}:
            return self._by_token(value, is_basic=False)
        if kind != "Basic":
            return None
        login, _, secret = base64.b64decode(value).decode().partition(":")
        user = self.users.get(login)
        if user is not None and user.password == secret:
            return Asker(user, None, is_basic=True)
        return self._by_token(secret, is_basic=True)

    def _by_token(self, value: str, *, is_basic: bool) -> Asker | None:
        for user in self.users.values():
            for token in user.tokens:
                if token.sha1 == value:
                    return Asker(user, token, is_basic=is_basic)
        return None

    # The API:

    def call(self, method: str, path: str, authorization: str, body: Json) -> Result:
        """Answer one request of the API."""
        asker = self.asker(authorization)
        if asker is None:
            return 401, {"message": "token is required"}
        if asker.user.must_change:
            return 403, {"message": "You must change your password."}
        for pattern, categories, act in ROUTES:
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                lacking = self._lacking(asker, method, categories)
                return lacking or act(self, asker, body, *found.groups())
        return 404, {"message": "404 page not found"}

    def _lacking(self, asker: Asker, method: str, categories: tuple[str, ...]) -> Result | None:
        """The gate of scopes comes before any look at rights, an administrator's too."""
        if asker.token is None:
            return None
        level = "read" if method == "GET" else "write"
        for category in categories:
            good = {f"write:{category}", f"{level}:{category}"}
            if not good & set(asker.token.scopes):
                said = "token does not have at least one of required scope(s)"
                return 403, {"message": f"{said}: [{level}:{category}]"}
        return None

    def me(self, asker: Asker, _: Json) -> Result:
        return 200, self._shown(asker, asker.user)

    def get_user(self, asker: Asker, _: Json, login: str) -> Result:
        user = self.users.get(login)
        return (200, self._shown(asker, user)) if user else (404, {"message": "no such user"})

    def make_user(self, asker: Asker, body: Json) -> Result:
        if not asker.user.is_admin:
            return 403, {"message": "user should be the site admin"}
        login = body["username"]
        if login in self.users or login in self.orgs:
            return 422, {"message": f"user already exists [name: {login}]"}
        if login in RESERVED:
            return 422, {"message": f"name is reserved [name: {login}]"}
        must = body.get("must_change_password", True)
        self.users[login] = User(login, body["email"], body["password"], must_change=must)
        return 201, self._shown(asker, self.users[login])

    def change_user(self, asker: Asker, body: Json, login: str) -> Result:
        if not asker.user.is_admin:
            return 403, {"message": "user should be the site admin"}
        if login not in self.users:
            return 404, {"message": "no such user"}
        if not {"source_id", "login_name"} <= body.keys():
            return 422, {"message": "[SourceID]: Required"}
        user = self.users[login]
        user.password = body["password"]
        user.must_change = body.get("must_change_password", True)
        return 200, self._shown(asker, user)

    def list_tokens(self, asker: Asker, _: Json, login: str) -> Result:
        rows = [{"id": t.id, "name": t.name, "sha1": ""} for t in self.users[login].tokens]
        return self._for_password(asker, login) or (200, rows)

    def make_token(self, asker: Asker, body: Json, login: str) -> Result:
        refused = self._for_password(asker, login)
        if refused:
            return refused
        user = self.users[login]
        if any(token.name == body["name"] for token in user.tokens):
            return 400, {"message": "access token name has been used already"}
        sha1 = self.add_token(user, body["name"], tuple(body["scopes"]))
        return 201, {"id": user.tokens[-1].id, "name": body["name"], "sha1": sha1}

    def remove_token(self, asker: Asker, _: Json, login: str, number: str) -> Result:
        refused = self._for_password(asker, login)
        if refused:
            return refused
        user = self.users[login]
        user.tokens = [token for token in user.tokens if token.id != int(number)]
        return 204, None

    def get_org(self, _: Asker, __: Json, name: str) -> Result:
        return (200, {"username": name}) if name in self.orgs else (404, {"message": "not found"})

    def make_org(self, asker: Asker, body: Json) -> Result:
        name = body["username"]
        if name in self.orgs or name in self.users:
            return 422, {"message": f"user already exists [name: {name}]"}
        self.orgs[name] = body.get("visibility", "public")
        return 201, {"username": name}

    def get_repo(self, _: Asker, __: Json, owner: str, name: str) -> Result:
        there = f"{owner}/{name}" in self.repos
        return (200, {"name": name}) if there else (404, {"message": "not found"})

    def make_org_repo(self, asker: Asker, body: Json, owner: str) -> Result:
        if owner not in self.orgs:
            return 404, {"message": "not found"}
        return self._make_repo(owner, body)

    def make_own_repo(self, asker: Asker, body: Json) -> Result:
        return self._make_repo(asker.user.login, body)

    def _make_repo(self, owner: str, body: Json) -> Result:
        repo = f"{owner}/{body['name']}"
        if repo in self.repos:
            return 409, {"message": "The repository with the same name already exists."}
        words = ("git", "init", "-q", "--bare", "-b", "main", str(self.folder(repo)))
        subprocess.run(words, check=True, env=ENV)
        self.repos[repo] = body
        return 201, {"name": body["name"]}

    def _for_password(self, asker: Asker, login: str) -> Result | None:
        if asker.user.login != login and not asker.user.is_admin:
            return 403, {"message": "doer should be the site admin or be same as the contextUser"}
        if not asker.is_basic:
            return 401, {"message": "auth required"}
        return None

    def _shown(self, asker: Asker, user: User) -> Json:
        sees = asker.user.is_admin or asker.user is user
        return {
            "login": user.login,
            "email": user.email if sees else f"{user.login}@noreply.localhost",
            "is_admin": user.is_admin and sees,
        }


NAME = r"([^/]+)"
ROUTES: list[tuple[str, tuple[str, ...], Any]] = [
    (r"GET /user", ("user",), Forge.me),
    (r"POST /user/repos", ("user", "repository"), Forge.make_own_repo),
    (rf"GET /users/{NAME}", ("user",), Forge.get_user),
    (rf"GET /users/{NAME}/tokens", ("user",), Forge.list_tokens),
    (rf"POST /users/{NAME}/tokens", ("user",), Forge.make_token),
    (rf"DELETE /users/{NAME}/tokens/([0-9]+)", ("user",), Forge.remove_token),
    (r"POST /admin/users", ("admin",), Forge.make_user),
    (rf"PATCH /admin/users/{NAME}", ("admin",), Forge.change_user),
    (rf"GET /orgs/{NAME}", ("organization",), Forge.get_org),
    (r"POST /orgs", ("organization",), Forge.make_org),
    (rf"POST /orgs/{NAME}/repos", ("organization", "repository"), Forge.make_org_repo),
    (rf"GET /repos/{NAME}/{NAME}", ("repository",), Forge.get_repo),
]


class _Handler(BaseHTTPRequestHandler):
    """One connection; the server's attribute `forge` is what it answers for."""

    forge: Forge
    timeout = 30

    def _any(self) -> None:
        parts = urlsplit(self.path)
        authorization = self.headers.get("Authorization", "")
        path = parts.path.removeprefix("/api/v1")
        forge = self.forge
        forge.requests.append(Asked(self.command, path, authorization))
        if forge.hangs:
            forge.let_go.wait()
            return
        if forge.raw is not None:
            self.wfile.write(forge.raw)
            return
        for pattern, status in forge.statuses.items():
            if re.fullmatch(pattern, f"{self.command} {path}"):
                self._reply(status, b"<html>out of order</html>", "text/html")
                return
        if parts.path.startswith("/api/v1/"):
            body = self._body()
            status, data = forge.call(
                self.command, path, authorization, json.loads(body) if body else {}
            )
            self._reply(status, b"" if data is None else json.dumps(data).encode())
        else:
            self._git(parts.path, parts.query, authorization)

    do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - as the base class wants them

    def _reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            return whole
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _git(self, path: str, query: str, authorization: str) -> None:
        """git's smart HTTP: with a password or a token as one, never with the API's header."""
        body = self._body()
        asker = self.forge.asker(authorization) if authorization.startswith("Basic ") else None
        if asker is None:
            self._reply(401, b"unauthorized", "text/plain")
            return
        lacking = self.forge._lacking(asker, "POST", ("repository",))
        repo = re.fullmatch(r"/([^/]+/[^/]+)\.git/.+", path)
        if repo is None or repo[1] not in self.forge.repos:
            self._reply(404, b"not found", "text/plain")
            return
        owner = repo[1].partition("/")[0]
        if lacking or not (asker.user.is_admin or asker.user.login == owner):
            self._reply(403, b"forbidden", "text/plain")
            return
        self._look_at_processes()
        env = {
            **ENV,
            "GIT_PROJECT_ROOT": str(self.forge.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": asker.user.login,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        done = subprocess.run(
            ("git", "http-backend"), input=body, capture_output=True, env=env, check=True
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split(" ")[0])
        self._reply(status, answer, headers["Content-Type"])

    def _look_at_processes(self) -> None:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"git" in words:
                self.forge.commands.append(words.replace(b"\0", b" ").decode(errors="replace"))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gives up is no failure of the forge."""


def make_forge(root: Path) -> tuple[Forge, str]:
    """Return a forge that does not run yet, and the token of its administrator `core`."""
    forge = Forge(root)
    return forge, forge.add_token(forge.add_user("core", is_admin=True), "daemon")


@contextmanager
def serving(forge: Forge) -> Iterator[None]:
    """Let a forge answer during the block; on the same port the next time."""
    handler = type("Handler", (_Handler,), {"forge": forge})
    server = _Server(("127.0.0.1", forge.port), handler)
    forge.port = server.server_address[1]
    forge.let_go.clear()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        forge.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()

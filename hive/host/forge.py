"""A client of the API that Forgejo and Gitea publish: users, tokens, organisations, repositories.

Whatever a forge answers is taken as a stranger's word: it is bounded in size and time, checked
before it is used, and shown to people without the token it was asked with. httpx is imported when
the first client is opened, so that a hive without a forge does not carry it.
"""

from __future__ import annotations

import base64
import re
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
import trio

from hive.errors import BadRequest, HiveError, Refused, Unavailable
from hive.host.git_diff import plain
from hive.wire import codec
from hive.wire.names import AgentName

if TYPE_CHECKING:
    import httpx2

REQUEST_S = 20.0
ANSWER_BYTES = 1 << 20
MESSAGE_LETTERS = 300
OWN_SCOPES = ("write:admin", "write:organization", "write:repository", "write:user")
"""What the daemon's own token needs; a forge asks for them of a site's administrator too."""
AGENT_SCOPES = (
    "write:repository",
    "write:issue",
    "write:user",
    "write:misc",
    "write:notification",
    "read:organization",
)
"""An agent that could make organisations could take the name of one that configurations go to."""
TOKEN_PREFIX = "hive-"
MAIL_DOMAIN = "hyperhive.invalid"
TOKEN = re.compile(r"[\x21-\x7e]{1,255}")
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_OK, _CREATED, _NO_CONTENT, _NOT_FOUND = 200, 201, 204, 404
_EXISTS = frozenset({409, 422})
_REFUSED = frozenset({401, 403})


@attrs.frozen
class Account:
    """A user as the forge describes it."""

    login: str
    mail: str
    is_admin: bool


@attrs.frozen
class Answer:
    """What came back: the status, and the JSON behind it where there was any."""

    status: int
    data: Any

    @property
    def message(self) -> str:
        """What the forge says about a failure, for people."""
        said = self.data.get("message") if type(self.data) is dict else None
        return f"status {self.status}" + (f": {said}" if type(said) is str and said else "")


def mail_of(name: AgentName) -> str:
    """Return the address that marks a user as one that hive made for that agent."""
    return f"{name}@{MAIL_DOMAIN}"


def basic(login: str, secret: str) -> str:
    """Return the value of a header `Authorization` for a user and a password or token."""
    return "Basic " + base64.b64encode(f"{login}:{secret}".encode()).decode()


def shown(text: str, *hidden: str) -> str:
    """Return words of others as one line that can be shown, without the secrets named."""
    for secret in hidden:
        if secret:
            text = text.replace(secret, "…")
    return plain(" ".join(text.split()))[:MESSAGE_LETTERS]


@asynccontextmanager
async def opened(url: str, token: str) -> AsyncIterator[Forge]:
    """Open a client of the forge at `url` as the owner of `token`; nothing is asked yet."""
    import httpx2  # noqa: PLC0415 - 16 MB that only a hive with a forge pays for

    if not TOKEN.fullmatch(token):
        raise BadRequest("a forge's token is one word of letters and digits")
    verify = ssl.create_default_context() if url.startswith("https:") else False
    try:
        client = httpx2.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v1/",
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
            timeout=REQUEST_S,
            verify=verify,
        )
    except httpx2.InvalidURL as error:
        raise BadRequest(f"forge_url is no address: {error}") from error
    async with client:
        yield Forge(client, token)


class Forge:
    """One forge, asked as the owner of one token."""

    def __init__(self, client: httpx2.AsyncClient, token: str) -> None:
        self._client = client
        self._token = token

    async def account(self) -> Account:
        """Return whose token this is; raises `Refused` when it is not taken."""
        answer = await self._ask("GET", "user")
        if answer.status != _OK:
            raise self._failure("asking whose token this is", answer)
        return _account(answer)

    async def owner_of(self, token: str) -> str | None:
        """Return the login of another token's owner, None when that token is of no use."""
        if not TOKEN.fullmatch(token):
            return None
        answer = await self._ask("GET", "user", authorization=f"token {token}")
        if answer.status in _REFUSED:
            return None
        if answer.status != _OK:
            raise self._failure("trying an agent's token", answer)
        return _account(answer).login

    async def ensure_organisation(self, name: str) -> None:
        """Make a private organisation where there is none of that name."""
        data = {"username": name, "visibility": "private"}
        await self._ensure(f"orgs/{name}", "orgs", data)

    async def ensure_repository(self, owner: str, name: str, *, is_own: bool = False) -> None:
        """Make an empty private repository of an organisation, or of the token's own user."""
        data = {"name": name, "private": True, "auto_init": False, "default_branch": "main"}
        path = "user/repos" if is_own else f"orgs/{owner}/repos"
        await self._ensure(f"repos/{owner}/{name}", path, data)

    async def ensure_user(self, name: AgentName) -> None:
        """Make an agent's user where there is none; nobody knows its password."""
        data = {
            "username": name,
            "email": mail_of(name),
            "password": _password(),
            "must_change_password": False,
            "send_notify": False,
        }
        await self._ensure(f"users/{name}", "admin/users", data)

    async def mint(self, name: AgentName) -> str:
        """Return a new token of an agent's user; those that hive made before end with it.

        A forge gives a token to a password only, so the user gets a new one for the moment of it.
        Raises `Refused` for a user that hive did not make: it is somebody else's.
        """
        answer = await self._ask("GET", f"users/{name}")
        if answer.status != _OK:
            raise self._failure(f"looking at the user {name}", answer)
        user = _account(answer)
        if user.is_admin or user.login != name or user.mail != mail_of(name):
            raise Refused(
                f"the forge has a user {name!r} that hive did not make, so {name} gets no token:"
                f" rename it, or give it the e-mail address {mail_of(name)} to hand it over"
            )
        password = _password()
        changed = {
            "login_name": name,
            "source_id": 0,
            "password": password,
            "must_change_password": False,
        }
        answer = await self._ask("PATCH", f"admin/users/{name}", changed)
        if answer.status != _OK:
            raise self._failure(f"setting a password for {name}", answer)
        return await self._mint(name, basic(name, password))

    async def _mint(self, name: AgentName, authorization: str) -> str:
        path = f"users/{name}/tokens"
        answer = await self._ask("GET", path, authorization=authorization)
        if answer.status != _OK:
            raise self._failure(f"looking at the tokens of {name}", answer)
        for number in _token_ids(answer.data):
            gone = await self._ask("DELETE", f"{path}/{number}", authorization=authorization)
            if gone.status not in {_NO_CONTENT, _NOT_FOUND}:
                raise self._failure(f"ending a token of {name}", gone)
        wanted = {"name": TOKEN_PREFIX + secrets.token_hex(8), "scopes": list(AGENT_SCOPES)}
        answer = await self._ask("POST", path, wanted, authorization=authorization)
        token = answer.data.get("sha1") if type(answer.data) is dict else None
        if answer.status != _CREATED:
            raise self._failure(f"making a token for {name}", answer)
        if type(token) is not str or not TOKEN.fullmatch(token):
            raise Unavailable(f"the forge made no token for {name} that could be one")
        return token

    async def _ensure(self, path: str, make_at: str, data: Mapping[str, object]) -> None:
        """Make what is not there; that somebody else just did is as good."""
        if await self._is_there(path):
            return
        answer = await self._ask("POST", make_at, data)
        if answer.status == _CREATED:
            return
        if answer.status not in _EXISTS or not await self._is_there(path):
            raise self._failure(f"making {path}", answer)

    async def _is_there(self, path: str) -> bool:
        answer = await self._ask("GET", path)
        if answer.status not in {_OK, _NOT_FOUND}:
            raise self._failure(f"looking for {path}", answer)
        return answer.status == _OK

    async def _ask(
        self,
        method: str,
        path: str,
        data: Mapping[str, object] | None = None,
        *,
        authorization: str | None = None,
    ) -> Answer:
        import httpx2  # noqa: PLC0415 - as above

        raw = bytearray()
        with trio.move_on_after(REQUEST_S) as late:
            try:
                async with self._client.stream(
                    method,
                    path,
                    json=None if data is None else dict(data),
                    headers={"Authorization": authorization or f"token {self._token}"},
                ) as response:
                    status = response.status_code
                    async for chunk in response.aiter_raw():
                        raw += chunk
                        if len(raw) > ANSWER_BYTES:
                            # Left by a `break`, the generators below would stay open.
                            late.cancel()
                            del raw[ANSWER_BYTES + 1 :]
            except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL) as error:
                reason = shown(str(error), self._token) or type(error).__name__
                raise Unavailable(f"the forge does not answer: {reason}") from error
        if len(raw) > ANSWER_BYTES:
            raise Unavailable("the forge answers with more than anybody asked for")
        if late.cancelled_caught:
            raise Unavailable(f"the forge did not answer within {REQUEST_S:.0f} s")
        return _answer(status, bytes(raw))

    def _failure(self, what: str, answer: Answer) -> HiveError:
        said = shown(answer.message, self._token)
        if answer.status in _REFUSED:
            return Refused(
                f"the forge refuses {what} ({said}): the token in forge_token_file must be valid,"
                f" an administrator's, and have the scopes {', '.join(OWN_SCOPES)}"
            )
        return Unavailable(f"{what} failed at the forge ({said})")


def _answer(status: int, raw: bytes) -> Answer:
    if 300 <= status < 400:
        raise Unavailable("the forge sends elsewhere: give the address it moved to as forge_url")
    try:
        return Answer(status, codec.loads(raw, limit=None) if raw.strip() else None)
    except BadRequest as error:
        if status >= 400:
            # A proxy's page, most likely; its status says enough.
            return Answer(status, None)
        raise Unavailable("what answers at forge_url is no forge: it sends no JSON") from error


def _account(answer: Answer) -> Account:
    data = answer.data if type(answer.data) is dict else {}
    login, mail = data.get("login"), data.get("email", "")
    if type(login) is not str or type(mail) is not str or not _LOGIN.fullmatch(login):
        raise Unavailable("what answers at forge_url is no forge: it names no user")
    return Account(login, mail, data.get("is_admin") is True)


def _token_ids(data: object) -> list[int]:
    """Return the numbers of the tokens that hive made for a user."""
    rows = data if type(data) is list else []
    named = [row for row in rows if type(row) is dict and type(row.get("id")) is int]
    return [row["id"] for row in named if str(row.get("name", "")).startswith(TOKEN_PREFIX)]


def _password() -> str:
    """Return one that no rule about passwords refuses."""
    return secrets.token_urlsafe(32) + "aA1!"

"""The way to the forge on which the daemon adds the agent's own token, so that no agent holds it.

Open are git over HTTP and the parts of the API that agents work with. A path is taken apart, read
and written anew, so that what was looked at is what the forge gets; of the headers those pass that
say nothing about who asks. What would give an agent a right that outlasts this, or let the forge
connect somewhere for it, is closed.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote_plus, unquote_to_bytes

import attrs
import h11

from hive.egress import requests
from hive.egress.gateway import Origin
from hive.errors import BadRequest, Refused, Unavailable

PREFIX = b"/forge/"
API = "api/v1"
_PARTS = frozenset(
    {"repos", "issues", "user", "users", "orgs", "notifications", "topics", "version", "settings"}
    | {"markdown", "markup", "gitignore", "licenses", "label", "nodeinfo", "signing-key.gpg"}
)
_CLOSED = re.compile(
    r"users/[^/]+/tokens(?:/.*)?"
    r"|user/(?:keys|gpg_keys|gpg_key_\w+|applications|emails|hooks|actions|settings)(?:/.*)?"
    r"|repos/[^/]+/[^/]+/(?:keys|hooks|git/hooks|push_mirrors|push_mirrors-sync|mirror-sync|actions)(?:/.*)?"
    r"|repos/migrate(?:/.*)?"
    r"|orgs/[^/]+/(?:hooks|actions)(?:/.*)?",
    re.IGNORECASE,
)
"""Keys, tokens, addresses and secrets; what connects to or runs something elsewhere."""
_METHODS = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE"})
_GIT = re.compile(r"[^/]+/[^/]+/(?:(info/refs)|git-upload-pack|git-receive-pack)")
_SERVICE = re.compile(rb"service=git-(?:upload|receive)-pack")
_SPEAKS_FOR = frozenset({"token", "access_token", "private_token", "sudo"})
"""Fields of a query by which somebody else could be spoken for."""
_KEPT = frozenset(
    {b"host", b"accept", b"accept-encoding", b"accept-language", b"cache-control", b"pragma"}
    | {b"content-encoding", b"content-length", b"content-type", b"git-protocol", b"range"}
    | {b"if-match", b"if-modified-since", b"if-none-match", b"transfer-encoding", b"user-agent"}
)
_SAFE = "!$&'()*+,;=:@~"
"""What stands in a path as it is, beside letters, digits and `-._`."""
_QUERY = re.compile(rb"[!-~]*")


@attrs.frozen
class ForgeGateway:
    """The forge as one agent reaches it."""

    origin: Origin
    name: str
    """The agent's, which is its user's too."""
    token: str | None = attrs.field(repr=False)
    """None while it has none."""
    has_json = False
    dropped = frozenset({b"set-cookie"})
    """What the agent does not see of an answer."""

    def head(self, request: h11.Request, path: bytes) -> h11.Request:
        """Return the request as the forge gets it, in the name of the agent's own user.

        Raises `BadRequest` for a path that could be read in two ways, `Refused` for what is not
        open, `Unavailable` while there is no token.
        """
        raw, mark, query = path.removeprefix(PREFIX).partition(b"?")
        wanted = canonical(raw)
        is_api = wanted.startswith(f"{API}/")
        if is_api:
            _check_api(request.method, wanted.removeprefix(f"{API}/"), query)
        else:
            _check_git(request.method, wanted, query)
        if self.token is None:
            raise Unavailable(f"{self.name} has no user at the forge yet: the dashboard says why")
        target = self.origin.prefix + b"/" + quote(wanted, safe="/" + _SAFE).encode() + mark + query
        made = requests.forwarded(request, target, self.origin.host)
        kept = [pair for pair in requests.pairs(made) if pair[0].lower() in _KEPT]
        headers = [*kept, (b"Authorization", self._authorization(is_api=is_api))]
        return h11.Request(method=made.method, target=made.target, headers=headers)

    def _authorization(self, *, is_api: bool) -> bytes:
        # git is given a token as a password, the API takes it as it is.
        if is_api:
            return f"token {self.token}".encode()
        return b"Basic " + base64.b64encode(f"{self.name}:{self.token}".encode())


def canonical(raw: bytes) -> str:
    """Return the path that bytes of a request stand for; raises `BadRequest` for an odd one."""
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw.split(b"/")]
    except UnicodeDecodeError as error:
        raise BadRequest("a path at the forge is UTF-8") from error
    for part in parts:
        if part in {"", ".", ".."} or set("/\\%;?#") & set(part) or not part.isprintable():
            raise BadRequest(
                "write a path at the forge plainly: without '//', '.', '..', and without '/', '%',"
                " ';' and the like in a name, encoded or not"
            )
    return "/".join(parts)


def _check_api(method: bytes, path: str, query: bytes) -> None:
    if method not in _METHODS:
        raise BadRequest("the API of a forge knows GET, HEAD, POST, PUT, PATCH and DELETE")
    if path.partition("/")[0] not in _PARTS or _CLOSED.fullmatch(path):
        raise Refused(f"{path[:80]!r} of the forge's API is not open to agents")
    if not _QUERY.fullmatch(query):
        raise BadRequest("a query is printable ASCII")
    for field in re.split(rb"[&;]", query):
        if unquote_plus(field.partition(b"=")[0].decode()).strip().lower() in _SPEAKS_FOR:
            raise Refused("hive adds your token by itself: ask without one, and as yourself")


def _check_git(method: bytes, path: str, query: bytes) -> None:
    found = _GIT.fullmatch(path)
    if found is not None and found[1]:
        is_right = method == b"GET" and _SERVICE.fullmatch(query) is not None
    else:
        is_right = found is not None and method == b"POST" and not query
    if not is_right:
        raise Refused("of the forge, git over HTTP and /api/v1 are open here, its pages are not")

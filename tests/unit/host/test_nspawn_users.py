"""Whether a host can give a container users of its own, and whether a container has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.host import nspawn_users, users

FIRST = 1_900_000_000
BEGIN = 1_900_019_712
LEADER = 77


def make_proc(
    root: Path, *, most: str = "31000", known: str = "0 0 4294967295", may: str = "1ffffffffff"
) -> Path:
    """Make a /proc of a host whose own process is `self`."""
    for name, text in (
        ("sys/user/max_user_namespaces", most),
        ("self/uid_map", known),
        ("self/status", f"CapEff:\t{may}"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    (root / "self/ns").mkdir()
    (root / "self/ns/net").touch()
    return root


def make_leader(proc: Path, uids: str, gids: str, *, is_hosts: bool) -> None:
    place = proc / str(LEADER)
    (place / "ns").mkdir(parents=True)
    (place / "uid_map").write_text(uids)
    (place / "gid_map").write_text(gids)
    if is_hosts:
        (place / "ns/net").hardlink_to(proc / "self/ns/net")
    else:
        (place / "ns/net").touch()


def test_ranges_begin_at_a_multiple_of_their_length() -> None:
    assert users.beginning(FIRST, nspawn_users.EACH) == BEGIN
    assert users.beginning(BEGIN, nspawn_users.EACH) == BEGIN
    assert users.beginning(FIRST, 1) == FIRST


def test_an_ordinary_kernel_can(tmp_path: Path) -> None:
    assert nspawn_users.why_shared(FIRST, 0, make_proc(tmp_path)) is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"most": "0"}, "set the sysctl user.max_user_namespaces"),
        ({"known": "0 100000 65536"}, "no range of users 1900019712 to 1900085247 in this"),
        ({"known": f"0 0 {BEGIN + 65535}"}, "set agent_uids"),
        ({"may": "1fffffffffe"}, "this root has no CAP_CHOWN"),
    ],
)
def test_what_a_host_lacks_is_said_with_what_it_means(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    why = nspawn_users.why_shared(FIRST, 0, make_proc(tmp_path, **settings))
    assert why is not None
    assert why.startswith("a container's root is the host's root: ")
    assert said in why


def test_a_kernel_without_user_namespaces_is_named(tmp_path: Path) -> None:
    assert "no user namespaces" in (nspawn_users.why_shared(FIRST, 0, tmp_path) or "")


def test_a_daemon_that_is_not_root_gives_nobody_users(tmp_path: Path) -> None:
    assert "not root" in (nspawn_users.why_shared(FIRST, 1000, make_proc(tmp_path)) or "")


def test_an_older_systemd_is_named_with_the_one_that_can() -> None:
    assert nspawn_users.too_old(250) is None
    assert "systemd 249 cannot" in (nspawn_users.too_old(249) or "")


@pytest.mark.parametrize(
    ("uids", "gids", "is_hosts", "lacks"),
    [
        (f"0 {BEGIN} 65536", f"0 {BEGIN} 65536", False, None),
        ("0 0 4294967295", f"0 {BEGIN} 65536", False, "its users are not"),
        (f"0 {BEGIN} 65536", "0 0 4294967295", False, "its users are not"),
        (f"0 {BEGIN} 65536", f"0 {BEGIN} 65536", True, "its network is the host's"),
    ],
)
def test_a_container_is_looked_at_as_the_kernel_has_it(
    tmp_path: Path, uids: str, gids: str, is_hosts: bool, lacks: str | None
) -> None:
    proc = make_proc(tmp_path)
    make_leader(proc, uids, gids, is_hosts=is_hosts)
    found = nspawn_users.lacking(proc, LEADER, BEGIN, "proxy")
    assert found is None if lacks is None else lacks in (found or "")


def test_what_was_meant_to_be_the_hosts_is_not_missed(tmp_path: Path) -> None:
    proc = make_proc(tmp_path)
    make_leader(proc, "0 0 4294967295", "0 0 4294967295", is_hosts=True)
    assert nspawn_users.lacking(proc, LEADER, None, "host") is None


def test_a_container_that_has_ended_lacks_nothing(tmp_path: Path) -> None:
    assert nspawn_users.lacking(make_proc(tmp_path), LEADER, BEGIN, "proxy") is None

"""What a NixOS container's start script is told."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest, Unavailable
from hive.host import nspawn_flags
from hive.host.runtime import Bind, ContainerSpec
from hive.wire.agent_config import Limits
from hive.wire.names import AgentName

MADE_BY_CREATE = """\
PRIVATE_NETWORK=1
HOST_ADDRESS=10.233.1.1
LOCAL_ADDRESS=10.233.1.2
HOST_BRIDGE=
HOST_PORT=
AUTO_START=1
FLAKE=/somewhere
COPY_RESOLV_CONF=1
"""


def spec(
    *binds: Bind,
    user: int | None = None,
    open_files: int | None = None,
    disk_mib: int | None = None,
) -> ContainerSpec:
    limits = Limits(open_files=open_files, disk_mib=disk_mib)
    return ContainerSpec(AgentName("a"), (), {}, binds, "/", limits=limits, user=user)


def test_a_bind_is_writable_only_when_it_was_meant_to_be() -> None:
    binds = (Bind(Path("/a"), "/state", writable=True), Bind(Path("/b"), "/etc/hive"))
    assert nspawn_flags.flags(spec(*binds))[-2:] == ("--bind=/a:/state", "--bind-ro=/b:/etc/hive")


def test_users_of_its_own_are_a_range_to_which_its_root_is_given() -> None:
    words = nspawn_flags.flags(spec(user=65536))
    assert words[-2:] == ("--private-users=65536:65536", "--private-users-ownership=chown")
    assert not [word for word in nspawn_flags.flags(spec()) if "private-users" in word]


def test_open_files_are_limited_by_nspawn_which_does_not_hand_on_those_of_its_unit() -> None:
    assert "--rlimit=NOFILE=512" in nspawn_flags.flags(spec(open_files=512))


def test_no_file_gets_larger_than_all_may_be_together() -> None:
    assert f"--rlimit=FSIZE={100 * 1024 * 1024}" in nspawn_flags.flags(spec(disk_mib=100))
    assert not [word for word in nspawn_flags.flags(spec()) if "rlimit" in word]


def test_the_hosts_network_is_not_made_private() -> None:
    assert "PRIVATE_NETWORK=0\n" in nspawn_flags.conf(MADE_BY_CREATE, (), "host")


def test_no_settings_file_counts() -> None:
    assert "--settings=no" in nspawn_flags.flags(spec())


def test_the_hosts_nix_daemon_is_hidden() -> None:
    assert "--inaccessible=/nix/var/nix/daemon-socket" in nspawn_flags.flags(spec())


def test_addresses_are_cleared_and_what_is_not_ours_stays() -> None:
    made = nspawn_flags.conf(MADE_BY_CREATE, ("--bind=/a:/b",), "proxy")
    values = dict(line.split("=", 1) for line in made.splitlines())
    assert values["PRIVATE_NETWORK"] == "1"
    for key in (
        "PRIVATE_USERS",
        "HOST_ADDRESS",
        "LOCAL_ADDRESS",
        "HOST_ADDRESS6",
        "LOCAL_ADDRESS6",
        "HOST_BRIDGE",
    ):
        assert values[key] == ""
    assert values["AUTO_START"] == "0"
    assert (values["FLAKE"], values["COPY_RESOLV_CONF"]) == ("/somewhere", "1")
    assert values["EXTRA_NSPAWN_FLAGS"] == '"--bind=/a:/b"'


def test_writing_it_again_changes_nothing_and_new_binds_replace_the_old() -> None:
    once = nspawn_flags.conf(MADE_BY_CREATE, ("--bind=/a:/b",), "proxy")
    assert nspawn_flags.conf(once, ("--bind=/a:/b",), "proxy") == once
    again = nspawn_flags.conf(once, ("--bind=/c:/d",), "proxy")
    assert again.count("EXTRA_NSPAWN_FLAGS") == 1
    assert "/a:/b" not in again


@given(st.text(max_size=20))
def test_a_path_is_passed_on_as_it_is_or_refused(text: str) -> None:
    path = f"/x/{text}"
    try:
        word = nspawn_flags.flags(spec(Bind(Path("/s"), path)))[-1]
    except BadRequest:
        return
    # What EnvironmentFile, the shell's splitting and nspawn's own parsing each make of it.
    assert shlex.split(f'"{word}"') == [word]
    assert word.split() == [word]
    assert word.partition("=")[2].split(":") == ["/s", path]


@pytest.mark.parametrize(
    "path", ["/a b", "/a:b", "/a*", "/a\n", '/a"', "/a\\b", "/a$b", "/ä", "a", ""]
)
def test_what_would_mean_something_else_is_refused_with_the_mend(path: str) -> None:
    with pytest.raises(BadRequest, match="another --root"):
        nspawn_flags.plain(path)


def test_a_source_that_is_missing_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="gone is not there"):
        nspawn_flags.check_sources((Bind(tmp_path / "gone", "/state"),))


@pytest.mark.parametrize(
    ("part", "target", "is_refused"),
    [
        ("etc", "/root", True),
        ("usr/bin", "../bin", True),
        ("var/lib", "/gone", True),
        ("etc/machine-id", "/etc/no-such-file", True),
        # As NixOS has it: the host has that file too.
        ("etc/os-release", "/etc/os-release", False),
    ],
)
def test_a_link_by_which_the_start_script_would_change_the_host_is_refused(
    tmp_path: Path, part: str, target: str, is_refused: bool
) -> None:
    nspawn_flags.check_root(tmp_path / "not yet there")
    place = tmp_path / part
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    with pytest.raises(Unavailable, match=f"{part} is a link") if is_refused else nullcontext():
        nspawn_flags.check_root(tmp_path)


def test_what_is_mounted_below_a_read_only_bind_has_its_place_made(tmp_path: Path) -> None:
    outer, tree, file = tmp_path / "given", tmp_path / "tree", tmp_path / "file"
    outer.mkdir()
    tree.mkdir()
    file.touch()
    nspawn_flags.check_sources(
        (
            Bind(outer, "/etc/hive"),
            Bind(tree, "/etc/hive/config"),
            Bind(file, "/etc/hive/deep/one"),
            Bind(tree, "/etc/hiveless"),
        )
    )
    assert (outer / "config").is_dir()
    assert (outer / "deep/one").is_file()
    assert sorted(entry.name for entry in outer.iterdir()) == ["config", "deep"]


def test_a_conf_says_whose_directories_it_passes_on() -> None:
    text = nspawn_flags.conf("# =/mine/\n", ("--bind=/mine/state:/state",), "proxy")
    assert nspawn_flags.mentions(text, "=/mine/")
    assert not nspawn_flags.mentions(text, "=/yours/")
    assert not nspawn_flags.mentions("FLAKE=/mine/\n", "=/mine/")

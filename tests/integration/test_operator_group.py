"""The operator's socket by group: members come in, others are told how, agents' sockets stay."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from hive import light
from hive.errors import BadRequest
from hive.host import operator_group
from hive.nursery import doctor
from tests.fakes.running import running

NOBODY = 65534


def a_group() -> grp.struct_group:
    """Return a group that this user can give a file to: any for root, else one it is in."""
    mine = set(os.getgroups()) | {os.getegid()}
    others = [each for each in grp.getgrall() if each.gr_gid != os.getegid()]
    if os.geteuid() != 0:
        others = [each for each in others if each.gr_gid in mine]
    return others[0] if others else grp.getgrgid(os.getegid())


@contextmanager
def somebody_else(groups: Sequence[int]) -> Iterator[None]:
    """Be an ordinary user with these groups for as long as the block lasts; for root alone."""
    kept = os.getgroups(), os.getegid(), os.geteuid()
    os.setgroups(groups)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(kept[2])
        os.setegid(kept[1])
        os.setgroups(kept[0])


def refusal(path: Path, groups: Sequence[int]) -> str | None:
    """Return why an ordinary user of these groups cannot connect; None when it can."""
    with socket.socket(socket.AF_UNIX) as sock, somebody_else(groups):
        try:
            sock.connect(str(path))
        except PermissionError as error:
            return str(error)
    return None


async def test_the_socket_and_the_way_to_it_are_the_groups_and_nothing_else_is(
    short_tmp: Path,
) -> None:
    group = a_group()
    async with running(short_tmp, operator_group=group.gr_name) as daemon:
        await daemon.operator("spawn", name="alice")
        paths = daemon.hive.paths
        about = paths.host_socket.stat()
        assert (about.st_gid, stat.S_IMODE(about.st_mode)) == (group.gr_gid, 0o660)
        assert (paths.run.stat().st_gid, stat.S_IMODE(paths.run.stat().st_mode)) == (
            group.gr_gid,
            0o750,
        )
        assert paths.agent_socket("alice").stat().st_gid == os.getegid()  # type: ignore[arg-type]
        assert paths.state.stat().st_gid == os.getegid()
        (finding,) = doctor._who_may(paths.host_socket)
        assert finding.is_ok
        assert f"members of group {group.gr_name}" in finding.detail
        if os.geteuid() == 0:
            os.chmod(short_tmp, 0o755)  # noqa: PTH101 - pathlib is kept from async tests
            assert refusal(paths.host_socket, [group.gr_gid]) is None
            assert refusal(paths.host_socket, []) is not None
            agent = paths.agent_socket("alice")  # type: ignore[arg-type]
            assert refusal(agent, [group.gr_gid]) is not None


async def test_without_a_group_it_is_the_daemons_own_also_after_one_was_set(
    short_tmp: Path,
) -> None:
    async with running(short_tmp, operator_group=a_group().gr_name):
        pass
    async with running(short_tmp) as daemon:
        paths = daemon.hive.paths
        assert {paths.host_socket.stat().st_gid, paths.run.stat().st_gid} == {os.getegid()}


def test_a_group_that_is_not_there_is_refused_with_the_mend() -> None:
    with pytest.raises(BadRequest, match="groupadd no-such-group"):
        operator_group.find("no-such-group")


def test_who_may_not_use_the_socket_is_told_which_group_to_join(short_tmp: Path) -> None:
    group = grp.getgrgid(short_tmp.stat().st_gid).gr_name
    told = light._mend(str(short_tmp / "host.sock"))
    assert f"usermod -aG {group} USER" in told
    assert "own user" in light._mend(str(short_tmp / "away" / "host.sock"))

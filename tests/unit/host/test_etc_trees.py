"""What is copied of the host's /etc for containers, when anew, and when a copy goes."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest

from hive.errors import Unavailable
from hive.host.etc_trees import UNUSED_S, EtcTrees

POINTS = {"passwd": False, "hive": True}


@attrs.define
class World:
    """A host's /etc, a clock, and the tables of mounts of containers that run."""

    root: Path
    now: float = 1000.0
    mounts: list[str] = attrs.field(factory=list)
    trees: EtcTrees = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in ("ssl/certs", "ssl/private", "alternatives"):
            (self.etc / name).mkdir(parents=True)
        (self.etc / "hosts").write_text("127.0.0.1 localhost\n")
        (self.etc / "shadow").write_text("root:secret\n")
        (self.etc / "ssl/private/key").write_text("secret")
        (self.etc / "ssl/certs/one.pem").write_text("one")
        (self.etc / "ssl/certs/two.pem").symlink_to("one.pem")
        (self.etc / "alternatives/awk").symlink_to("/usr/bin/mawk")
        (self.etc / "os-release").symlink_to("/usr/bin/env")
        (self.root / "resolved").write_text("nameserver 127.0.0.53\n")
        (self.etc / "resolv.conf").symlink_to("../resolved")
        self.trees = EtcTrees(
            self.root / "run/etc", lambda: self.now, lambda: self.mounts, self.etc
        )

    @property
    def etc(self) -> Path:
        return self.root / "etc"

    def ready(self, points: Mapping[str, bool] = POINTS) -> Path:
        return self.trees.ready(points)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_containers_that_start_together_get_one_whole_copy(world: World) -> None:
    for number in range(60):
        (world.etc / f"ssl/certs/{number}.pem").write_text("more")
    together = threading.Barrier(4)

    def ready(_: int) -> Path:
        together.wait()
        return world.ready()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(ready, range(4)))
    (tree,) = found
    assert len(list((tree / "ssl/certs").iterdir())) == 62
    assert list(tree.parent.iterdir()) == [tree]


def test_a_copy_holds_what_containers_see_and_no_more(world: World) -> None:
    tree = world.ready()
    found = {str(path.relative_to(tree)) for path in tree.rglob("*")}
    kept = {"hosts", "resolv.conf", "os-release", "alternatives", "alternatives/awk"}
    certificates = {"ssl", "ssl/certs", "ssl/certs/one.pem", "ssl/certs/two.pem"}
    assert found == kept | certificates | set(POINTS)
    assert (tree / "resolv.conf").read_text() == "nameserver 127.0.0.53\n"
    assert not (tree / "resolv.conf").is_symlink()
    assert (tree / "alternatives/awk").readlink() == Path("/usr/bin/mawk")
    assert (tree / "hive").is_dir()


def test_what_every_container_sees_is_a_link_to_it(world: World) -> None:
    assert world.ready().joinpath("os-release").readlink() == Path("/usr/bin/env").resolve()


def test_a_copy_can_be_read_by_whoever_could_read_the_file(world: World) -> None:
    (world.etc / "hosts").chmod(0o640)
    before = os.umask(0o077)
    try:
        tree = world.ready()
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((tree / name).stat().st_mode) for name in ("hosts", "")}
    assert modes == {"hosts": 0o440, "": 0o755}


def test_the_same_files_are_copied_once(world: World) -> None:
    assert world.ready() == world.ready()
    assert world.ready({**POINTS, "gitconfig": False}) != world.ready()


@pytest.mark.parametrize("name", ["hosts", "resolv.conf", "ssl/certs/one.pem", "ssl/certs/new.pem"])
def test_a_change_is_seen_by_the_next_container_and_by_no_other(world: World, name: str) -> None:
    first = world.ready()
    before = (first / name).read_text() if (first / name).exists() else None
    (world.etc / name).write_text("something else")
    assert (world.ready() / name).read_text() == "something else"
    assert before == ((first / name).read_text() if (first / name).exists() else None)


def test_a_copy_goes_when_it_is_old_and_no_container_has_it(world: World) -> None:
    first = world.ready()
    world.mounts = [f"36 35 0:1 /etc/{first.name} /etc ro - ext4 /dev/vda ro\n"]
    world.now += UNUSED_S + 1
    (world.etc / "hosts").write_text("a second state")
    second = world.ready()
    assert first.is_dir()
    world.mounts = [""]
    (world.etc / "hosts").write_text("a third, with a container that does not tell")
    world.ready()
    assert first.is_dir()
    world.mounts = []
    (world.etc / "hosts").write_text("a fourth")
    world.ready()
    assert not first.exists()
    assert second.is_dir()


def test_no_mount_point_is_made_through_a_link(world: World) -> None:
    world.ready({"os-release/x": True, "alternatives/awk/x": False})
    assert not Path("/usr/bin/mawk/x").exists()


def test_a_disk_that_takes_no_copy_is_told(world: World) -> None:
    (world.root / "run").write_text("in the way")
    with pytest.raises(Unavailable, match=r"cannot copy .*/etc for containers"):
        world.ready()

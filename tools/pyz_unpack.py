"""Where the zipapp unpacks itself, and what shiv's bootstrap sees of the archive while it does.

A tree is named for its build, so it is written once and then only read; every process that uses one
holds a shared lock on it, and the trees of old builds that nobody holds are cleared away.
"""

import os

MEMBER = "site.pyz"
KEPT_UNUSED_S = 86400


class CannotUnpack(Exception):
    """There is no directory to unpack into; the text is a sentence."""


class Archive:
    """What shiv's bootstrap asks of its archive; opens the thousands only to unpack them."""

    def __init__(self, path: str, build_id: str) -> None:
        self.filename = path
        self._tree = "%s_%s" % (os.path.basename(path), build_id)
        self._root = ""
        self._is_new = False
        self._mask = -1

    def is_unpacked(self) -> bool:
        """Find the place for the tree; True when the tree is there."""
        self._root = _root(self._tree)
        is_there = os.path.isdir(self.site_packages())
        if not is_there:
            # Where root unpacks, its agents are other users and run from this tree too.
            self._mask = os.umask(0o022)
        return is_there

    def site_packages(self) -> str:
        """Return where the tree is, or will be."""
        return os.path.join(self._root, self._tree, "site-packages")

    def __enter__(self) -> object:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """Keep the tree for as long as this process lives, and clear away old ones."""
        if self._mask >= 0:
            os.umask(self._mask)
        if self._is_new:
            # A daemon that unpacked itself would else hold the whole archive while it lives.
            del self._site
        if kind is None:
            self._held = _hold(os.path.join(self._root, self._tree))
            if self._is_new:
                _clear(self._root, os.path.basename(self.filename), self._tree)

    def read(self, name: str) -> bytes:
        """Return shiv's settings, with the directory to unpack below filled in."""
        import json

        settings = json.loads(_data(self.filename, name).decode())
        settings["root"] = self._root
        return json.dumps(settings).encode()

    def infolist(self) -> list:  # type: ignore[type-arg]
        """Return the members of the archive that shiv made; called once, to unpack."""
        import io
        import zipfile

        self._is_new = True
        self._site = zipfile.ZipFile(io.BytesIO(_data(self.filename, MEMBER)))
        return self._site.infolist()

    def extract(self, name: str, target: str) -> str:
        """Unpack one member and return where it is."""
        try:
            return self._site.extract(name, target)
        except OSError as error:
            raise CannotUnpack(
                "cannot unpack itself below %s: %s; make room there, or set SHIV_ROOT to another"
                " directory" % (self._root, error.strerror)
            ) from None


def _root(tree: str) -> str:
    """Return the directory that holds the unpacked tree, or in which it can be made.

    `SHIV_ROOT` where it is set, and no other; else the user's cache; else, where that cannot be
    written, a private directory below the system's temporary one.
    """
    given = os.environ.get("SHIV_ROOT")
    if given:
        roots = [os.path.abspath(os.path.expanduser(given))]
    else:
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        roots = [os.path.join(home, "hyperhive"), _temporary()]
    for root in roots:
        if os.path.isdir(os.path.join(root, tree, "site-packages")) and _is_safe(root):
            return root
    for root in roots:
        if _can_write(root):
            return root
    raise CannotUnpack(
        "cannot write to %s to unpack itself: set SHIV_ROOT to a directory that can be written"
        % " or ".join(roots)
    )


def _temporary() -> str:
    return os.path.join(os.environ.get("TMPDIR") or "/var/tmp", "hyperhive-%d" % os.getuid())


def _can_write(root: str) -> bool:
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
    except OSError:
        return False
    return _is_safe(root) and os.access(root, os.W_OK | os.X_OK)


def _is_safe(root: str) -> bool:
    """False for a directory in the shared temporary one where others could have put code."""
    import stat

    if root != _temporary():
        return True
    about = os.lstat(root)
    is_private = not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and is_private


def _hold(tree: str) -> int:
    """Take a shared lock on a tree that ends with the process, and note that it was used."""
    import fcntl

    try:
        held = os.open(tree, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return -1
    try:
        os.utime(tree)
    except OSError:
        return held
    return held


def _clear(root: str, name: str, current: str) -> None:
    """Remove the trees of other builds that no process holds and none has used for a day."""
    import fcntl
    import re
    import shutil
    import time

    for found in os.listdir(root):
        tree = os.path.join(root, found)
        if found == current or not re.match(re.escape(name) + "_[0-9a-f]{64}$", found):
            continue
        try:
            if time.time() - os.stat(tree).st_mtime < KEPT_UNUSED_S:
                continue
            held = os.open(tree, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(tree, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(held)


def _data(path: str, name: str) -> bytes:
    import zipimport

    return zipimport.zipimporter(path).get_data(name)

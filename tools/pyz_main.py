"""First code of the zipapp: answer the light subcommands, else start shiv's bootstrap.

The build puts this in the archive as `__main__.py`, beside `hive/light.py` (as `_light`), shiv's
own bootstrap (as `_bootstrap`) and, as one stored member, the archive that shiv made (`site.pyz`).
So the directory that Python reads at each start has a dozen entries and not thousands; the
thousands are read once, to be unpacked. It must compile in any Python 3, so that one that is too
old is told so in a sentence.
"""

import os
import sys

MEMBER = "site.pyz"
TEMPORARY = "/var/tmp/hyperhive-%d"


def main() -> None:
    """Run the command line and end the process with its status."""
    if sys.version_info < (3, 11):
        found = "%d.%d" % (sys.version_info[0], sys.version_info[1])
        _die("needs Python 3.11 or newer, and %s is %s" % (sys.executable, found))
    import _light
    import _release

    status = _light.main(sys.argv[1:], _release.VERSION)
    if status is not None:
        sys.exit(status)
    archive = _Archive(os.path.realpath(sys.argv[0]), _release.BUILD_ID)
    import _bootstrap

    _bootstrap.current_zipfile = archive.vend
    # More workers would want /dev/shm and a helper process, for half a second.
    _bootstrap.Environment.compile_workers = 1
    try:
        _bootstrap.bootstrap()
    except _CannotUnpack as error:
        _die(str(error))


def _die(sentence: str) -> None:
    sys.stderr.write("hive: %s\n" % sentence)
    sys.exit(1)


class _CannotUnpack(Exception):
    """There is no directory to unpack into; the text is a sentence."""


class _Archive:
    """What shiv's bootstrap asks of its archive; opens the thousands only to unpack them."""

    def __init__(self, path: str, build_id: str) -> None:
        self.filename = path
        self._name = "%s_%s" % (os.path.basename(path), build_id)

    def vend(self) -> object:
        """Stand in for shiv's `current_zipfile`."""
        from contextlib import nullcontext

        return nullcontext(self)

    def read(self, name: str) -> bytes:
        """Return shiv's settings, with the directory to unpack below filled in."""
        import json

        settings = json.loads(_data(self.filename, name).decode())
        settings["root"] = self._root()
        return json.dumps(settings).encode()

    def infolist(self) -> list:  # type: ignore[type-arg]
        """Return the members of the archive that shiv made; called once, to unpack."""
        import io
        import zipfile

        self._site = zipfile.ZipFile(io.BytesIO(_data(self.filename, MEMBER)))
        return self._site.infolist()

    def extract(self, name: str, target: str) -> str:
        """Unpack one member and return where it is."""
        return self._site.extract(name, target)

    def _root(self) -> str:
        """Return the directory that holds the unpacked tree, or in which it can be made.

        `SHIV_ROOT` where it is set, and no other; else the user's cache; else, where that cannot
        be written, a private directory below the system's temporary one.
        """
        given = os.environ.get("SHIV_ROOT")
        if given:
            roots = [os.path.expanduser(given)]
        else:
            home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            roots = [os.path.join(home, "hyperhive"), TEMPORARY % os.getuid()]
        for root in roots:
            if os.path.isdir(os.path.join(root, self._name, "site-packages")) and _is_safe(root):
                return root
        for root in roots:
            if _can_write(root):
                return root
        raise _CannotUnpack(
            "cannot write to %s to unpack itself: set SHIV_ROOT to a directory that can be written"
            % " or ".join(roots)
        )


def _can_write(root: str) -> bool:
    try:
        os.makedirs(root, mode=0o700, exist_ok=True)
    except OSError:
        return False
    return _is_safe(root) and os.access(root, os.W_OK | os.X_OK)


def _is_safe(root: str) -> bool:
    """False for a directory in the shared temporary one where others could have put code."""
    import stat

    if root != TEMPORARY % os.getuid():
        return True
    about = os.lstat(root)
    is_private = not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and is_private


def _data(path: str, name: str) -> bytes:
    import zipimport

    return zipimport.zipimporter(path).get_data(name)


if __name__ == "__main__":
    main()

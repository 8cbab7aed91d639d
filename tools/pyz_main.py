"""First code of the zipapp: the light verbs, else hive from its unpacked tree.

The build puts this in the archive as `__main__.py`, beside `hive/light.py` (as `_light`),
`pyz_unpack.py` (as `_unpack`), shiv's own bootstrap (as `_bootstrap`) and, as one stored member,
the archive that shiv made. So the directory that Python reads at each start has a dozen entries and
not thousands; the thousands are read once, to be unpacked. This file must compile in any Python 3,
so that one that is too old is told so in a sentence.
"""

import os
import sys


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
    import _unpack

    archive = _unpack.Archive(os.path.realpath(sys.argv[0]), _release.BUILD_ID)
    try:
        if archive.is_unpacked() and not _asks_shiv():
            _start(archive)
        _bootstrap(archive)
    except _unpack.CannotUnpack as error:
        _die(str(error))


def _asks_shiv() -> bool:
    """True when a variable asks for something that only shiv's bootstrap does."""
    return any(name.startswith("SHIV_") and name != "SHIV_ROOT" for name in os.environ)


def _start(archive: object) -> None:
    """Do what shiv's bootstrap comes to once the tree is there, for a third of its price."""
    with archive:  # type: ignore[attr-defined]
        site = archive.site_packages()  # type: ignore[attr-defined]
    places = [os.path.basename(path) in ("site-packages", "dist-packages") for path in sys.path]
    sys.path.insert(places.index(True) if True in places else len(places), site)
    from hive import cli

    sys.exit(cli.main())


def _bootstrap(archive: object) -> None:
    """Unpack, where that has not been done, and start, by shiv's own code."""
    import _bootstrap

    _bootstrap.current_zipfile = lambda: archive
    # More workers would want /dev/shm and a helper process, for half a second.
    _bootstrap.Environment.compile_workers = 1
    _bootstrap.bootstrap()


def _die(sentence: str) -> None:
    sys.stderr.write("hive: %s\n" % sentence)
    sys.exit(1)


if __name__ == "__main__":
    main()

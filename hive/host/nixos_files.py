"""What is written for a NixOS container before each start: for systemd, and for the inside.

Everything here blocks on the disk: call it through `trio.to_thread`.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from hive.host import nspawn_flags, systemd
from hive.host.nixos_host import NixosHost
from hive.host.records import Record, writing
from hive.host.runtime import ContainerSpec
from hive.paths import Paths
from hive.wire.names import container_name

RUN_SCRIPT = "run"
"""Below `Inside.given`: what the container's unit `hive.service` starts."""
BORN = "born"
"""In the record: since when there is the container, in Unix seconds."""
_ENDED = "ended.sh"


def run_script(spec: ContainerSpec) -> str:
    """Return the script that becomes the container's command: environment, directory, program."""
    program = shlex.quote(spec.argv[0])
    pairs = [shlex.quote(f"{key}={value}") for key, value in spec.env.items()]
    words = [shlex.quote(word) for word in spec.argv]
    return (
        "#!/bin/sh\n"
        f"cd {shlex.quote(spec.cwd)} || exit 126\n"
        f"PATH={shlex.quote(spec.env.get('PATH', os.defpath))}\n"
        f"command -v {program} >/dev/null || {{ echo {program}: no such program >&2; exit 127; }}\n"
        f"exec /usr/bin/env -i {' '.join(pairs)} {' '.join(words)}\n"
    )


@writing()
def write_given(paths: Paths, spec: ContainerSpec) -> None:
    """Write the script that the container's unit starts; raises `Unavailable`."""
    given = paths.given(spec.name)
    given.mkdir(mode=0o700, parents=True, exist_ok=True)
    _replace(given / RUN_SCRIPT, run_script(spec), 0o755)


@writing()
def write_host(
    host: NixosHost, record: Record, spec: ContainerSpec, words: tuple[str, ...], *, now: float
) -> bool:
    """Write what systemd reads; whether it has to be told so. `words` are nspawn's flags.

    Written anew each time, because the drop-in is gone after a reboot of the host. Raises
    `Unavailable`.
    """
    container = container_name(spec.name)
    nspawn_flags.check_sources(spec.binds)
    nspawn_flags.check_root(host.roots / container)
    conf = host.conf(container)
    _replace(conf, nspawn_flags.conf(conf.read_text(), words, spec.network), 0o644)
    ended = record.directory / _ENDED
    nspawn_flags.plain(ended)
    _replace(ended, systemd.ended_script(record.status), 0o600)
    born = record.directory / BORN
    if not born.exists():
        _replace(born, f"{now:.6f}", 0o600)
    drop_in, text = host.drop_in(container), systemd.drop_in(spec.limits, ended)
    if drop_in.exists() and drop_in.read_text() == text:
        return False
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    _replace(drop_in, text, 0o644)
    return True


def _replace(path: Path, text: str, mode: int) -> None:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    new.chmod(mode)
    new.replace(path)

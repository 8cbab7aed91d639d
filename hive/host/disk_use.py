"""How much an agent's directories take on the disk, counted by a program of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import trio

from hive import process
from hive.environment import program_environment
from hive.errors import ProgramFailed, Unavailable

TIMEOUT_S = 120.0
MIB = 1024 * 1024


async def used_mib(folders: Sequence[Path]) -> int:
    """Return what these directories take together, in MiB; links are not followed.

    Counted are the blocks of the disk, so a file with holes takes what it really takes. `du` goes
    on behind what it cannot read or what vanishes meanwhile, and says so by its status: the sum of
    the rest counts. Raises `Unavailable` when nothing could be counted within two minutes.
    """
    words = ["nice", "-n", "19", "du", "--summarize", "--block-size=1", "--one-file-system"]
    words += ["--total", "--", *(str(folder) for folder in folders)]
    try:
        done = await process.run(words, timeout_s=TIMEOUT_S, env=program_environment(), check=False)
    except ProgramFailed as error:
        raise Unavailable(f"what {folders[0]} takes cannot be counted: {error.message}") from error
    sizes = [line.split("\t")[0] for line in done.stdout.splitlines()]
    if len(sizes) != len(folders) + 1 or not sizes[-1].isdecimal():
        last = done.stderr.strip().splitlines()[-1:] or ["du said nothing"]
        raise Unavailable(f"what {folders[0]} takes cannot be counted: {last[0]}")
    return -(-int(sizes[-1]) // MIB)


_BY_OWNER = (
    'find "$1" -xdev -printf "%U %b %n %i\\n" |'
    " awk '$3 < 2 || !seen[$4]++ { sum[$1] += $2 }"
    """ END { for (user in sum) printf "%d %.0f\\n", user, sum[user] }'"""
)
"""Each file once, whatever names it has; in blocks of 512 bytes."""


async def owners_mib(folder: Path) -> dict[int, int]:
    """Return what each user has below a directory, in MiB; links are not followed.

    Raises `Unavailable` when it could not be counted within two minutes.
    """
    words = ["nice", "-n", "19", "sh", "-c", _BY_OWNER, "sh", str(folder)]
    try:
        done = await process.run(words, timeout_s=TIMEOUT_S, env=program_environment())
    except ProgramFailed as error:
        raise Unavailable(f"what is in {folder} cannot be counted: {error.message}") from error
    found = {}
    for line in done.stdout.splitlines():
        user, _, blocks = line.partition(" ")
        found[int(user)] = -(-int(blocks) // (MIB // 512))
    if not found:
        raise Unavailable(f"what is in {folder} cannot be counted: {done.stderr.strip()[-200:]}")
    return found


async def free_bytes(folder: Path) -> int:
    """Return what may still be written where a directory is; raises `Unavailable`."""
    try:
        found = await trio.to_thread.run_sync(os.statvfs, folder)
    except OSError as error:
        raise Unavailable(f"cannot look at the disk of {folder}: {error.strerror}") from error
    return found.f_bavail * found.f_frsize

"""Run a child process to its end: with a deadline, its own group and a typed failure."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import trio

from hive.errors import ProgramFailed, Unavailable

KILL_WAIT_S = 2.0
SAID_BYTES = 64 * 1024
"""So much of the end of what a program said is kept where its lines are passed on."""


@attrs.frozen
class Completed:
    """What a finished program left; output is decoded, bad bytes replaced."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    raw: bytes = b""
    """Standard output as it came."""
    is_cut: bool = False
    """Whether it said more than it might, and was ended for it."""


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    input_text: str | bytes = "",
    check: bool = True,
    output_max: int | None = None,
    memory_max: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Completed:
    """Run a program and return what it said.

    With `output_max` it may say that many bytes on standard output: at one more it is killed, what
    it said until then is returned, and its status does not count. `memory_max` are the bytes of
    addresses it may take. `say` takes the lines of its standard error as they come, of which then
    only the end is kept. Raises `ProgramFailed` when it cannot be found, does not finish in time,
    or, with `check`, ends with another status than 0. Cancelled or late, its whole process group is
    killed.
    """
    words = tuple(argv)
    process = await _open(words, env, cwd)
    if memory_max is not None:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (memory_max, memory_max))
    data = input_text.encode() if isinstance(input_text, str) else input_text
    out, err = bytearray(), bytearray()
    is_over = False
    with trio.move_on_after(timeout_s) as scope:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_feed, process, data)
                nursery.start_soon(_hear, process.stderr, err, say)
                await _collect(process.stdout, out, output_max)
                if output_max is not None and len(out) > output_max:
                    await _kill_group(process)
                await process.wait()
            is_over = True
        finally:
            # Also when it ended itself: what it left behind holds its output open.
            if not is_over:
                await _kill_group(process)
    text = err.decode(errors="replace")
    if scope.cancelled_caught or process.returncode is None:
        raise ProgramFailed(words, None, text)
    is_cut = output_max is not None and len(out) > output_max
    if check and process.returncode != 0 and not is_cut:
        raise ProgramFailed(words, process.returncode, text)
    raw = bytes(out[:output_max])
    return Completed(
        words, process.returncode, raw.decode(errors="replace"), text, raw, is_cut=is_cut
    )


async def _open(
    words: tuple[str, ...], env: Mapping[str, str] | None, cwd: Path | None
) -> trio.Process:
    try:
        return await trio.lowlevel.open_process(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramFailed(words, 127, f"cannot start it: {error.strerror}") from error


async def _hear(
    stream: trio.abc.ReceiveStream | None, into: bytearray, say: Callable[[str], None] | None
) -> None:
    """Take standard error: all of it, or, where somebody listens, its end."""
    await (_collect(stream, into) if say is None else _pass_on(stream, into, say))


async def _feed(process: trio.Process, data: bytes) -> None:
    if process.stdin is None:
        raise Unavailable("the child has no standard input")
    async with process.stdin as stream:
        try:
            await stream.send_all(data)
        except trio.BrokenResourceError:
            return


async def _collect(
    stream: trio.abc.ReceiveStream | None, into: bytearray, most: int | None = None
) -> None:
    if stream is None:
        raise Unavailable("the child has no such stream")
    async for chunk in stream:
        into += chunk
        if most is not None and len(into) > most:
            return


async def _pass_on(
    stream: trio.abc.ReceiveStream | None, into: bytearray, say: Callable[[str], None]
) -> None:
    """Hand on every line, also one that never ends in pieces, and keep the end of it all."""
    if stream is None:
        raise Unavailable("the child has no such stream")
    line = b""
    async for chunk in stream:
        into += chunk
        del into[:-SAID_BYTES]
        *whole, line = (line + chunk).split(b"\n")
        for each in whole:
            say(each.decode(errors="replace"))
        if len(line) > SAID_BYTES:
            say(line.decode(errors="replace"))
            line = b""
    if line:
        say(line.decode(errors="replace"))


async def _kill_group(process: trio.Process) -> None:
    with trio.CancelScope(shield=True, deadline=trio.current_time() + KILL_WAIT_S):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            process.kill()
        await process.wait()

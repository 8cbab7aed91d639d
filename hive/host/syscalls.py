"""What no program in a sandbox may ask the kernel for, as a filter that bwrap loads.

The keyrings of the daemon's user know no namespace: a process of the same number reads what the
user keeps there. The others are large parts of the kernel that an agent's work does without. Each
is answered as a kernel answers that was built without it, so programs take their other way. Room
on a disk that nothing was written to is answered as by a file system that cannot give any: at one
call it would fill the disk before anybody could look.
"""

from __future__ import annotations

import errno
import os
import struct

_GENERIC = {
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "perf_event_open": 241,
    "bpf": 280,
    "userfaultfd": 282,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
}
_X86_64 = {
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "perf_event_open": 298,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
}
FALLOCATE = {"x86_64": 285, "aarch64": 47, "riscv64": 47}
MACHINES = {
    "x86_64": (0xC000003E, _X86_64),
    "aarch64": (0xC00000B7, _GENERIC),
    "riscv64": (0xC00000F3, _GENERIC),
}
"""The kernel's number of each architecture, and of the calls on it."""

_LOAD, _EQUALS, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000 | errno.ENOSYS
_CANNOT = 0x00050000 | errno.EOPNOTSUPP
_X32 = 0x40000000
"""From here on the numbers are those of a second set of calls, which the kernel of x86_64 has."""


def machine_filter(machine: str | None = None) -> bytes | None:
    """Return the filter as bwrap's `--seccomp` reads it; None for a machine we do not know."""
    machine = machine or os.uname().machine
    known = MACHINES.get(machine)
    if known is None:
        return None
    architecture, numbers = known
    refused = sorted(numbers.values())
    # A jump is counted from the next instruction; the last three are the answers.
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUALS, 0, len(refused) + 5, architecture),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_AT_LEAST, len(refused) + 3, 0, _X32),
        *((_EQUALS, len(refused) + 2 - index, 0, number) for index, number in enumerate(refused)),
        (_EQUALS, 1, 0, FALLOCATE[machine]),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _CANNOT),
        (_RETURN, 0, 0, _FAIL),
    ]
    return b"".join(struct.pack("=HBBI", *each) for each in program)

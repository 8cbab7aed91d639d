"""The filter of kernel calls, run as the kernel runs it."""

from __future__ import annotations

import struct

import pytest

from hive.host import syscalls

ALLOW = 0x7FFF0000
NO_SUCH_CALL = 0x00050000 | 38
NOT_HERE = 0x00050000 | 95
"""Of a file system, for a call that others have."""
OPEN_AT = {"x86_64": 257, "aarch64": 56, "riscv64": 56}
FOREIGN = 0x40000003


def answer(program: bytes, architecture: int, number: int) -> int:
    """Run the filter for one call and return what it says."""
    data = struct.pack("=II", number, architecture)
    code = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        what, then, otherwise, value = code[at]
        at += 1
        if what == 0x06:
            return int(value)
        if what == 0x20:
            (loaded,) = struct.unpack_from("=I", data, value)
        else:
            at += then if (loaded == value if what == 0x15 else loaded >= value) else otherwise


@pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
def test_exactly_what_is_named_is_refused(machine: str) -> None:
    program = syscalls.machine_filter(machine)
    assert program is not None
    architecture, numbers = syscalls.MACHINES[machine]
    refused = {number for number in range(1000) if answer(program, architecture, number) != ALLOW}
    room = syscalls.FALLOCATE[machine]
    assert refused == {*numbers.values(), room}
    assert {answer(program, architecture, each) for each in refused - {room}} == {NO_SUCH_CALL}
    assert answer(program, architecture, room) == NOT_HERE
    assert OPEN_AT[machine] not in refused


@pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
def test_no_second_set_of_calls_goes_round_it(machine: str) -> None:
    program = syscalls.machine_filter(machine)
    assert program is not None
    architecture, numbers = syscalls.MACHINES[machine]
    assert answer(program, FOREIGN, 0) == NO_SUCH_CALL
    for number in numbers.values():
        assert answer(program, architecture, number | 0x40000000) == NO_SUCH_CALL


def test_a_machine_that_is_not_known_has_none() -> None:
    assert syscalls.machine_filter("vax") is None

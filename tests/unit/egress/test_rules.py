"""What an agent may connect to, by name and then by address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.egress import addresses
from hive.egress.rules import Policy
from hive.errors import Refused
from hive.wire.destinations import Target, parse, parse_target

PUBLIC = ip_address("93.184.216.34")
V4 = st.integers(0, 2**32 - 1).map(IPv4Address)
NAME = Target("pypi.org", 443)


def policy(*allowed: str, trusted: tuple[str, ...] = ()) -> Policy:
    return Policy(tuple(map(parse, allowed)), tuple(map(parse, trusted)))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "4000::1",
    ],
)
def test_an_address_that_is_not_of_the_open_internet_is_refused(text: str) -> None:
    address = ip_address(text)
    assert addresses.kind(address) is not None
    why = policy("pypi.org").why_not(NAME, address)
    assert why is not None
    assert 'add allow = ["' in why


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "93.184.216.34", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"],
)
def test_an_address_of_the_open_internet_is_taken(text: str) -> None:
    assert addresses.kind(ip_address(text)) is None
    assert policy("pypi.org").why_not(NAME, ip_address(text)) is None


@given(V4)
def test_what_wraps_an_address_is_as_bad_as_what_is_inside(inner: IPv4Address) -> None:
    mapped = IPv6Address(b"\0" * 10 + b"\xff\xff" + inner.packed)
    translated = IPv6Address(b"\0\x64\xff\x9b" + b"\0" * 8 + inner.packed)
    six_to_four = IPv6Address(b"\x20\x02" + inner.packed + b"\0" * 10)
    said = {addresses.kind(each) for each in (mapped, translated, six_to_four)}
    assert said == {addresses.kind(inner)}


@given(V4)
def test_whatever_python_calls_private_is_refused(address: IPv4Address) -> None:
    if address.is_private or address.is_loopback or address.is_multicast or address.is_reserved:
        # Three single addresses of this block are called global by some versions.
        assert addresses.kind(address) is not None


def test_a_name_that_is_not_listed_is_refused_with_the_line_to_add() -> None:
    with pytest.raises(Refused, match=r'allow = \["pypi.org"\] to your agent.toml'):
        policy("debian.org").check(NAME)
    with pytest.raises(Refused, match=r'allow = \["pypi.org:22"\]'):
        policy("pypi.org").check(Target("pypi.org", 22))


def test_a_listed_name_passes_and_its_public_address_too() -> None:
    policy("*.org").check(NAME)
    assert policy("*.org").why_not(NAME, PUBLIC) is None


def test_an_address_is_never_meant_by_a_name_and_no_name_by_an_address() -> None:
    with pytest.raises(Refused):
        policy("pypi.org").check(parse_target(f"{PUBLIC}:443"))
    with pytest.raises(Refused):
        policy("0.0.0.0/0", "::/0").check(NAME)


def test_a_private_address_needs_to_be_listed_itself() -> None:
    target = parse_target("10.1.2.3:8080")
    policy("10.1.2.3:8080").check(target)
    policy("10.0.0.0/8:8080").check(target)
    with pytest.raises(Refused):
        policy("10.0.0.0/8").check(target)
    inside = Target("git.example", 8080)
    why = policy("git.example:8080").why_not(inside, ip_address("10.1.2.3"))
    assert why is not None
    assert '"10.1.2.3:8080"' in why
    both = policy("git.example:8080", "10.0.0.0/8:8080")
    assert both.why_not(inside, ip_address("10.1.2.3")) is None
    assert both.why_not(inside, ip_address("::ffff:10.1.2.3")) is None


def test_a_mapped_address_is_what_it_stands_for() -> None:
    with pytest.raises(Refused):
        policy("::/0").check(parse_target("[::ffff:127.0.0.1]:80"))
    policy("127.0.0.1:80").check(parse_target("[::ffff:127.0.0.1]:80"))


def test_the_operators_own_services_may_be_anywhere() -> None:
    mine = policy(trusted=("forge.lan:3000", "127.0.0.1:8080"))
    forge = Target("forge.lan", 3000)
    mine.check(forge)
    assert mine.why_not(forge, ip_address("192.168.1.5")) is None
    mine.check(parse_target("127.0.0.1:8080"))
    with pytest.raises(Refused):
        mine.check(parse_target("127.0.0.1:7000"))


def test_localhost_is_reached_by_its_name_where_it_is_listed() -> None:
    listed = policy("localhost:5432")
    target = Target("localhost", 5432)
    listed.check(target)
    assert listed.why_not(target, ip_address("127.0.0.1")) is None
    assert policy("pypi.org").why_not(NAME, ip_address("127.0.0.1")) is not None

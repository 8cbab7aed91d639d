"""An entry of `allow` covers what it says and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hive.errors import BadRequest
from hive.wire import destinations
from hive.wire.destinations import Target, host_name, parse, parse_target

LABELS = st.from_regex(r"[a-z](?:[a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join)
PORTS = st.integers(1, 65535)
ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
)


@given(NAMES, PORTS, PORTS)
def test_a_name_with_a_port_covers_that_name_on_that_port(name: str, port: int, other: int) -> None:
    found = parse(f"{name}:{port}")
    assert found.covers_name(name, port)
    assert found.covers_name(name, other) == (other == port)
    assert not found.covers_name(f"x{name}", port)
    assert not found.covers_name(f"x.{name}", port)


@given(NAMES, LABELS)
def test_a_star_covers_what_is_below_and_not_the_name(name: str, label: str) -> None:
    found = parse(f"*.{name}")
    assert found.covers_name(f"{label}.{name}", 443)
    assert found.covers_name(f"a.{label}.{name}", 80)
    assert not found.covers_name(name, 443)
    assert not found.covers_name(f"{label}{name}", 443)


@given(NAMES)
def test_without_a_port_both_usual_ones_are_meant(name: str) -> None:
    found = parse(name)
    assert [port for port in (22, 80, 443, 8443) if found.covers_name(name, port)] == [80, 443]


@given(ADDRESSES, PORTS)
def test_an_address_covers_itself_alone(address: IPv4Address | IPv6Address, port: int) -> None:
    text = f"[{address}]" if address.version == 6 else str(address)
    found = parse(f"{text}:{port}")
    assert found.covers_address(address, port)
    other = type(address)(int(address) ^ 1)
    assert not found.covers_address(other, port)
    assert not found.covers_name(str(address), port)


def test_a_network_covers_its_addresses_of_its_own_family() -> None:
    found = parse("10.0.0.0/8:443")
    assert found.covers_address(ip_address("10.9.8.7"), 443)
    assert not found.covers_address(ip_address("11.0.0.1"), 443)
    assert not found.covers_address(ip_address("10.9.8.7"), 80)
    assert not found.covers_address(ip_address("::a09:807"), 443)
    assert parse("fd00::/8").covers_address(ip_address("fd12::1"), 80)
    assert parse("[fd00::/8]:22").covers_address(ip_address("fd12::1"), 22)


@given(NAMES, PORTS)
def test_a_target_reads_back_as_it_is_written(name: str, port: int) -> None:
    target = parse_target(f"{name.upper()}.:{port}")
    assert target == Target(name, port)
    assert parse(str(target)).covers_name(name, port)


@given(ADDRESSES, PORTS)
def test_an_address_as_a_target_is_one(address: IPv4Address | IPv6Address, port: int) -> None:
    text = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    target = parse_target(text)
    assert target.address == address
    assert parse(str(target)).covers_address(address, port)


@pytest.mark.parametrize(
    "text",
    ["127.1", "0x7f000001", "2130706433", "0x7f.1", "a.0x1", "1.2.3", "127.0.0.1.5", "010.0.0.1"],
)
def test_what_a_resolver_reads_as_a_number_is_no_name(text: str) -> None:
    with pytest.raises(BadRequest, match="is no destination"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " pypi.org",
        "pypi.org ",
        "https://pypi.org",
        "pypi.org/simple",
        "user@pypi.org",
        "pypi.org:",
        "pypi.org:0",
        "pypi.org:65536",
        "pypi.org:+1",
        "pypi.org:\u0661",
        "*",
        "*.",
        "a*.org",
        "*.*.org",
        "-a.org",
        "a..org",
        ".org",
        "bücher.de",
        "a" * 64 + ".org",
        ".".join(["a" * 60] * 5),
        "10.0.0.1/8",
        "10.0.0.0/33",
        "[10.0.0.1]:80",
        "[::1",
        "[::1]x",
        "fe80::1%eth0",
        "a\0.org",
        "a\n.org",
        "a\\b.org",
    ],
)
def test_what_is_no_destination_is_refused_with_the_mend(text: str) -> None:
    with pytest.raises(BadRequest, match=r"is no destination: ."):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_destination_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except BadRequest:
        return
    assert found.ports
    assert (found.network is None) == bool(found.name)
    if found.name:
        assert host_name(found.name) == found.name


def test_there_is_a_most_of_entries() -> None:
    entries = ("a.org",) * destinations.ENTRIES_MOST
    assert len(destinations.parse_all(entries)) == destinations.ENTRIES_MOST
    with pytest.raises(BadRequest, match="more than"):
        destinations.parse_all((*entries, "b.org"))


def test_a_target_needs_a_port() -> None:
    with pytest.raises(BadRequest, match="port"):
        parse_target("pypi.org")
    assert parse_target("pypi.org", 80) == Target("pypi.org", 80)

"""Which addresses a name must not lead to: the host itself, its networks, and what wraps them.

A table of our own and not `ipaddress.is_private`, whose answer differs between versions of Python.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

from hive.wire.destinations import Address, Network

_INNER: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared by a provider's customers"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "a cloud's own"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "for documentation"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "for measurements"),
    ("198.51.100.0/24", "for documentation"),
    ("203.0.113.0/24", "for documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "a translator's own"),
    ("2001::/23", "reserved"),
    ("2001:db8::/32", "for documentation"),
    ("3fff::/20", "for documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
_TABLE: tuple[tuple[Network, str], ...] = tuple((ip_network(net), why) for net, why in _INNER)
_GLOBAL = ip_network("2000::/3")
_TRANSLATED = ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ip_network("2002::/16")
LOOPBACK: tuple[Address, ...] = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
"""What `localhost` means, whatever a resolver says."""


def kind(address: Address) -> str | None:
    """Return in a word what is wrong with an address; None for one of the open internet."""
    inner = unwrapped(address)
    for network, why in _TABLE:
        if inner.version == network.version and inner in network:
            return why
    if isinstance(inner, IPv6Address) and inner not in _GLOBAL and inner not in _TRANSLATED:
        return "reserved"
    return None


def unwrapped(address: Address) -> Address:
    """Return the address inside one that only carries another: mapped, translated, 6to4."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address


def plain(address: Address) -> Address:
    """Return a mapped address as the one it stands for: the kernel connects to that one."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped if mapped is not None else address

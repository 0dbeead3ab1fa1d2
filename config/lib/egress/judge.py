"""Which addresses the portal may connect to.

`ipaddress` alone does not decide it: on CPython 3.13.0 `is_global` lets 168.63.129.16 (Azure's
host agent), multicast, NAT64 and v4-compatible forms of inner addresses through, and
`not is_private` lets 100.100.100.200 (Alibaba's metadata) through. So the special ranges are
listed, what hides an IPv4 address is unwrapped, and `is_global` has to agree on top.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from django.conf import settings

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

# IANA's special-purpose registries (RFC 6890 and later), plus what clouds keep for themselves.
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Only 2000::/3 is handed out as global unicast; these parts of it are not.
_GLOBAL_V6 = IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
# Prefixes whose last 32 bits are an IPv4 address that the packet ends up at.
_WRAPPING_V4 = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


def judge(ip: str) -> bool:
    """May the portal connect to this literal? Zone ids, names and odd spellings are refused."""
    return _judged(ip, tuple(settings.EGRESS_ALLOW_CIDRS))


@lru_cache(maxsize=20_000)
def _judged(ip: str, opened: tuple[Network, ...]) -> bool:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    inner = _unwrapped(address)
    return any(_is_within(one, opened) for one in (inner, address)) or _is_public(inner)


def is_opened(ip: str) -> bool:
    """Did the operator open this literal's range by EGRESS_ALLOW_CIDRS? Then no limit and no memory is for it."""
    return _opened(ip, tuple(settings.EGRESS_ALLOW_CIDRS))


@lru_cache(maxsize=20_000)
def _opened(ip: str, networks: tuple[Network, ...]) -> bool:
    address = ipaddress.ip_address(ip)
    return any(_is_within(one, networks) for one in (_unwrapped(address), address))


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv6Address) and any(address in network for network in _WRAPPING_V4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_within(address: Address, networks: Iterable[Network]) -> bool:
    return any(network.version == address.version and address in network for network in networks)


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_V4)
    # 6to4, Teredo, v4-compatible, NAT64's local prefix and site-local fall out here as a whole:
    # nothing that is worth a certificate lives behind a relay chosen by the address.
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)

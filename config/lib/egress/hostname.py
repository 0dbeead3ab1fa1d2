"""The grammar of host names, ours and not the resolver's.

`getaddrinfo` reads `0x7f.1`, `127.1`, `2130706433` and circled digits as 127.0.0.1, and Django's
own validator accepts `169.254.169.254` and `co.uk`. What is not a name by this grammar never
reaches a resolver.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NoReturn

import idna
from django.conf import settings
from publicsuffixlist import PublicSuffixList

from config.lib.errors import NeedsUser

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_LABEL = re.compile(r"_?[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")
# A name whose last label is a number in C's notation is an address to some resolver.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NEVER = ("localhost", "invalid", "onion", "arpa")
# Private by convention or by RFC 6762, 8375, 6761; their own network's operator may open them.
_PRIVATE = ("local", "internal", "home.arpa", "test", "example", "example.com", "example.net", "example.org")


def parse_hostname(text: str) -> str:
    """A customer's public host name as lower-case A-labels, without a final dot.

    Raises NeedsUser host_malformed, host_is_ip, host_single_label, host_reserved or
    host_public_suffix, each with the `host` as it was given.
    """
    name = _ascii_name(text, _LABEL)
    reserved = _reserved_suffix(name)
    if reserved:
        raise NeedsUser("host_reserved", host=name, suffix=reserved)
    if "." not in name:
        raise NeedsUser("host_single_label", host=name)
    if _suffixes().privatesuffix(name) is None:
        raise NeedsUser("host_public_suffix", host=name)
    return name


def parse_dns_name(text: str) -> str:
    """A name to put a question to the DNS about: as a host name, but labels may begin with `_`."""
    return _ascii_name(text, _DNS_LABEL)


def parse_host(text: str) -> str:
    """An operator's or a server's host: a name of any kind, or an address in its usual spelling.

    It says nothing about whether the portal may connect there: that is judged at each connection.
    """
    literal = literal_address(text)
    return literal or _ascii_name(text, _LABEL)


def registrable_domain(host: str) -> str:
    """The part of a host name that somebody registered; the host itself where there is none."""
    return (_suffixes().privatesuffix(host) if host else None) or host


def literal_address(text: str) -> str | None:
    """`text` as a canonical IP literal (IPv6 with or without brackets), None if it is not one."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not bare.isascii() or (bare != text and ":" not in bare):
        return None
    if ":" not in bare and not bare[-1:].isdigit():
        return None  # What ends in a letter is no IPv4 address; most texts are names, and end here.
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _ascii_name(text: str, label: re.Pattern[str]) -> str:
    name = _mapped(text).removesuffix(".")
    labels = name.split(".")
    if _looks_like_address(text, labels[-1]):
        raise NeedsUser("host_is_ip", host=_shown(text))
    if len(name) > 253 or not all(label.fullmatch(part) for part in labels):
        _malformed(text)
    return name


def _mapped(text: str) -> str:
    if text.isascii():
        return text.lower()
    try:
        return idna.encode(text, uts46=True, std3_rules=True).decode("ascii").lower()
    except idna.IDNAError:
        _malformed(text)


def _looks_like_address(text: str, last_label: str) -> bool:
    bare = text.strip("[]").partition("%")[0]
    if ":" in bare:
        return literal_address(bare) is not None
    return bool(_NUMBER.fullmatch(last_label))


def _reserved_suffix(name: str) -> str | None:
    private = next(_suffixes_of(name, _PRIVATE), None)
    if private and settings.EGRESS_ALLOW_CIDRS:
        return None
    return private or next(_suffixes_of(name, _NEVER), None)


def _suffixes_of(name: str, suffixes: Iterable[str]) -> Iterator[str]:
    return (suffix for suffix in suffixes if f".{name}".endswith(f".{suffix}"))


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _malformed(text: str) -> NoReturn:
    raise NeedsUser("host_malformed", host=_shown(text))


def _shown(text: str) -> str:
    """What was typed, short and without control characters, fit for a message."""
    return "".join(char if char.isprintable() else "�" for char in text[:100])

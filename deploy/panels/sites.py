"""Which sites a certificate belongs to: names that a panel told, and so read as what a stranger wrote."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from config.lib import egress, x509
from config.lib.errors import NeedsUser

# What one account may have before we stop reading.
MOST = 5_000
_IDENTIFIER = re.compile(r"[\w.:@ +-]{1,255}", re.ASCII)


def site_names(told: Iterable[Any]) -> list[str]:
    """Those of `told` that are host names, in lower-case A-labels, each once and in order; the first MOST."""
    found: dict[str, None] = {}
    for one in told:
        if len(found) == MOST:
            break
        name = _name(one)
        if name:
            found[name] = None
    return list(found)


def _name(told: Any) -> str:
    if not isinstance(told, str):
        return ""
    try:
        return egress.parse_dns_name(told)
    except NeedsUser:
        return ""


def covered(sites: Iterable[str], names: Sequence[str]) -> list[str]:
    """The sites that one of a certificate's names covers; `*` stands for exactly one label."""
    return [site for site in sites if any(x509.matches(name, site) for name in names)]


def shown(names: Sequence[str], most: int = 10) -> str:
    """A list for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"


def identifier(told: Any) -> str:
    """What a panel calls something, to be kept and sent back; empty for what is no plain text."""
    return told if isinstance(told, str) and _IDENTIFIER.fullmatch(told) else ""

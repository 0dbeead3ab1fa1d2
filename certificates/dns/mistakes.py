"""What usually goes wrong when people publish TXT records, told from what the name servers said."""

import re
from collections.abc import Iterable

QUOTED = "quoted"
VERIFY_TOKEN = "verify_token"  # noqa: S105  (the name of a mistake)
ONE_OF_TWO = "one_of_two"
OLD_VALUE = "old_value"
DOUBLED = "doubled"
ALIAS_LOOP = "alias_loop"

WORDS = {
    QUOTED: "The value is there with quotes around it. Most DNS forms add their own: enter it without.",
    VERIFY_TOKEN: "The ownership token (mmc-…) stands at this name. It belongs at _managemycert-verify; here goes the "
    "value of the table.",
    ONE_OF_TWO: "The other one of the two values is there, this one is not. Add it as a second TXT record of the same "
    "name; do not replace the first.",
    OLD_VALUE: "The value of an earlier challenge is there. Replace it with the one of the table.",
    DOUBLED: "The record is at {doubled}: the form added the zone to a name that had it already. Enter the host of "
    "the table, not the full name.",
    ALIAS_LOOP: "The CNAME at this name leads in a circle, or through too many others.",
}
_CHALLENGE_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def mistake_in(value: str, found: Iterable[str], siblings: Iterable[str]) -> str:
    """Which mistake explains that `value` is not among `found`; "" for none that we know.

    `siblings` are the other values that belong at the same name.
    """
    found = set(found)
    if f'"{value}"' in found:
        return QUOTED
    if any(other.startswith("mmc-") for other in found):
        return VERIFY_TOKEN
    if found & set(siblings):
        return ONE_OF_TWO
    return OLD_VALUE if any(_CHALLENGE_VALUE.fullmatch(other.strip('"')) for other in found) else ""


def doubled_name(fqdn: str, zone: str) -> str:
    """Where a form that adds the zone by itself puts a full name; "" where no name can be that long."""
    name = f"{fqdn}.{zone}"
    return name if zone and len(name) <= 253 else ""


def in_words(mistake: str, doubled: str) -> str:
    return WORDS[mistake].format(doubled=doubled) if mistake in WORDS else ""

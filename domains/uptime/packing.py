"""A probe as eight letters: what a domain's hour of them is stored as. Pure.

48 bits a probe, most significant first: second of the hour (12), HTTP status (10, 0 for none), scheme (2),
milliseconds (24). They are six bytes, kept as eight letters of base64, because text is what both
databases append to a column in one statement: two hours' worth joined is again a valid text.
"""

import base64
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

LONGEST = 2**24 - 1
LETTERS = 8
_BYTES = 6
_SCHEMES = ("", "https", "http")
# From here on a server says that it cannot do its work; below, the site is there and answers.
_FIRST_FAILURE = 500


class Probe(NamedTuple):
    """One look at a website: `status` is None, and `scheme` empty, when neither HTTPS nor HTTP answered."""

    at: datetime
    status: int | None
    milliseconds: int
    scheme: str

    @property
    def is_up(self) -> bool:
        """An answer that is no server error: a page that asks for a password is up."""
        return self.status is not None and self.status < _FIRST_FAILURE


def hour_of(moment: datetime) -> datetime:
    """The beginning of the UTC hour that a probe is filed under."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def pack(probe: Probe) -> str:
    """Eight letters; what is longer than LONGEST milliseconds, over four hours, counts as that."""
    second = int((probe.at - hour_of(probe.at)).total_seconds())
    milliseconds = min(max(probe.milliseconds, 0), LONGEST)
    number = (second << 10 | (probe.status or 0)) << 2 | _SCHEMES.index(probe.scheme)
    return base64.b64encode((number << 24 | milliseconds).to_bytes(_BYTES)).decode("ascii")


def unpack(hour: datetime, packed: str) -> Iterable[Probe]:
    """The probes of an hour in the order in which they were filed, which is nearly that of their times."""
    stored = base64.b64decode(packed)
    for start in range(0, len(stored), _BYTES):
        number = int.from_bytes(stored[start : start + _BYTES])
        head, milliseconds = number >> 24, number & LONGEST
        second, status, scheme = head >> 12, head >> 2 & 1023, head & 3
        yield Probe(hour + timedelta(seconds=second), status or None, milliseconds, _SCHEMES[scheme])

"""What a look means for the next renewal. Pure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from certificates.renewal.checks import Check
from config.lib import jobs
from config.lib.errors import Transient

OK, UNCLEAR, WILL_FAIL = "ok", "unclear", "will_fail"
# Something of ours was in the way: however often, that says nothing about the renewal.
DISTURBED = "rehearsal_disturbed"
NOT_ABOUT_IT = frozenset({DISTURBED, "listener_busy"})
# A CA that is away is back long before a renewal of next week: until then its outage is nobody's trouble.
CA_COUNTS_WITHIN = timedelta(hours=48)

LABELS = {
    "proof": "Settings and proof without hands",
    "ownership": "Ownership record",
    "address": "A and AAAA records",
    "dnssec": "DNSSEC",
    "ca": "The CA's directory",
    "caa": "CAA records",
    "budget": "The CA's limits",
    "login": "SSH login",
    "token": "Port 80 with a real token",
    "directory": "Certificate directories",
    "sudo": "sudo",
    "configuration": "Configuration test",
    "disk": "Disk space",
    "panel": "Panel login",
}


def conclude(
    checks: Sequence[Check], before: Sequence[dict[str, Any]], *, left: timedelta | None = None
) -> list[dict[str, Any]]:
    """Each check as it is stored. What may pass by itself counts from the second time in a row on.

    `left` until the renewal, None when it is due: only shortly before it does it count that the CA is away. One that
    is due waits in the CA's line itself, and says so when it comes too late.
    """
    counting = {one["key"] for one in before if one["state"] != OK and one["code"] not in NOT_ABOUT_IT}
    if not _counts_ca(left):
        counting.discard("ca")
    return [_concluded(check, is_again=check.key in counting) for check in checks]


def _counts_ca(left: timedelta | None) -> bool:
    return left is not None and timedelta(0) < left <= CA_COUNTS_WITHIN


def _concluded(check: Check, *, is_again: bool) -> dict[str, Any]:
    error = check.error
    if error is None:
        return {"key": check.key, "state": OK, "detail": check.detail, "code": "", "params": {}}
    may_pass = isinstance(error, Transient) and not (is_again and error.code not in NOT_ABOUT_IT)
    state = UNCLEAR if may_pass else WILL_FAIL
    params = jobs.storable(error.params)
    return {"key": check.key, "state": state, "detail": check.detail, "code": error.code, "params": params}


def each_check(checks: Sequence[dict[str, Any]], places: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Of the domain and of all its places."""
    yield from checks
    for place in places.values():
        yield from place["checks"]


def is_to_be_confirmed(checks: Sequence[dict[str, Any]], *, left: timedelta | None = None) -> bool:
    """Whether another look within the hour would tell more; of a CA that is away only where that would count."""
    unclear = {one["key"] for one in checks if one["state"] == UNCLEAR}
    return bool(unclear if _counts_ca(left) else unclear - {"ca"})


def is_anything_wrong(places: dict[str, Any]) -> bool:
    """Whether any server or panel was not found well."""
    return any(one["state"] != OK for one in each_check([], places))

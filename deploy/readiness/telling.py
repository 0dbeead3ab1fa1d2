"""Each `will fail because` as a finding of the domain, which the next good rehearsal closes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from certificates.models import Renewal
from config.lib.errors import describe
from deploy.models import Readiness
from deploy.readiness.judging import UNCLEAR, WILL_FAIL, each_check
from domains.findings import close_finding, open_finding, open_findings

SOURCE = "readiness"
HEAD = "will_fail_"


def tell(row: Readiness, renewal: Renewal) -> None:
    """Open and close by what is stored on `row`, whose lock the caller's transaction has. Repeatable.

    What could not be looked at stays as it was.
    """
    failing: dict[str, list[dict[str, Any]]] = defaultdict(list)
    unclear = set[str]()
    for check in each_check(row.checks, row.places):
        if check["state"] == WILL_FAIL:
            failing[check["key"]].append(check)
        elif check["state"] == UNCLEAR:
            unclear.add(check["key"])
    _close_all_but(row, failing.keys() | unclear)
    for key, found in failing.items():
        params = _params(found, renewal)
        open_finding(
            domain=row.domain,
            source=SOURCE,
            code=f"will_fail_{key}",
            params=params,
            severity="warning",
            needs_user=True,
        )


def forget(row: Readiness) -> None:
    """Nobody rehearses it any more. Inside a transaction; repeatable."""
    _close_all_but(row, set())


def _close_all_but(row: Readiness, kept: set[str]) -> None:
    for finding in open_findings(row.domain).filter(source=SOURCE):
        if finding.code.removeprefix(HEAD) not in kept:
            close_finding(domain=row.domain, source=SOURCE, code=finding.code)


def _params(found: Sequence[dict[str, Any]], renewal: Renewal) -> dict[str, str]:
    """The first in full; of several servers with the same trouble the others are counted."""
    first = describe(found[0]["code"], found[0]["params"])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return {
        "because": first.title + more,
        "why": first.why,
        "fix": first.fix,
        "paste": first.paste,
        "cause": first.code,
        "planned": f"{renewal.renew_at:%Y-%m-%d %H:%M} UTC" if renewal.renew_at else "as soon as possible",
    }

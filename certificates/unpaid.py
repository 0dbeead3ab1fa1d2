"""What a domain says while its automation waits for the balance; deployments and renewals say the same."""

import uuid
from collections.abc import Callable, Collection

from billing.charging import UNPAID
from config.lib import jobs
from config.lib.errors import ExpectedError
from config.lib.registry import Registry
from domains.findings import close_finding, open_finding
from domains.models import Domain, Finding

SOURCE = "balance"
# Which of these domains have something that waits for the balance. Rooms add theirs.
waiting: Registry[Callable[[Collection[uuid.UUID]], set[uuid.UUID]]] = Registry("waiting for the balance")


def tell_unpaid(domain: Domain, error: ExpectedError) -> None:
    params = jobs.storable(error.params)
    open_finding(domain=domain, source=SOURCE, code=UNPAID, params=params, severity="warning", needs_user=True)


def tell_paid(domain: Domain) -> None:
    """Unless something else of the domain still waits. Repeatable; what is paid for must not wait any more."""
    is_told = Finding.unscoped.filter(domain=domain, source=SOURCE, code=UNPAID, closed_at=None).exists()
    if is_told and not _of_those_waiting({domain.pk}):
        close_finding(domain=domain, source=SOURCE, code=UNPAID)


def _of_those_waiting(domains: Collection[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for waits_among in waiting:
        found |= waits_among(domains)
    return found


def close_left_over() -> bool:
    """A chore: what waited was deleted, turned off, or overtaken by something else. A bounded piece."""
    rows = Finding.unscoped.filter(source=SOURCE, code=UNPAID, closed_at=None).select_related("domain")
    findings = list(rows.order_by("opened_at")[:500])
    still = _of_those_waiting({finding.domain_id for finding in findings})
    for finding in findings:
        if finding.domain_id not in still:
            tell_paid(finding.domain)
    return False

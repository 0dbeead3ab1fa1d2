"""What a renewal that comes by itself costs, and renewals that wait until the balance is enough."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from billing.charging import UNPAID, ends_soon, gate, settle, too_low
from billing.ledger import replenished
from billing.models import Work
from billing.stale import at_work
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.telling import tell_refused
from certificates.unpaid import tell_paid, tell_unpaid, waiting
from config.lib import clock, jobs
from config.lib.errors import ExpectedError

# Whoever adds funds wakes the renewal; this is for those that were missed.
ASKED_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class _Paid:
    """A renewal as the gate sees it: the successor of one certificate is paid for once."""

    pk: uuid.UUID
    workspace_id: uuid.UUID
    domain_id: uuid.UUID
    billed_as: str
    billed_for: str


def _paid(renewal: Renewal) -> _Paid:
    subject = f"{renewal.pk}:{renewal.certificate_id or 'first'}"
    return _Paid(renewal.pk, renewal.workspace_id, renewal.domain_id, subject, f"Renewal for {renewal.domain.label}")


def require_paid(renewal: Renewal) -> None:
    """Set the price aside, once. Raises NeedsUser `balance_too_low`."""
    answer = gate(_paid(renewal), Work.RENEW, is_late=_is_late(renewal.certificate))
    if not answer.is_open:
        raise too_low(answer.missing_cents)
    paid: dict[str, Any] = {"error_code": "", "error_params": {}} if renewal.error_code == UNPAID else {}
    renewal.save_step(**paid, also=partial(tell_paid, renewal.domain))


def _is_late(certificate: Certificate | None) -> bool:
    return certificate is not None and ends_soon(certificate.not_before, certificate.not_after)


def wait_for_balance(renewal: Renewal, error: ExpectedError) -> None:
    """Nothing failed: it starts as soon as there is enough, and says so meanwhile."""
    told = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    renewal.save_step(retry_at=clock.now() + ASKED_AGAIN, **told, also=partial(_tell_waiting, renewal, error))


def _tell_waiting(renewal: Renewal, error: ExpectedError) -> None:
    tell_unpaid(renewal.domain, error)
    tell_refused(renewal, error)


def settle_ended(renewal: Renewal, issuance: Issuance | None) -> None:
    """Taken where the issuance brought a certificate, given back where it did not. In the look that saw its end."""
    if issuance is not None and not issuance.is_open:
        settle(_paid(renewal), did_its_work=issuance.state == Issuance.State.ISSUED)


def give_back(renewal: Renewal) -> None:
    """It did not even start."""
    settle(_paid(renewal), did_its_work=False)


def wake_unpaid(workspace_id: uuid.UUID) -> None:
    """There is enough again. Inside the transaction of the payment; cheap, repeatable.

    Rows that a worker holds are passed over: it may be waiting for the account that this transaction has locked.
    """
    rows = Renewal.objects.for_workspace(workspace_id).filter(error_code=UNPAID)
    free = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    due = {"run_after": clock.now(), "retry_at": clock.now()}
    if Renewal.unscoped.filter(pk__in=free, lease_token__isnull=True).update(**due):
        jobs.ring("renewal")


def _under_way(runs: Collection[uuid.UUID]) -> set[uuid.UUID]:
    rows = Renewal.unscoped.filter(pk__in=runs, issuance__state__in=Issuance.OPEN_STATES)
    return set(rows.values_list("pk", flat=True))


def _waiting(domains: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(Renewal.unscoped.filter(domain__in=domains, error_code=UNPAID).values_list("domain_id", flat=True))


replenished.add("renewals", wake_unpaid)
waiting.add("renewals", _waiting)
at_work.add("renewals", _under_way)

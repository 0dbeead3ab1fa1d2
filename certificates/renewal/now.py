"""`Renew now`: what auto-renew does in time, done at once, by the same sweep and the same issuance."""

import uuid
from dataclasses import replace

from django.db import transaction

from auditlog.events import Actor, record
from certificates.cas.known import Counted
from certificates.cas.ledger import Budget, budgets, require_room
from certificates.gates import require_open_window
from certificates.issuance import open_issuances, ordered_like
from certificates.models import Issuance, Renewal
from certificates.renewal.requirements import require_ready
from certificates.renewal.sweep import wish_of
from certificates.renewal.waking import wake
from certificates.solvers import OVER_SSH
from config.lib.errors import NeedsUser
from domains.models import Domain


def renew_now(*, domain: Domain, force: bool, actor: Actor) -> uuid.UUID:
    """The id of the issuance that is under way, or will have it as soon as the sweep starts it. Repeatable.

    `force` leaves out the window, never the CA's limits. Raises NeedsUser renewal_is_off, issuance_window,
    auto_renew_incomplete; Transient ca_limit.
    """
    renewal = _renewal(domain)
    under_way = _under_way(renewal)
    if under_way:
        return under_way
    wish = wish_of(renewal)
    if wish.solver == OVER_SSH:
        require_ready(domain)
    if not force:
        require_open_window(domain.workspace, wish)
    require_room(ordered_like(domain, wish))
    with transaction.atomic():
        rows = Renewal.objects.for_workspace(domain.workspace_id).filter(pk=renewal.pk)
        row = rows.select_for_update().first()
        if row is None:
            raise NeedsUser("renewal_is_off", host=domain.label)
        if row.asked_as and row.retry_at is None:
            return row.asked_as  # By somebody who pressed it at the same moment.
        # Whoever asked before it was put off has that id, and follows the same renewal.
        asked_as = row.asked_as or uuid.uuid4()
        rows.update(asked_as=asked_as, is_forced=force, retry_at=None)
        record(
            "renewal.requested",
            workspace_id=domain.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
            run_id=asked_as,
            data={"names": ", ".join(wish.names), "issuance": str(asked_as)},
        )
        wake(domain.pk)
    return asked_as


def spent(domain: Domain) -> Budget | None:
    """What a renewal now uses up of the certificates for exactly these names; None where the CA has no such limit."""
    renewal = _renewal(domain)
    found = budgets(replace(ordered_like(domain, wish_of(renewal)), spared=""))
    return next((budget for budget in found if budget.limit.counted == Counted.OF_NAMES), None)


def is_before_its_time(domain: Domain) -> NeedsUser | None:
    """The refusal that `force` leaves out."""
    try:
        require_open_window(domain.workspace, wish_of(_renewal(domain)))
    except NeedsUser as error:
        return error
    return None


def _renewal(domain: Domain) -> Renewal:
    rows = Renewal.objects.for_workspace(domain.workspace_id).select_related("domain", "workspace")
    renewal = rows.filter(domain=domain).first()
    if renewal is None:
        raise NeedsUser("renewal_is_off", host=domain.label)
    return renewal


def _under_way(renewal: Renewal) -> uuid.UUID | None:
    rows = open_issuances(renewal.workspace, wish_of(renewal)).exclude(step=Issuance.Step.WAIT_FOR_RECORDS)
    open_one = rows.values_list("pk", flat=True).first()
    return open_one or (renewal.asked_as if renewal.retry_at is None else None)

"""Whatever asks for a rehearsal: a person, a change of settings, the automation turned on; and the switch."""

import random
import uuid
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from auditlog.events import Actor, record
from certificates.models import Renewal
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from deploy.models import PanelAccount, Readiness, Server
from deploy.readiness.telling import forget
from domains.models import Domain

READINESS = "readiness"
# After a change: whoever changes one thing mostly changes the next one too, and a renewal that is due goes first.
SETTLED_AFTER = timedelta(minutes=5)
# Of one server or panel that changes: those that renew soonest. The others have their own moments.
OF_SERVER_AT_MOST = 20
# Between the sign-ins of these: servers shut out whoever fails five times in ten minutes (fail2ban's usual setting).
APART = timedelta(minutes=3)
MISSING_AT_ONCE = 500
A_DAY = timedelta(days=1)

_chance = random.SystemRandom()


def ask_now(*, domain: Domain, actor: Actor) -> Readiness:
    """`Rehearse now`. Repeatable; the caller polls. Raises NeedsUser renewal_is_off, rehearsals_are_off."""
    row = _row_of(domain.pk)
    if row is None:
        raise NeedsUser("renewal_is_off", host=domain.label)
    if row.is_off:
        raise NeedsUser("rehearsals_are_off", host=domain.label)
    with transaction.atomic():
        # A look that is under way would end with what it was asked before.
        fresh = {"lease_token": None, "lease_until": None}
        jobs.start_now(row, is_asked=True, requested_by=actor.label[:254], **fresh)
        _record("readiness.asked", domain, actor)
        jobs.ring(READINESS, interactive=True)
    return row


def switch_rehearsals(*, domain: Domain, is_on: bool, actor: Actor) -> None:
    """Repeatable. Turned off, what was found is forgotten. Raises NeedsUser renewal_is_off."""
    row = _row_of(domain.pk)
    if row is None:
        raise NeedsUser("renewal_is_off", host=domain.label)
    if row.is_off is not is_on:
        return
    with transaction.atomic():
        _update(row, is_off=not is_on, is_asked=True, run_after=clock.now())
        _record("readiness.switched", domain, actor, state="on" if is_on else "off")
        jobs.ring(READINESS)


def ask_after_change(domain: Domain) -> None:
    """Call inside the transaction of the change. Nothing happens where nobody renews."""
    transaction.on_commit(partial(_ask_soon, Q(domain=domain.pk)))


def ask_after_server_change(server: Server) -> None:
    """As `ask_after_change`, for the domains that renew soonest among those on it."""
    transaction.on_commit(partial(_ask_soon, Q(domain__targets__server=server.pk)))


def ask_after_account_change(account: PanelAccount) -> None:
    """As `ask_after_server_change`, for those that this account at a panel installs."""
    transaction.on_commit(partial(_ask_soon, Q(domain__panel_targets__account=account.pk)))


def _ask_soon(which: Q) -> None:
    """One after the other. Whoever looks just now looks again: its lease is taken away."""
    renewed = Renewal.unscoped.filter(domain=OuterRef("domain"))
    rows = Readiness.unscoped.filter(which, Exists(renewed), is_off=False)
    keys = list(rows.order_by("domain__renew_at").values_list("pk", flat=True).distinct()[:OF_SERVER_AT_MOST])
    asked = {"is_asked": True, "lease_token": None, "lease_until": None}
    for place, key in enumerate(keys):
        Readiness.unscoped.filter(pk=key).update(run_after=clock.now() + SETTLED_AFTER + place * APART, **asked)


def follow_automation(domain_id: uuid.UUID) -> None:
    """It renews by itself, or does no longer, or another way. Repeatable."""
    row = _row_of(domain_id)
    if row is None:
        return
    if not Renewal.unscoped.filter(domain=domain_id).exists():
        with transaction.atomic():
            _update(row, run_after=None, is_asked=False, checks=[], places={})
            forget(row)
        return
    _update(row, run_after=clock.now() + SETTLED_AFTER, is_asked=True)


def make_missing() -> bool:
    """A chore: domains that renew and are not looked at, for instance since before there were rehearsals.

    Spread over a day: they may be hundreds on one server.
    """
    resting = Q(domain__readiness__run_after=None, domain__readiness__is_off=False)
    rows = Renewal.unscoped.filter(Q(domain__readiness=None) | resting).order_by("pk")
    missing = list(rows.values_list("domain_id", "workspace_id")[:MISSING_AT_ONCE])
    for domain_id, workspace_id in missing:
        Readiness.unscoped.update_or_create(
            domain_id=domain_id,
            defaults={"run_after": clock.now() + _chance.random() * A_DAY},
            create_defaults={"workspace_id": workspace_id, "run_after": clock.now() + _chance.random() * A_DAY},
        )
    return len(missing) == MISSING_AT_ONCE


def _row_of(domain_id: uuid.UUID) -> Readiness | None:
    """Made where the domain renews by itself; None where it does not and never did."""
    row = Readiness.unscoped.filter(domain=domain_id).select_related("domain").first()
    if row is not None:
        return row
    renewal = Renewal.unscoped.filter(domain=domain_id).first()
    if renewal is None:
        return None
    Readiness.unscoped.get_or_create(
        domain_id=domain_id,
        defaults={
            "workspace_id": renewal.workspace_id,
            "is_asked": True,
            "run_after": clock.now() + SETTLED_AFTER,
        },
    )
    return Readiness.unscoped.select_related("domain").get(domain=domain_id)


def _update(row: Readiness, **fields: object) -> None:
    """Whoever looks just now has looked at what was before: what it found is dropped."""
    Readiness.unscoped.filter(pk=row.pk).update(lease_token=None, lease_until=None, **fields)


def _record(kind: str, domain: Domain, actor: Actor, **more: str) -> None:
    record(
        kind,
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        data=more,
    )

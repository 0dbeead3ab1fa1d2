"""Domains that nobody ever verified go away after a week."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import ProtectedError

from auditlog.events import record
from domains.leaving import hold
from domains.models import Domain
from domains.ownership import forget_unused

log = logging.getLogger("domains.purge")

UNVERIFIED_FOR = timedelta(days=7)
_NEVER = datetime.max.replace(tzinfo=UTC)


def purge_due_at(domain: Domain) -> datetime:
    """When an unverified domain is deleted; for a verified one the end of time."""
    return _NEVER if domain.is_verified else domain.created_at + UNVERIFIED_FOR


def purge_domains(domains: Sequence[Domain]) -> None:
    """Delete these, each in a transaction of its own; one that was verified meanwhile stays."""
    for domain in domains:
        try:
            _purge(domain)
        except ProtectedError:
            log.warning("domain.purge_refused", extra={"domain": str(domain.pk)})


@transaction.atomic
def _purge(domain: Domain) -> None:
    hold([domain.pk])
    row = Domain.unscoped.select_for_update().filter(pk=domain.pk, verified_at=None).first()
    if row is None:
        return
    record("domain.purged", workspace_id=row.workspace_id, domain_id=row.pk, domain_label=row.label)
    row.delete()
    forget_unused(domain)

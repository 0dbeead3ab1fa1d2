"""Trusting an authority, and no longer: the rows, the events, and a new look at the workspace's domains."""

import logging
import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction

from accounts.models import User, Workspace
from auditlog.events import Actor, record
from config.lib import clock, jobs, x509
from config.lib.errors import NeedsUser
from domains.models import Visit, WorkspaceRoot

log = logging.getLogger("domains.authorities")

ROOTS_AT_MOST = 50
# Domains are looked at anew in slices, so that a workspace of 10,000 does not do it all at once.
SLICE = 250
SLICE_EVERY = timedelta(seconds=10)


def trust_authorities(*, workspace: Workspace, user: User | None, actor: Actor, given: bytes) -> list[WorkspaceRoot]:
    """Trust every certificate in `given` (PEM text, or one DER file); the rows that are new. Repeatable.

    All or none. Raises NeedsUser: key_pasted, certificates_missing, certificates_too_many,
    certificate_unreadable, root_is_no_authority, root_expired, roots_full.
    """
    pasted = x509.pasted_certificates(given, at_most=ROOTS_AT_MOST)
    for one in pasted:
        _require_authority(one)
    with transaction.atomic():
        # Two admins at once: the second waits here and counts what the first has added.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        added = _insert(workspace, user, pasted)
        for row in added:
            _record("workspace.root_added", row, actor)
    if added:
        judge_anew(workspace.pk)
    return added


def distrust_authority(*, root: WorkspaceRoot, actor: Actor) -> None:
    """No longer trust it. Repeatable."""
    with transaction.atomic():
        deleted, _ = WorkspaceRoot.unscoped.filter(pk=root.pk).delete()
        if deleted:
            _record("workspace.root_removed", root, actor)
    if deleted:
        judge_anew(root.workspace_id)


def _require_authority(one: x509.Pasted) -> None:
    facts = one.facts
    name = facts.common_name or facts.subject or facts.fingerprint_sha256[:16]
    if not facts.is_ca:
        raise NeedsUser("root_is_no_authority", name=name)
    if facts.not_after is None or facts.not_before is None:
        raise NeedsUser("certificate_unreadable", position=1)
    if facts.not_after <= clock.now():
        raise NeedsUser("root_expired", name=name, not_after=f"{facts.not_after:%Y-%m-%d}")
    if not x509.is_storable(one.der):
        raise NeedsUser("certificate_unreadable", position=1)


def _insert(workspace: Workspace, user: User | None, pasted: Sequence[x509.Pasted]) -> list[WorkspaceRoot]:
    rows = WorkspaceRoot.objects.for_workspace(workspace)
    known = set(rows.values_list("fingerprint_sha256", flat=True))
    fresh = [one for one in pasted if one.facts.fingerprint_sha256 not in known]
    if len(known) + len(fresh) > ROOTS_AT_MOST:
        raise NeedsUser("roots_full", most=ROOTS_AT_MOST)
    return [
        WorkspaceRoot.unscoped.create(
            workspace=workspace,
            der=one.der,
            fingerprint_sha256=one.facts.fingerprint_sha256,
            subject=one.facts.subject,
            not_before=one.facts.not_before,
            not_after=one.facts.not_after,
            added_by=user,
        )
        for one in fresh
    ]


def _record(kind: str, row: WorkspaceRoot, actor: Actor) -> None:
    data = {"subject": row.subject, "fingerprint_sha256": row.fingerprint_sha256}
    record(kind, workspace_id=row.workspace_id, actor=actor, data=data)


def judge_anew(workspace_id: uuid.UUID, *, at_once: int = SLICE) -> None:
    """Make the verified domains' next visits come soon, `at_once` of them every SLICE_EVERY. Repeatable.

    Outside of the change's transaction, each slice in one of its own: visits are locked for moments only.
    What a crash leaves out is judged by the new store at its next visit in any case.
    """
    keys = list(
        Visit.objects.for_workspace(workspace_id)
        .filter(domain__verified_at__isnull=False, run_after__isnull=False)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    for number, start in enumerate(range(0, len(keys), at_once)):
        _pull_forward(keys[start : start + at_once], number * SLICE_EVERY)
    log.info("domains.judged_anew", extra={"workspace": str(workspace_id), "domains": len(keys)})


@transaction.atomic
def _pull_forward(keys: Sequence[uuid.UUID], wait: timedelta) -> None:
    moment = clock.now() + wait
    rows = Visit.unscoped.filter(pk__in=keys, run_after__gt=moment)
    # In the order in which visits lock them.
    later = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    Visit.unscoped.filter(pk__in=later).update(run_after=moment)
    jobs.ring("visit", after=wait)

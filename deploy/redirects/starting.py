"""`Fix ACME redirect`, `Apply this change` and `Undo`: a run each."""

from django.db import transaction

from auditlog.events import Actor, record
from config.lib.errors import NeedsUser
from deploy.models import Target, TargetRun
from deploy.reconcile import create_run
from deploy.targets import lock_targets

Deed = TargetRun.Deed
_ASKED = {Deed.APPLY: "target.redirect_asked", Deed.UNDO: "target.redirect_undo_asked"}


@transaction.atomic
def start_fix(*, target: Target, deed: TargetRun.Deed, actor: Actor) -> TargetRun:
    """One that is under way is returned. Raises NeedsUser redirect_needs_webroot, redirect_nothing_kept."""
    lock_targets(target.domain)
    if deed == Deed.UNDO and not target.redirect_fix:
        raise NeedsUser("redirect_nothing_kept", host=target.server.label)
    if deed != Deed.UNDO and not target.webroot:
        raise NeedsUser("redirect_needs_webroot", host=target.server.label)
    rows = TargetRun.objects.for_workspace(target.workspace_id).filter(target=target, deed=deed)
    running = rows.filter(kind=TargetRun.Kind.FIX_REDIRECT, state__in=TargetRun.OPEN_STATES).first()
    if running:
        return running
    run = create_run(target, TargetRun.Kind.FIX_REDIRECT, by=actor.label, deed=deed)
    _tell(run, actor)
    return run


def _tell(run: TargetRun, actor: Actor) -> None:
    kind = _ASKED.get(TargetRun.Deed(run.deed))
    if kind:
        record(
            kind,
            workspace_id=run.workspace_id,
            actor=actor,
            domain_id=run.domain_id,
            domain_label=run.domain.label,
            run_id=run.pk,
            data={"target": str(run.target_id), "server": run.label},
        )

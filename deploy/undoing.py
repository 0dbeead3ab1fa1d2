"""`Undo last deploy`: what the domain's last deployment replaced comes back, and counts as wanted again."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from auditlog.events import Actor, record
from certificates.models import Certificate
from config.lib import clock
from config.lib.errors import ExpectedError, NeedsUser
from deploy import journal as journals
from deploy import unseal
from deploy.deploying import look_back, reload_all
from deploy.deployments import end_waiting, ready_panels, ready_places, ready_targets, running_deployment
from deploy.journal import Journal
from deploy.models import Deployment, PanelTarget, Target, TargetRun
from deploy.placing import files_of
from deploy.reconcile import (
    Place,
    create_run,
    is_worth,
    label_of,
    last_deployment,
    open_runs,
    place_of,
    reconcile_target,
    when_again,
)
from deploy.replacing import put_files_back, undo_left_over
from deploy.result import NOTHING_KEPT, SUPERSEDED, Result
from deploy.session import opened
from deploy.settling import lock_domain
from deploy.ssh.files import remote_files
from deploy.trail import Trail
from deploy.work import Work, stored

State = TargetRun.State
# Beside a certificate's fingerprint: what a later run finds under it is no installation of its own.
MARK = "undo"


def can_undo(deployment: Deployment) -> bool:
    return bool(_targets_of(deployment) or _panels_of(deployment)) and not _is_revoked(deployment)


def _targets_of(deployment: Deployment) -> list[Target]:
    """The targets where what it replaced is still kept; none where a later deployment has been."""
    if not _is_last(deployment):
        return []
    keys = {str(pk) for pk in _as_one(deployment).values_list("pk", flat=True)}
    targets = [one for one in ready_targets(deployment.domain) if one.previous and one.previous["deployment"] in keys]
    return [one for one in targets if not _is_on_its_way(deployment, one)]


def _panels_of(deployment: Deployment) -> list[PanelTarget]:
    """The panels that have its certificate and had an earlier one, which is still there and valid."""
    before = _before(deployment) if _is_last(deployment) else None
    if before is None or not is_worth(before):
        return []
    panels = _panels_between(before, deployment)
    return [one for one in panels if not _is_on_its_way(deployment, one)]


def _panels_between(before: Deployment, deployment: Deployment) -> list[PanelTarget]:
    had = set(before.runs.filter(panel_target__isnull=False).values_list("panel_target_id", flat=True))
    panels = ready_panels(deployment.domain)
    return [one for one in panels if one.pk in had and one.installed_certificate_id == deployment.certificate_id]


def _is_on_its_way(deployment: Deployment, place: Place) -> bool:
    """Whether it is being undone there already. Pressed again is for what has failed."""
    if deployment.undone_at is None:
        return False
    return open_runs(place).filter(run_after__lte=clock.now()).exists()


def _is_revoked(deployment: Deployment) -> bool:
    """Whether a certificate would come back, to a server or a panel, that its CA has revoked."""
    kept = [one.previous.get("certificate") for one in _targets_of(deployment) if one.previous]
    rows = Certificate.objects.for_workspace(deployment.workspace_id).filter(revoked_at__isnull=False)
    if rows.filter(pk__in=[key for key in kept if key]).exists():
        return True
    before = _before(deployment) if _is_last(deployment) else None
    if before is None or before.certificate is None or before.certificate.revoked_at is None:
        return False
    return bool(_panels_between(before, deployment))


def _is_last(deployment: Deployment) -> bool:
    """Also when it was undone: then what it replaced may have failed to come back somewhere."""
    standing = last_deployment(deployment.domain_id)
    return standing is None or standing.created_at <= deployment.created_at


def _as_one(deployment: Deployment) -> QuerySet[Deployment]:
    """With those before it of the same certificate: pressed again, it completes what they have begun.

    The files that came before are those that the first of them replaced, on each target another one.
    """
    rows = Deployment.objects.for_workspace(deployment.workspace_id).filter(
        domain=deployment.domain_id,
        fingerprint_sha256=deployment.fingerprint_sha256,
        undone_at=deployment.undone_at,
        created_at__lte=deployment.created_at,
    )
    before = _before(deployment)
    return rows.filter(created_at__gt=before.created_at) if before else rows


def _before(deployment: Deployment) -> Deployment | None:
    """The last one of another certificate."""
    rows = Deployment.objects.for_workspace(deployment.workspace_id).select_related("certificate")
    rows = rows.filter(domain=deployment.domain_id, undone_at=None, created_at__lt=deployment.created_at)
    return rows.exclude(fingerprint_sha256=deployment.fingerprint_sha256).order_by("-created_at").first()


@transaction.atomic
def start_undo(*, deployment: Deployment, actor: Actor) -> list[TargetRun]:
    """A run for each target and panel that it changed.

    Raises NeedsUser undo_while_running, undo_revoked, undo_nothing_kept.
    """
    lock_domain(deployment)
    deployment.refresh_from_db(fields=["undone_at"])
    if running_deployment(deployment.domain):
        raise NeedsUser("undo_while_running", host=deployment.domain.label)
    if _is_revoked(deployment):
        raise NeedsUser("undo_revoked", host=deployment.domain.label)
    targets, panels = _targets_of(deployment), _panels_of(deployment)
    if not targets and not panels:
        raise NeedsUser(NOTHING_KEPT, host=deployment.domain.label)
    end_waiting(deployment.domain)
    if deployment.undone_at is None:
        _as_one(deployment).update(undone_at=clock.now())
    record(
        "deployment.undone",
        workspace_id=deployment.workspace_id,
        actor=actor,
        domain_id=deployment.domain_id,
        domain_label=deployment.domain.label,
        run_id=deployment.pk,
        data={"deployment": str(deployment.pk), "targets": [*map(label_of, targets), *map(label_of, panels)]},
    )
    begun = [_start(target, deployment, actor) for target in targets]
    # What was there before is installed again where no files are kept: a panel keeps nothing of what was replaced.
    others: list[Place] = [one for one in ready_places(deployment.domain) if one not in targets]
    return [*begun, *filter(None, (reconcile_target(one, interactive=True) for one in others))]


def _start(target: Target, deployment: Deployment, actor: Actor) -> TargetRun:
    under_way = open_runs(target).filter(kind=TargetRun.Kind.UNDO, deployment=deployment).first()
    return under_way or create_run(target, TargetRun.Kind.UNDO, by=actor.label, deployment=deployment)


def undo_on_target(run: TargetRun, trail: Trail) -> Result:
    """Put the kept files back, reload, and look. Blocks for minutes; repeatable after any cut."""
    if run.target is None or run.server is None or run.certificate is None or not run.target.previous:
        raise NeedsUser(NOTHING_KEPT, host=run.domain.label)
    if not _is_undone(run.target.previous):
        raise NeedsUser(SUPERSEDED)  # A later deployment has been there, and what is kept is what that one replaced.
    target, entry = run.target, _entry(run.target.previous)
    hidden = unseal.secrets_of(run.server)
    with opened(run, trail, run.server, must_be_trusted=True) as connection, remote_files(connection) as plain:
        files = files_of(trail, target, connection, plain)
        work = Work(run, trail, target, run.server, run.certificate, connection, files, (), hidden)
        left = journals.read(target)
        if left and left.wanted != entry.wanted:
            undo_left_over(work, left)
        journals.write(run, target, entry)
        put_files_back(work, entry)
        failure = reload_all([work])
        served = look_back(work, entry)
    state = State.PARTIAL if failure else State.SUCCEEDED
    files_back = [f"{directory}/{name}" for directory in entry.kept for name in entry.names]
    return Result(state, error=failure, files=files_back, commands=work.commands, served=served, is_clean=True)


def _entry(previous: Mapping[str, Any]) -> Journal:
    return Journal(
        token=previous["token"],
        wanted=MARK,
        directories=tuple(previous["kept"]),
        names=tuple(previous["names"]),
        phase="putting_back",
        kept=previous["kept"],
        before=previous["before"],
        error=stored(NeedsUser("deploy_undone")),
    )


def _is_undone(previous: Mapping[str, Any]) -> bool:
    return Deployment.unscoped.filter(pk=previous["deployment"], undone_at__isnull=False).exists()


def what_is_kept(run: TargetRun, result: Result) -> Any:
    """What `Undo last deploy` would bring back after a deployment that left its certificate there; `Target.previous`.

    What was undone and could not be reached then is nothing to come back to.
    """
    target = run.target
    if target is None or (target.previous and _is_undone(target.previous)):
        return None
    if not result.replaced:
        return target.previous
    before = str(target.installed_certificate_id) if target.installed_certificate_id else None
    return {**result.replaced, "certificate": before, "deployment": str(run.deployment_id)}


def keep_undone(run: TargetRun, result: Result) -> None:
    """What is known of the target then. Inside the end of the run."""
    if run.target is None or (result.error and result.error.code in (NOTHING_KEPT, SUPERSEDED)):
        return
    rows = Target.unscoped.filter(pk=run.target.pk)
    if result.state == State.FAILED:
        rows.update(last_status=Target.Status.FAILED, last_run_at=clock.now(), failures=F("failures") + 1)
        _try_again(run, result.error)
        return
    previous = run.target.previous or {}
    installed = previous.get("certificate")
    status = Target.Status.PARTIAL if result.error else Target.Status.OK if installed else ""
    changes: dict[str, Any] = {"previous": None, "journal": None, "installed_certificate_id": installed, "failures": 0}
    rows.update(**changes, last_status=status, last_run_at=clock.now())


def _try_again(run: TargetRun, error: ExpectedError | None) -> None:
    """The certificate before it is wanted there by now, and a deployment brings it as it brings every other.

    Where there was none the kept files can come back by an undoing alone.
    """
    place = place_of(run)
    if place is None:
        return
    due = when_again(place, error)
    if reconcile_target(place, at=due) is None and due and not open_runs(place).exists():
        create_run(place, TargetRun.Kind.UNDO, by="", at=due, interactive=False, deployment=run.deployment)

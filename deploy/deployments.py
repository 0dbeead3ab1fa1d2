"""`Deploy now`: one certificate to every target and panel of a domain."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from auditlog.events import Actor, record
from certificates.models import Certificate
from config.lib import clock
from config.lib.errors import NeedsUser
from deploy.missing import missing_for
from deploy.models import Deployment, PanelTarget, Target, TargetRun
from deploy.paying import require_affordable
from deploy.reconcile import Place, label_of, start_run
from deploy.result import SUPERSEDED
from deploy.settling import settle_deployment
from domains.models import Domain


def newest_certificate(domain: Domain) -> Certificate | None:
    """What `Deploy now` takes: of those with a key that are valid and not revoked the one that was stored last."""
    rows = Certificate.objects.for_workspace(domain.workspace_id).filter(domain=domain, private_key__isnull=False)
    return rows.filter(not_after__gt=clock.now(), revoked_at=None).order_by("-created_at").first()


def ready_targets(domain: Domain) -> list[Target]:
    """Targets that a deployment reaches, in order; drafts never."""
    rows = Target.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_draft=False)
    return list(rows.select_related("server", "domain").order_by("position", "created_at"))


def ready_panels(domain: Domain) -> list[PanelTarget]:
    """Panels that a deployment reaches; drafts never."""
    rows = PanelTarget.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_draft=False)
    return list(rows.select_related("account", "domain").order_by("created_at"))


def ready_places(domain: Domain) -> list[Place]:
    return [*ready_targets(domain), *ready_panels(domain)]


def running_deployment(domain: Domain) -> Deployment | None:
    rows = Deployment.objects.for_workspace(domain.workspace_id)
    return rows.filter(domain=domain, state=Deployment.State.RUNNING).order_by("-created_at").first()


def require_deployable(domain: Domain, certificate: Certificate | None = None) -> tuple[Certificate, list[Place]]:
    """What would be deployed to where.

    Raises NeedsUser deploy_no_certificate, deploy_no_target, each with all that is missing.
    """
    chosen = certificate or newest_certificate(domain)
    places = ready_places(domain)
    if chosen is None or not places:
        code = "deploy_no_certificate" if chosen is None else "deploy_no_target"
        missing = missing_for(domain, has_certificate=chosen is not None)
        raise NeedsUser(code, host=domain.label, missing="; ".join(missing))
    return chosen, places


def start_deployment(
    *, domain: Domain, certificate: Certificate | None, actor: Actor, may_wait: bool = False
) -> tuple[Deployment, bool]:
    """Deploy `certificate` (the newest when None) to all targets and panels; (row, whether it is new).

    While one runs for the domain that one is returned, unless another certificate is asked for: then the new one
    follows it. Raises NeedsUser deploy_no_certificate, deploy_no_target and, unless it `may_wait`, balance_too_low.
    """
    chosen, places = require_deployable(domain, certificate)
    with transaction.atomic():
        # One click at a time. Not its key: a certificate that was stored in this transaction refers to it already,
        # and two of them would each wait for the other.
        Domain.unscoped.select_for_update(no_key=True).filter(pk=domain.pk).first()
        running = running_deployment(domain)
        if running and running.certificate_id == chosen.pk:
            return running, False
        if actor.kind != "system" and not may_wait:
            # What begins by itself waits for the balance instead, and says so.
            require_affordable(domain, chosen, places)
        return _create(domain, chosen, places, actor), True


def _create(domain: Domain, certificate: Certificate, places: Sequence[Place], actor: Actor) -> Deployment:
    deployment = Deployment.objects.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        certificate=certificate,
        fingerprint_sha256=certificate.fingerprint_sha256,
        requested_by=actor.label,
    )
    end_waiting(domain)
    for place in places:
        start_run(place=place, deployment=deployment, interactive=actor.kind != "system")
    record(
        "deployment.started",
        workspace_id=domain.workspace_id,
        actor=actor,
        domain_id=domain.pk,
        domain_label=domain.label,
        run_id=deployment.pk,
        data={
            "deployment": str(deployment.pk),
            "names": ", ".join(certificate.names),
            "targets": [label_of(place) for place in places],
        },
    )
    return deployment


def end_waiting(domain: Domain) -> None:
    """Runs of earlier deployments that wait for their time are answered by this one."""
    _end_waiting_undos(domain)
    rows = TargetRun.objects.for_workspace(domain.workspace_id).filter(domain=domain, kind=TargetRun.Kind.DEPLOY)
    waiting = rows.filter(state=TargetRun.State.WAITING, run_after__gt=clock.now(), lease_token__isnull=True)
    same_place = Q(target=OuterRef("target")) | Q(panel_target=OuterRef("panel_target"))
    ended = rows.filter(same_place, deployment=OuterRef("deployment"), ended_at__isnull=False)
    waiting.filter(Exists(ended)).delete()  # A retry: what it would have tried again speaks for itself.
    earlier = list(Deployment.unscoped.filter(runs__in=waiting).distinct())
    waiting.update(
        state=TargetRun.State.FAILED,
        outcome=TargetRun.Outcome.FAILED,
        error_code=SUPERSEDED,
        run_after=None,
        ended_at=clock.now(),
    )
    for deployment in earlier:
        settle_deployment(deployment)


def _end_waiting_undos(domain: Domain) -> None:
    """Retries alone: what they would have tried again speaks for itself."""
    rows = TargetRun.objects.for_workspace(domain.workspace_id).filter(domain=domain, kind=TargetRun.Kind.UNDO)
    waiting = rows.filter(state=TargetRun.State.WAITING, run_after__gt=clock.now(), lease_token__isnull=True)
    ended = rows.filter(target=OuterRef("target"), deployment=OuterRef("deployment"), ended_at__isnull=False)
    waiting.filter(Exists(ended)).delete()

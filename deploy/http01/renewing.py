"""`Renew now` as one run: the issuance that it starts, and the deployment that follows. A view, no state of its own."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import Http404

from accounts.models import Workspace
from auditlog.events import sentence
from auditlog.models import Event
from certificates.models import Issuance, Renewal
from certificates.shapes import show_error
from config.lib.errors import describe
from deploy.models import Deployment, TargetRun

State = TargetRun.State
_ENDS = {
    Deployment.State.RUNNING: State.RUNNING,
    Deployment.State.DEPLOYED: State.SUCCEEDED,
    Deployment.State.PARTIAL: State.PARTIAL,
    Deployment.State.FAILED: State.FAILED,
}


EVENTS_TOLD = 200


@dataclass(frozen=True)
class RenewalRun:
    """`issuance` is None until the sweep has started it, `deployment` until there is something to install."""

    pk: uuid.UUID
    issuance: Issuance | None = None
    deployment: Deployment | None = None
    renewal: Renewal | None = None

    @property
    def state(self) -> str:
        if self.deployment:
            return _ENDS[Deployment.State(self.deployment.state)]
        if self.issuance is None:
            return State.WAITING
        if self.issuance.is_open:
            return State.RUNNING
        return State.SUCCEEDED if self.issuance.state == Issuance.State.ISSUED else State.FAILED

    @property
    def error(self) -> dict[str, str] | None:
        if self.issuance:
            return show_error(self.issuance)
        if self.renewal is None or not self.renewal.error_code:
            return None
        wording = describe(self.renewal.error_code, self.renewal.error_params)
        return {"code": wording.code, "detail": f"{wording.title}. {wording.why}".strip(), "fix": wording.fix}


def find_renewal_run(workspace: Workspace, key: uuid.UUID) -> RenewalRun:
    """By the id that `renew_now` gave. Raises Http404."""
    issuance = Issuance.objects.for_workspace(workspace).filter(pk=key).first()
    if issuance is None:
        renewal = Renewal.objects.for_workspace(workspace).filter(asked_as=key).first()
        if renewal is None:
            raise Http404
        return RenewalRun(key, renewal=renewal)
    return RenewalRun(key, issuance, _first_deployment(issuance) if issuance.certificate_id else None)


def _first_deployment(issuance: Issuance) -> Deployment | None:
    """By which its certificate came to the servers; later ones belong to whoever asked for them."""
    rows = Deployment.objects.for_workspace(issuance.workspace_id)
    return rows.filter(domain=issuance.domain_id, certificate=issuance.certificate_id).order_by("created_at").first()


def show_renewal_run(run: RenewalRun) -> dict[str, Any]:
    """In the shape of every run."""
    return {
        "id": run.pk,
        "kind": "renew",
        "state": run.state,
        "ok": run.state == State.SUCCEEDED,
        "target": None,
        "panel": None,
        "issuance": run.issuance.pk if run.issuance else None,
        "deployment": run.deployment.pk if run.deployment else None,
        "host_key_fingerprint": None,
        "steps": [],
        "error": run.error,
        "events": [
            {"at": event.at, "kind": event.kind, "severity": event.severity, "text": sentence(event)}
            for event in _events(run)
        ],
    }


def _events(run: RenewalRun) -> list[Event]:
    """From whoever asked for it to what its deployment came to."""
    about = run.issuance or run.renewal
    if about is None:
        return []
    ours = Q(data__issuance=str(run.pk)) | Q(run_id=run.deployment.pk if run.deployment else run.pk)
    rows = Event.objects.for_workspace(about.workspace_id).filter(ours, domain_id=about.domain_id)
    return list(rows.order_by("at", "id")[:EVENTS_TOLD])

"""A few lines of each sort: changes with before and after, a deployment that failed half-way, an export."""

import uuid
from datetime import timedelta
from typing import Any

from auditlog.chain import seal_settled
from auditlog.events import Actor, record
from auditlog.keeping import archive_old
from config.lib import clock
from deploy.models import Deployment, RunStep, TargetRun
from domains.models import Domain

ANN = Actor("user", id=uuid.UUID(int=5), label="ann@acme.example", ip="203.0.113.9")

STEPS = (
    ("Connect as deploy@web-01", ""),
    ("Write /etc/ssl/acme/fullchain.pem", ""),
    ("sudo -n systemctl reload nginx", "sudo_needs_rule"),
)
PARAMS = {"command": "systemctl reload nginx", "username": "deploy", "host": "web-01"}


def plant(workspace: str) -> None:
    workspace_id = uuid.UUID(workspace)
    domain = Domain.objects.for_workspace(workspace_id).order_by("host")[0]
    told: dict[str, Any] = {"workspace_id": workspace_id, "actor": ANN}
    about = {**told, "domain_id": domain.pk, "domain_label": domain.label}
    with clock.shifted(-timedelta(days=200)):
        record("domain.verified", alerts=False, **about)
    # Alone under its seal, so that it can leave alone.
    seal_settled()
    with clock.shifted(-timedelta(hours=2)):
        record("member.role_changed", data={"email": "bob@acme.example", "role": "admin", "before": "member"}, **told)
        record("token.created", data={"name": "ci", "prefix": "mmc_4f1a"}, **told)
        before = {"webroot": "/var/www/html", "use_sudo": False, "certificate_directories": ["/etc/ssl/acme"]}
        after = {**before, "webroot": "/srv/www", "use_sudo": True}
        record("target.saved", data={"server": "web-01", "before": before, "after": after}, **about)
        deployment = _deploy(domain)
        data = {"names": domain.label, "summary": "0 of 1 targets serve it", "targets": []}
        record("deployment.failed", data=data, run_id=deployment.pk, **{**about, "actor": None})
    seal_settled()
    record("log.exported", data={"form": "PDF", "filters": "show: security"}, **told)


def _deploy(domain: Domain) -> Deployment:
    owner = {"workspace_id": domain.workspace_id}
    asked = {**owner, "domain": domain, "state": "failed", "requested_by": ANN.label, "created_at": clock.now()}
    deployment = Deployment.unscoped.create(fingerprint_sha256="4f" * 32, **asked)
    run = TargetRun.unscoped.create(kind="deploy", outcome="failed", deployment=deployment, label="web-01", **asked)
    for position, (name, code) in enumerate(STEPS):
        began = clock.now() + timedelta(seconds=position)
        step = {"run": run, "position": position, "name": name, "started_at": began, "ended_at": began}
        state = "failed" if code else "succeeded"
        RunStep.unscoped.create(**step, state=state, error_code=code, error_params=PARAMS, **owner)
    return deployment


def fill(workspace: str) -> None:
    """More than a page holds."""
    for number in range(60):
        data = {"names": "shop.acme.example, www.acme.example", "issuer": f"R{number}", "until": "2027-02-21T18:29:14Z"}
        record("certificate.issued", workspace_id=uuid.UUID(workspace), data=data, alerts=False)


def archive(workspace: str) -> None:
    """What `plant` made old enough leaves the log."""
    archive_old()

"""Verified domains with a certificate on file, without any network, and their rules."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Workspace
from config.lib import clock
from domains.models import Domain, Inspection, Visit
from notifications.models import Rule, Trigger

DAY = timedelta(days=1)


def watched(workspace: Workspace, host: str, *, days: float = 20, lifetime: float = 90, **fields: Any) -> Domain:
    """A domain whose certificate has `days` left of `lifetime`."""
    end = clock.now() + days * DAY
    given: dict[str, Any] = {"verified_at": clock.now(), "expires_at": end, "state": "ok", **fields}
    domain = Domain(workspace=workspace, host=host, **given)
    domain.save(force_insert=True)
    Visit.objects.create(workspace=workspace, domain=domain, issuer_name="Test CA")
    serve(domain, f"{host}-1", end, lifetime=lifetime)
    return domain


def serve(domain: Domain, fingerprint: str, end: datetime, *, lifetime: float = 90) -> None:
    """Another certificate is seen there."""
    inspection = Inspection.objects.create(
        workspace=domain.workspace,
        domain=domain,
        seen_at=clock.now(),
        chain_sha256=fingerprint,
        fingerprint_sha256=fingerprint,
        digest=fingerprint,
    )
    Visit.unscoped.filter(domain=domain).update(
        inspection=inspection, not_before=end - lifetime * DAY, not_after=end, chain_sha256=fingerprint
    )
    Domain.unscoped.filter(pk=domain.pk).update(expires_at=end)


def make_rule(workspace: Workspace, **fields: Any) -> Rule:
    given = {"name": "Thirty", "trigger": Trigger.EXPIRY, "channel": "email", "days_before_expiry": 30, **fields}
    if given["trigger"] != Trigger.EXPIRY:
        given["days_before_expiry"] = None
    rule = Rule(workspace=workspace, **given)
    rule.save(force_insert=True)
    return rule


def only(workspace: Workspace, **fields: Any) -> Rule:
    """The one rule that the workspace has."""
    Rule.objects.for_workspace(workspace).delete()
    return make_rule(workspace, **fields)

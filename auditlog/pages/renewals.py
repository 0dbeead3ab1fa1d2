"""Renewals as one run each: the issuance, the deployment of what it brought, and what came of both in a sentence."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from auditlog.events import sentence
from auditlog.models import Event
from auditlog.pages import issuances
from auditlog.pages.deployments import Deployments
from auditlog.pages.entries import Entry, Part, Step
from certificates.models import Issuance
from config.lib import wording
from deploy.models import Deployment
from domains.models import Domain

_OUTCOMES = {"deployment.succeeded": "succeeded", "deployment.partial": "partial", "deployment.failed": "failed"}
_DEPLOYMENTS = Deployments()


def newest(
    domain: Domain, before: datetime | None, limit: int, *, problems: bool = False
) -> list[tuple[datetime, UUID]]:
    rows = Issuance.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_renewal=True)
    if problems:
        bad = Deployment.objects.for_workspace(domain.workspace_id).filter(certificate=OuterRef("certificate"))
        ended_badly = Exists(bad.filter(state__in=(Deployment.State.PARTIAL, Deployment.State.FAILED)))
        rows = rows.filter(Q(state=Issuance.State.FAILED) | ended_badly)
    if before:
        rows = rows.filter(created_at__lt=before)
    return list(rows.order_by("-created_at", "-id").values_list("created_at", "id")[:limit])


def entries(domain: Domain, keys: Sequence[UUID], unfolded: Container[UUID]) -> list[Entry]:
    if not keys:
        return []
    followed_by = _followed_by(domain, keys)
    shown = [deployment for key, deployment in followed_by.items() if key in unfolded]
    deployed = {entry.key: entry for entry in _DEPLOYMENTS.entries(domain, [*followed_by.values()], shown)}
    under_way = [key for key, deployment in followed_by.items() if not deployed[deployment].is_folded]
    wanted = [*(key for key in keys if key in unfolded), *under_way]
    issued = issuances.entries_of(domain, keys, wanted, are_renewals=True)
    told = _outcomes(domain, [entry.key for entry in deployed.values() if not entry.is_folded])
    return [_together(one, deployed.get(followed_by.get(one.key, one.key)), told) for one in issued]


def run_of(domain: Domain, key: UUID) -> UUID:
    """What `key` is shown with: the issuance, where it is the deployment of a renewal; else itself."""
    deployment = first_deployments(domain).filter(pk=key).first()
    rows = Issuance.objects.for_workspace(domain.workspace_id).filter(domain=domain, is_renewal=True)
    found = rows.filter(certificate=deployment.certificate_id).first() if deployment else None
    return found.pk if found else key


def first_deployments(domain: Domain) -> QuerySet[Deployment]:
    """Those by which a certificate came to its servers first: the others belong to whoever asked for them."""
    rows = Deployment.objects.for_workspace(domain.workspace_id).filter(domain=domain, certificate__isnull=False)
    earlier = Deployment.objects.for_workspace(domain.workspace_id).filter(
        domain=domain, certificate=OuterRef("certificate"), created_at__lt=OuterRef("created_at")
    )
    return rows.filter(~Exists(earlier))


def of_renewals(domain: Domain) -> QuerySet[Deployment]:
    """The deployments that are shown with their renewal."""
    renewed = Issuance.objects.for_workspace(domain.workspace_id).filter(
        domain=domain, is_renewal=True, certificate=OuterRef("certificate")
    )
    return first_deployments(domain).filter(Exists(renewed))


def _followed_by(domain: Domain, keys: Sequence[UUID]) -> dict[UUID, UUID]:
    """Issuance → deployment."""
    rows = Issuance.objects.for_workspace(domain.workspace_id).filter(pk__in=keys, is_renewal=True)
    rows = rows.filter(certificate__isnull=False)
    issued = {certificate: key for key, certificate in rows.values_list("pk", "certificate_id")}
    found = first_deployments(domain).filter(certificate__in=issued)
    return {issued[certificate]: key for key, certificate in found.values_list("pk", "certificate_id")}


def _outcomes(domain: Domain, keys: Sequence[UUID]) -> Mapping[UUID, Event]:
    """The last word on each deployment."""
    rows = Event.objects.for_workspace(domain.workspace_id).filter(run_id__in=keys, kind__in=_OUTCOMES)
    return {event.run_id: event for event in rows.order_by("at", "id") if event.run_id}


def _together(issued: Entry, deployed: Entry | None, told: Mapping[UUID, Event]) -> Entry:
    title = issued.title.replace("Certificate for", "Renewal for", 1)
    if deployed is None:
        return replace(issued, title=title)
    ended = (deployed.at - issued.at).total_seconds() + deployed.seconds if deployed.seconds is not None else None
    at_ca = [replace(part, label="Certificate", state=issued.state, seconds=issued.seconds) for part in issued.parts]
    outcome = told.get(deployed.key)
    return replace(
        issued,
        title=title,
        state=deployed.state,
        parts=[*at_ca, *deployed.parts, *([_last_word(outcome)] if outcome else [])],
        seconds=ended,
        is_open=issued.is_open or deployed.is_open,
        is_folded=issued.is_folded,
        also=deployed.key,
    )


def _last_word(event: Event) -> Part:
    """As the notification tells it: status, targets, how many files and commands."""
    targets = event.data.get("targets", [])
    files, commands = (sum(len(one.get(what, [])) for one in targets) for what in ("files", "commands"))
    servers = ", ".join(str(one.get("server", "")) for one in targets)
    did = f"{wording.counted(files, 'file')} written, {wording.counted(commands, 'command')} run"
    return Part([Step(sentence(event), _OUTCOMES[event.kind], detail=f"{servers}: {did}", key=event.pk)])

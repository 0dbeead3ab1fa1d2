"""Stories out of what is known: a certificate near its end, a finding, an event."""

import zoneinfo
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from auditlog.events import sentence
from auditlog.models import Event
from config.lib import errors, wording
from domains.models import Domain, Finding
from notifications.models import Trigger
from notifications.rules.moments import Life
from notifications.story import Story

DAY = timedelta(days=1)
CRITICAL_DAYS = 7
# RFC 5280 4.1.2.5: there is no end, and no zone can move it.
_NO_END = 9999


def tell_expiring(domain: Domain, life: Life, now: datetime) -> Story:
    """For a domain loaded with visit and workspace."""
    left = days_left(life.not_after, now)
    is_over = life.not_after <= now
    about = {"host": domain.host, "until": _until(life.not_after, domain)}
    title = expiry_title(life.not_after, now)
    why = "The certificate that {host} serves {verb} on {until}.".format(verb="expired" if is_over else "ends", **about)
    return _story(
        domain,
        now,
        # An expired one is told in the words of its title, since none are left to be counted.
        trigger=Trigger.PROBLEM if is_over else Trigger.EXPIRY,
        type="certificate.expired" if is_over else "certificate.expiring",
        subject=life.fingerprint,
        title=title,
        why=why,
        fix="Renew it, and look again: this ends when another certificate is served.",
        severity="critical" if left <= CRITICAL_DAYS else "warning",
        url=page_of(domain),
        data={
            "not_after": life.not_after.isoformat(),
            "days_left": left,
            "fingerprint_sha256": life.fingerprint,
        },
    )


def expiry_title(not_after: datetime, now: datetime) -> str:
    """`The certificate expires in 12 days`, `… expires today`, `… expired 3 days ago`."""
    if not_after > now:
        words = wording.relative(not_after, now)
        return f"The certificate expires {words}"
    return f"The certificate expired {wording.relative(not_after, now)}"


def days_left(not_after: datetime | None, now: datetime) -> int:
    """Whole days; negative once it is over."""
    return (not_after - now) // DAY if not_after else 0


def tell_finding(finding: Finding, domain: Domain, trigger: str, now: datetime, *, is_reminder: bool = False) -> Story:
    """Something is wrong, in the catalogue's words; a reminder says since when."""
    words = errors.describe(finding.code, finding.params)
    since = f" It has been so for {wording.span((now - finding.opened_at).total_seconds())}." if is_reminder else ""
    return _story(
        domain,
        now,
        trigger=trigger,
        type="incident.reminder" if is_reminder else "incident.opened",
        subject=str(finding.pk),
        title=words.title,
        why=f"{words.why}{since}",
        fix=words.fix,
        severity=finding.severity,
        url=page_of(domain),
        data={"finding": str(finding.pk), "code": finding.code, "source": finding.source},
    )


def tell_event(event: Event, domain: Domain | None, trigger: str) -> Story:
    """Something happened, in the words of the activity log, with what its data say beside them."""
    told = _outcome(event)
    return _story(
        domain,
        event.at,
        trigger=trigger,
        type=_TYPES.get(event.kind, event.kind),
        subject=subject_of(event),
        title=told.pop("title", sentence(event)),
        why=told.pop("why", ""),
        fix=told.pop("fix", ""),
        severity=event.severity,
        url=activity_of(event),
        facts=tuple(told.items()),
        data={"event": str(event.pk), "kind": event.kind},
        label=event.domain_label,
        issuer=str(event.data.get("issuer") or ""),
        not_after=_moment(event.data.get("not_after")),
    )


def subject_of(event: Event) -> str:
    """What it is about: a finding; of a domain's issuing and deploying whatever comes, since one end settles all."""
    if event.kind in _STATUS:
        return "issuance" if event.kind in ISSUING else "deployment"
    return str(event.data.get("finding") or event.pk)


ISSUING = frozenset({"certificate.issued", "issuance.failed", "renewal.refused"})
_TYPES = {
    "certificate.issued": "renewal.succeeded",
    "deployment.succeeded": "renewal.succeeded",
    "deployment.partial": "renewal.failed",
    "deployment.failed": "renewal.failed",
    "issuance.failed": "renewal.failed",
    "renewal.refused": "renewal.failed",
    "domain.certificate_changed": "certificate.changed",
    "finding.closed": "site.up",
}
_STATUS = {
    "certificate.issued": "issued",
    "deployment.succeeded": "succeeded",
    "deployment.partial": "succeeded in part",
    "deployment.failed": "failed",
    "issuance.failed": "failed",
    "renewal.refused": "not begun",
}


def _outcome(event: Event) -> dict[str, str]:
    """title, why and fix, and whatever else is to be told of a renewal: status, targets, files, commands, error."""
    if event.kind == "finding.closed":
        return {"title": "The site is up again", "why": f"Over: {event.data.get('title', '')}."}
    if event.kind == "domain.certificate_changed":
        return {"title": "Another certificate is served", "why": f"{sentence(event)}."}
    if event.kind not in _STATUS:
        return {}
    targets = event.data.get("targets", [])
    broken = next((one for one in targets if one.get("code")), event.data)
    words = errors.describe(broken["code"], broken.get("params")) if broken.get("code") else None
    facts = {"Status": _STATUS[event.kind], **_targets(targets)}
    if words is None:
        return {"why": _in_lines(facts), **facts}
    facts["Error"] = words.title
    return {"why": "\n".join([words.title, words.why, "", _in_lines(facts)]), "fix": words.fix, **facts}


def _targets(targets: list[Mapping[str, Any]]) -> dict[str, str]:
    if not targets:
        return {}
    return {
        "Targets": ", ".join(f"{one.get('server', '')} ({one.get('state', '')})" for one in targets),
        "Files written": str(sum(len(one.get("files", [])) for one in targets)),
        "Commands run": str(sum(len(one.get("commands", [])) for one in targets)),
    }


def _in_lines(facts: Mapping[str, str]) -> str:
    return "\n".join(f"{label}: {value}" for label, value in facts.items())


def _story(
    domain: Domain | None,
    at: datetime,
    *,
    title: str,
    label: str = "",
    issuer: str = "",
    not_after: datetime | None = None,
    facts: tuple[tuple[str, str], ...] = (),
    **told: Any,
) -> Story:
    visit = getattr(domain, "visit", None)
    until = not_after or (visit.not_after if visit else None)
    known = {
        "domain": domain.label if domain else label,
        "host": domain.host if domain else label,
        "days_left": str(days_left(until, at)) if until else "",
        "issuer": issuer or (visit.issuer_name if visit else ""),
        "expires": _until(until, domain) if until else "",
    }
    texts = {"title": title, "why": told["why"], "fix": told["fix"], "url": told["url"]}
    values = {**known, **texts, "workspace": domain.workspace.name if domain else ""}
    shown = (("Domain", known["domain"]), ("Issued by", known["issuer"]), ("Expires", known["expires"]))
    return Story(
        domain=domain,
        at=at,
        title=title,
        values=values,
        facts=tuple((name, value) for name, value in (*shown, *facts) if value),
        **told,
    )


def _until(not_after: datetime, domain: Domain | None) -> str:
    """The day, by the workspace's zone, always with its year: a message may be read much later."""
    zone = zoneinfo.ZoneInfo(domain.workspace.time_zone if domain else "UTC")
    local = not_after if not_after.year >= _NO_END else not_after.astimezone(zone)
    return f"{local.day} {local:%B %Y}"


def page_of(domain: Domain) -> str:
    return settings.SITE_URL + reverse("domains:domain-overview", args=[domain.workspace_id, domain.pk])


def activity_of(event: Event) -> str:
    """Where the event stands among the others of its domain."""
    if event.domain_id is None or event.workspace_id is None:
        return f"{settings.SITE_URL}/"
    page = settings.SITE_URL + reverse("auditlog:domain-activity", args=[event.workspace_id, event.domain_id])
    run = event.data.get("deployment") or event.data.get("issuance")
    return f"{page}?open={run}#run-{run}" if run else page


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None

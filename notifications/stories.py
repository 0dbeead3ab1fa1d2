"""What a mail says about an event: each kind its own template, all of them from the event alone."""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.models import Workspace
from auditlog.events import sentence
from auditlog.models import Event
from config.lib import clock, errors, lifeline, states, wording

type Context = dict[str, Any]


@dataclass(frozen=True)
class Told:
    subject: str
    text: str
    html: str


def tell(event: Event, workspace: Workspace) -> Told:
    """The mail about `event`, in the workspace's time zone."""
    template, build = STORIES.get(event.kind, ("event", _plain))
    context = _common(event, workspace) | build(event, workspace)
    base = f"notifications/mail/{template}"
    context["subject"] = " ".join(render_to_string(f"{base}_subject.txt", context).split())
    return Told(
        subject=context["subject"],
        # Parts that have nothing to say leave their empty lines behind.
        text=re.sub(r"\n{3,}", "\n\n", render_to_string(f"{base}.txt", context)),
        html=render_to_string(f"{base}.html", context),
    )


def _common(event: Event, workspace: Workspace) -> Context:
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "event": event,
        "domain": event.domain_label,
        "happened": sentence(event),
        "at": wording.exact(event.at),
        "by": event.actor_label,
        "workspace": workspace,
        "action_url": _activity_url(event),
        "action_label": "Open the activity log",
    }


def _activity_url(event: Event) -> str:
    """The run that the event ends, unfolded, among the others of its domain."""
    if event.domain_id is None:
        return settings.SITE_URL + "/"
    page = settings.SITE_URL + reverse("auditlog:domain-activity", args=[event.workspace_id, event.domain_id])
    run = event.data.get("deployment") or event.data.get("issuance")
    return f"{page}?open={run}#run-{run}" if run else page


def _deployment(event: Event, workspace: Workspace) -> Context:
    """One line per target; on failure the words of its error, with what to paste."""
    outcome = event.kind.rpartition(".")[2]
    targets = [_target(told) for told in event.data.get("targets", [])]
    return {
        "outcome": outcome,
        # The event itself is the portal's own: it comes when the last target has ended.
        "by": event.data.get("requested_by", ""),
        "tone": {"succeeded": "ok", "partial": "due"}.get(outcome, "bad"),
        "targets": targets,
        "files": sum(target["files"] for target in targets),
        "commands": sum(target["commands"] for target in targets),
        "certificate": _certificate(event.data, workspace),
    }


def _target(told: Mapping[str, Any]) -> Context:
    look = states.look(str(told.get("state", "")))
    files, commands = len(told.get("files", [])), len(told.get("commands", []))
    return {
        "server": told.get("server", ""),
        "word": look.word,
        "tone": look.tone,
        "files": files,
        "commands": commands,
        "did": f"{wording.counted(files, 'file')} written, {wording.counted(commands, 'command')} run",
        "problem": _problem(told),
    }


def _issuance(event: Event, workspace: Workspace) -> Context:
    return {"certificate": _certificate(event.data, workspace), "problem": _problem(event.data)}


def _delivery(event: Event, workspace: Workspace) -> Context:
    page = settings.SITE_URL + reverse("notifications:gateway-list", args=[workspace.pk])
    return {"problem": _problem(event.data), "action_url": page, "action_label": "Open notification gateways"}


def _billing(event: Event, workspace: Workspace) -> Context:
    page = settings.SITE_URL + reverse("billing:home", args=[workspace.pk])
    return {"problem": _problem(event.data), "action_url": page, "action_label": "Open Billing"}


def _plain(event: Event, workspace: Workspace) -> Context:
    return {}


def _problem(told: Mapping[str, Any]) -> errors.Wording | None:
    code = told.get("code")
    return errors.describe(code, told.get("params")) if code else None


def _certificate(told: Mapping[str, Any], workspace: Workspace) -> Context | None:
    """Names, issuer and the lifeline as text; None when the event names no certificate."""
    not_before, not_after = _moment(told.get("not_before")), _moment(told.get("not_after"))
    if not_before is None or not_after is None:
        return None
    zone = zoneinfo.ZoneInfo(workspace.time_zone)
    line = lifeline.draw(not_before, not_after, clock.now(), _moment(told.get("renew_at")), zone)
    return {
        "names": told.get("names", ""),
        "issuer": told.get("issuer", ""),
        "fingerprint": str(told.get("fingerprint_sha256", ""))[:16].upper(),
        "lifeline": lifeline.as_text(line),
        # A phone breaks the longer one in the middle of the bar.
        "short_lifeline": lifeline.as_text(line, width=24).replace("] ", "]\n", 1),
        "until": wording.day(not_after, clock.now(), zone),
    }


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


STORIES: dict[str, tuple[str, Callable[[Event, Workspace], Context]]] = {
    "deployment.succeeded": ("deployment", _deployment),
    "deployment.partial": ("deployment", _deployment),
    "deployment.failed": ("deployment", _deployment),
    "certificate.issued": ("issuance", _issuance),
    "issuance.failed": ("issuance", _issuance),
    "renewal.refused": ("issuance", _issuance),
    "delivery.failed": ("delivery", _delivery),
    "delivery.capped": ("delivery", _delivery),
    "gateway.disabled": ("delivery", _delivery),
    "billing.topped_up": ("billing", _billing),
    "billing.auto_topped_up": ("billing", _billing),
    "billing.auto_top_up_failed": ("billing", _billing),
    "billing.balance_low": ("billing", _billing),
    "billing.payment_held_back": ("billing", _billing),
}

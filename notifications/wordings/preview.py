"""What a text makes of a real domain of the workspace: the message as it would be sent now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accounts.models import Workspace
from config.lib import errors
from domains.models import Domain, Finding
from notifications.message import Message
from notifications.models import AlertTemplate, Trigger
from notifications.rules.events import trigger_of
from notifications.rules.matching import ENDING_FIRST
from notifications.rules.moments import life_of
from notifications.rules.telling import page_of, tell_expiring, tell_finding
from notifications.story import Story
from notifications.wordings.composing import compose
from notifications.wordings.saving import InvalidTemplate, check_texts
from notifications.wordings.variables import VARIABLES

OFFERED = 50
# The days that the examples of the variables speak of.
_EXAMPLE_LEFT = timedelta(days=12, hours=1)


@dataclass(frozen=True)
class Preview:
    """`is_example`: what happened is made up, since nothing of the kind is so now. `trouble`: why there is none."""

    message: Message | None
    domain: Domain | None
    is_example: bool = False
    trouble: errors.Wording | None = None


def domains_offered(workspace: Workspace) -> list[str]:
    """Labels of the domains that end first, for the field that chooses one."""
    rows = Domain.objects.for_workspace(workspace).order_by(*ENDING_FIRST)
    return [domain.label for domain in rows[:OFFERED]]


def find_domain(workspace: Workspace, wanted: str) -> Domain | None:
    """The one that is meant by what was typed, else the one that ends first, else any."""
    rows = Domain.objects.for_workspace(workspace).select_related("workspace", "visit__inspection")
    label = wanted.replace("\0", "").strip().lower()
    host = label.partition(":")[0]
    named = rows.filter(host__startswith=host).order_by("host", "port", "id") if host else rows.none()
    exact = next((one for one in named[:OFFERED] if one.label == label), None)
    return exact or named.first() or rows.order_by(*ENDING_FIRST).first()


def preview_of(
    *, workspace: Workspace, channel: str, subject: str, body: str, trigger: str, wanted: str, now: datetime
) -> Preview:
    """Writes nothing; what is wrong with the text is its `trouble`."""
    domain = find_domain(workspace, wanted)
    try:
        texts = check_texts(channel, name="preview", subject=subject, body=body)
    except InvalidTemplate as error:
        return Preview(None, domain, trouble=errors.describe(error.code, error.params))
    story = _real(domain, trigger, now) if domain else None
    told = story or _example(workspace, domain, trigger, now)
    template = AlertTemplate(channel=channel, subject=texts["subject"], body=texts["body"])
    message = compose(told, channel=channel, template=template, dedup_key="preview")
    return Preview(message, domain, is_example=story is None)


def _real(domain: Domain, trigger: str, now: datetime) -> Story | None:
    """By the certificate that the domain serves, or by what is wrong with it at this moment."""
    if trigger == Trigger.EXPIRY:
        life = life_of(domain) if hasattr(domain, "visit") else None
        return tell_expiring(domain, life, now) if life else None
    finding = next((one for one in _open_findings(domain) if trigger_of(one) == trigger), None)
    return tell_finding(finding, domain, trigger, now) if finding else None


def _open_findings(domain: Domain) -> Sequence[Finding]:
    return list(Finding.objects.for_workspace(domain.workspace_id).filter(domain=domain, closed_at=None))


def _example(workspace: Workspace, domain: Domain | None, trigger: str, now: datetime) -> Story:
    """The examples of the variables, with the domain's own facts where there is one."""
    known = {name: one.example for name, one in VARIABLES.items() if trigger in one.triggers}
    end = now + _EXAMPLE_LEFT
    known |= {"workspace": workspace.name, "title": _TITLES.get(trigger, known["title"])}
    known["expires"] = f"{end.day} {end:%B %Y}"
    if domain is not None:
        known |= {"domain": domain.label, "host": domain.host, "url": page_of(domain)}
    life = life_of(domain) if domain is not None and hasattr(domain, "visit") else None
    story = Story(
        trigger=trigger,
        type="preview",
        subject="preview",
        domain=domain,
        at=now,
        title=known["title"],
        url=known["url"],
        values=known,
        data={"not_after": end.isoformat()} if trigger == Trigger.EXPIRY else {},
        facts=tuple((one.fact, one.example) for one in VARIABLES.values() if one.fact and trigger in one.triggers),
    )
    if domain is None or life is None:
        return story
    own = tell_expiring(domain, life, now).values
    return replace(story, values={**known, **{name: own[name] for name in ("days_left", "issuer", "expires")}})


_TITLES: Mapping[str, str] = {
    Trigger.RENEWAL: "The new certificate was deployed",
    Trigger.RENEWAL_FAILED: "The new certificate was not deployed",
    Trigger.OVERDUE: "The renewal is overdue",
    Trigger.PROBLEM: "The chain is incomplete",
    Trigger.CHANGED: "Another certificate is served",
    Trigger.SITE: "The site is down",
    Trigger.READINESS: "The next renewal would fail",
    Trigger.BALANCE: "The balance is too low for the next renewal",
}

"""One message a day or a week instead of one for each domain: all that expires, at 08:00 of the workspace's zone."""

import logging
import uuid
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Workspace
from config.lib import clock, jobs
from config.lib.crash import crash_here
from config.lib.errors import ExpectedError
from domains.models import Domain, Finding
from notifications.message import Message
from notifications.models import Delivery, Digest, Rule
from notifications.outbox import put_out, write_out
from notifications.rules.events import NEAR_THE_END
from notifications.rules.matching import domains_of
from notifications.rules.moments import life_of, opening
from notifications.rules.telling import days_left, expiry_title
from notifications.story import Story
from notifications.tickets.closing import end_thread

log = logging.getLogger("notifications")

AT = time(8, 0)
MONDAY = 0
LISTED_AT_MOST = 200
CRITICAL_DAYS = 7


def next_gathering(every: str, zone: zoneinfo.ZoneInfo, now: datetime) -> datetime:
    """The next 08:00 by the zone's clock after `now`, of a Monday when weekly; in UTC. Pure."""
    day = now.astimezone(zone).date()
    while True:
        at = datetime.combine(day, AT, zone).astimezone(UTC)
        if at > now and (every != Rule.DigestEvery.WEEKLY or day.weekday() == MONDAY):
            return at
        day += timedelta(days=1)


def plan_digest(rule: Rule) -> None:
    """Bring the row in line with the rule: one that gathers and is not paused has one. Repeatable."""
    if not rule.digest or rule.paused_at is not None:
        Digest.objects.for_workspace(rule.workspace_id).filter(rule=rule).delete()
        return
    zone = zoneinfo.ZoneInfo(rule.workspace.time_zone)
    at = next_gathering(rule.digest, zone, clock.now())
    # The lease goes as well: whoever gathers by the rule as it was must not write.
    planned = {"workspace_id": rule.workspace_id, "run_after": at, "lease_token": None, "lease_until": None}
    Digest.unscoped.update_or_create(rule=rule, defaults=planned)


def follow_zone(workspace: Workspace, changed: Mapping[str, Any]) -> None:
    """08:00 is another moment now."""
    if "time_zone" in changed:
        for rule in Rule.objects.for_workspace(workspace).exclude(digest="").select_related("workspace"):
            plan_digest(rule)


def gather_due(batch: Sequence[Digest]) -> None:
    """Repeatable: the day is in the key, and the next one is planned in the same transaction."""
    for digest in batch:
        rule = Rule.unscoped.select_related("workspace", "gateway", "template").get(pk=digest.rule_id)
        now = clock.now()
        rows = _deliveries(rule, digest, now)
        crash_here("notify.digest_read")
        next_at = next_gathering(rule.digest, zoneinfo.ZoneInfo(rule.workspace.time_zone), now)
        digest.finish(run_after=next_at, also=partial(_write, rule, rows))
        crash_here("notify.digest_done")


def _write(rule: Rule, rows: Sequence[Delivery]) -> None:
    """A day without anything to tell is the end of what was told before."""
    told = rows or end_thread(rule.workspace_id, thread_of_digest(rule), "Nothing is near its end any more.")
    write_out(told)
    if told:
        jobs.ring("delivery")


def thread_of_digest(rule: Rule) -> str:
    return f"digest-{rule.pk.hex}"


def give_up(digest: Digest, error: ExpectedError) -> None:
    """Tried again on the next day; the log has it."""
    log.error("digest.failed", extra={"digest": str(digest.pk), "code": error.code})
    digest.finish(
        run_after=clock.now() + timedelta(days=1), error_code=error.code, error_params=jobs.storable(error.params)
    )


@dataclass(frozen=True)
class Gathered:
    """The certificates inside a rule's days: `listed` are the next to expire, at most LISTED_AT_MOST of `count`."""

    listed: Sequence[Domain]
    count: int


def gathered_by(rule: Rule, now: datetime) -> Gathered:
    """Counted by the database, since there may be 100,000: the days of a rule that gathers are as written."""
    rows = _near_the_end(rule, now)
    listed = list(rows[:LISTED_AT_MOST])
    return Gathered(listed, len(listed) if len(listed) < LISTED_AT_MOST else rows.count())


def _deliveries(rule: Rule, digest: Digest, now: datetime) -> list[Delivery]:
    zone = zoneinfo.ZoneInfo(rule.workspace.time_zone)
    # Of the day for which it was planned: one that is late is still that day's.
    day = (digest.run_after or now).astimezone(zone).date()
    found = gathered_by(rule, now)
    if not found.count:
        return []
    message = digest_message(rule, found, now)
    story = Story("", "certificates.expiring", str(rule.pk), None, now, message.subject)
    return put_out(rule, story, f"digest:{day.isoformat()}", message=message)


def expiring_under(rule: Rule, now: datetime) -> Iterator[Domain]:
    """The domains that the rule has something to say about, the next to expire first."""
    for domain in _near_the_end(rule, now):
        life = life_of(domain)
        if life is not None and opening(rule, life) <= now:
            yield domain


def _near_the_end(rule: Rule, now: datetime) -> QuerySet[Domain]:
    horizon = now + timedelta(days=rule.days_before_expiry or 0)
    acknowledged = Finding.objects.for_workspace(rule.workspace_id).filter(
        closed_at=None, acknowledged_at__isnull=False, code__in=NEAR_THE_END
    )
    seen = domains_of(rule).filter(visit__not_after__isnull=False, visit__inspection__isnull=False)
    rows = seen.filter(expires_at__lte=horizon).exclude(pk__in=acknowledged.values("domain"))
    return rows.select_related("workspace", "visit__inspection").order_by("expires_at", "id")


def digest_message(rule: Rule, found: Gathered, now: datetime) -> Message:
    """Its own form: a template is about one domain."""
    count, first = found.count, found.listed[0]
    subject = f"{first.label}: {expiry_title(_end(first), now).lower()}"
    if count > 1:
        subject = f"{count:,} certificates have expired or expire within {rule.days_before_expiry} days"
    lines = [_line(domain, now) for domain in found.listed]
    if count > len(lines):
        lines.append(f"… and {count - len(lines):,} more")
    left = days_left(_end(first), now)
    return Message(
        type="certificates.expiring",
        subject=subject,
        body="\n".join([f"{subject}:", "", *lines] if count > 1 else lines),
        url=settings.SITE_URL + reverse("domains:domain-list", args=[rule.workspace_id]),
        dedup_key=thread_of_digest(rule),
        severity="critical" if left <= CRITICAL_DAYS else "warning",
        facts=(("Workspace", rule.workspace.name), ("Certificates", f"{count:,}")),
        data={"domains": [_plain(domain) for domain in found.listed], "count": count},
    )


def _line(domain: Domain, now: datetime) -> str:
    end = _end(domain)
    zone = zoneinfo.ZoneInfo(domain.workspace.time_zone)
    by = f", {domain.visit.issuer_name}" if domain.visit.issuer_name else ""
    words = expiry_title(end, now).removeprefix("The certificate ")
    return f"{domain.label} {words} ({end.astimezone(zone):%Y-%m-%d}{by})"


def _plain(domain: Domain) -> dict[str, str]:
    return {"domain": domain.label, "not_after": _end(domain).isoformat()}


def _end(domain: Domain) -> datetime:
    end = domain.visit.not_after
    if end is None:
        raise LookupError(f"no certificate was seen at {domain.pk}")
    return end


def gathering_at(rules: Sequence[Rule]) -> dict[uuid.UUID, datetime | None]:
    """When each of these gathers next."""
    rows = Digest.unscoped.filter(rule__in=rules)  # unscoped: the rules are scoped
    return dict(rows.values_list("rule_id", "run_after"))

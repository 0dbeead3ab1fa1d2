"""When a rule fires next. Pure: the sweep, the preview and the Alerts tab of a domain all ask here.

Rules, alarms and findings are taken as rows, saved or not; nothing is read from the database.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from domains.models import Domain, Finding, Mode
from notifications.models import Alarm, Rule

# The share of a lifetime that stands for the days of each rule that a workspace begins with: a certificate of
# six days would otherwise be warned of from its first second.
LIFETIME_SHARES = {30: 3, 14: 6, 7: 12}
# A renewal counts as overdue when this share of the time from its planned moment to expiry has passed.
OVERDUE_SHARE = 10
# Who renews by themselves without a planned moment does so with a third of the life left, as ACME clients do.
USUAL_RENEWAL_SHARE = 3


@dataclass(frozen=True, slots=True)
class Life:
    """The certificate that a domain serves, and whether anybody renews it; `fingerprint` tells one from the next."""

    fingerprint: str
    not_before: datetime | None
    not_after: datetime
    mode: str = Mode.MONITOR
    renew_at: datetime | None = None

    @property
    def renews_itself(self) -> bool:
        return self.mode == Mode.ACME_AUTO or self.renew_at is not None


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is when the rule fires next, past or present: it is due; None: never. `round` is the one that is next.

    `why` is a code of `notifications.rules.upcoming.WORDS`: what keeps it silent until `at`, or for good.
    """

    at: datetime | None
    round: int = 0
    why: str = ""

    def is_due(self, now: datetime) -> bool:
        return self.at is not None and self.at <= now


def life_of(domain: Domain) -> Life | None:
    """For a domain loaded with its visit and inspection; None as long as no certificate was seen."""
    visit = domain.visit
    if visit.not_after is None or visit.inspection is None:
        return None
    fingerprint = visit.inspection.fingerprint_sha256
    return Life(fingerprint, visit.not_before, visit.not_after, domain.mode, domain.renew_at)


def expiry_moment(
    rule: Rule, life: Life | None, said: Alarm | None, *, cooldown: timedelta, acknowledged_at: datetime | None = None
) -> Moment:
    """Of a rule about days before expiry; `said` is its alarm about this very certificate, if there is one.

    `acknowledged_at` is when somebody acknowledged that the certificate nears its end: it ends the repeating of what
    was said before, and leaves a rule that comes later its turn.
    """
    if rule.paused_at is not None:
        return Moment(None, why="paused")
    if life is None:
        return Moment(None, why="no_certificate")
    opens_at = opening(rule, life)
    if said is None:
        is_held = rule.is_default and life.renews_itself and opens_at > _first(rule, life)
        return Moment(opens_at, why="renews_itself" if is_held else "")
    if is_acknowledged(said, acknowledged_at):
        return Moment(None, said.round + 1, why="acknowledged")
    gap = max(cooldown, (life.not_after - said.fired_at) / 8)
    return Moment(max(opens_at, said.fired_at + gap), said.round + 1, why="cooldown")


def handed_over_at(rule: Rule, rules: Iterable[Rule], life: Life) -> datetime | None:
    """When the next of the rules that a workspace begins with takes over; None: never.

    Of these only the closest to the end speaks: a domain that is added five days before expiry would otherwise be
    told of three times, and all three would remind. Rules that somebody wrote speak each by itself.
    """
    if not rule.is_default:
        return None
    way = (rule.channel, rule.gateway_id, rule.recipients)
    closer = [
        other
        for other in rules
        if other.is_default
        and other.paused_at is None
        and other.trigger == rule.trigger
        and (other.days_before_expiry or 0) < (rule.days_before_expiry or 0)
        and (other.channel, other.gateway_id, other.recipients) == way
    ]
    return min((opening(other, life) for other in closer), default=None)


def until(moment: Moment, ends_at: datetime | None, now: datetime) -> Moment:
    """`moment`, or silence where it would come when another rule has taken over."""
    if ends_at is None or moment.at is None or max(moment.at, now) < ends_at:
        return moment
    return Moment(None, moment.round, why="closer_rule")


def finding_moment(rule: Rule, finding: Finding, said: Alarm | None, *, cooldown: timedelta) -> Moment:
    """Of a rule about something that is wrong: at once, and again after the cooldown as long as it stays so."""
    if rule.paused_at is not None:
        return Moment(None, why="paused")
    if finding.closed_at is not None:
        return Moment(None, why="over")
    if finding.acknowledged_at is not None or (said is not None and said.acknowledged_at is not None):
        return Moment(None, why="acknowledged")
    if said is None:
        return Moment(finding.opened_at)
    return Moment(said.fired_at + cooldown, said.round + 1, why="cooldown")


def is_acknowledged(said: Alarm, acknowledged_at: datetime | None) -> bool:
    if said.acknowledged_at is not None:
        return True
    return acknowledged_at is not None and said.fired_at <= acknowledged_at


def opening(rule: Rule, life: Life) -> datetime:
    """From when on the rule speaks of this certificate at all."""
    first = _first(rule, life)
    return max(first, overdue_at(life)) if rule.is_default and life.renews_itself else first


def days_of(rule: Rule, life: Life) -> timedelta:
    """How long before expiry: as written; of the rules a workspace begins with, at most a share of the lifetime."""
    days = timedelta(days=rule.days_before_expiry or 0)
    share = LIFETIME_SHARES.get(rule.days_before_expiry or 0) if rule.is_default else None
    if share is None or life.not_before is None:
        return days
    return min(days, max(life.not_after - life.not_before, timedelta(0)) / share)


def overdue_at(life: Life) -> datetime:
    """When a renewal that goes by itself should have happened."""
    planned = life.renew_at or _usual_renewal(life)
    return planned + max(life.not_after - planned, timedelta(0)) / OVERDUE_SHARE


def _usual_renewal(life: Life) -> datetime:
    lifetime = life.not_after - life.not_before if life.not_before else timedelta(0)
    return life.not_after - max(lifetime, timedelta(0)) / USUAL_RENEWAL_SHARE


def _first(rule: Rule, life: Life) -> datetime:
    return life.not_after - days_of(rule, life)

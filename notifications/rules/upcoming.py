"""What comes for one domain, and what a rule would send now: by the very functions of the sweep."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domains.models import Domain
from notifications.message import Message
from notifications.models import Rule, Trigger
from notifications.outbox import Outlets, put_out, ways
from notifications.rules.digests import digest_message, gathered_by, gathering_at
from notifications.rules.events import SWEPT
from notifications.rules.matching import rules_for
from notifications.rules.moments import life_of
from notifications.rules.scene import Pending, Scene, scene_of
from notifications.rules.telling import tell_expiring, tell_finding

WORDS: Mapping[str, str] = {
    "paused": "paused",
    "no_certificate": "no certificate was seen yet",
    "not_verified": "ownership is not proven yet",
    "acknowledged": "acknowledged; quiet until something else happens",
    "renews_itself": "the certificate renews by itself; quiet unless that is overdue",
    "closer_rule": "a rule closer to the end speaks now",
    "cooldown": "again after the cooldown",
    "nothing_wrong": "nothing of the kind is wrong",
    "event": "when it happens",
    "digest": "gathered into one message",
}


@dataclass(frozen=True)
class Upcoming:
    """`at` is when the rule speaks of the domain next (past: within seconds), None: not as things are.

    `why` says in words what keeps it silent until then; empty: nothing does.
    """

    rule: Rule
    at: datetime | None
    why: str = ""

    def is_due(self, now: datetime) -> bool:
        return self.at is not None and self.at <= now


def upcoming(domain: Domain, now: datetime) -> list[Upcoming]:
    """Every rule that matches `domain` (loaded with visit__inspection and workspace), in the order they were made."""
    rules = rules_for(domain)
    scene = scene_of(domain, now)
    gathered = gathering_at([rule for rule in rules if rule.digest])
    return [_next_of(rule, domain, scene, gathered, now) for rule in rules]


def _next_of(
    rule: Rule, domain: Domain, scene: Scene, gathered: Mapping[uuid.UUID, datetime | None], now: datetime
) -> Upcoming:
    if rule.paused_at is not None:
        return Upcoming(rule, None, WORDS["paused"])
    if domain.verified_at is None:
        return Upcoming(rule, None, WORDS["not_verified"])
    if rule.digest:
        return Upcoming(rule, gathered.get(rule.pk), WORDS["digest"])
    if rule.trigger not in SWEPT:
        return Upcoming(rule, None, WORDS["event"])
    pending = _soonest(list(scene.moments_of(rule, domain)))
    if pending is None:
        return Upcoming(rule, None, WORDS["nothing_wrong"])
    why = "" if pending.moment.is_due(now) else WORDS.get(pending.moment.why, "")
    return Upcoming(rule, pending.moment.at, why)


def _soonest(pending: Sequence[Pending]) -> Pending | None:
    """The one that comes next, else one that says why none does."""
    timed = [(one.moment.at, number) for number, one in enumerate(pending) if one.moment.at is not None]
    if timed:
        return pending[min(timed)[1]]
    return pending[0] if pending else None


@dataclass(frozen=True)
class Preview:
    """What the rule would send about the domain at this moment, and when it does so next."""

    message: Message | None
    next: Upcoming
    # Why there is no message: the rule is about something that is not so now. Empty where it only reaches nobody.
    silence: str = ""


def preview(rule: Rule, domain: Domain, now: datetime, outlets: Outlets) -> Preview:
    """For a rule, saved or not, loaded with workspace, gateway and template. Writes nothing."""
    coming = _next_of(rule, domain, scene_of(domain, now), gathering_at([rule] if rule.digest else []), now)
    if not ways(rule, outlets):
        return Preview(None, coming)
    message = _digest(rule, now) if rule.digest else _message(rule, domain, now, outlets)
    return Preview(message, coming, "" if message else _silence(rule, domain))


def _digest(rule: Rule, now: datetime) -> Message | None:
    found = gathered_by(rule, now)
    return digest_message(rule, found, now) if found.count else None


def _message(rule: Rule, domain: Domain, now: datetime, outlets: Outlets) -> Message | None:
    """About the certificate, or about the first thing that is wrong."""
    if rule.trigger == Trigger.EXPIRY:
        life = life_of(domain)
        story = tell_expiring(domain, life, now) if life else None
    else:
        pending = next(iter(scene_of(domain, now).moments_of(rule, domain)), None)
        finding = pending.finding if pending else None
        story = tell_finding(finding, domain, rule.trigger, now) if finding else None
    rows = put_out(rule, story, "preview", outlets) if story else []
    return Message.thawed(rows[0].message) if rows else None


def _silence(rule: Rule, domain: Domain) -> str:
    if rule.digest:
        return "No certificate is near enough to its end: no message would be sent."
    if rule.trigger == Trigger.EXPIRY:
        return "No certificate of this domain was seen yet."
    if rule.trigger in SWEPT:
        return f"Nothing of the kind is wrong with {domain.label} now: nothing would be sent."
    return "It is sent when it happens, with what is known then."

"""All that a batch of domains' rules have to be judged by, read at once."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domains.models import Domain, Finding
from notifications.models import Alarm, Delivery, Rule, Trigger
from notifications.outbox import Outlets, put_out, read_outlets
from notifications.rules.events import NEAR_THE_END, SWEPT, trigger_of
from notifications.rules.matching import matching, rules_about, tags_of
from notifications.rules.moments import Life, Moment, expiry_moment, finding_moment, handed_over_at, life_of, until
from notifications.rules.telling import tell_expiring, tell_finding


@dataclass(frozen=True)
class Pending:
    """One rule about one thing of a domain: its certificate, or one of its findings."""

    rule: Rule
    moment: Moment
    said: Alarm | None
    cooldown: timedelta
    life: Life | None = None
    finding: Finding | None = None
    acknowledged_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def subject(self) -> str:
        if self.finding is not None:
            return str(self.finding.pk)
        return self.life.fingerprint if self.life else ""

    def alarm_of_round(self, domain: Domain, now: datetime) -> Alarm:
        """The row that says that this round has been told; the first round's is new."""
        alarm = Alarm(
            workspace_id=domain.workspace_id,
            rule=self.rule,
            domain=domain,
            subject=self.subject,
            finding=self.finding,
            round=self.moment.round,
            fired_at=now,
        )
        if self.said is not None:
            alarm.pk = self.said.pk
        return alarm

    def again(self, alarm: Alarm) -> Moment:
        """When it fires after this round."""
        if self.finding is not None:
            return finding_moment(self.rule, self.finding, alarm, cooldown=self.cooldown)
        again = expiry_moment(self.rule, self.life, alarm, cooldown=self.cooldown, acknowledged_at=self.acknowledged_at)
        return until(again, self.ends_at, alarm.fired_at)


@dataclass(frozen=True)
class Scene:
    """By domain, at `now`. `outlets` are read when the first rule of a workspace fires."""

    now: datetime
    rules: Mapping[uuid.UUID, Sequence[Rule]]
    said: Mapping[tuple[uuid.UUID, uuid.UUID, str], Alarm]
    findings: Mapping[uuid.UUID, Sequence[Finding]]
    outlets: dict[uuid.UUID, Outlets]

    def moments(self, domain: Domain) -> Iterator[Pending]:
        for rule in self.rules.get(domain.pk, ()):
            yield from self.moments_of(rule, domain)

    def moments_of(self, rule: Rule, domain: Domain) -> Iterator[Pending]:
        """One for the certificate, or one for each open finding that the rule is about."""
        cooldown = timedelta(hours=domain.workspace.alert_cooldown_hours)
        if rule.trigger == Trigger.EXPIRY:
            yield self._expiry(rule, domain, cooldown)
            return
        for finding in self.findings.get(domain.pk, ()):
            if trigger_of(finding) == rule.trigger:
                said = self.said.get((domain.pk, rule.pk, str(finding.pk)))
                moment = finding_moment(rule, finding, said, cooldown=cooldown)
                yield Pending(rule, moment, said, cooldown, finding=finding)

    def _expiry(self, rule: Rule, domain: Domain, cooldown: timedelta) -> Pending:
        life = life_of(domain)
        said = self.said.get((domain.pk, rule.pk, life.fingerprint)) if life else None
        acknowledged_at = self._acknowledged_at(domain)
        moment = expiry_moment(rule, life, said, cooldown=cooldown, acknowledged_at=acknowledged_at)
        ends_at = handed_over_at(rule, self.rules.get(domain.pk, ()), life) if life else None
        moment = until(moment, ends_at, self.now)
        return Pending(rule, moment, said, cooldown, life, acknowledged_at=acknowledged_at, ends_at=ends_at)

    def _acknowledged_at(self, domain: Domain) -> datetime | None:
        """When somebody acknowledged that the certificate is near its end, or over."""
        found = self.findings.get(domain.pk, ())
        moments = [one.acknowledged_at for one in found if one.code in NEAR_THE_END and one.acknowledged_at]
        return max(moments, default=None)

    def deliveries(self, one: Pending, alarm: Alarm, domain: Domain, now: datetime) -> list[Delivery]:
        """What this round sends, not yet written."""
        outlets = self.outlets.get(domain.workspace_id)
        if outlets is None:
            outlets = self.outlets[domain.workspace_id] = read_outlets(domain.workspace_id)
        if one.finding is not None:
            story = tell_finding(one.finding, domain, one.rule.trigger, now, is_reminder=alarm.round > 0)
        elif one.life is not None:
            story = tell_expiring(domain, one.life, now)
        else:
            return []
        return put_out(one.rule, story, f"{alarm.pk}:{alarm.round}", outlets)


def read_scene(domains: Sequence[Domain], now: datetime, *, with_paused: bool = False) -> Scene:
    """For domains of any workspaces, loaded with visit, inspection and workspace. A handful of queries."""
    keys = [domain.pk for domain in domains]
    rules = rules_by_domain(domains, with_paused=with_paused)
    if not any(rules.values()):
        return Scene(now, rules, {}, {}, {})
    alarms = Alarm.unscoped.filter(domain_id__among=keys)  # unscoped: a batch spans workspaces
    said = {(one.domain_id, one.rule_id, one.subject): one for one in alarms}
    findings = defaultdict(list)
    for finding in Finding.unscoped.filter(domain_id__among=keys, closed_at=None):
        findings[finding.domain_id].append(finding)
    return Scene(now, rules, said, findings, {})


def rules_by_domain(domains: Sequence[Domain], *, with_paused: bool) -> dict[uuid.UUID, list[Rule]]:
    """Those that the sweep fires: no digests, which gather, and none that wait for events."""
    keys = [domain.pk for domain in domains]
    rows = rules_about({domain.workspace_id for domain in domains}, keys).filter(trigger__in=SWEPT, digest="")
    if not with_paused:
        rows = rows.filter(paused_at=None)
    homes: dict[uuid.UUID, list[Rule]] = defaultdict(list)
    for rule in rows:
        homes[rule.workspace_id].append(rule)
    has_tags = any(rule.tag for rules in homes.values() for rule in rules)
    tags = tags_of(keys) if has_tags else {}
    return {one.pk: matching(homes.get(one.workspace_id, ()), one.pk, tags.get(one.pk, ())) for one in domains}


def scene_of(domain: Domain, now: datetime) -> Scene:
    """Of one domain, paused rules included, for the page that shows what comes."""
    return read_scene([domain], now, with_paused=True)

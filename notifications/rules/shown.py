"""What the pages of alert rules show of one: itself in words, and what it would send at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.lib import clock, errors
from domains.models import Domain
from notifications.models import Channel, Rule
from notifications.outbox import read_outlets, recipients_in_words, ways
from notifications.rules.asking import Reach, draft, example_domain, reach_of
from notifications.rules.events import SWEPT
from notifications.rules.forms import RuleForm
from notifications.rules.saving import scope_in_words, when_in_words
from notifications.rules.upcoming import Preview, preview


@dataclass(frozen=True)
class Shown:
    """A rule for people."""

    rule: Rule

    @property
    def when(self) -> str:
        return when_in_words(self.rule)

    @property
    def how_often(self) -> str:
        if self.rule.digest:
            return Rule.DigestEvery(self.rule.digest).label
        if self.rule.trigger not in SWEPT:
            return "Each time it happens"
        return "At once, and again after the alert cooldown"

    @property
    def begins(self) -> str:
        """From when on a new one speaks, in a sentence."""
        if self.rule.digest:
            return "It gathers from now on, and speaks at 08:00 of the workspace's time zone."
        if self.rule.trigger not in SWEPT:
            return "It speaks when that happens."
        return "It speaks of what is so already within a minute or two."

    @property
    def scope(self) -> str:
        return scope_in_words(self.rule)

    @property
    def through(self) -> str:
        label = Channel(self.rule.channel).label
        return f"{label} ({self.rule.gateway.name})" if self.rule.gateway else label


@dataclass(frozen=True)
class Sending:
    """What a rule would send about `domain`; `trouble` instead where the rule cannot be as it is typed."""

    domain: Domain | None = None
    preview: Preview | None = None
    reach: Reach | None = None
    by: Sequence[str] = ()
    # It is typed, and saved it speaks of all that is inside its days.
    speaks_anew: bool = False
    is_due: bool = False
    trouble: errors.Wording | None = None


def show_rule(rule: Rule, about: str, now: datetime, *, is_anew: bool = False) -> Sending:
    """Writes nothing."""
    domain = example_domain(rule, about)
    outlets = read_outlets(rule.workspace_id)
    by = recipients_in_words(ways(rule, outlets))
    found = preview(rule, domain, now, outlets) if domain else None
    is_due = found is not None and found.next.is_due(now)
    speaks_anew = is_anew and rule.paused_at is None and not rule.digest
    return Sending(domain, found, reach_of(rule, now), by, speaks_anew, is_due)


def would_send(form: RuleForm, rule: Rule | None, about: str) -> Sending:
    """By what is typed, else by the rule as it is kept. Of input that is wrong the first mistake is told."""
    now = clock.now()
    if not form.is_bound:
        return show_rule(rule, about, now) if rule else Sending()
    if not form.is_valid():
        return _trouble(form)
    found = draft(form.workspace, form.wish, rule)
    return show_rule(found, about, now, is_anew=rule is None or found.pk != rule.pk)


def _trouble(form: RuleForm) -> Sending:
    """Plain mistakes stand beside their fields alone."""
    first = next(iter(form.mistakes), None)
    return Sending(trouble=errors.describe(first.code, first.params) if first else None)

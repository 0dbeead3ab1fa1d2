"""What the pages of alert rules show of one: itself in words, and what it would send at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.lib import clock, errors
from domains.models import Domain
from notifications.models import Channel, Rule
from notifications.outbox import read_outlets, recipients_in_words, ways
from notifications.rules.asking import Reach, draft, example_domain, reach_of
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
    is_draft: bool = False
    is_due: bool = False
    trouble: errors.Wording | None = None


def show_rule(rule: Rule, about: str, now: datetime, *, is_draft: bool = False) -> Sending:
    """Writes nothing."""
    domain = example_domain(rule, about)
    by = recipients_in_words(ways(rule, read_outlets(rule.workspace_id)))
    found = preview(rule, domain, now) if domain else None
    is_due = found is not None and found.next.is_due(now)
    return Sending(domain, found, reach_of(rule, now), by, is_draft, is_due)


def would_send(form: RuleForm, rule: Rule | None, about: str) -> Sending:
    """By what is typed, else by the rule as it is kept. Of input that is wrong the first mistake is told."""
    now = clock.now()
    if not form.is_bound:
        return show_rule(rule, about, now) if rule else Sending()
    if not form.is_valid():
        return _trouble(form)
    found = draft(form.workspace, form.wish, rule)
    return show_rule(found, about, now, is_draft=found is not rule)


def _trouble(form: RuleForm) -> Sending:
    """Plain mistakes stand beside their fields alone."""
    first = next(iter(form.mistakes), None)
    return Sending(trouble=errors.describe(first.code, first.params) if first else None)

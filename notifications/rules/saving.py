"""Rules are made, changed, paused, copied and deleted here, for the page and the API alike.

Each locks what it changes in one order: the watches, then the rule. A worker that fires rules does the same.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts.addresses import plain_email
from accounts.models import Workspace
from auditlog.events import Actor, difference, record
from config.lib import clock
from config.lib.errors import NeedsUser
from domains.add import parse_tags
from domains.models import Domain
from notifications.hiding import masked
from notifications.models import Alarm, AlertTemplate, Channel, Gateway, Rule, Trigger
from notifications.outbox import is_addressed
from notifications.rules.digests import plan_digest
from notifications.rules.watching import make_due, watches_of
from notifications.wordings.defaults import SHORT

RULES_AT_MOST = 200
RULES_OF_A_DOMAIN_AT_MOST = 20
RECIPIENTS_AT_MOST = 20
DAYS_AT_MOST = 3_650
NAME_AT_MOST = 80
# E.164 (ITU): a plus, the country, at most 15 digits.
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")

# Change one of these and the rule is no longer one of those that a workspace begins with.
_WHEN = ("trigger", "days_before_expiry", "domain", "tag", "digest")
# Change one of these and the rule speaks anew of what it has spoken of.
_WHAT = (*_WHEN, "channel", "gateway", "recipients")


@dataclass(frozen=True)
class Wish:
    """What a rule is to be; checked by `check`."""

    name: str
    channel: str
    trigger: str = Trigger.EXPIRY
    days_before_expiry: int | None = None
    gateway: Gateway | None = None
    domain: Domain | None = None
    tag: str = ""
    recipients: tuple[str, ...] = ()
    template: AlertTemplate | None = None
    digest: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        """As the model's fields."""
        names = ("name", "channel", "trigger", "days_before_expiry", "gateway", "domain", "tag", "template", "digest")
        return {name: getattr(self, name) for name in names} | {"recipients": list(self.recipients)}


class InvalidRule(NeedsUser):
    """What cannot be, told beside the field `field_name`."""

    def __init__(self, field_name: str, code: str, **params: Any) -> None:
        super().__init__(code, **params)
        self.field_name = field_name


def wish_of(rule: Rule, **changes: Any) -> Wish:
    """What the rule is, with `changes`."""
    now = Wish(
        name=rule.name,
        channel=rule.channel,
        trigger=rule.trigger,
        days_before_expiry=rule.days_before_expiry,
        gateway=rule.gateway,
        domain=rule.domain,
        tag=rule.tag,
        recipients=tuple(rule.recipients),
        template=rule.template,
        digest=rule.digest,
    )
    return replace(now, **changes)


def stays_default(rule: Rule, wish: Wish) -> bool:
    """Whether it is one that a workspace begins with, and is still so as `wish` (checked) wants it."""
    return rule.is_default and not _differs(wish_of(rule), wish, _WHEN)


def speaks_anew(rule: Rule, wish: Wish) -> bool:
    """Whether as `wish` (checked) wants it, it speaks again of what it has spoken of."""
    return _differs(wish_of(rule), wish, _WHAT)


def _differs(one: Wish, other: Wish, names: Iterable[str]) -> bool:
    return any(getattr(one, name) != getattr(other, name) for name in names)


def rules_of(workspace: Workspace) -> QuerySet[Rule]:
    return Rule.objects.for_workspace(workspace).select_related("gateway", "domain", "template")


def create_rule(*, workspace: Workspace, actor: Actor, wish: Wish) -> Rule:
    """It speaks at once of whatever is inside its days already. Raises InvalidRule, and NeedsUser("rules_full")."""
    checked = check(workspace, wish)
    with transaction.atomic():
        _require_room(workspace, checked)
        rule = Rule(workspace=workspace, **checked.columns)
        make_due(watches_of(workspace, domain_id=rule.domain_id, tag=rule.tag))
        rule.save(force_insert=True)
        plan_digest(rule)
        _record("rule.created", rule, actor, **difference({}, _shown(rule)))
    return rule


def change_rule(*, rule: Rule, actor: Actor, wish: Wish) -> Rule:
    """Only real differences count. What changes when or to whom it speaks has it speak anew. Raises InvalidRule."""
    checked = check(rule.workspace, wish)
    with transaction.atomic():
        row = _lock(rule)
        if wish_of(row) == checked:
            return row
        before, is_anew = _shown(row), speaks_anew(row, checked)
        row.is_default = stays_default(row, checked)
        for name, value in checked.columns.items():
            setattr(row, name, value)
        if is_anew:
            make_due(watches_of(row.workspace, domain_id=row.domain_id, tag=row.tag))
            Alarm.objects.for_workspace(row.workspace).filter(rule=row).delete()
        row.save()
        plan_digest(row)
        _record("rule.changed", row, actor, **difference(before, _shown(row)))
    return row


def pause_rule(*, rule: Rule, actor: Actor, is_paused: bool) -> Rule:
    """Paused it keeps silent; resumed it goes on where it was, by its cooldown. Repeatable."""
    with transaction.atomic():
        row = _lock(rule)
        if (row.paused_at is not None) is is_paused:
            return row
        row.paused_at = clock.now() if is_paused else None
        row.save(update_fields=["paused_at"])
        plan_digest(row)
        _record("rule.paused" if is_paused else "rule.resumed", row, actor)
    return row


def duplicate_rule(*, rule: Rule, actor: Actor) -> Rule:
    """The same, paused, under another name: to be changed before it speaks. Raises NeedsUser("rules_full")."""
    with transaction.atomic():
        _require_room(rule.workspace, wish_of(rule))
        # A copy of a rule that a workspace begins with is one that somebody wrote.
        columns = wish_of(rule, name=_copied(rule.name)).columns
        copy = Rule(workspace=rule.workspace, paused_at=clock.now(), **columns)
        copy.save(force_insert=True)
        _record("rule.created", copy, actor, **difference({}, _shown(copy)))
    return copy


def delete_rule(*, rule: Rule, actor: Actor) -> None:
    """What it has put out already is still delivered. Raises Rule.DoesNotExist for one that is gone."""
    with transaction.atomic():
        row = _lock(rule)
        _record("rule.deleted", row, actor, **difference(_shown(row), {}))
        row.delete()


def _lock(rule: Rule) -> Rule:
    """The rule as it is now; workers that look at its domains begin anew after this transaction."""
    make_due(watches_of(rule.workspace_id, domain_id=rule.domain_id, tag=rule.tag))
    rows = Rule.objects.for_workspace(rule.workspace_id).select_for_update(of=("self",))
    return rows.select_related("workspace", "gateway", "domain", "template").get(pk=rule.pk)


def _require_room(workspace: Workspace, wish: Wish) -> None:
    # One at a time, or the limit would be none.
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    most = RULES_OF_A_DOMAIN_AT_MOST if wish.domain else RULES_AT_MOST
    if Rule.objects.for_workspace(workspace).filter(domain=wish.domain).count() >= most:
        raise NeedsUser("rules_full", most=most)


def _copied(name: str) -> str:
    return f"Copy of {name}"[:NAME_AT_MOST]


def check(workspace: Workspace, wish: Wish) -> Wish:
    """The wish in the form in which it is kept. Raises InvalidRule."""
    wish, mistakes = look_through(workspace, wish)
    if mistakes:
        raise mistakes[0]
    return wish


def look_through(workspace: Workspace, wish: Wish) -> tuple[Wish, list[InvalidRule]]:
    """As `check`, with everything that is wrong, for a form that tells all of it at once."""
    mistakes = []
    for step in _CHECKS:
        try:
            wish = step(workspace, wish)
        except InvalidRule as error:
            mistakes.append(error)
    return wish, mistakes


def _check_name(workspace: Workspace, wish: Wish) -> Wish:
    name = " ".join(wish.name.split())[:NAME_AT_MOST]
    if not name:
        raise InvalidRule("name", "rule_name_missing")
    return replace(wish, name=name)


def _check_days(workspace: Workspace, wish: Wish) -> Wish:
    if wish.trigger != Trigger.EXPIRY:
        return replace(wish, days_before_expiry=None)
    days = wish.days_before_expiry
    if days is None or not 0 <= days <= DAYS_AT_MOST:
        raise InvalidRule("days_before_expiry", "rule_days_missing", most=DAYS_AT_MOST)
    return wish


def _check_scope(workspace: Workspace, wish: Wish) -> Wish:
    if wish.domain is not None and wish.tag:
        raise InvalidRule("tag", "rule_domain_and_tag")
    try:
        (tag,) = parse_tags([wish.tag]) or ("",)
    except NeedsUser as error:
        raise InvalidRule("tag", error.code, **error.params) from error
    return replace(wish, tag=tag)


def _check_channel(workspace: Workspace, wish: Wish) -> Wish:
    label = Channel(wish.channel).label
    if wish.gateway is not None and wish.gateway.channel != wish.channel:
        raise InvalidRule("gateway", "rule_gateway_differs", channel=label, gateway=wish.gateway.name)
    gateways = Gateway.objects.for_workspace(workspace).filter(channel=wish.channel)
    if wish.channel != Channel.EMAIL and not gateways.exists():
        raise InvalidRule("channel", "rule_without_gateway", channel=label)
    if wish.template is not None and wish.template.channel != wish.channel:
        raise InvalidRule("template", "rule_template_differs", channel=label, template=wish.template.name)
    return wish


def _check_recipients(workspace: Workspace, wish: Wish) -> Wish:
    given = [text.strip() for text in wish.recipients if text.strip()]
    label = Channel(wish.channel).label
    if given and not is_addressed(wish.channel):
        raise InvalidRule("recipients", "rule_recipients_not_taken", channel=label)
    if not given and is_addressed(wish.channel) and wish.channel != Channel.EMAIL:
        raise InvalidRule("recipients", "rule_recipients_missing", channel=label)
    read = parse_email if wish.channel == Channel.EMAIL else parse_number
    recipients = tuple(dict.fromkeys(map(read, given)))
    if len(recipients) > RECIPIENTS_AT_MOST:
        raise InvalidRule("recipients", "rule_recipients_full", most=RECIPIENTS_AT_MOST)
    return replace(wish, recipients=recipients)


def _check_digest(workspace: Workspace, wish: Wish) -> Wish:
    if wish.digest and wish.trigger != Trigger.EXPIRY:
        raise InvalidRule("digest", "rule_digest_of_events")
    if wish.digest and wish.channel in SHORT:
        raise InvalidRule("digest", "rule_digest_too_long", channel=Channel(wish.channel).label)
    return wish


type _Check = Callable[[Workspace, Wish], Wish]
_CHECKS: Iterable[_Check] = (_check_name, _check_days, _check_scope, _check_channel, _check_recipients, _check_digest)


def parse_email(text: str) -> str:
    try:
        return plain_email(text)
    except ValidationError as error:
        raise InvalidRule("recipients", "rule_address_malformed", to=text[:100]) from error


def parse_number(text: str) -> str:
    number = re.sub(r"[\s().-]", "", text)
    if not _NUMBER.fullmatch(number):
        raise InvalidRule("recipients", "rule_number_malformed", to=text[:100])
    return number


def _shown(rule: Rule) -> dict[str, Any]:
    """What the audit log compares; whom it reaches only so far that a change is visible."""
    gateway = rule.gateway.name if rule.gateway else ""
    template = rule.template.name if rule.template else ""
    domain = rule.domain.label if rule.domain else ""
    recipients = [masked(one) for one in rule.recipients]
    told = {"gateway": gateway, "template": template, "domain": domain, "recipients": recipients}
    return wish_of(rule).columns | told


def _record(kind: str, rule: Rule, actor: Actor, **more: Any) -> None:
    record(
        kind,
        workspace_id=rule.workspace_id,
        actor=actor,
        domain_id=rule.domain_id,
        domain_label=rule.domain.label if rule.domain else "",
        data={"rule": str(rule.pk), "name": rule.name, "says": in_words(rule), **more},
    )


def in_words(rule: Rule) -> str:
    """`30 days before expiry, all domains, by Email`."""
    return f"{when_in_words(rule)}, {scope_in_words(rule)}, by {Channel(rule.channel).label}"


def when_in_words(rule: Rule) -> str:
    if rule.trigger != Trigger.EXPIRY:
        return Trigger(rule.trigger).label
    days = rule.days_before_expiry or 0
    return f"{days} {'day' if days == 1 else 'days'} before expiry"


def scope_in_words(rule: Rule) -> str:
    if rule.domain is not None:
        return rule.domain.label
    return f"tag {rule.tag}" if rule.tag else "all domains"

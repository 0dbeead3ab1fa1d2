"""What forms and the API name by text or id becomes what a rule is made of."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.shortcuts import get_object_or_404

from accounts.models import Workspace
from config.lib.errors import NeedsUser
from domains.add import parse_target
from domains.models import Domain
from domains.protocols import HTTPS
from notifications.models import AlertTemplate, Gateway, Rule, Trigger
from notifications.rules.digests import expiring_under
from notifications.rules.matching import ENDING_FIRST, domains_chosen
from notifications.rules.saving import InvalidRule, Wish, speaks_anew, stays_default, wish_of

NAMED = 5
COUNTED_AT_MOST = 1_000


def named_domain(workspace: Workspace, text: str) -> Domain | None:
    """As lists show it, as its address, or in its own script; None for empty text. Raises InvalidRule."""
    if not text.strip():
        return None
    host, port = _place(text)
    found = Domain.objects.for_workspace(workspace).filter(host=host, port=port).first()
    if found is None:
        raise InvalidRule("domain", "rule_choice_gone", what=f"The domain {text.strip()[:100]}")
    return found


def _place(text: str) -> tuple[str, int]:
    """Also of what could not be added any more: it may be there from before."""
    try:
        return parse_target(text)
    except NeedsUser:
        host, _, port = text.replace("\0", "").strip().lower().partition(":")
        return host, int(port[:5]) if port.isdecimal() else HTTPS


def domain_of(workspace: Workspace, key: uuid.UUID) -> Domain:
    return get_object_or_404(Domain.objects.for_workspace(workspace), pk=key)


def gateway_of(workspace: Workspace, key: uuid.UUID) -> Gateway:
    # No secret is read here: nothing is sent.
    return get_object_or_404(Gateway.objects.for_workspace(workspace).defer("sealed_secrets"), pk=key)


def template_of(workspace: Workspace, key: uuid.UUID) -> AlertTemplate:
    return get_object_or_404(AlertTemplate.objects.for_workspace(workspace), pk=key)


def draft(workspace: Workspace, wish: Wish, kept: Rule | None) -> Rule:
    """What saving would make of a checked wish, unsaved; with the key of `kept` where that goes on, not speaking anew.

    `kept` itself where nothing differs.
    """
    if kept is None:
        return Rule(workspace=workspace, **wish.columns)
    if wish_of(kept) == wish:
        return kept
    key = {} if speaks_anew(kept, wish) else {"pk": kept.pk}
    is_default = stays_default(kept, wish)
    return Rule(workspace=workspace, is_default=is_default, paused_at=kept.paused_at, **key, **wish.columns)


@dataclass(frozen=True)
class Reach:
    """How many domains whose ownership is proven a rule speaks of, and those that are inside its days at this moment.

    `inside` names a few of `inside_count`, which stops at COUNTED_AT_MOST.
    """

    count: int
    inside: list[Domain]
    inside_count: int

    @property
    def is_cut(self) -> bool:
        return self.inside_count >= COUNTED_AT_MOST

    @property
    def more(self) -> int:
        return self.inside_count - len(self.inside)


def reach_of(rule: Rule, now: datetime) -> Reach:
    count = domains_chosen(rule.workspace_id, domain_id=rule.domain_id, tag=rule.tag).count()
    if rule.trigger != Trigger.EXPIRY:
        return Reach(count, [], 0)
    found = list(islice(expiring_under(rule, now), COUNTED_AT_MOST))
    return Reach(count, found[:NAMED], len(found))


def example_domain(rule: Rule, wanted: str) -> Domain | None:
    """The one that is asked for when the rule speaks of it, else of those it speaks of the one that ends first."""
    rows = domains_chosen(rule.workspace_id, domain_id=rule.domain_id, tag=rule.tag)
    rows = rows.select_related("workspace", "visit__inspection")
    try:
        named = named_domain(rule.workspace, wanted)
    except InvalidRule:
        named = None
    chosen = rows.filter(pk=named.pk).first() if named else None
    return chosen or rows.order_by(*ENDING_FIRST).first()

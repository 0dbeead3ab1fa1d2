"""Which rules speak of which domains: those of the domain itself, of one of its tags, and of all domains."""

import uuid
from collections.abc import Collection, Iterable, Sequence

from django.db.models import F, Q, QuerySet

from accounts.models import Workspace
from domains.models import Domain, DomainTag
from notifications.models import Rule

# Those without a certificate come last on every database.
ENDING_FIRST = (F("expires_at").asc(nulls_last=True), "id")


def does_match(rule: Rule, domain_id: uuid.UUID, tags: Collection[str]) -> bool:
    """Paused or not."""
    if rule.domain_id is not None:
        return rule.domain_id == domain_id
    return not rule.tag or rule.tag in tags


def matching(rules: Iterable[Rule], domain_id: uuid.UUID, tags: Collection[str]) -> list[Rule]:
    return [rule for rule in rules if does_match(rule, domain_id, tags)]


def rules_about(workspaces: Collection[uuid.UUID], domains: Collection[uuid.UUID]) -> QuerySet[Rule]:
    """All rules that may match one of `domains`: a workspace may have one of its own for each of 100,000."""
    rows = Rule.unscoped.filter(workspace_id__among=workspaces)  # unscoped: a batch spans workspaces
    rows = rows.filter(Q(domain=None) | Q(domain_id__among=domains))
    return rows.select_related("template", "gateway").order_by("created_at", "id")


def rules_for(domain: Domain) -> list[Rule]:
    """Of one domain, in the order in which they were made."""
    tags = set(
        DomainTag.objects.for_workspace(domain.workspace_id).filter(domain=domain).values_list("name", flat=True)
    )
    return matching(rules_about([domain.workspace_id], [domain.pk]), domain.pk, tags)


def domains_of(rule: Rule) -> QuerySet[Domain]:
    """The domains that a rule speaks of; only those whose ownership is proven are watched."""
    return domains_chosen(rule.workspace_id, domain_id=rule.domain_id, tag=rule.tag)


def domains_chosen(
    workspace: Workspace | uuid.UUID, *, domain_id: uuid.UUID | None = None, tag: str = ""
) -> QuerySet[Domain]:
    rows = Domain.objects.for_workspace(workspace).filter(verified_at__isnull=False)
    if domain_id is not None:
        return rows.filter(pk=domain_id)
    return rows.filter(tag_rows__name=tag) if tag else rows


def tags_of(domains: Sequence[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
    found: dict[uuid.UUID, set[str]] = {key: set() for key in domains}
    rows = DomainTag.unscoped.filter(domain_id__among=domains)  # unscoped: a batch spans workspaces
    for domain_id, name in rows.values_list("domain_id", "name"):
        found[domain_id].add(name)
    return found

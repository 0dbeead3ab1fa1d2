"""Delegations: handed out once per workspace and host, looked at every day, and missed when they are gone."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from auditlog.events import Actor, record
from certificates.issuance import require_proven
from certificates.models import Authorization, Delegation
from certificates.records import judge_record
from certificates.renewal.covered import renew_once_covered
from config.lib import clock, egress, jobs
from config.lib.egress import ServerAnswer
from config.lib.errors import ExpectedError, NeedsUser
from domains import findings
from domains.models import Domain

SOURCE = "delegation"
LOOK_SECONDS = 10.0
DAILY = timedelta(hours=24)
# Missed once, it is looked for sooner: most misses are an edit that is being repaired.
AFTER_MISS = timedelta(hours=1)
# While somebody watches the page.
LOOK_EVERY = timedelta(seconds=4)
HOSTS_AT_MOST = 200
Seen = Authorization.Seen


def is_offered() -> bool:
    return bool(settings.ACME_DNS_ZONE)


def name_of(delegation: Delegation) -> str:
    return f"_acme-challenge.{delegation.host}"


def target_of(delegation: Delegation) -> str:
    return f"{delegation.label}.{settings.ACME_DNS_ZONE}"


def delegations_for(domain: Domain) -> QuerySet[Delegation]:
    """Those of the domain's page: its own host and what was added there."""
    return Delegation.objects.for_workspace(domain.workspace_id).filter(domain=domain).order_by("created_at", "id")


def hosts_without(domain: Domain) -> list[str]:
    """The names that usually go into this domain's certificate and are not handed over yet."""
    usual = [domain.host] if domain.host.startswith("www.") else [domain.host, f"www.{domain.host}"]
    rows = Delegation.objects.for_workspace(domain.workspace_id).filter(host__in=usual)
    taken = set(rows.values_list("host", flat=True))
    return [host for host in usual if host not in taken]


def add_delegation(*, domain: Domain, host: str, actor: Actor) -> tuple[Delegation, bool]:
    """Hand out a label for `_acme-challenge.<host>`; (row, whether it is new). Repeatable.

    Raises NeedsUser: dns_zone_missing, host_malformed, names_not_proven, delegations_full.
    """
    if not is_offered():
        raise NeedsUser("dns_zone_missing")
    host = egress.parse_hostname(host.strip().removeprefix("*."))
    require_proven(domain.workspace, [host])
    rows = Delegation.objects.for_workspace(domain.workspace_id)
    if rows.filter(domain=domain).count() >= HOSTS_AT_MOST:
        raise NeedsUser("delegations_full", most=HOSTS_AT_MOST)
    try:
        with transaction.atomic():
            return _create(domain, host, actor), True
    except IntegrityError:
        return rows.get(host=host), False


def _create(domain: Domain, host: str, actor: Actor) -> Delegation:
    row = Delegation.objects.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        host=host,
        run_after=clock.now(),
        priority=jobs.INTERACTIVE,
    )
    _record("delegation.added", row, actor)
    jobs.ring("delegation", interactive=True)
    return row


@transaction.atomic
def remove_delegation(*, delegation: Delegation, actor: Actor) -> None:
    """Nothing is answered at its label any more, and nobody is ever given that label again."""
    others = delegations_for(delegation.domain).exclude(pk=delegation.pk)
    delegation.delete()
    _record("delegation.removed", delegation, actor)
    _report(delegation.domain, [row for row in others if row.found_at and row.seen != Seen.SEEN])


def check_soon(delegation: Delegation) -> None:
    """Somebody watches: look again unless that was just done. Cheap, repeatable."""
    now = clock.now()
    if delegation.seen == Seen.SEEN or (delegation.checked_at and now - delegation.checked_at < LOOK_EVERY):
        return
    rows = Delegation.unscoped.filter(pk=delegation.pk, lease_token=None)
    if rows.exclude(run_after__lte=now).update(run_after=now, priority=jobs.INTERACTIVE):
        jobs.ring("delegation", interactive=True)


def check_now(delegation: Delegation) -> None:
    """Somebody asks for a look. Repeatable; the caller waits or polls."""
    jobs.start_now(delegation)
    jobs.ring("delegation", interactive=True)


def check_delegations(batch: Sequence[Delegation]) -> None:
    """Look for each CNAME, and open or close the finding about it. Blocks; repeatable."""
    for row in batch:
        answers = _look(row)
        seen, servers = judge_record(answers, f"{target_of(row)}.")
        if all(answer.values is None for answer in answers):
            # Nobody said anything: that tells nothing about the record.
            seen = row.seen
        now = clock.now()
        is_new = seen == Seen.SEEN and row.found_at is None
        row.finish(
            run_after=now + (DAILY if seen == Seen.SEEN else AFTER_MISS),
            seen=seen,
            servers=servers,
            checked_at=now,
            found_at=now if is_new else row.found_at,
            error_code="",
            error_params={},
            also=partial(_conclude, row, is_new),
        )


def _look(row: Delegation) -> list[ServerAnswer]:
    try:
        found = egress.lookup_records(name_of(row), "CNAME", egress.Deadline(LOOK_SECONDS), follow=False)
    except ExpectedError as error:
        return [ServerAnswer("the name servers", None, error.code)]
    return [_lower(answer) for answer in found]


def _lower(answer: ServerAnswer) -> ServerAnswer:
    values = None if answer.values is None else [value.lower() for value in answer.values]
    return ServerAnswer(answer.server, values, answer.error)


def _conclude(row: Delegation, is_new: bool) -> None:
    if is_new:
        _record("delegation.found", row, None)
        renew_once_covered(row.domain)
    gone = delegations_for(row.domain).filter(found_at__isnull=False).exclude(seen=Seen.SEEN)
    _report(row.domain, list(gone))


def _report(domain: Domain, gone: Sequence[Delegation]) -> None:
    """One finding for all of a domain's delegations that were there and are not now."""
    if not gone:
        findings.close_finding(domain=domain, source=SOURCE, code="delegation_gone")
        return
    params = {
        "names": [name_of(row) for row in gone],
        "paste": "\n".join(f"{name_of(row)}. IN CNAME {target_of(row)}." for row in gone),
    }
    findings.open_finding(domain=domain, source=SOURCE, code="delegation_gone", params=params, needs_user=True)


def give_up(row: Delegation, error: ExpectedError) -> None:
    """A look that fails for good is told on its row, and tried again the next day."""
    row.finish(run_after=clock.now() + DAILY, error_code=error.code, error_params=jobs.storable(error.params))


def _record(kind: str, row: Delegation, actor: Actor | None) -> None:
    record(
        kind,
        workspace_id=row.workspace_id,
        actor=actor,
        domain_id=row.domain_id,
        domain_label=row.domain.label,
        data={"host": row.host, "name": name_of(row), "target": target_of(row)},
    )

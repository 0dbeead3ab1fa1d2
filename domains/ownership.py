"""Proof of control over a host: a TXT record with the workspace's own token, looked up live.

A domain once verified stays verified: watching it shows nothing that is not public. What a lost
record stops is renewal, after 30 days (`is_lapsed`), and every first order, at once
(`require_ownership`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Workspace
from auditlog.events import Actor, record
from config.lib import clock, egress, jobs
from config.lib.errors import ExpectedError, NeedsUser, Transient
from domains.findings import close_finding, open_finding
from domains.models import Domain, Hosting, Ownership, Visit, new_token
from domains.standing import refresh_state

SOURCE = "ownership"
LOOK_SECONDS = 6.0
HEARSAY_SECONDS = 2.0
DAILY = timedelta(hours=24)
# After a miss the record is looked for sooner: most are an edit that is being repaired.
AFTER_MISS = (timedelta(hours=1), timedelta(hours=6))
MISSES_BEFORE_FINDING = 2
LAPSES_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class Record:
    """One way to prove a host: publish `value` at `name` (an FQDN without final dot)."""

    method: str
    rdtype: str
    name: str
    value: str


@dataclass(frozen=True)
class Look:
    """One look-up: when it began, and `look_up`'s answer with what the resolvers say beside it."""

    began: datetime
    checks: list[dict[str, Any]]


def covers(host: str, name: str) -> bool:
    """Whether proof of `host` is proof of `name`: itself and every name below, at label boundaries."""
    name = name.lower().removesuffix(".").removeprefix("*.")
    return name == host or name.endswith(f".{host}")


def records_of(ownership: Ownership) -> list[Record]:
    """The records that prove the host; any one of them suffices.

    The A record lies under the customer's own name: one in the portal's zone would prove nothing.
    """
    host, token = ownership.host, ownership.token
    records = [Record("txt", "TXT", f"_managemycert-verify.{host}", f"mmc-{token}")]
    name = f"{token}.verify.{host}"
    if settings.VERIFIER_IP and len(name) <= 253:
        records.append(Record("a", "A", name, settings.VERIFIER_IP))
    return records


def enclosing(host: str) -> list[str]:
    """The host and every name above it that still has a dot."""
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def ownership_of(domain: Domain) -> Ownership:
    """What a domain's proof hangs on: the closest host above it that is proven, else its own row."""
    workspace = domain.workspace_id
    above = Ownership.objects.for_workspace(workspace).filter(host__in=enclosing(domain.host))
    rows = {row.host: row for row in above}
    proven = [row for row in rows.values() if row.proven_at]
    if proven:
        return max(proven, key=lambda row: len(row.host))
    own = rows.get(domain.host)
    return own or Ownership.unscoped.get_or_create(workspace_id=workspace, host=domain.host)[0]


def forget_unused(domain: Domain) -> None:
    """After a domain's deletion: proofs that cover nothing any more are not looked for daily."""
    for row in Ownership.objects.for_workspace(domain.workspace_id).filter(host__in=enclosing(domain.host)):
        if not _domains_below(row):
            row.delete()


def proofs_of(*, workspace: Workspace, name: str) -> QuerySet[Ownership]:
    """The workspace's proven rows that cover `name`, the closest last."""
    host = name.lower().removesuffix(".").removeprefix("*.")
    return Ownership.objects.for_workspace(workspace).filter(host__in=enclosing(host), proven_at__isnull=False)


def look_up(ownership: Ownership) -> list[dict[str, Any]]:
    """Ask the DNS now. Blocks up to LOOK_SECONDS; answers what was looked for, where, and what was seen.

    `[{method, name, expected, seen: [{server, values, error}]}]`, up to the first record that is there.
    A CNAME is never followed: a wildcard alias would hand the proof to whoever runs its target.
    """
    deadline = egress.Deadline(LOOK_SECONDS)
    checks: list[dict[str, Any]] = []
    for wanted in records_of(ownership):
        checks.append(_look_up_one(wanted, deadline))
        if is_seen(checks[-1]):
            break
    if checks[-1]["method"] == "a" and is_seen(checks[-1]):
        checks[-1] = _without_wildcard(checks[-1], ownership, deadline)
    return checks


def with_hearsay(checks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each check with `resolvers`: what the configured resolvers say where the zone's own servers were asked. Blocks.

    It explains and decides nothing: a resolver repeats for a while what it heard before the record was there.
    """
    deadline = egress.Deadline(HEARSAY_SECONDS)
    return [{**check, "resolvers": _hearsay(check, deadline)} for check in checks]


def _hearsay(check: dict[str, Any], deadline: egress.Deadline) -> list[dict[str, Any]]:
    try:
        heard = _as_rows(egress.ask_resolvers(check["name"], check["method"].upper(), deadline))
    except ExpectedError:
        return []
    have_decided = {one["server"] for one in heard} & {one["server"] for one in check["seen"]}
    return [] if have_decided else heard


def _as_rows(answers: Iterable[egress.ServerAnswer]) -> list[dict[str, Any]]:
    return [{"server": one.server, "values": one.values, "error": one.error} for one in answers]


def _without_wildcard(check: dict[str, Any], ownership: Ownership, deadline: egress.Deadline) -> dict[str, Any]:
    """A wildcard A record would prove the host to every workspace: a name nobody was told must not answer."""
    decoy = Record("a", "A", f"{new_token()}.verify.{ownership.host}", check["expected"])
    answers = {one["server"]: one["values"] for one in _look_up_one(decoy, deadline)["seen"]}
    if any(check["expected"] in (values or ()) for values in answers.values()):
        return {**check, "seen": [{**one, "values": [], "error": "wildcard"} for one in check["seen"]]}
    # A server that was silent about the decoy may well hold a wildcard: what it showed proves nothing yet.
    unclear = {"values": None, "error": "wildcard_unclear"}
    seen = [one if answers.get(one["server"]) is not None else {**one, **unclear} for one in check["seen"]]
    return {**check, "seen": seen}


def _look_up_one(wanted: Record, deadline: egress.Deadline) -> dict[str, Any]:
    try:
        answers = egress.lookup_records(wanted.name, wanted.rdtype, deadline, follow=False)
        seen = _as_rows(answers)
    except ExpectedError as error:
        seen = [{"server": "", "values": None, "error": error.code}]
    return {"method": wanted.method, "name": wanted.name, "expected": wanted.value, "seen": seen}


def is_seen(check: dict[str, Any]) -> bool:
    """Whether most servers that answered show the expected value: one that lies or lags decides nothing."""
    answered = [one for one in check["seen"] if one["values"] is not None]
    shown = [one for one in answered if check["expected"] in one["values"]]
    return len(shown) * 2 > len(answered)


def is_miss(checks: Sequence[dict[str, Any]]) -> bool:
    """Whether the DNS said clearly of every record that it is gone; silence and SERVFAIL say nothing."""
    are_answered = all(any(one["values"] is not None for one in check["seen"]) for check in checks)
    return are_answered and not any(is_seen(check) for check in checks)


def check_ownership(jobs_due: Sequence[Ownership]) -> None:
    """The work of the standing job: one live look, then whatever it changes. Repeatable. Blocks."""
    for ownership in jobs_due:
        look = Look(clock.now(), with_hearsay(look_up(ownership)))
        if any(is_seen(check) for check in look.checks):
            _file_proof(ownership, look)
        elif is_miss(look.checks) and ownership.proven_at:
            _file_miss(ownership, look)
        else:
            _file_nothing(ownership, look)


def _file(
    ownership: Ownership,
    look: Look,
    *,
    run_after: datetime | None,
    also: Callable[[], None] | None = None,
    **fields: Any,
) -> None:
    """Write what a look means; whoever asked after it had begun is answered by another look, at once."""

    def tell() -> None:
        later = Ownership.unscoped.filter(pk=ownership.pk, asked_at__gt=look.began)
        if later.update(run_after=clock.now(), priority=jobs.INTERACTIVE):
            jobs.ring("ownership", interactive=True)
        if also:
            also()

    ownership.finish(run_after=run_after, checked_at=look.began, checks=look.checks, also=tell, **fields)


def _file_proof(ownership: Ownership, look: Look) -> None:
    now = clock.now()

    def unlock() -> None:
        for domain in _domains_below(ownership):
            _unlock(domain, now)
            close_finding(domain=domain, source=SOURCE, code="ownership_record_gone")

    _file(
        ownership,
        look,
        run_after=now + DAILY,
        proven_at=ownership.proven_at or now,
        misses=0,
        missing_since=None,
        also=unlock,
    )


def _unlock(domain: Domain, now: datetime) -> None:
    """The first proof starts the watch; later ones change nothing."""
    if domain.verified_at or not Domain.unscoped.filter(pk=domain.pk, verified_at=None).update(verified_at=now):
        return
    record("domain.verified", workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label)
    refresh_state(domain)
    # What the visit when the domain was added saw becomes findings by the next one, now.
    Visit.unscoped.filter(domain=domain).update(run_after=now)
    jobs.ring("visit")
    # Its owner may have more looked at than a stranger.
    Hosting.unscoped.filter(domain=domain).update(run_after=now)
    jobs.ring("hosting")


def _file_miss(ownership: Ownership, look: Look) -> None:
    now, misses = clock.now(), ownership.misses + 1
    since = ownership.missing_since or now
    wait = AFTER_MISS[misses - 1] if misses <= len(AFTER_MISS) else DAILY

    def tell() -> None:
        if misses >= MISSES_BEFORE_FINDING:
            for domain in _domains_below(ownership):
                _open_gone(domain, ownership, since, now)

    _file(ownership, look, run_after=now + wait, misses=misses, missing_since=since, also=tell)


def _open_gone(domain: Domain, ownership: Ownership, since: datetime, now: datetime) -> None:
    wanted = records_of(ownership)[0]
    open_finding(
        domain=domain,
        source=SOURCE,
        code="ownership_record_gone",
        params={
            "name": wanted.name,
            "value": wanted.value,
            "since": f"{since:%Y-%m-%d %H:%M} UTC",
            "lapses": f"{since + LAPSES_AFTER:%Y-%m-%d}",
        },
        severity="critical" if now - since > LAPSES_AFTER / 2 else "warning",
        needs_user=True,
    )


def _file_nothing(ownership: Ownership, look: Look) -> None:
    # An unproven host is looked for only when somebody asks.
    later = clock.now() + DAILY if ownership.proven_at else None
    _file(ownership, look, run_after=later)


def _domains_below(ownership: Ownership) -> list[Domain]:
    below = Q(host=ownership.host) | Q(host__endswith=f".{ownership.host}")
    # In the order in which visits lock them.
    return list(Domain.objects.for_workspace(ownership.workspace_id).filter(below).order_by("pk"))


def give_up(ownership: Ownership, error: ExpectedError) -> None:
    """The look itself failed for good: show it where the records are shown."""
    ownership.finish(
        run_after=clock.now() + DAILY if ownership.proven_at else None,
        checked_at=clock.now(),
        error_code=error.code,
        error_params=jobs.storable(error.params),
    )


def ask_for_check(*, domain: Domain, actor: Actor | None = None) -> Ownership:
    """`I've added it`: make the look due at once, and ring. Repeatable."""
    ownership = ownership_of(domain)
    with transaction.atomic():
        jobs.start_now(ownership, asked_at=clock.now())
        record(
            "domain.verification_asked",
            workspace_id=domain.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
        )
        jobs.ring("ownership", interactive=True)
    return ownership


def require_ownership(*, workspace: Workspace, names: Iterable[str]) -> None:
    """Pass when the DNS shows, now, proof of every name. Blocks; worker only; repeatable.

    Raises NeedsUser("ownership_missing", names, records) where proof is absent and
    Transient("ownership_unclear", names) where the DNS could not say.
    """
    missing, unclear = set[str](), set[str]()
    looked: dict[str, str] = {}
    for name in sorted(set(names)):
        found = [_proof_now(one, looked) for one in proofs_of(workspace=workspace, name=name)]
        if "proven" not in found:
            (unclear if "unclear" in found else missing).add(name)
    if missing:
        raise NeedsUser("ownership_missing", names=sorted(missing))
    if unclear:
        raise Transient("ownership_unclear", names=sorted(unclear))


def _proof_now(ownership: Ownership, looked: dict[str, str]) -> str:
    if ownership.host not in looked:
        checks = look_up(ownership)
        is_proven = any(is_seen(check) for check in checks)
        looked[ownership.host] = "proven" if is_proven else "gone" if is_miss(checks) else "unclear"
    return looked[ownership.host]


def is_lapsed(*, workspace: Workspace, names: Iterable[str], now: datetime | None = None) -> bool:
    """Whether renewals of these names stop: the record of one has been gone for 30 days, or never was.

    Reads rows only: the daily look keeps them.
    """
    moment = now or clock.now()
    return not all(
        any(not one.missing_since or moment - one.missing_since < LAPSES_AFTER for one in proofs)
        for proofs in (proofs_of(workspace=workspace, name=name) for name in names)
    )

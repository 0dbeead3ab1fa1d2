"""What a CA's limits leave: every use is written down, and what would go over is not even asked for.

A sliding count over our own entries is never more generous than the CA's gradual refill.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from certificates.cas.known import Counted, Limit, ca_at
from certificates.models import CaEntry, Certificate, Renewal, names_key
from config.lib import clock, egress
from config.lib.errors import Transient
from config.lib.wording import span

# Longer than any limit looks back.
KEPT = timedelta(days=8)
# Why an order is not counted: it renews a name set, or the CA itself suggested its time (RFC 9773).
RENEWAL, SUGGESTED = "renewal", "ari"


@dataclass(frozen=True)
class Ordered:
    """What is to be ordered, as far as CAs count it. `spared` is empty, RENEWAL or SUGGESTED."""

    workspace_id: UUID
    directory_url: str
    names: Sequence[str]
    spared: str = ""


@dataclass(frozen=True)
class Budget:
    """One limit as it stands. `free_at` is when the next one fits, null while there is room."""

    limit: Limit
    subject: str
    used: int
    free_at: datetime | None

    @property
    def left(self) -> int:
        return max(self.limit.most - self.used, 0)


def budgets(ordered: Ordered, *, each: int | None = None) -> list[Budget]:
    """Every limit that this order would count against, the registered domains one by one. Asks nobody.

    `each`: of how many domains and names at most.
    """
    now = clock.now()
    return [_budget(ordered.directory_url, limit, subject, now) for limit, subject in _counted(ordered, each)]


def require_room(ordered: Ordered) -> None:
    """Raise `ca_limit` while one of the CA's limits is used up; it names the moment when there is room again."""
    full = [budget for budget in budgets(ordered) if budget.free_at]
    if full:
        last = max(full, key=lambda budget: budget.free_at or clock.now())
        raise limit_error(ca_at(ordered.directory_url).label, last)


def limit_error(ca: str, budget: Budget) -> Transient:
    until = budget.free_at or clock.now()
    return Transient(
        "ca_limit",
        retry_at=until,
        ca=ca,
        what=WORDS[budget.limit.counted].format(subject=budget.subject),
        most=budget.limit.most,
        within=span(budget.limit.within.total_seconds()),
        until=f"{until:%Y-%m-%d %H:%M} UTC",
    )


WORDS: dict[Counted, str] = {
    Counted.ORDERS: "orders of this workspace",
    Counted.OF_DOMAIN: "certificates for {subject}",
    Counted.OF_NAMES: "certificates for exactly these names",
    Counted.FAILURES: "failed proofs of {subject}",
    Counted.ACCOUNTS: "new accounts from this portal",
}


def spare_of(ordered: Ordered, *, replaces: str, domain_id: UUID) -> str:
    """Why the CA would not count it: see RENEWAL and SUGGESTED; empty where it does."""
    if replaces and _is_suggested_now(ordered.workspace_id, domain_id):
        return SUGGESTED
    issued = Certificate.unscoped.filter(
        workspace_id=ordered.workspace_id, directory_url=ordered.directory_url, names_key=names_key(ordered.names)
    )
    return RENEWAL if issued.exists() else ""


def _is_suggested_now(workspace_id: UUID, domain_id: UUID) -> bool:
    now = clock.now()
    rows = Renewal.unscoped.filter(workspace_id=workspace_id, domain_id=domain_id)
    return rows.filter(window_start__lte=now, window_end__gte=now).exists()


def note_order(ordered: Ordered) -> None:
    """In the transaction that keeps the order: what a CA out of reach never heard of it does not count."""
    if not ordered.spared:
        _note(ordered.directory_url, Counted.ORDERS, [str(ordered.workspace_id)])


def note_certificate(ordered: Ordered) -> None:
    """In the transaction that keeps the certificate."""
    if ordered.spared == SUGGESTED:
        return
    _note(ordered.directory_url, Counted.OF_NAMES, [names_key(ordered.names)])
    if not ordered.spared:
        _note(ordered.directory_url, Counted.OF_DOMAIN, registered_domains(ordered.names))


def note_failure(ordered: Ordered, name: str) -> None:
    """In the transaction that keeps the CA's refusal of `name`."""
    _note(ordered.directory_url, Counted.FAILURES, [_failing(ordered.workspace_id, name)])


def note_account(directory_url: str) -> None:
    """Once it is open."""
    _note(directory_url, Counted.ACCOUNTS, [""])


def require_room_for_account(directory_url: str) -> None:
    """Raise `ca_limit` when this portal has opened as many accounts there as its address may."""
    ca = ca_at(directory_url)
    limit = ca.limit(Counted.ACCOUNTS)
    budget = _budget(directory_url, limit, "", clock.now()) if limit else None
    if budget and budget.free_at:
        raise limit_error(ca.label, budget)


def forget_old() -> None:
    """Repeatable."""
    CaEntry.objects.filter(at__lt=clock.now() - KEPT).delete()


def registered_domains(names: Iterable[str]) -> list[str]:
    """What CAs count certificates by; a name without one counts for itself."""
    return sorted({egress.registrable_domain(name.removeprefix("*.")) for name in names})


def _counted(ordered: Ordered, each: int | None) -> Iterator[tuple[Limit, str]]:
    for limit in ca_at(ordered.directory_url).limits:
        if limit.counted == Counted.ACCOUNTS or (ordered.spared and limit.spares_renewals):
            continue
        if limit.counted == Counted.OF_NAMES and ordered.spared == SUGGESTED:
            continue
        for subject in _subjects(limit.counted, ordered)[:each]:
            yield limit, subject


def _subjects(counted: Counted, ordered: Ordered) -> list[str]:
    if counted == Counted.ORDERS:
        return [str(ordered.workspace_id)]
    if counted == Counted.OF_DOMAIN:
        return registered_domains(ordered.names)
    if counted == Counted.OF_NAMES:
        return [names_key(ordered.names)]
    hosts = sorted({name.removeprefix("*.") for name in ordered.names})
    return [_failing(ordered.workspace_id, host) for host in hosts]


def _failing(workspace_id: UUID, name: str) -> str:
    """The CA counts failures by account and name."""
    return f"{name.removeprefix('*.')} {workspace_id}"


def _budget(directory_url: str, limit: Limit, subject: str, now: datetime) -> Budget:
    rows = CaEntry.objects.filter(
        directory_url=directory_url, counted=limit.counted, subject=subject, at__gt=now - limit.within
    )
    # The one whose end makes room for the next.
    oldest = next(iter(rows.order_by("-at").values_list("at", flat=True)[limit.most - 1 : limit.most]), None)
    shown = subject.split(" ")[0] if limit.counted == Counted.FAILURES else subject
    return Budget(limit, shown, rows.count(), oldest + limit.within if oldest else None)


def _note(directory_url: str, counted: Counted, subjects: Sequence[str]) -> None:
    if ca_at(directory_url).limit(counted) is None:
        return
    CaEntry.objects.bulk_create(
        CaEntry(directory_url=directory_url, counted=counted, subject=subject[:300]) for subject in subjects
    )

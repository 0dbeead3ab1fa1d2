"""The CA's word on certificates that people renew: a CA that wants one at once must not be heard by the others alone.

Those that renew by themselves are asked about by the sweep, more often. Here nothing is planned, so once a day will do.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from certificates.models import Advice, Certificate, Renewal
from certificates.renewal import ari
from certificates.renewal.telling import WANTED_BY_HAND, close_wanted, is_wanted_early, tell_wanted
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, Transient
from domains.findings import open_findings
from domains.models import Domain

EVERY = timedelta(days=1)
# The newest of so many sets of names; who has more of them by hand has a script, which asks by itself.
MOST = 5
PLANNED_AT_ONCE = 500
LEASE_SECONDS = 90

_chance = random.SystemRandom()


def plan_some() -> bool:
    """A chore: domains that are not asked about yet, spread over a day. Whether there may be more. Repeatable."""
    asked = Advice.unscoped.filter(domain=OuterRef("pk"), run_after__isnull=False)
    rows = Domain.unscoped.filter(~Exists(asked), Exists(_current(OuterRef("pk"))), renewal=None)
    found = list(rows.order_by("pk").values_list("pk", "workspace_id")[:PLANNED_AT_ONCE])
    for domain, workspace in found:
        due = {"workspace_id": workspace, "run_after": clock.now() + EVERY * _chance.random()}
        Advice.unscoped.update_or_create(domain_id=domain, defaults=due)
    return len(found) == PLANNED_AT_ONCE


def work_advices(batch: Sequence[Advice]) -> None:
    for advice in batch:
        look(advice)


def look(advice: Advice) -> None:
    """Blocks while CAs are asked. Repeatable. Raises LeaseLost."""
    now = clock.now()
    if Renewal.objects.for_workspace(advice.workspace_id).filter(domain=advice.domain_id).exists():
        _rest(advice, None, wanted=None)  # The sweep asks, and has the findings.
        return
    current = _newest_of_each(advice.domain)
    if not current or (advice.ask_at and advice.ask_at > now):
        _rest(advice, advice.ask_at if current else None, also=partial(_close_replaced, advice.domain, current))
        return
    wanted, ask_at, is_sure = _ask(advice, current, now)
    if not wanted and not is_sure:
        _rest(advice, ask_at, ask_at=ask_at, also=partial(_close_replaced, advice.domain, current))
        return
    keys = [str(certificate.pk) for certificate, _ in wanted] or None
    also = partial(tell_wanted_by_hand, advice.domain, wanted)
    _rest(advice, ask_at, ask_at=ask_at, wanted=keys, also=also)


def _rest(advice: Advice, run_after: datetime | None, **more: Any) -> None:
    if not advice.finish(run_after=run_after, **more):
        raise jobs.LeaseLost(str(advice.pk))


def _current(domain: Any) -> QuerySet[Certificate]:
    return Certificate.unscoped.filter(
        domain=domain,
        source=Certificate.Source.ACME,
        not_after__gt=clock.now(),
        private_key__isnull=False,
        revoked_at=None,
    )


def _newest_of_each(domain: Domain) -> list[Certificate]:
    newest: dict[str, Certificate] = {}
    for certificate in _current(domain).order_by("-created_at"):
        newest.setdefault(certificate.names_key, certificate)
    return list(newest.values())[:MOST]


type Wanted = tuple[Certificate, ari.Answer]


def _ask(advice: Advice, current: Sequence[Certificate], now: datetime) -> tuple[list[Wanted], datetime, bool]:
    """Those that their CA wants replaced, when to ask again, and whether all have answered."""
    wanted, ask_at, is_sure = [], now + EVERY, True
    for certificate in current:
        advice.renew_lease(LEASE_SECONDS)
        try:
            answer = ari.ask(certificate, None)
        except ExpectedError as error:
            named = error.retry_at if isinstance(error, Transient) else None
            ask_at, is_sure = max(ask_at, named or now), False
            continue
        ask_at = max(ask_at, answer.ask_at)
        if answer.suggestion and answer.suggestion.is_past and is_wanted_early(certificate, answer.suggestion.window):
            wanted.append((certificate, answer))
    return wanted, ask_at, is_sure


def tell_wanted_by_hand(domain: Domain, wanted: Sequence[Wanted]) -> None:
    if not wanted:
        close_wanted(domain)
        return
    _, first = wanted[0]
    names = sorted({name for certificate, _ in wanted for name in certificate.names})
    keys = [str(certificate.pk) for certificate, _ in wanted]
    until = first.suggestion.window.end if first.suggestion else clock.now()
    tell_wanted(domain, WANTED_BY_HAND, names, until, first.explanation_url, certificates=keys)


def _close_replaced(domain: Domain, current: Sequence[Certificate]) -> None:
    """Once none of those that were wanted is the newest for its names."""
    finding = open_findings(domain).filter(code=WANTED_BY_HAND).first()
    if finding and not {str(one.pk) for one in current} & set(finding.params.get("certificates", [])):
        close_wanted(domain)


def give_up(advice: Advice, error: ExpectedError) -> None:
    """Asked again the next day, and says why."""
    trouble: dict[str, Any] = {"error_code": error.code, "error_params": jobs.storable(error.params)}
    advice.finish(run_after=clock.now() + EVERY, **trouble)

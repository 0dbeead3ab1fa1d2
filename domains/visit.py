"""The work behind every look at a domain: claim, observe, judge, write. One path for button, API and schedule.

Runs in the worker role that has no encryption key: whatever a hostile server achieves here, there is
nothing sealed within reach.
"""

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from auditlog.events import Actor, record
from config.lib import clock, jobs, x509
from config.lib.errors import ExpectedError
from domains.authorities.stores import roots_of_workspaces
from domains.conclusion import Conclusion, alarm, conclude, sum_up
from domains.findings import replace_findings
from domains.history import file_switches, recall
from domains.metrics import tally_visits
from domains.models import Domain, Visit
from domains.protocols import HTTPS, opener_of
from domains.purge import purge_domains, purge_due_at
from domains.revocation.watching import Served, watch_certificates
from domains.state import urgency
from domains.tls import POLITENESS, Observation, Politeness, Target, visit_many
from domains.turns import put_off, require_patience
from domains.uptime import probing
from domains.uptime.filing import file_probes
from domains.writing import update_rows

log = logging.getLogger("domains.visit")

SOURCE = "visit"
JOB_SOURCE = "visit_job"
# What others may change of a domain while it is looked at, and what the conclusion hangs on.
MEANWHILE = ("verified_at", "renew_at", "reported_state")


def visit_due(visits: Sequence[Visit]) -> None:
    """Visit claimed rows together and write what was seen in one statement. Blocks on the network.

    Repeatable: a batch that dies half-way is visited again after its lease. Rows that a person waits
    for go first and by themselves, so that nobody waits for the slowest of 500.
    """
    stale = [row for row in visits if not row.is_under_way and purge_due_at(row.domain) <= clock.now()]
    purge_domains([row.domain for row in stale])
    waiting = [row for row in visits if row not in stale]
    for is_interactive in (True, False):
        group = [row for row in waiting if (row.priority == jobs.INTERACTIVE) is is_interactive]
        if group:
            _visit_group(group)


def _visit_group(rows: Sequence[Visit]) -> None:
    began = clock.now()
    settle(rows, observe(rows), began)


def settle(rows: Sequence[Visit], observations: Sequence[Observation], began: datetime) -> None:
    """Judge and file what was seen of each row, and put off those whose address has had enough of us for now."""
    pairs = list(zip(rows, observations, strict=True))
    put_off([(row, one.put_off) for row, one in pairs if one.put_off is not None])
    roots = roots_of_workspaces({row.workspace_id for row in rows})
    now = clock.now()
    concluded = [
        _conclude_safely(row, one, now, roots[row.workspace_id], began) for row, one in pairs if one.put_off is None
    ]
    file_conclusions(concluded, began=began)


def _conclude_safely(visit: Visit, seen: Observation, now: datetime, roots: x509.Roots, began: datetime) -> Conclusion:
    """One hostile certificate must not cost the other rows of the batch, of all workspaces, their visit."""
    try:
        return conclude(visit, seen, now, roots, began=began)
    except Exception:
        log.exception("visit.crashed", extra={"visit": str(visit.pk)})
        crashed = Observation(seen.target, "visit_crashed", {"host": visit.domain.host})
        return conclude(visit, crashed, now, roots, began=began)


def observe(rows: Sequence[Visit], *, politeness: Politeness = POLITENESS) -> list[Observation]:
    """Look at the rows' hosts, all at once; a person who waits gets shorter limits for all of them."""
    targets = [_target(row.domain) for row in rows]
    agent, us = f"ManageMyCert (+{settings.SITE_URL})", settings.SITE_HOST
    if any(row.priority == jobs.INTERACTIVE for row in rows):
        return visit_many(targets, agent=agent, us=us, tls_seconds=6.0, http_seconds=2.5, politeness=politeness)
    return visit_many(targets, agent=agent, us=us, politeness=politeness)


def _target(domain: Domain) -> Target:
    plain_port = 80 if domain.port == HTTPS else None
    return Target(
        domain.host,
        domain.port,
        http=probing.has_website(domain),
        plain_port=plain_port,
        opener=opener_of(domain.protocol),
        owner=domain.workspace_id,
    )


@transaction.atomic
def file_conclusions(conclusions: Sequence[Conclusion], *, began: datetime | None = None) -> None:
    """Write all rows in one statement, their probes, and what changed beside them, for the rows that are still ours.

    `began` is when the look began (default: now): whoever asked later is answered by another look.
    """
    recall(conclusions)
    _take_in_news_of_meanwhile(conclusions, began or clock.now())
    ours = _give_back(conclusions)
    file_probes([(one.visit, one.probe) for one in conclusions if one.visit.pk in ours and one.probe])
    news = [one for one in conclusions if one.visit.pk in ours and one.is_news]
    file_switches(news)
    for one in sorted(news, key=lambda one: one.visit.domain_id):
        _file_news(one)
    seen = [one for one in news if one.seen.ders and one.visit.domain.is_verified]
    watch_certificates(Served(one.visit.domain, one.seen.ders, one.roots, _also_served(one)) for one in seen)
    tally_visits([one.seen.outcome for one in conclusions if one.visit.pk in ours])


def _give_back(conclusions: Sequence[Conclusion]) -> set[uuid.UUID]:
    """Write the rows that are still ours, and say which. Most visits change little: what stays is not written."""
    steady = [one.moving_columns for one in conclusions if one.is_steady]
    changed = [one.columns for one in conclusions if not one.is_steady]
    return set[uuid.UUID]().union(
        *(update_rows(Visit, rows, only_if="lease_token", released="lease_token") for rows in (steady, changed))
    )


def _take_in_news_of_meanwhile(conclusions: Sequence[Conclusion], began: datetime) -> None:
    """The network took its time: judge by the domain as it is now, and leave due what was made due meanwhile.

    Locks the domains, then the visits, each in order, as everybody does who changes both.
    """
    now = clock.now()
    domains = _locked(Domain, [one.visit.domain_id for one in conclusions], *MEANWHILE)
    visits = _locked(Visit, [one.visit.pk for one in conclusions], "run_after", "asked_at", "priority")
    for one in conclusions:
        if one.visit.domain_id not in domains or one.visit.pk not in visits:
            continue
        if _take_in(one.visit.domain, domains[one.visit.domain_id]) or one.inspection or one.began != began:
            sum_up(one, now, began=began)
        one.columns["visited_at"] = began
        _keep_request(one, visits[one.visit.pk], began)


def _take_in(domain: Domain, row: Mapping[str, Any]) -> bool:
    """Whether the domain is another one than when its visit began; afterwards it is not."""
    news = {name: value for name, value in row.items() if getattr(domain, name) != value}
    for name, value in news.items():
        setattr(domain, name, value)
    return bool(news)


def _keep_request(one: Conclusion, row: Mapping[str, Any], began: datetime) -> None:
    if row["run_after"] and row["run_after"] != one.visit.run_after:
        one.columns["run_after"] = min(row["run_after"], one.columns["run_after"])
    if row["asked_at"] and row["asked_at"] > began:
        one.columns["priority"] = row["priority"]
        jobs.ring("visit", interactive=True)


def _locked(model: type[Domain | Visit], keys: Sequence[uuid.UUID], *columns: str) -> dict[uuid.UUID, dict[str, Any]]:
    rows = model.unscoped.select_for_update(no_key=True).filter(pk__among=keys).order_by("pk")
    return {row.pop("pk"): row for row in rows.values("pk", *columns)}


def _file_news(one: Conclusion) -> None:
    domain = one.visit.domain
    Domain.unscoped.filter(pk=domain.pk).update(
        state=one.state, urgency=urgency(one.state), expires_at=one.columns["not_after"]
    )
    _record_change(one)
    if domain.is_verified:
        replace_findings(domain=domain, source=SOURCE, found=_findings(one))
        replace_findings(domain=domain, source=JOB_SOURCE, found={})
        if one.probe:
            found = probing.site_findings(domain, one.columns, one.probe)
            replace_findings(domain=domain, source=probing.SOURCE, found=found)


def _also_served(one: Conclusion) -> set[str]:
    return {str(other["fingerprint_sha256"]) for other in one.columns["others"].values()}


def _record_change(one: Conclusion) -> None:
    """A change is told once; that two take turns is told when it begins, instead of every turn."""
    domain, inspection = one.visit.domain, one.inspection
    if inspection is None or one.visit.chain_sha256 == inspection.chain_sha256:
        return
    others = one.columns["others"]
    if others and one.visit.others:
        return
    data = {
        "fingerprint_sha256": inspection.fingerprint_sha256,
        "issuer": one.columns["issuer_name"],
        "not_after": one.columns["not_after"].isoformat() if one.columns["not_after"] else None,
    }
    kind = "domain.certificates_alternate" if others else "domain.certificate_changed"
    if not one.visit.chain_sha256:
        # Before ownership is proven nobody is told of anything, and its being proven is an event of its own.
        if not domain.is_verified:
            return
        kind = "domain.certificate_seen"
    record(
        kind,
        workspace_id=domain.workspace_id,
        domain_id=domain.pk,
        domain_label=domain.label,
        data=data,
    )


def _findings(one: Conclusion) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {problem["code"]: (problem["severity"], problem["params"]) for problem in one.all_problems}
    if fingerprints := _also_served(one):
        if current := one.inspection or one.visit.inspection:
            fingerprints.add(current.fingerprint_sha256)
        found["certificates_alternate"] = ("info", {"certificates": sorted(each[:16] for each in fingerprints)})
    if code := alarm(one):
        found[code] = ("critical", one.columns["error_params"])
    return found


@transaction.atomic
def give_up(visit: Visit, error: ExpectedError) -> None:
    """A row that took its worker down again and again: say so and look again tomorrow."""
    _locked(Domain, [visit.domain_id])

    def tell() -> None:
        replace_findings(domain=visit.domain, source=JOB_SOURCE, found={error.code: ("warning", error.params)})

    visit.finish(
        run_after=clock.now() + timedelta(days=1),
        visited_at=clock.now(),
        # The next visit has something to file in any case: that this is over.
        digest="",
        error_code=error.code,
        error_params=jobs.storable(error.params),
        also=tell,
    )


def ask_for_visit(*, domain: Domain, actor: Actor | None = None) -> Visit:
    """`Check now`: make the domain's visit due at once for a person who waits, and ring. Repeatable.

    Raises Transient("checked_too_often") where `actor` has the portal look at one host again and again.
    """
    visit = Visit.unscoped.get(domain=domain)
    with transaction.atomic():
        jobs.start_now(visit, asked_at=clock.now())
        require_patience(domain, actor)  # after the row is locked, so that two at once are counted
        record(
            "domain.inspection_asked",
            workspace_id=domain.workspace_id,
            actor=actor,
            domain_id=domain.pk,
            domain_label=domain.label,
        )
        jobs.ring("visit", interactive=True)
    return visit

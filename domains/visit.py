"""The work behind every look at a domain: claim, observe, judge, write. One path for button, API and schedule.

Runs in the worker role that has no encryption key: whatever a hostile server achieves here, there is
nothing sealed within reach.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from auditlog.events import Actor, record
from config.lib import clock, jobs, x509
from config.lib.errors import ExpectedError
from domains.findings import replace_findings
from domains.metrics import tally_visits
from domains.models import HTTPS, Domain, Inspection, Visit
from domains.purge import purge_domains, purge_due_at
from domains.state import TRIES_BEFORE_ALARM, Known, domain_state, urgency
from domains.tls import POLITENESS, Observation, Politeness, Target, visit_many
from domains.turns import put_off, require_patience
from domains.uptime import probing
from domains.uptime.filing import file_probes
from domains.uptime.packing import Probe
from domains.writing import update_rows

log = logging.getLogger("domains.visit")

BATCH = 500
LEASE = timedelta(seconds=300)
SECOND_TRY = timedelta(seconds=60)
SOURCE = "visit"
JOB_SOURCE = "visit_job"
# What others may change of a domain while it is looked at, and what the conclusion hangs on.
MEANWHILE = ("verified_at", "renew_at", "reported_state")


@dataclass(slots=True)
class Conclusion:
    """What one observation means for its domain, as values; `columns` are the visit's."""

    visit: Visit
    seen: Observation
    columns: dict[str, Any]
    problems: list[dict[str, Any]] = field(default_factory=list)
    state: str = ""
    inspection: Inspection | None = None
    is_news: bool = False
    probe: Probe | None = None


def visit_due(visits: Sequence[Visit]) -> None:
    """Visit claimed rows together and write what was seen in one statement. Blocks on the network.

    Repeatable: a batch that dies half-way is visited again after its lease. Rows that a person waits
    for go first and by themselves, so that nobody waits for the slowest of 500.
    """
    rows = _still_ours(visits)
    stale = [row for row in rows if not row.is_under_way and purge_due_at(row.domain) <= clock.now()]
    purge_domains([row.domain for row in stale])
    waiting = [row for row in rows if row not in stale]
    for is_interactive in (True, False):
        group = [row for row in waiting if (row.priority == jobs.INTERACTIVE) is is_interactive]
        if group:
            _visit_group(group)


def _still_ours(visits: Sequence[Visit]) -> list[Visit]:
    """The claimed rows with what a visit needs of their domains, in one query."""
    tokens = {visit.pk: visit.lease_token for visit in visits}
    rows = Visit.unscoped.filter(pk__in=tokens).select_related("domain__workspace", "inspection")
    return [row for row in rows.defer("inspection__leaf", "inspection__chain") if row.lease_token == tokens[row.pk]]


def _visit_group(rows: Sequence[Visit]) -> None:
    began = clock.now()
    settle(rows, observe(rows), began)


def settle(rows: Sequence[Visit], observations: Sequence[Observation], began: datetime) -> None:
    """Judge and file what was seen of each row, and put off those whose address has had enough of us for now."""
    pairs = list(zip(rows, observations, strict=True))
    put_off([(row, one.put_off) for row, one in pairs if one.put_off is not None])
    roots = x509.load_roots(settings.TLS_EXTRA_CA_BUNDLE)
    now = clock.now()
    concluded = [_conclude_safely(row, one, now, roots) for row, one in pairs if one.put_off is None]
    file_conclusions(concluded, began=began)


def _conclude_safely(visit: Visit, seen: Observation, now: datetime, roots: x509.Roots) -> Conclusion:
    """One hostile certificate must not cost the other rows of the batch, of all workspaces, their visit."""
    try:
        return conclude(visit, seen, now, roots)
    except Exception:
        log.exception("visit.crashed", extra={"visit": str(visit.pk)})
        crashed = Observation(seen.target, "visit_crashed", {"host": visit.domain.host})
        return conclude(visit, crashed, now, roots)


def observe(rows: Sequence[Visit], *, politeness: Politeness = POLITENESS) -> list[Observation]:
    """Look at the rows' hosts, all at once; a person who waits gets shorter limits for all of them."""
    targets = [_target(row.domain) for row in rows]
    agent = f"ManageMyCert (+{settings.SITE_URL})"
    if any(row.priority == jobs.INTERACTIVE for row in rows):
        return visit_many(targets, agent=agent, tls_seconds=6.0, http_seconds=2.5, politeness=politeness)
    return visit_many(targets, agent=agent, politeness=politeness)


def _target(domain: Domain) -> Target:
    plain_port = 80 if domain.port == HTTPS else None
    return Target(domain.host, domain.port, http=probing.has_website(domain), plain_port=plain_port)


def conclude(visit: Visit, seen: Observation, now: datetime, roots: x509.Roots) -> Conclusion:
    """The meaning of one observation; no database but the rows given, no network."""
    concluded = Conclusion(visit, seen, _columns(visit, seen, now))
    if seen.ders:
        _take_certificate(concluded, seen, now, roots)
    elif visit.inspection:
        concluded.problems = visit.inspection.problems
    _sum_up(concluded, now, began=now)
    return concluded


def _sum_up(concluded: Conclusion, now: datetime, *, began: datetime) -> None:
    """What depends on the domain's own columns as well as on what was seen; repeatable."""
    visit, columns = concluded.visit, concluded.columns
    concluded.probe = probing.probe_of(visit, concluded.seen, began)
    columns |= probing.count_failures(visit, concluded.probe)
    concluded.state = domain_state(_known(concluded), now)
    columns["digest"] = _digest(concluded)
    columns["run_after"] = next_visit(visit, columns, now)
    concluded.is_news = columns["digest"] != visit.digest


def _columns(visit: Visit, seen: Observation, now: datetime) -> dict[str, Any]:
    """Everything a visit writes, with the certificate's columns as they were."""
    failures = 0 if seen.ders else visit.failures + 1
    page = seen.page
    return {
        "id": visit.pk,
        "visited_at": now,
        "failures": failures,
        "address": seen.address,
        "milliseconds": seen.milliseconds,
        "page_scheme": page.scheme if page else "",
        "page_status": page.status if page else None,
        "page_milliseconds": page.milliseconds if page else 0,
        "error_code": seen.outcome,
        "error_params": jobs.storable(seen.params),
        "inspection_id": visit.inspection_id,
        "chain_sha256": visit.chain_sha256,
        "not_before": visit.not_before,
        "not_after": visit.not_after,
        "issuer_name": visit.issuer_name,
        "lease_token": visit.lease_token,
        "lease_until": None,
        "claims": 0,
        "attempts": 0,
        "priority": jobs.BACKGROUND,
    }


def _take_certificate(concluded: Conclusion, seen: Observation, now: datetime, roots: x509.Roots) -> None:
    visit, host = concluded.visit, concluded.visit.domain.host
    verdict = x509.verdict(seen.ders, host, now, roots)
    concluded.problems = [
        {"code": one.code, "severity": one.severity, "params": dict(one.params)} for one in verdict.problems
    ]
    known = visit.inspection
    if known and known.chain_sha256 == verdict.chain_sha256 and known.problems == concluded.problems:
        return
    concluded.inspection = _inspection(visit, seen, verdict, concluded.problems, now)
    leaf = verdict.path[0].facts
    concluded.columns |= {
        "inspection_id": concluded.inspection.pk,
        "chain_sha256": verdict.chain_sha256,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "issuer_name": leaf.issuer_name,
    }


def _inspection(
    visit: Visit, seen: Observation, verdict: x509.Verdict, problems: list[dict[str, Any]], now: datetime
) -> Inspection:
    leaf = verdict.path[0].facts
    return Inspection(
        workspace_id=visit.workspace_id,
        domain_id=visit.domain_id,
        seen_at=now,
        address=seen.address,
        tls_version=seen.tls_version,
        cipher=seen.cipher,
        chain_sha256=verdict.chain_sha256,
        fingerprint_sha256=leaf.fingerprint_sha256,
        is_trusted=verdict.trusted,
        leaf=leaf.as_json(),
        chain=[{**link.facts.as_json(), "role": link.role, "served": link.served} for link in verdict.path],
        problems=problems,
    )


def _known(concluded: Conclusion) -> Known:
    domain, columns = concluded.visit.domain, concluded.columns
    return Known(
        is_verified=domain.is_verified,
        has_certificate=columns["inspection_id"] is not None,
        not_after=columns["not_after"],
        problems=tuple((one["code"], one["severity"]) for one in concluded.problems),
        failures=columns["failures"],
        renew_at=domain.renew_at,
        reported_state=domain.reported_state,
    )


def _digest(concluded: Conclusion) -> str:
    """Sums up what is filed outside of the visit's own row."""
    filed = [
        concluded.columns["chain_sha256"],
        concluded.problems,
        concluded.state,
        _alarm(concluded),
        concluded.visit.domain.is_verified,
        *(["site_down"] if probing.is_site_down(concluded.columns) else []),
    ]
    return hashlib.sha256(json.dumps(filed, sort_keys=True, default=str).encode()).hexdigest()


def _alarm(concluded: Conclusion) -> str:
    """The code of an unreachability that is confirmed, of a host that has served a certificate before."""
    columns = concluded.columns
    confirmed = columns["failures"] >= TRIES_BEFORE_ALARM and columns["inspection_id"]
    return str(columns["error_code"]) if confirmed else ""


def next_visit(visit: Visit, columns: Mapping[str, Any], now: datetime) -> datetime:
    """When to look again: soon after a first failure, else by the workspace's interval; unverified: never.

    An unverified domain's next date is that of its purge.
    """
    if 0 < columns["failures"] < TRIES_BEFORE_ALARM or probing.is_first_failure(visit, columns):
        return now + SECOND_TRY
    domain = visit.domain
    if not domain.is_verified:
        return purge_due_at(domain)
    interval = timedelta(minutes=domain.workspace.monitor_interval_minutes)
    return now + spread(interval, visit.pk, now)


def spread(interval: timedelta, key: uuid.UUID, now: datetime) -> timedelta:
    """The time until this row's own beat: between half and one and a half intervals, then always one.

    Each row keeps to a phase of its own, so that 10,000 domains added together do not fire together.
    """
    seconds = interval.total_seconds()
    phase = (key.int % 100_003) / 100_003 * seconds
    wait = seconds - (now.timestamp() - phase) % seconds
    return timedelta(seconds=wait if wait >= seconds / 2 else wait + seconds)


@transaction.atomic
def file_conclusions(conclusions: Sequence[Conclusion], *, began: datetime | None = None) -> None:
    """Write all rows in one statement, their probes, and what changed beside them, for the rows that are still ours.

    `began` is when the look began (default: now): whoever asked later is answered by another look.
    """
    _take_in_news_of_meanwhile(conclusions, began or clock.now())
    ours = update_rows(Visit, [one.columns for one in conclusions], only_if="lease_token", released="lease_token")
    file_probes([(one.visit, one.probe) for one in conclusions if one.visit.pk in ours and one.probe])
    news = [one for one in conclusions if one.visit.pk in ours and one.is_news]
    Inspection.unscoped.bulk_create([one.inspection for one in news if one.inspection])
    for one in news:
        _file_news(one)
    tally_visits([one.seen.outcome for one in conclusions if one.visit.pk in ours])


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
        for name, value in domains[one.visit.domain_id].items():
            setattr(one.visit.domain, name, value)
        _sum_up(one, now, began=began)
        one.columns["visited_at"] = began
        _keep_request(one, visits[one.visit.pk], began)


def _keep_request(one: Conclusion, row: Mapping[str, Any], began: datetime) -> None:
    if row["run_after"] and row["run_after"] != one.visit.run_after:
        one.columns["run_after"] = min(row["run_after"], one.columns["run_after"])
    if row["asked_at"] and row["asked_at"] > began:
        one.columns["priority"] = row["priority"]
        jobs.ring("visit", interactive=True)


def _locked(model: type[Domain | Visit], keys: Sequence[uuid.UUID], *columns: str) -> dict[uuid.UUID, dict[str, Any]]:
    rows = model.unscoped.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    return {row.pop("pk"): row for row in rows.values("pk", *columns)}


def _file_news(one: Conclusion) -> None:
    domain = one.visit.domain
    Domain.unscoped.filter(pk=domain.pk).update(
        state=one.state, urgency=urgency(one.state), expires_at=one.columns["not_after"]
    )
    if one.inspection and one.visit.chain_sha256 not in ("", one.inspection.chain_sha256):
        record(
            "domain.certificate_changed",
            workspace_id=domain.workspace_id,
            domain_id=domain.pk,
            domain_label=domain.label,
            data={
                "fingerprint_sha256": one.inspection.fingerprint_sha256,
                "issuer": one.columns["issuer_name"],
                "not_after": one.inspection.leaf.get("not_after"),
            },
        )
    if domain.is_verified:
        replace_findings(domain=domain, source=SOURCE, found=_findings(one))
        replace_findings(domain=domain, source=JOB_SOURCE, found={})
        if one.probe:
            found = probing.site_findings(domain, one.columns, one.probe)
            replace_findings(domain=domain, source=probing.SOURCE, found=found)


def _findings(one: Conclusion) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {problem["code"]: (problem["severity"], problem["params"]) for problem in one.problems}
    if alarm := _alarm(one):
        found[alarm] = ("critical", one.columns["error_params"])
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

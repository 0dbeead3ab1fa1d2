"""What one observation of a domain means, as values: no database but the rows given, no network."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from config.lib import jobs, x509
from domains.history import others_now, seen_digest, united
from domains.models import Domain, Inspection, Visit
from domains.purge import purge_due_at
from domains.state import TRIES_BEFORE_ALARM, Known, domain_state
from domains.tls import Observation
from domains.uptime import probing
from domains.uptime.packing import Probe

SECOND_TRY = timedelta(seconds=60)
# Where servers show their own certificate to the servers that they connect to: SIP, XMPP, mail.
CLIENT_PORTS = frozenset({25, 465, 587, 5061, 5222, 5223, 5269})
CERTIFICATE_COLUMNS = (
    *("inspection_id", "chain_sha256", "not_before", "not_after", "issuer_name"),
    *("certificate_at", "tls_version", "cipher"),
)
CLIENT_PROTOCOLS = ("sip", "xmpp", "smtp")
# What every visit writes, and what stays as it is while the host does.
MOVING = (
    *("id", "visited_at", "milliseconds", "page_milliseconds", "page_up_at", "certificate_at", "run_after"),
    *("lease_token", "lease_until", "claims", "attempts", "priority"),
)
SELDOM = (
    *("failures", "address", "page_scheme", "page_status", "page_failures", "error_code", "error_params"),
    *("inspection_id", "chain_sha256", "not_before", "not_after", "issuer_name", "tls_version", "cipher"),
    *("others", "digest"),
)
_seldom_of = attrgetter(*SELDOM)


@dataclass(slots=True)
class Conclusion:
    """What one observation means for its domain, as values; `columns` are the visit's.

    `inspection` is set when another certificate, or the same with other problems, was seen than at the visit
    before; `is_return` when that row is in the history already. `problems` are those of the certificate last
    seen, `all_problems` also those of the certificates that are served in turn with it.
    """

    visit: Visit
    seen: Observation
    columns: dict[str, Any]
    roots: x509.Roots
    began: datetime
    problems: list[dict[str, Any]] = field(default_factory=list)
    state: str = ""
    inspection: Inspection | None = None
    is_return: bool = False
    is_news: bool = False
    probe: Probe | None = None

    @property
    def is_steady(self) -> bool:
        """Whether nothing but MOVING columns changes."""
        return _seldom_of(self.visit) == tuple(map(self.columns.__getitem__, SELDOM))

    @property
    def moving_columns(self) -> dict[str, Any]:
        return {name: self.columns[name] for name in MOVING}

    @property
    def all_problems(self) -> list[dict[str, Any]]:
        return united(self.problems, self.columns["others"])


def conclude(
    visit: Visit, seen: Observation, now: datetime, roots: x509.Roots, *, began: datetime | None = None
) -> Conclusion:
    """The meaning of one observation, `began` then (default: now), for a visit loaded as `domains.loading` does it."""
    concluded = Conclusion(visit, seen, _columns(visit, seen, now), roots, began or now)
    if seen.ders:
        _take_certificate(concluded, now)
    elif visit.inspection:
        concluded.problems = visit.inspection.problems
    sum_up(concluded, now, began=concluded.began)
    return concluded


def sum_up(concluded: Conclusion, now: datetime, *, began: datetime) -> None:
    """What depends on the domain's own columns as well as on what was seen; repeatable."""
    concluded.began = began
    visit, columns = concluded.visit, concluded.columns
    concluded.probe = probing.probe_of(visit, concluded.seen, began)
    columns |= probing.count_failures(visit, concluded.probe)
    concluded.state = domain_state(_known(concluded), now)
    columns["digest"] = _digest(concluded)
    columns["run_after"] = next_visit(visit, columns, now)
    concluded.is_news = concluded.inspection is not None or columns["digest"] != visit.digest


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
        **_certificate_columns(visit, now),
        "lease_token": visit.lease_token,
        "lease_until": None,
        "claims": 0,
        "attempts": 0,
        "priority": jobs.BACKGROUND,
    }


def _certificate_columns(visit: Visit, now: datetime) -> dict[str, Any]:
    return {name: getattr(visit, name) for name in CERTIFICATE_COLUMNS} | {"others": others_now(visit, now)}


def _take_certificate(concluded: Conclusion, now: datetime) -> None:
    visit, seen = concluded.visit, concluded.seen
    verdict = x509.verdict(seen.ders, visit.domain.host, now, concluded.roots)
    concluded.problems = _problems(visit, seen, verdict)
    concluded.columns |= {"certificate_at": now, "tls_version": seen.tls_version, "cipher": seen.cipher}
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


def _problems(visit: Visit, seen: Observation, verdict: x509.Verdict) -> list[dict[str, Any]]:
    found = [*verdict.problems, *x509.connection_problems(seen.tls_version, seen.cipher)]
    if _lost_client_auth(visit, verdict):
        found.append(x509.Problem("client_auth_gone", x509.INFO))
    return [{"code": one.code, "severity": one.severity, "params": dict(one.params)} for one in x509.by_weight(found)]


def _lost_client_auth(visit: Visit, verdict: x509.Verdict) -> bool:
    """Whether the certificate before this one could also be shown to others; told as long as this one is served."""
    domain, known, leaf = visit.domain, visit.inspection, verdict.path[0].facts
    if domain.port not in CLIENT_PORTS and not domain.protocol.startswith(CLIENT_PROTOCOLS):
        return False
    if known is None or is_for_clients(leaf):
        return False
    if known.fingerprint_sha256 == leaf.fingerprint_sha256:
        return any(one["code"] == "client_auth_gone" for one in known.problems)
    return known.has_client_auth


def is_for_clients(leaf: x509.CertificateFacts) -> bool:
    """Whether the certificate says that it may be shown by a client."""
    return not {"clientAuth", "any"}.isdisjoint(leaf.usages)


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
        has_client_auth=is_for_clients(leaf),
        digest=seen_digest(verdict.chain_sha256, problems),
    )


def _known(concluded: Conclusion) -> Known:
    domain, columns = concluded.visit.domain, concluded.columns
    return Known(
        is_verified=domain.is_verified,
        has_certificate=columns["inspection_id"] is not None,
        not_after=columns["not_after"],
        problems=tuple((one["code"], one["severity"]) for one in concluded.all_problems),
        failures=columns["failures"],
        renew_at=domain.renew_at,
        reported_state=domain.reported_state,
    )


def _digest(concluded: Conclusion) -> str:
    """Sums up what is filed outside of the visit's own row."""
    filed = [
        concluded.columns["chain_sha256"],
        concluded.all_problems,
        sorted(concluded.columns["others"]),
        concluded.state,
        alarm(concluded),
        concluded.visit.domain.is_verified,
        *(["site_down"] if probing.is_site_down(concluded.columns) else []),
    ]
    return hashlib.sha256(json.dumps(filed, sort_keys=True, default=str).encode()).hexdigest()


def alarm(concluded: Conclusion) -> str:
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
    domain: Domain = visit.domain
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

"""A day without the CA in simulated time: renewals that are all due at its beginning, and what became of them."""

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Workspace
from certificates.gates import read_wish
from certificates.keys import new_key
from certificates.models import AcmeAccount, CaOutage, Certificate, Issuance, PrivateKey, Renewal
from certificates.store import keep_names
from config.lib import clock, jobs
from deploy.models import Readiness
from domains.models import Domain, Mode, Ownership
from tests.integration.issuing import LOOPBACK, Dns
from tests.servers.ca import TestCa
from tests.servers.simple_ca import REFUSES, SimpleCa

BEGAN = datetime.fromisoformat("2026-11-28T12:00:00+00:00")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
RUNNING = (Renewal, Issuance, Readiness)
# How much life is left when it begins: short-lived ones have less than two days.
LEFT = (29 * DAY, 14 * DAY, 36 * HOUR)


def use_simple_ca(settings: Any, ca: SimpleCa, dns: Dns) -> None:
    settings.EGRESS_ALLOW_CIDRS = LOOPBACK
    settings.DNS_RESOLVERS = ((dns.host, dns.port),)
    settings.ACME_DIRECTORY_URL, settings.ACME_CA_BUNDLE = ca.directory_url, str(ca.ca_bundle)


def plant_due(workspace: Workspace, ca: SimpleCa, count: int) -> None:
    """So many domains whose renewal and whose look at readiness are due at BEGAN; the account is open."""
    at = {"workspace": workspace, "directory_url": ca.directory_url}
    opened = {"uri": f"{ca.base}/account/1", "opened_at": BEGAN - 30 * DAY, "facts": {"caa_identities": ["ca.example"]}}
    AcmeAccount.unscoped.create(**at, sealed_key=new_key(), **opened)
    leaf = TestCa().issue(["outage.net"]).cert_pem.decode()
    for number, left in zip(range(count), itertools.cycle(LEFT), strict=False):
        _plant_one(workspace, ca, f"o{number}.outage{number}.net", left, leaf)


def _plant_one(workspace: Workspace, ca: SimpleCa, host: str, left: timedelta, leaf: str) -> None:
    domain = Domain.unscoped.create(workspace=workspace, host=host, verified_at=BEGAN, state="ok", mode=Mode.DNS)
    Ownership.unscoped.create(workspace=workspace, host=host, proven_at=BEGAN)
    told: dict[str, Any] = {"names": [host], "names_key": read_wish([host]).names_key, "key_type": "ecdsa-p256"}
    owner = {"workspace": workspace, "domain": domain, "directory_url": ca.directory_url}
    certificate = Certificate.unscoped.create(
        **owner,
        **told,
        leaf_pem=leaf,
        fingerprint_sha256=host,
        serial="1",
        issuer="Simple Intermediate",
        # A third of its life is left , and has been for an hour.
        not_before=BEGAN - 2 * left - 3 * HOUR,
        not_after=BEGAN + left,
        private_key=_key_of(domain),
    )
    keep_names(certificate)
    moments = {"renew_at": BEGAN - HOUR, "run_after": BEGAN, "why": "lifetime", "ask_at": BEGAN + 30 * DAY}
    Renewal.unscoped.create(**owner, **told, **moments, certificate=certificate)
    Readiness.unscoped.create(workspace=workspace, domain=domain, run_after=BEGAN)


def _key_of(domain: Domain) -> PrivateKey:
    return PrivateKey.unscoped.create(workspace=domain.workspace, domain=domain, sealed_pem=new_key())


@dataclass
class Story:
    """What was seen, minute by minute."""

    calls_while_away: int
    calls_by_hour: Counter[int]
    starts_by_minute: Counter[datetime]
    expired: int
    renewed: int
    took: timedelta
    looked_at: int


def live_through(ca: SimpleCa, *, longest: timedelta) -> Story:
    """24 hours of 503 and of a closed door in turn, then the CA is back; until all are renewed or `longest` is over."""
    now, expired, back_at = BEGAN, 0, BEGAN + DAY
    while now < BEGAN + longest and not _is_all_done(now):
        # Half a day of refusals, half a day of no answer at all.
        ca.trouble = 0 if now >= back_at else 503 if now < BEGAN + DAY / 2 else REFUSES
        with clock.frozen(now):
            jobs.run_due("readiness", seconds=600)
            jobs.run_due("renewal", seconds=600)
            jobs.run_due("issuance", seconds=600)
        expired += _expired(now)
        now = _next_minute(now)
    away = [at for at, _ in ca.asked if at < back_at]
    hours = Counter(int((at - BEGAN) / HOUR) for at in away)
    renewed = Certificate.unscoped.filter(created_at__gte=back_at).values("domain").distinct().count()
    return Story(len(away), hours, ca.orders_by_minute(), expired, renewed, now - back_at, _looked_at())


def _looked_at() -> int:
    """Domains whose readiness was looked at."""
    return Readiness.unscoped.filter(looked_at__isnull=False).count()


def _is_all_done(now: datetime) -> bool:
    return now > BEGAN + DAY and not Renewal.unscoped.filter(renew_at__lte=now).exists()


def _next_minute(now: datetime) -> datetime:
    """Ticks in which nothing is due are left out."""
    due = [model.unscoped.order_by("run_after").filter(run_after__isnull=False) for model in RUNNING]
    moments = [row.run_after for rows in due for row in rows[:1] if row.run_after]
    return max(now + MINUTE, min([*moments, max(now, BEGAN + DAY)]))


def _expired(now: datetime) -> int:
    """Domains whose newest certificate is over."""
    valid = Certificate.unscoped.filter(not_after__gte=now).values("domain")
    return Domain.unscoped.exclude(pk__in=valid).count()


def is_over() -> bool:
    return not CaOutage.objects.exists()

"""Rows for screenshots: `python -m tests.shots.seed WORKSPACE_ID` in a portal's environment.

Certificates are real ones of a throw-away CA, judged by the portal's own rules. Nothing is due, so
that workers leave the rows as they are. Prints JSON: {"domains": {state: id}, "member": its e-mail address}.
"""

import json
import math
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding  # noqa: E402
from django.db import transaction  # noqa: E402

from accounts.models import Invitation, Membership, Role, User  # noqa: E402
from config.lib import clock, egress, x509  # noqa: E402
from domains.findings import open_finding, sum_up  # noqa: E402
from domains.hosting.detecting import Site, results_of  # noqa: E402
from domains.hosting.evidence import facts_of_dns, facts_of_page  # noqa: E402
from domains.hosting.looking import Look  # noqa: E402
from domains.models import Domain, DomainTag, Hosting, Inspection, Mode, Ownership, ProbeDay, ProbeHour, Visit  # noqa: E402
from domains.uptime.filing import file_probes  # noqa: E402
from domains.uptime.packing import Probe, hour_of, pack  # noqa: E402
from notifications.models import Delivery, Gateway  # noqa: E402
from tests.browser.conftest import PASSWORD  # noqa: E402
from tests.servers.ca import Issued, TestCa  # noqa: E402
from tests.shots.keeping import keep_on_file  # noqa: E402

DEEP = "in-a-deep.subdomain.of.the.staging-environment.acme.example"


@dataclass(frozen=True)
class Sample:
    """One domain: `lived` and `life` in days, `renewal` the day of its life on which it renews by itself."""

    host: str
    lived: float = 0.0
    life: float = 0.0
    renewal: float | None = None
    port: int = 443
    tags: tuple[str, ...] = ()
    verified: bool = True
    failures: int = 0
    mode: str = Mode.MONITOR
    findings: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    names: tuple[str, ...] = ()
    site: tuple[str, ...] = ("Server: nginx",)
    page: str = ""
    page_status: int = 200
    doubted: bool = False


SAMPLES = {
    "ok": Sample(
        "api.acme.example",
        28,
        90,
        60,
        tags=("prod",),
        mode=Mode.ACME_AUTO,
        site=("Server: nginx", "X-Powered-By: PleskLin", "Server: cloudflare", "CF-RAY: 8c5"),
        page='<meta name="generator" content="WordPress 6.6"><link href="/wp-content/a.css">',
    ),
    "ok_upload": Sample(
        "legacy.acme.example",
        200,
        365,
        mode=Mode.UPLOAD,
        site=("Server: Apache", "Expires: Sun, 19 Nov 1978 05:00:00 GMT"),
        doubted=True,
    ),
    "ok_short": Sample("sip.acme.example", 3, 6.6, 3.9, port=5061, tags=("voice",), mode=Mode.ACME_AUTO),
    "renewal_due": Sample("mail.acme.example", 62, 90, 61.9, port=465, tags=("mail",), mode=Mode.ACME_AUTO),
    "partial_deploy": Sample(
        "www.acme.example",
        11,
        90,
        60,
        tags=("prod",),
        mode=Mode.ACME_AUTO,
        findings=(("deploy", "partial_deploy", {"failed": "web-02"}),),
    ),
    "expiring": Sample("vpn.acme.example", 84, 90, site=("Server: cloudflare",), page_status=403),
    "expired": Sample("old.acme.example", 93, 90),
    "problem": Sample("intranet.acme.example", 10, 90, names=("other.acme.example",)),
    "unreachable": Sample("backup.acme.example", 45, 90, failures=3),
    "no_certificate": Sample("ftp.acme.example", port=21),
    "unverified": Sample("blog.acme.example", 36, 90, verified=False, site=("powered-by: Shopify", "CF-RAY: 8c5")),
    "long": Sample(
        f"a-very-long-label-that-somebody-really-uses.{DEEP}",
        20,
        90,
        60,
        tags=("staging", "kubernetes", "europe-west-4", "team-payments"),
        # A common name holds at most 64 characters.
        names=("acme.example", f"a-very-long-label-that-somebody-really-uses.{DEEP}"),
    ),
}


def plant(workspace_id: str, sample: Sample, authority: TestCa) -> Domain:
    """One domain with everything that was seen of it, its state computed as in real life."""
    now = clock.now()
    domain = Domain.unscoped.create(
        workspace_id=workspace_id,
        host=sample.host,
        port=sample.port,
        mode=sample.mode,
        verified_at=now - timedelta(days=30) if sample.verified else None,
        renew_at=None if sample.renewal is None else now + timedelta(days=sample.renewal - sample.lived),
    )
    Ownership.unscoped.create(
        workspace_id=workspace_id,
        host=sample.host,
        proven_at=domain.verified_at,
        checked_at=now - timedelta(minutes=40),
    )
    for tag in sample.tags:
        DomainTag.unscoped.create(workspace_id=workspace_id, domain=domain, name=tag)
    issued = None
    if sample.life:
        names = sample.names or (sample.host, f"www.{sample.host}")
        issued = authority.issue(names, days=sample.life, age_days=sample.lived)
    _visit(domain, sample, issued, authority)
    if issued and sample.mode != Mode.MONITOR:
        keep_on_file(domain, issued, sample.mode)
    _detect(domain, sample)
    for source, code, params in sample.findings:
        open_finding(domain=domain, source=source, code=code, params=params, severity="critical", needs_user=True)
    sum_up(domain)
    return domain


def _detect(domain: Domain, sample: Sample) -> None:
    """What its front page amounts to; a sample without a certificate has none."""
    url = f"https://{domain.host}/"
    pairs = (one.partition(":") for one in sample.site)
    heads = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    hop = egress.Hop(url, sample.page_status, heads, sample.page.encode())
    facts = [*facts_of_page([hop], domain.host), *facts_of_dns([], ["ada.ns.cloudflare.com"], [])]
    look = Look(facts, sample.page_status, url) if sample.life else Look()
    site = Site(domain.host, domain.port, domain.is_verified, page=look, facts=look.facts)
    site.ports = {"2083": "closed", "8443": "unknown"} if domain.is_verified else {}
    Hosting.unscoped.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        detected_at=clock.now() - timedelta(hours=20),
        results=results_of(site),
        error_code="" if sample.life else "connect_refused",
        error_params={"host": domain.host, "port": 443},
        is_doubted=sample.doubted,
    )


def _visit(domain: Domain, sample: Sample, issued: Issued | None, authority: TestCa) -> None:
    now = clock.now()
    visit = Visit(
        workspace_id=domain.workspace_id,
        domain=domain,
        visited_at=now - timedelta(minutes=4),
        failures=sample.failures or (0 if issued else 1),
        error_code="" if issued and not sample.failures else "connect_refused",
        error_params={"host": domain.host, "port": domain.port},
        address="203.0.113.10",
        milliseconds=48,
        page_scheme="https",
        page_status=200,
        page_milliseconds=131,
    )
    if issued:
        visit.inspection = _inspect(domain, issued, authority)
        visit.chain_sha256 = visit.inspection.chain_sha256
        visit.not_before = issued.certificate.not_valid_before_utc
        visit.not_after = issued.certificate.not_valid_after_utc
        visit.issuer_name = "Loopback Test"
        Domain.unscoped.filter(pk=domain.pk).update(expires_at=visit.not_after)
    visit.save(force_insert=True)


def _inspect(domain: Domain, issued: Issued, authority: TestCa) -> Inspection:
    ders = [certificate.public_bytes(Encoding.DER) for certificate in (issued.certificate, *issued.chain)]
    roots = x509.roots_of([authority.root.public_bytes(Encoding.DER)])
    verdict = x509.verdict(ders, domain.host, clock.now(), roots)
    chain = [{**link.facts.as_json(), "role": link.role, "served": link.served} for link in verdict.path]
    return Inspection.unscoped.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        seen_at=issued.certificate.not_valid_before_utc,
        address="203.0.113.10",
        tls_version="TLSv1.3",
        cipher="TLS_AES_256_GCM_SHA384",
        chain_sha256=verdict.chain_sha256,
        fingerprint_sha256=issued.fingerprint,
        is_trusted=verdict.trusted,
        leaf=verdict.path[0].facts.as_json(),
        chain=chain,
        problems=[
            {"code": each.code, "severity": each.severity, "params": dict(each.params)} for each in verdict.problems
        ],
    )


def plant_probes(domain: Domain, *, days: float, is_down: bool = False) -> None:
    """A probe every quarter of an hour, with what happens in the life of a website; the latest four minutes ago."""
    last = clock.now() - timedelta(minutes=4)
    probes = [_probe(last - timedelta(minutes=15 * place), place) for place in range(int(days * 96))]
    if is_down:
        probes[:3] = [Probe(probe.at, None, 0, "") for probe in probes[:3]]
    hours: dict[datetime, str] = {}
    for probe in probes[1:]:
        hours[hour_of(probe.at)] = hours.get(hour_of(probe.at), "") + pack(probe)
    ProbeHour.unscoped.bulk_create(
        ProbeHour(workspace_id=domain.workspace_id, domain=domain, hour=hour, packed=packed)
        for hour, packed in hours.items()
    )
    ProbeDay.unscoped.create(
        workspace_id=domain.workspace_id,
        domain=domain,
        day=(last - timedelta(days=200)).date(),
        probes=19_200,
        up=19_188,
        within_200=18_000,
        within_400=1_188,
    )
    file_probes([(domain.visit, probes[0])])


def _probe(at: datetime, place: int) -> Probe:
    """Slower by day than by night; down for a while some times a month, now and then over HTTP only."""
    took = round(120 + 50 * math.sin(at.timestamp() / 86400 * math.tau) + (place * 7919) % 61)
    if place % 700 in (41, 42, 43):
        return Probe(at, None, 0, "")
    if place % 400 == 20:
        return Probe(at, 502, 12, "https")
    if place % 31 == 9:
        took *= 3
    return Probe(at, 200, took, "http" if place % 900 in range(60, 64) else "https")


def plant_people(workspace_id: str) -> None:
    """A team of several pages, with invitations of every age."""
    people = [User(email=f"{name}.{number:02}@acme.example") for name in ("ann", "bob", "zoe") for number in range(22)]
    people.append(User(email=f"somebody.with.a.really.long.name@{DEEP}"))
    User.objects.bulk_create(people)
    now = clock.now()
    Membership.objects.bulk_create(
        Membership(
            user=user,
            workspace_id=workspace_id,
            role="member" if place % 9 else "admin",
            created_at=now - timedelta(days=place),
        )
        for place, user in enumerate(people)
    )
    owner = Membership.objects.filter(workspace_id=workspace_id, role="admin").order_by("created_at")[0].user
    for number, days in enumerate((7, 3, 0.1, -2)):
        Invitation.unscoped.create(
            workspace_id=workspace_id,
            email=f"invited.{number}@customer.example",
            role="admin" if number == 1 else "member",
            digest=f"{number:064}",
            invited_by=owner,
            expires_at=now + timedelta(days=days),
        )


def add_member(workspace_id: str) -> str:
    """A colleague of the owner, who may sign in too."""
    user = User.objects.create_user("robin.a-rather-long-name@acme.example", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
    Membership.objects.create(user=user, workspace_id=workspace_id, role=Role.MEMBER)
    return user.email


def plant_alerts(workspace_id: str, domain: Domain) -> None:
    """Gateways that the boxes name, and messages in each state; nothing of it is due."""
    now = clock.now()
    for code, severity, params in (
        ("expiring", "critical", {"not_after": "2026-12-02"}),
        ("chain_expiring", "warning", {"name": "Loopback Test R1", "not_after": "2026-12-01"}),
    ):
        open_finding(domain=domain, source="visit", code=code, severity=severity, params=params)
    slack, hook = (
        Gateway.unscoped.create(workspace_id=workspace_id, channel=channel, name=name)
        for channel, name in (("slack", "#on-call of the platform team"), ("webhook", "Ticket bridge"))
    )
    told = (
        ("sent", slack, "", f"{domain.label}: the certificate expires in 7 days", "ok", 3),
        (
            "failed",
            hook,
            "",
            f"{domain.label}: the certificate expires in 7 days",
            "503 upstream is being restarted",
            3,
        ),
        (
            "sent",
            None,
            "robin.a-rather-long-name@acme.example",
            f"{domain.label}: the chain is incomplete",
            "250 OK",
            70,
        ),
    )
    for number, (state, gateway, to, subject, answer, hours) in enumerate(told):
        at = now - timedelta(hours=hours)
        Delivery.unscoped.create(
            workspace_id=workspace_id,
            channel=gateway.channel if gateway else "email",
            gateway=gateway,
            event_kind="certificate.expiring",
            domain_id=domain.pk,
            domain_label=domain.label,
            to=to,
            dedup_key=f"shot-{workspace_id}-{number}",
            state=state,
            subject=subject,
            last_answer=answer,
            created_at=at,
            settled_at=at,
        )


def main() -> None:
    _, workspace_id, *more = sys.argv
    authority = TestCa("Loopback Test")
    with transaction.atomic():
        domains = {name: plant(workspace_id, sample, authority) for name, sample in SAMPLES.items()}
        planted = {name: str(domain.pk) for name, domain in domains.items()}
        plant_probes(domains["ok"], days=30)
        plant_probes(domains["unreachable"], days=2.5, is_down=True)
        for number in range(60):
            sample = Sample(f"customer-{number:03}.acme.example", 5 + number % 50, 90, 60, tags=("customers",))
            plant(workspace_id, sample, authority)
        if "with-people" in more:
            plant_people(workspace_id)
        if "with-alerts" in more:
            plant_alerts(workspace_id, domains["expiring"])
        member = add_member(workspace_id) if "with-people" in more else ""
    print(json.dumps({"domains": planted, "member": member}))


if __name__ == "__main__":
    main()

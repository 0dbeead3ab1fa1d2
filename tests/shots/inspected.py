"""Rows for the pictures of inspections: `python -m tests.shots.inspected WORKSPACE_ID` in a portal's environment.

Observations are made up, everything that follows from them is the portal's own work. Nothing stays due.
Prints JSON: {name: domain id}.
"""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import django

django.setup()

from cryptography.hazmat.primitives.serialization import Encoding  # noqa: E402
from django.db import transaction  # noqa: E402

from accounts.models import Membership, Workspace  # noqa: E402
from auditlog.events import SYSTEM  # noqa: E402
from config.lib import clock, jobs, x509  # noqa: E402
from domains.add import add_domain  # noqa: E402
from domains.addresses.checking import result_of  # noqa: E402
from domains.authorities.trusting import trust_authorities  # noqa: E402
from domains.conclusion import conclude  # noqa: E402
from domains.models import (  # noqa: E402
    AddressCheck,
    Domain,
    Hosting,
    Ownership,
    RevocationList,
    RevocationWatch,
    Visit,
)
from domains.ownership import ownership_of, records_of  # noqa: E402
from domains.revocation.watching import show_findings  # noqa: E402
from domains.tls import FrontPage, Observation, Target  # noqa: E402
from domains.visit import file_conclusions  # noqa: E402
from tests.servers.ca import Issued, TestCa, new_key  # noqa: E402

MODERN = ("TLS 1.3", "TLS_AES_128_GCM_SHA256")
OLD = ("TLS 1.0", "AES128-SHA")


class Planter:
    """Plants domains of one workspace, and visits to them at any time."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.authority = TestCa("Acme Internal")
        self.other = TestCa("Example Trust Services")
        trusted = (self.authority.root, self.other.root)
        self.roots = x509.roots_of(one.public_bytes(Encoding.DER) for one in trusted)

    def add(self, host: str, port: int = 443) -> Domain:
        domain = add_domain(workspace=self.workspace, actor=SYSTEM, hostname=host, port=port)
        Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now() - timedelta(days=60))
        proof = ownership_of(domain)
        wanted = records_of(proof)[0]
        seen: list[dict[str, Any]] = [
            {"server": f"ns{number}.dns.example", "values": [wanted.value], "error": ""} for number in (1, 2)
        ]
        seen.append({"server": "ns3.dns.example", "values": None, "error": "timeout"})
        checks = [{"method": "txt", "name": wanted.name, "expected": wanted.value, "seen": seen}]
        told: dict[str, Any] = {"checked_at": clock.now() - timedelta(hours=3), "checks": checks}
        Ownership.unscoped.filter(pk=proof.pk).update(
            proven_at=clock.now() - timedelta(days=60), run_after=clock.now() + timedelta(hours=21), **told
        )
        return domain

    def visit(self, domain: Domain, ders: Sequence[bytes], *, ago: timedelta, spoken: tuple[str, str] = MODERN) -> None:
        """One visit in the past; without certificates nobody answers."""
        with clock.frozen(clock.now() - ago):
            Visit.unscoped.filter(domain=domain).update(run_after=clock.now())
            jobs.claim(jobs.kinds.get("visit"))
            row = Visit.unscoped.select_related("domain__workspace", "inspection").get(domain=domain)
            seen = Observation(Target(domain.host, domain.port), "connect_refused", {"host": domain.host, "port": 443})
            if ders:
                version, cipher = spoken
                page = FrontPage("https", 200, 48)
                seen = Observation(seen.target, address="203.0.113.10", ders=tuple(ders), page=page)
                seen.tls_version, seen.cipher = version, cipher
            file_conclusions([conclude(row, seen, clock.now(), self.roots)])


def ders_of(issued: Issued, *, with_chain: bool = True) -> list[bytes]:
    chain = issued.chain if with_chain else ()
    return [one.public_bytes(Encoding.DER) for one in (issued.certificate, *chain)]


def plant_broken(planter: Planter) -> Domain:
    """Nearly everything that can be wrong at once, and the certificate is revoked."""
    domain = planter.add("legacy.acme.example")
    issued = planter.authority.issue(["old.acme.example"], days=90, age_days=93)
    planter.visit(domain, ders_of(issued, with_chain=False), ago=timedelta(minutes=4), spoken=OLD)
    source = RevocationList.objects.create(
        url="http://crl.acme.example/issuing.crl", issuer_sha256="0" * 64, issuer_der=b"", issuer_name="Acme Issuing CA"
    )
    RevocationWatch.unscoped.create(
        workspace=planter.workspace,
        domain=domain,
        source=source,
        fingerprint_sha256=issued.fingerprint,
        serial="5d1f",
        checked_at=clock.now() - timedelta(hours=2),
        revoked_at=clock.now() - timedelta(days=4),
        reason="keyCompromise",
    )
    show_findings(Domain.unscoped.get(pk=domain.pk))
    return domain


def plant_changed(planter: Planter) -> Domain:
    """Three certificates in two months, the last from another authority with other names."""
    domain = planter.add("shop.acme.example")
    names = ["shop.acme.example", "www.shop.acme.example"]
    first = planter.authority.issue(names, days=90, age_days=88)
    planter.visit(domain, ders_of(first), ago=timedelta(days=60))
    planter.visit(domain, ders_of(first), ago=timedelta(days=10))
    second = planter.authority.issue(names, days=90, age_days=9)
    planter.visit(domain, ders_of(second), ago=timedelta(days=9))
    planter.visit(domain, ders_of(second), ago=timedelta(hours=7))
    third = planter.other.issue(
        ["shop.acme.example", "pay.shop.acme.example", "api.shop.acme.example"], age_days=0.3, key=new_key("rsa")
    )
    planter.visit(domain, ders_of(third), ago=timedelta(hours=6))
    planter.visit(domain, ders_of(third), ago=timedelta(minutes=5))
    return domain


def plant_alternating(planter: Planter) -> Domain:
    """Two servers, one of which was forgotten at the last renewal; and the grid that shows it."""
    domain = planter.add("cluster.acme.example")
    old = planter.authority.issue(["cluster.acme.example"], days=90, age_days=91)
    new = planter.authority.issue(["cluster.acme.example"], days=90, age_days=20)
    for turn in range(6):
        planter.visit(domain, ders_of((old, new)[turn % 2]), ago=timedelta(minutes=15 * (6 - turn)))
    plant_grid(planter, domain, [new, new, old, None, new])
    return domain


def plant_grid(planter: Planter, domain: Domain, served: Sequence[Issued | None]) -> None:
    addresses = ["203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.13", "2001:db8:0:42::10"]
    results = []
    for address, issued in zip(addresses, served, strict=True):
        target = Target(domain.host, domain.port, address=address)
        seen = Observation(target, "connect_timeout", {"host": address, "port": domain.port})
        if issued:
            seen = Observation(target, ders=tuple(ders_of(issued)), tls_version=MODERN[0], cipher=MODERN[1])
        results.append(result_of(seen, domain.host, clock.now(), planter.roots))
    now = clock.now()
    asked = {"asked_at": now - timedelta(minutes=3), "checked_at": now - timedelta(minutes=3)}
    AddressCheck.unscoped.create(workspace=planter.workspace, domain=domain, results=results, **asked)


def plant_gone(planter: Planter) -> Domain:
    """It served a good certificate, and then nobody answered, twice."""
    domain = planter.add("backup.acme.example")
    planter.visit(domain, ders_of(planter.authority.issue(["backup.acme.example"])), ago=timedelta(hours=5))
    planter.visit(domain, [], ago=timedelta(minutes=9))
    planter.visit(domain, [], ago=timedelta(minutes=8))
    return domain


def main() -> None:
    workspace = Workspace.objects.get(pk=sys.argv[1])
    owner = Membership.objects.filter(workspace=workspace, role="admin").earliest("created_at").user
    with transaction.atomic():
        planter = Planter(workspace)
        plants = {
            "broken": plant_broken(planter),
            "changed": plant_changed(planter),
            "alternating": plant_alternating(planter),
            "gone": plant_gone(planter),
        }
        given = planter.authority.root_pem + planter.other.root_pem
        trust_authorities(workspace=workspace, user=owner, actor=SYSTEM, given=given)
        later = clock.now() + timedelta(minutes=11)
        Visit.unscoped.filter(workspace=workspace).update(run_after=later, asked_at=None, lease_token=None)
        Hosting.unscoped.filter(workspace=workspace).update(run_after=None, asked_at=None)
        RevocationList.objects.update(run_after=None)
    print(json.dumps({name: str(domain.pk) for name, domain in plants.items()}))


if __name__ == "__main__":
    main()

"""Renewals that run to their end against a real CA, by a DNS that the tests write to."""

import uuid
from collections.abc import Sequence

import pytest

from auditlog.events import SYSTEM
from certificates import solvers as solving
from certificates.models import Authorization, Certificate, Issuance, Renewal
from certificates.records import look_at_records, missing_records
from certificates.renewal.plan import Automation, set_automation
from config.lib import jobs
from config.lib.errors import ExpectedError
from domains.models import Domain, Mode
from tests.integration.issuing import work_out
from tests.servers.dns import ChallengeDns


class ByTestDns:
    """Publishes at the DNS that comes with Pebble."""

    label = "by the tests' DNS"
    challenge = "dns-01"

    def __init__(self, dns: ChallengeDns) -> None:
        self._dns = dns
        self.is_there = True
        self.is_published = True

    def covers(self, workspace_id: uuid.UUID, names: Sequence[str]) -> bool:
        return self.is_there

    def present(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        for row in rows:
            self._dns.set_txt(row.txt_name, row.txt_value if self.is_published else "wrong")

    def look(self, issuance: Issuance, rows: Sequence[Authorization]) -> ExpectedError | None:
        if not self.is_published:
            return None
        look_at_records(rows)
        return missing_records(rows)

    def clean_up(self, issuance: Issuance, rows: Sequence[Authorization]) -> None:
        for row in rows:
            self._dns.clear_txt(row.txt_name)


def by_test_dns(dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> ByTestDns:
    """Known to the portal for the time of a test."""
    ours = ByTestDns(dns_server)
    monkeypatch.setattr(solving.solvers, "_items", {**solving.solvers._items, "tests": ours})
    return ours


def turn_on(domain: Domain) -> Renewal:
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.DNS, auto_renew=True))
    return Renewal.unscoped.get(domain=domain)


def work(domain: Domain) -> Renewal:
    """The sweep, and whatever it started, to its end."""
    jobs.run_due("renewal")
    for issuance in Issuance.unscoped.filter(domain=domain, state__in=Issuance.OPEN_STATES):
        work_out(issuance)
    jobs.run_due("renewal")
    return Renewal.unscoped.select_related("certificate", "issuance", "domain").get(domain=domain)


def certificates(domain: Domain) -> list[Certificate]:
    return list(Certificate.unscoped.filter(domain=domain).order_by("created_at"))

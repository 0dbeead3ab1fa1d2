"""Findings: at most one open row per code, and the domain's columns follow."""

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from domains.add import add_domain
from domains.findings import close_finding, open_finding, open_findings, replace_findings
from domains.models import Domain, Finding
from tests.cast import make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def domain() -> Domain:
    domain = add_domain(workspace=make_cast().acme, actor=SYSTEM, hostname="forge.org")
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def kinds() -> list[str]:
    return list(Event.unscoped.filter(kind__startswith="finding.").order_by("at").values_list("kind", flat=True))


def test_opening_twice_keeps_one_row_with_the_newer_params(domain: Domain) -> None:
    open_finding(domain=domain, source="renewal", code="renewal_failed", params={"n": 1}, needs_user=True)
    open_finding(domain=domain, source="renewal", code="renewal_failed", params={"n": 2}, needs_user=True)
    assert Finding.unscoped.get().params == {"n": 2}
    assert kinds() == ["finding.opened"]


def test_the_domain_follows_its_findings(domain: Domain) -> None:
    open_finding(domain=domain, source="renewal", code="renewal_failed", severity="critical", needs_user=True)
    domain.refresh_from_db()
    assert (domain.state, domain.needs_action) == ("renewal_failed", True)
    close_finding(domain=domain, source="renewal", code="renewal_failed")
    domain.refresh_from_db()
    assert (domain.state, domain.needs_action) == ("no_certificate", False)


def test_closing_is_repeatable_and_history_stays(domain: Domain) -> None:
    open_finding(domain=domain, source="deploy", code="partial_deploy")
    assert close_finding(domain=domain, source="deploy", code="partial_deploy")
    assert not close_finding(domain=domain, source="deploy", code="partial_deploy")
    open_finding(domain=domain, source="deploy", code="partial_deploy")
    assert Finding.unscoped.count() == 2
    assert open_findings(domain).count() == 1
    assert kinds() == ["finding.opened", "finding.closed", "finding.opened"]


def test_replacing_touches_only_its_own_source(domain: Domain) -> None:
    open_finding(domain=domain, source="deploy", code="partial_deploy")
    replace_findings(domain=domain, source="visit", found={"weak_key": ("critical", {}), "no_san": ("critical", {})})
    replace_findings(domain=domain, source="visit", found={"weak_key": ("critical", {})})
    assert set(open_findings(domain).values_list("source", "code")) == {
        ("deploy", "partial_deploy"),
        ("visit", "weak_key"),
    }


def test_an_event_tells_the_finding_in_words(domain: Domain) -> None:
    open_finding(domain=domain, source="visit", code="weak_key", params={"key": "RSA 1024", "name": "forge.org"})
    assert Event.unscoped.get(kind="finding.opened").data["title"] == "The key is too weak"

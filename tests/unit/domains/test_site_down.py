"""A website that was up and is not: a finding after the second try, closed by the next answer."""

from datetime import UTC, datetime, timedelta

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from domains.add import add_domain
from domains.models import Domain, Finding, Visit
from domains.tls import FrontPage
from domains.visit import file_conclusions
from tests.cast import make_cast
from tests.unit.domains.seen import claimed, looked, probe

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOON = datetime(2026, 11, 25, 12, 10, 5, tzinfo=UTC)
BROKEN = FrontPage("https", 502, 12)


@pytest.fixture
def domain() -> Domain:
    domain = add_domain(workspace=make_cast().acme, actor=SYSTEM, hostname="www.forge.org")
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def is_down(domain: Domain) -> bool:
    return Finding.unscoped.filter(domain=domain, source="uptime", code="site_down", closed_at=None).exists()


def test_the_second_failure_in_a_row_opens_it_and_an_answer_closes_it(domain: Domain) -> None:
    probe(domain)
    probe(domain, BROKEN)
    assert not is_down(domain)
    probe(domain, None)
    assert is_down(domain)
    finding = Finding.unscoped.get(domain=domain, code="site_down")
    assert (finding.severity, finding.needs_user) == ("critical", True)
    assert finding.params == {"host": "www.forge.org", "answer": "no answer"}
    assert Domain.unscoped.get(pk=domain.pk).needs_action
    probe(domain)
    assert not is_down(domain)
    told = Event.unscoped.filter(data__code="site_down").order_by("at").values_list("kind", flat=True)
    assert list(told) == ["finding.opened", "finding.closed"]


def test_one_failure_between_answers_is_nothing_to_tell(domain: Domain) -> None:
    for page in (FrontPage("https", 200, 5), BROKEN, FrontPage("http", 200, 5), BROKEN, FrontPage("https", 404, 5)):
        probe(domain, page)
    assert not Finding.unscoped.filter(code="site_down").exists()


def test_what_was_never_up_alarms_nobody(domain: Domain) -> None:
    for _ in range(4):
        probe(domain, BROKEN)
    assert not Finding.unscoped.filter(code="site_down").exists()


def test_a_long_outage_is_told_once(domain: Domain) -> None:
    probe(domain)
    for page in (BROKEN, None, BROKEN, None, None):
        probe(domain, page)
    assert Finding.unscoped.filter(code="site_down").count() == 1
    assert Event.unscoped.filter(data__code="site_down").count() == 1


def test_a_look_that_learns_nothing_neither_opens_nor_closes_it(domain: Domain) -> None:
    probe(domain)
    probe(domain, BROKEN)
    file_conclusions([looked(claimed(domain), None, "egress_refused")])
    assert not is_down(domain)
    probe(domain, BROKEN)
    assert is_down(domain)
    file_conclusions([looked(claimed(domain), None, "visit_crashed")])
    assert is_down(domain)


def test_the_certificates_findings_are_left_alone(domain: Domain) -> None:
    """The website answers over HTTP while HTTPS never worked: that is a matter of the certificate."""
    with clock.frozen(NOON):
        for _ in range(3):
            probe(domain, FrontPage("http", 200, 5))
        visit = Visit.unscoped.get(domain=domain)
        assert (visit.failures, visit.page_failures) == (3, 0)
        assert visit.run_after is not None
        assert visit.run_after > NOON + timedelta(minutes=5)
    assert not is_down(domain)

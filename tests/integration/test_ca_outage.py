"""The CA is away for a day: it is asked rarely, nothing expires, and the return is no stampede."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from certificates.cas.outages import PER_MINUTE, PROBES
from certificates.models import AcmeAccount, CaOutage, Issuance, Renewal
from config.lib import clock, jobs
from domains.models import Finding
from tests.cast import Cast, make_cast
from tests.integration.outage import BEGAN, DAY, HOUR, MINUTE, Story, is_over, live_through, plant_due, use_simple_ca
from tests.integration.renewing import by_test_dns
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.simple_ca import REFUSES, SimpleCa, simple_ca

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
# One exchange for each probe, as far as a day has room for them, and what was on its way when it began.
BUDGET = len(PROBES) + int(DAY / PROBES[-1]) + 3


@pytest.fixture
def ca(settings: Any, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleCa]:
    by_test_dns(dns_server, monkeypatch)
    with simple_ca() as server:
        use_simple_ca(settings, server, dns_server)
        yield server


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def assert_no_false_alarm(story: Story) -> None:
    """Every domain was rehearsed beside, and nothing was said that the CA's return has not mended by itself."""
    assert story.looked_at == story.renewed
    told = Finding.unscoped.filter(code__in=("certificate_expired", "issuance_failed", "will_fail_ca"))
    assert not told.exists()


@pytest.mark.both_databases
def test_a_dozen_renewals_live_through_a_day_without_the_ca(ca: SimpleCa, cast: Cast) -> None:
    plant_due(cast.acme, ca, 12)
    story = live_through(ca, longest=DAY + 3 * HOUR)
    assert (story.expired, story.renewed) == (0, 12)
    assert 0 < story.calls_while_away <= BUDGET
    assert max(story.starts_by_minute.values()) <= PER_MINUTE + 1
    assert is_over()
    assert len(ca.ordered_at) == 12
    assert_no_false_alarm(story)


@pytest.mark.proof
@pytest.mark.timeout(2700)
def test_a_thousand_renewals_live_through_a_day_without_the_ca(ca: SimpleCa, cast: Cast) -> None:
    plant_due(cast.acme, ca, 1000)
    story = live_through(ca, longest=DAY + 4 * HOUR)
    assert (story.expired, story.renewed) == (0, 1000)
    assert 0 < story.calls_while_away <= BUDGET
    assert max(story.starts_by_minute.values()) <= PER_MINUTE + 1
    assert story.took < 3 * HOUR
    assert len(ca.ordered_at) == 1000
    assert_no_false_alarm(story)


def worked(at: timedelta) -> None:
    with clock.frozen(BEGAN + at):
        jobs.run_due("renewal")
        jobs.run_due("issuance")


def test_the_first_one_finds_out_and_the_others_do_not_ask(ca: SimpleCa, cast: Cast) -> None:
    ca.trouble = REFUSES
    plant_due(cast.acme, ca, 6)
    worked(timedelta(0))
    outage = CaOutage.objects.get()
    assert (len(ca.asked), outage.failures, outage.probe_at) == (1, 1, BEGAN + MINUTE)
    rows = list(Issuance.unscoped.order_by("run_after"))
    assert sorted(row.error_code for row in rows) == ["acme_unreachable", *["acme_waits"] * 5]
    places = [row.run_after for row in rows if row.error_code == "acme_waits"]
    apart = [later - sooner for sooner, later in itertools.pairwise(places) if sooner and later]
    assert apart == [MINUTE / PER_MINUTE] * 4
    assert {row.attempts for row in rows if row.error_code == "acme_waits"} == {0}


def test_while_it_is_away_no_order_is_even_begun(ca: SimpleCa, cast: Cast) -> None:
    ca.trouble = REFUSES
    plant_due(cast.acme, ca, 1)
    worked(timedelta(0))
    plant_more = Renewal.unscoped.get()
    Issuance.unscoped.all().delete()
    Renewal.unscoped.filter(pk=plant_more.pk).update(issuance=None, run_after=BEGAN)
    worked(timedelta(seconds=10))
    row = Renewal.unscoped.get()
    assert (row.issuance, row.error_code, row.failures) == (None, "acme_waits", 0)
    assert row.retry_at is not None
    assert row.retry_at >= BEGAN + MINUTE
    assert len(ca.asked) == 1


def test_a_few_answers_of_trouble_are_about_one_order_and_more_are_about_the_ca(ca: SimpleCa, cast: Cast) -> None:
    ca.trouble = 503
    plant_due(cast.acme, ca, 6)
    worked(timedelta(0))
    assert len(ca.asked) == 3
    assert CaOutage.objects.get().failures == 3
    assert Issuance.unscoped.filter(error_code="acme_server_error").count() == 3


def test_wrong_roots_of_one_workspace_put_nobody_else_off(ca: SimpleCa, cast: Cast) -> None:
    plant_due(cast.acme, ca, 1)
    plant_due(cast.other, ca, 1)
    AcmeAccount.unscoped.filter(workspace=cast.acme).update(ca_bundle=TestCa().root_pem.decode())
    worked(timedelta(0))
    states = dict(Issuance.unscoped.values_list("workspace_id", "state"))
    assert states == {cast.acme.pk: "draft", cast.other.pk: "issued"}
    assert CaOutage.objects.get().roots

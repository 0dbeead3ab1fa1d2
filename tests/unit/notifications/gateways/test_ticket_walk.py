"""From a finding over a rule to a ticket and its end, by the portal's own jobs alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from auditlog.events import record
from config.lib import clock, jobs
from domains.findings import close_finding, open_finding
from notifications.models import Delivery, Gateway, Ticket, Trigger
from notifications.rules.watching import domains_moved
from tests.cast import Cast
from tests.servers.vendors import Vendor
from tests.unit.notifications.watched import only, watched

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def work(at: datetime, *kinds: str) -> None:
    with clock.frozen(at):
        for kind in kinds or ("reaction", "watch", "delivery"):
            jobs.run_due(kind)


def test_a_finding_becomes_one_ticket_that_is_reminded_of_and_closed(
    cast: Cast, there: Vendor, gateway: Gateway
) -> None:
    only(cast.acme, trigger=Trigger.PROBLEM, channel=gateway.channel)
    domain = watched(cast.acme, "shop.example.org", days=80)
    domains_moved([domain.pk])
    work(NOW)
    open_finding(domain=domain, source="visit", code="name_mismatch", params={"host": "x", "names": "y"})
    for day in range(3):
        work(NOW + day * DAY)
    assert [ticket.state for ticket in there.tickets] == ["open"]
    close_finding(domain=domain, source="visit", code="name_mismatch")
    work(NOW + 3 * DAY)
    work(NOW + 4 * DAY)
    assert [ticket.state for ticket in there.tickets] == ["closed"]
    kinds = list(Delivery.unscoped.exclude(message={}).order_by("created_at").values_list("event_kind", flat=True))
    assert kinds == ["incident.opened", "incident.reminder", "incident.reminder", "incident.closed"]
    assert not Delivery.unscoped.exclude(state="sent").exists()
    assert Ticket.unscoped.get().resolved_at == NOW + 3 * DAY


def test_failures_of_one_domain_are_one_ticket_until_one_succeeds(cast: Cast, there: Vendor, gateway: Gateway) -> None:
    only(cast.acme, trigger=Trigger.RENEWAL, channel=gateway.channel)
    domain = watched(cast.acme, "shop.example.org", days=80)

    def happen(kind: str, at: datetime) -> None:
        data = {"names": domain.host, "error": "No", "issuer": "R12", "until": "x", "targets": []}
        with clock.frozen(at):
            record(kind, workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label, data=data)
        work(at)

    for day in range(2):
        happen("deployment.failed", NOW + day * DAY)
    happen("certificate.issued", NOW + 2 * DAY)
    assert [ticket.state for ticket in there.tickets] == ["open"], "a certificate alone is not deployed"
    happen("deployment.succeeded", NOW + 3 * DAY)
    assert [ticket.state for ticket in there.tickets] == ["closed"]


def test_what_ends_before_it_was_sent_opens_nothing(cast: Cast, there: Vendor, gateway: Gateway) -> None:
    only(cast.acme, trigger=Trigger.PROBLEM, channel=gateway.channel)
    domain = watched(cast.acme, "shop.example.org", days=80)
    domains_moved([domain.pk])
    work(NOW)
    open_finding(domain=domain, source="visit", code="name_mismatch", params={"host": "x", "names": "y"})
    work(NOW, "reaction", "watch")
    with clock.frozen(NOW + MINUTE):
        close_finding(domain=domain, source="visit", code="name_mismatch")
    work(NOW + MINUTE)
    assert [ticket.state for ticket in there.tickets] == []
    assert not Ticket.unscoped.filter(resolved_at=None).exists()
    assert not Delivery.unscoped.exclude(state="sent").exists()


def test_what_ends_while_the_vendor_is_away_opens_nothing(cast: Cast, there: Vendor, gateway: Gateway) -> None:
    only(cast.acme, trigger=Trigger.PROBLEM, channel=gateway.channel)
    domain = watched(cast.acme, "shop.example.org", days=80)
    domains_moved([domain.pk])
    work(NOW)
    open_finding(domain=domain, source="visit", code="name_mismatch", params={"host": "x", "names": "y"})
    there.troubles = [(503, {"message": "Away"}, {})]
    work(NOW)
    with clock.frozen(NOW + MINUTE):
        close_finding(domain=domain, source="visit", code="name_mismatch")
    for minutes in (1, 4, 60, 120):
        work(NOW + minutes * MINUTE)
    assert there.tickets == []
    assert not Ticket.unscoped.filter(resolved_at=None).exists()
    assert not Delivery.unscoped.exclude(state="sent").exists()


def test_what_comes_back_at_once_gets_its_ticket(cast: Cast, there: Vendor, gateway: Gateway) -> None:
    """The end of the first must not silence the second, though both wait for the same sweep."""
    only(cast.acme, trigger=Trigger.RENEWAL, channel=gateway.channel)
    domain = watched(cast.acme, "shop.example.org", days=80)
    data = {"names": domain.host, "error": "No", "issuer": "R12", "until": "x", "targets": []}
    for second, kind in enumerate(("deployment.failed", "deployment.succeeded", "deployment.failed")):
        with clock.frozen(NOW + timedelta(seconds=second)):
            record(kind, workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label, data=data)
        work(NOW + timedelta(seconds=second), "reaction")
    for minutes in (1, 4, 60):
        work(NOW + minutes * MINUTE)
    assert [ticket.state for ticket in there.tickets][-1:] == ["open"]
    assert not Delivery.unscoped.exclude(state="sent").exists()

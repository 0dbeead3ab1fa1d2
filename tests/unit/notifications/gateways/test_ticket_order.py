"""Tickets while messages come in any order, gateways are away, and people close things themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from auditlog.events import SYSTEM, record
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs
from config.lib.errors import Permanent, Transient
from domains.findings import close_finding, open_finding
from domains.models import Domain
from notifications import reactions
from notifications.gateways.json_api import TicketStuck
from notifications.gateways.kind import GatewayRefused, NotYet
from notifications.gateways.saving import resume_gateway
from notifications.message import Message
from notifications.models import Delivery, Gateway, Rule, Ticket, Trigger
from notifications.rules.digests import plan_digest
from notifications.rules.watching import domains_moved
from notifications.tickets.closing import end_tickets, tell_again
from notifications.tickets.living import GOES_ON, IS_OVER, NOTHING_OPEN, OPENING
from tests.cast import Cast
from tests.servers.vendors import Vendor
from tests.unit.notifications.gateways.telling import (
    delivery,
    ending,
    leased,
    message,
    send,
    send_slowly,
    some_time_later,
)
from tests.unit.notifications.watched import only, serve, watched

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SEARCHED = ["jira", "servicenow", "zendesk", "freshservice", "zoho_desk"]
FAILED = {"names": "shop", "error": "No", "issuer": "R12", "until": "x", "targets": [], "summary": "s"}


def at_vendors(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("there", list(names), indirect=True)


def work(at: datetime, *kinds: str) -> None:
    with clock.frozen(at):
        for kind in kinds or ("reaction", "watch", "delivery"):
            jobs.run_due(kind)


def states(there: Vendor) -> list[str]:
    return [ticket.state for ticket in there.tickets]


@pytest.fixture
def told(cast: Cast, there: Vendor, gateway: Gateway) -> Domain:
    """A domain whose open finding has its ticket."""
    with clock.frozen(NOW):
        only(cast.acme, trigger=Trigger.PROBLEM, channel=gateway.channel)
        domain = watched(cast.acme, "shop.example.org", days=80)
        domains_moved([domain.pk])
        work(NOW)
        open_finding(domain=domain, source="visit", code="name_mismatch", params={"host": "x", "names": "y"})
    work(NOW)
    assert states(there) == ["open"]
    return domain


def end_at(moment: datetime, domain: Domain) -> None:
    with clock.frozen(moment):
        close_finding(domain=domain, source="visit", code="name_mismatch")


def test_what_ended_while_the_gateway_was_off_is_closed_once_it_is_back(there: Vendor, told: Domain) -> None:
    Gateway.unscoped.update(disabled_at=NOW, disabled_code="gateway_refused")
    end_at(NOW + DAY, told)
    work(NOW + DAY)
    assert states(there) == ["open"]
    with clock.frozen(NOW + 2 * DAY):
        tell_again()
        assert not Delivery.unscoped.filter(state="waiting").exists(), "not while it is off"
        resume_gateway(gateway=Gateway.unscoped.get(), actor=SYSTEM)
        tell_again()
        tell_again()
    work(NOW + 2 * DAY)
    assert states(there) == ["closed"]
    assert Delivery.unscoped.filter(event_kind="incident.closed").count() == 2


@at_vendors("jira", "zendesk")
def test_an_end_that_met_a_vendor_s_bad_day_is_told_on_the_next(there: Vendor, told: Domain) -> None:
    there.troubles = [(503, {}, {})] * 4
    end_at(NOW + DAY, told)
    for minutes in range(0, 60, 5):
        work(NOW + DAY + minutes * MINUTE)
    assert states(there) == ["open"]
    with clock.frozen(NOW + 2 * DAY):
        tell_again()
    work(NOW + 2 * DAY)
    assert states(there) == ["closed"]


def test_after_a_month_nobody_tries_any_more(there: Vendor, told: Domain) -> None:
    Gateway.unscoped.update(paused_at=NOW)
    end_at(NOW + DAY, told)
    work(NOW + DAY)
    with clock.frozen(NOW + 32 * DAY):
        tell_again()
    assert Ticket.unscoped.get().resolved_at == NOW + 32 * DAY


def test_good_news_asks_nobody_anything(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, message(domain)))
    asked = len(there.requests)
    for kind in ("site.up", "renewal.succeeded"):
        assert send(delivery(gateway, domain, message(domain, kind))) == NOTHING_OPEN
    assert (len(there.requests), states(there)) == (asked, ["open"])


def test_one_message_at_a_time_is_on_its_way_to_a_ticket(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    """A reminder beside the end would open an alert anew that nobody closes."""
    send(delivery(gateway, domain, message(domain)))
    Ticket.unscoped.update(busy_until=clock.now() + OPENING)
    for row in (delivery(gateway, domain, message(domain, "incident.reminder")), ending(gateway, domain)):
        with pytest.raises(NotYet):
            send(row)


@at_vendors("jira", "freshservice", "zoho_desk")
def test_a_search_that_is_late_makes_no_second_ticket(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    row = delivery(gateway, domain, message(domain))
    send_slowly(there, row)
    with pytest.raises(NotYet) as wait:
        send(row)
    assert wait.value.retry_at
    assert wait.value.retry_at > clock.now() + MINUTE


@at_vendors("jira", "zendesk", "freshservice")
def test_a_page_for_a_search_is_not_nothing_found(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    row = delivery(gateway, domain, message(domain))
    send_slowly(there, row)
    some_time_later()
    there.troubles = [(200, "<html>Please wait</html>", {})]
    with pytest.raises(Permanent):
        send(row)
    send(row)
    assert len(there.tickets) == 1


@at_vendors("zendesk")
def test_a_long_history_hides_no_ticket(
    there: Vendor, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        send(delivery(gateway, domain, message(domain)))
        send(ending(gateway, domain))
    real = there.answer

    def with_texts(method: str, *told: object) -> object:
        status, said = real(method, *told)  # type: ignore[arg-type]
        if method == "GET":
            said = {"tickets": [{**one, "description": "x" * 3_500} for one in said["tickets"]]}
        return status, said

    monkeypatch.setattr(there, "answer", with_texts)
    send_slowly(there, delivery(gateway, domain, message(domain)))
    some_time_later()
    send(delivery(gateway, domain, message(domain, "incident.reminder")))
    assert states(there).count("open") == 1


@at_vendors(*SEARCHED)
def test_one_that_people_closed_gets_a_successor_while_its_cause_goes_on(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.tickets[0].state = "closed"
    some_time_later()
    send(delivery(gateway, domain, message(domain, "incident.reminder")))
    assert states(there) == ["closed", "open"]


@at_vendors(*SEARCHED)
def test_one_that_people_closed_is_left_alone_at_the_end(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.tickets[0].state = "closed"
    some_time_later()
    said = list(there.tickets[0].texts)
    assert send(ending(gateway, domain)) == "It was closed there before."
    assert there.tickets[0].texts == said


@at_vendors(*SEARCHED)
@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_ticket_that_takes_nothing_more_gets_a_successor(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.troubles = [(status, {"message": "Closed prevents ticket update"}, {})]
    there.tickets[0].state = "closed"
    send(delivery(gateway, domain, message(domain, "incident.reminder")))
    assert states(there) == ["closed", "open"]


@at_vendors(*SEARCHED)
@pytest.mark.parametrize("status", [400, 403])
def test_an_end_that_could_not_even_be_noted_is_no_success(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.troubles = [(status, {"message": "CAPTCHA"}, {})] * 2
    with pytest.raises(TicketStuck) as refusal:
        send(ending(gateway, domain))
    assert not isinstance(refusal.value, GatewayRefused), "one ticket says nothing about the gateway"
    row = Ticket.unscoped.get()
    assert row.ended_at
    assert not row.resolved_at


@at_vendors("zendesk")
def test_a_conflict_is_tried_again(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(409, {"error": "Conflict"}, {})]
    row = delivery(gateway, domain, message(domain))
    with pytest.raises(Transient):
        send(row)
    send(row)
    end = ending(gateway, domain)
    there.troubles = [(409, {"error": "Conflict"}, {})]
    with pytest.raises(Transient):
        send(end)
    send(end)
    assert states(there) == ["closed"]


def told_at(minute: int, domain: Domain, about: str = "renewal.failed") -> Message:
    data = {"at": (NOW + minute * MINUTE).isoformat()}
    return Message(**{**vars(message(domain, about, "deployment", f"{about} {minute}")), "data": data})


def test_an_end_that_is_late_leaves_what_came_back_since(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, told_at(0, domain)))
    end = delivery(gateway, domain, told_at(1, domain, "incident.closed"))
    Ticket.unscoped.update(ended_at=NOW + MINUTE)
    there.troubles = [(503, {}, {})]
    with pytest.raises(Transient):
        send(end)
    send(delivery(gateway, domain, told_at(2, domain)))
    assert send(end) == GOES_ON
    assert states(there) == ["open"]


def test_what_was_told_before_the_end_changes_nothing_after_it(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, told_at(0, domain)))
    Ticket.unscoped.update(ended_at=NOW + 2 * MINUTE)
    assert send(delivery(gateway, domain, told_at(1, domain))) == IS_OVER
    assert Ticket.unscoped.get().ended_at


def happen(domain: Domain, *kinds: str, start: int = 0) -> Iterator[Event]:
    for second, kind in enumerate(kinds, start):
        with clock.frozen(NOW + timedelta(seconds=second)):
            yield record(
                kind, workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label, data=FAILED
            )


def react(event: Event, moment: datetime) -> None:
    with clock.frozen(moment):
        reaction = PendingReaction.objects.get(event=event)
        reactions.react_to_events([leased(reaction)])  # type: ignore[list-item, arg-type]


@pytest.fixture
def renewed(cast: Cast, there: Vendor, gateway: Gateway) -> Domain:
    with clock.frozen(NOW):
        only(cast.acme, trigger=Trigger.RENEWAL, channel=gateway.channel)
        return watched(cast.acme, "shop.example.org", days=80)


def test_a_failure_whose_reaction_comes_after_its_end_leaves_nothing_open(there: Vendor, renewed: Domain) -> None:
    failed, over = happen(renewed, "deployment.failed", "deployment.succeeded")
    react(over, NOW + MINUTE)
    react(failed, NOW + 2 * MINUTE)
    for minutes in (3, 6, 60):
        work(NOW + minutes * MINUTE)
    assert states(there) == []
    assert not Ticket.unscoped.exists()


def test_a_second_failure_whose_reaction_comes_last_opens_none(there: Vendor, renewed: Domain) -> None:
    first, second = happen(renewed, "deployment.failed", "deployment.failed")
    react(first, NOW + MINUTE)
    work(NOW + MINUTE, "delivery")
    (over,) = happen(renewed, "deployment.succeeded", start=2)
    react(over, NOW + 2 * MINUTE)
    work(NOW + 2 * MINUTE, "delivery")
    react(second, NOW + 3 * MINUTE)
    for minutes in (4, 6, 60):
        work(NOW + minutes * MINUTE)
    assert states(there) == ["closed"]


def test_an_end_whose_reaction_comes_last_leaves_what_came_back(there: Vendor, renewed: Domain) -> None:
    first, over, again = happen(renewed, "deployment.failed", "deployment.succeeded", "deployment.failed")
    react(first, NOW + MINUTE)
    react(again, NOW + 2 * MINUTE)
    work(NOW + 2 * MINUTE, "delivery")
    react(over, NOW + 3 * MINUTE)
    for minutes in (4, 6, 60):
        work(NOW + minutes * MINUTE)
    assert states(there)[-1] == "open"


def test_what_a_sweep_tells_while_the_end_is_not_committed_has_ended_too(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    finding = open_finding(domain=domain, source="visit", code="chain_incomplete", severity="warning")
    with clock.frozen(NOW):
        close_finding(domain=domain, source="visit", code="chain_incomplete")
    data = {"at": (NOW + MINUTE).isoformat(), "finding": str(finding.pk)}
    row = delivery(gateway, domain, Message(**{**vars(message(domain, subject=str(finding.pk))), "data": data}))
    assert end_tickets(Event.unscoped.get(kind="finding.closed")) == []
    assert send(row) == IS_OVER
    assert there.requests == []


def test_of_a_domain_that_is_gone_nothing_is_opened(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    row = delivery(gateway, domain, message(domain))
    Domain.unscoped.filter(pk=domain.pk).delete()
    assert send(row) == IS_OVER


def test_a_day_without_anything_to_gather_closes_the_digest_s_ticket(
    cast: Cast, there: Vendor, gateway: Gateway
) -> None:
    with clock.frozen(NOW):
        only(cast.acme, channel=gateway.channel, digest="daily")
        domain = watched(cast.acme, "shop.example.org", days=20)
        plan_digest(Rule.unscoped.exclude(digest="").get())
    for day in range(1, 4):
        work(NOW + day * DAY, "digest", "delivery")
    assert states(there) == ["open"]
    with clock.frozen(NOW + 4 * DAY):
        serve(domain, "other", NOW + 90 * DAY)
    for day in range(4, 7):
        work(NOW + day * DAY, "digest", "delivery")
    assert states(there) == ["closed"]


def test_what_has_no_end_is_left_to_people(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    for number in ("1", "2"):
        send(delivery(gateway, domain, message(domain, "certificate.changed", number)))
    assert states(there) == ["open", "open"]
    assert not Ticket.unscoped.filter(resolved_at=None).exists()

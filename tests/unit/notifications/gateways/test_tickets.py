"""Tickets at each vendor: one for each cause, however often it is spoken of, and closed with it."""

from datetime import timedelta

import pytest

from auditlog.events import record
from auditlog.models import Event
from config.lib import clock
from config.lib.egress import Unreachable
from config.lib.errors import ExpectedError, Permanent, Transient
from domains.findings import close_finding, open_finding
from domains.models import Domain
from notifications.gateways import opsgenie, pagerduty, zoho_desk
from notifications.gateways.kind import GatewayRefused, NotYet, Unsure
from notifications.message import Message
from notifications.models import Gateway, Ticket
from notifications.tickets.closing import end_tickets, thread_about
from notifications.tickets.living import NOTHING_OPEN, OPENING
from tests.servers.ports import free_port
from tests.servers.vendors import Vendor, Zoho
from tests.unit.notifications.gateways.telling import (
    delivery,
    ending,
    leased,
    message,
    send,
    send_slowly,
    some_time_later,
)

pytestmark = pytest.mark.django_db


@pytest.mark.both_databases
def test_a_finding_that_opens_reminds_twice_and_closes_is_one_ticket(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    finding = open_finding(domain=domain, source="visit", code="chain_incomplete", severity="warning")
    subject = str(finding.pk)
    send(delivery(gateway, domain, message(domain, subject=subject, text="First.")))
    for number in ("Second.", "Third."):
        send(delivery(gateway, domain, message(domain, "incident.reminder", subject, number)))
    close_finding(domain=domain, source="visit", code="chain_incomplete")
    event = Event.unscoped.get(kind="finding.closed")
    (closing,) = end_tickets(event)
    assert [row.dedup_key for row in end_tickets(event)] == [closing.dedup_key], "read again, it is the same"
    closing.save()
    send(leased(closing))
    (ticket,) = there.tickets
    assert ticket.state == "closed"
    told = "\n".join(ticket.texts)
    for text in ("First.", "Second.", "Third."):
        assert text in told
    row = Ticket.unscoped.get()
    assert row.resolved_at
    assert (row.ref, row.about) == (ticket.ref if there.channel != "pagerduty" else row.thread, "incident.opened")
    assert end_tickets(event) == []


def test_what_comes_back_gets_a_new_ticket(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    for _ in range(2):
        send(delivery(gateway, domain, message(domain)))
        send(ending(gateway, domain))
    assert [ticket.state for ticket in there.tickets] == ["closed", "closed"]


def test_two_causes_are_two_tickets(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    for subject in ("1", "2"):
        send(delivery(gateway, domain, message(domain, subject=subject)))
    assert len(there.tickets) == 2


def test_good_news_opens_nothing(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    assert send(delivery(gateway, domain, message(domain, "renewal.succeeded"))) == NOTHING_OPEN
    assert send(delivery(gateway, domain, message(domain, "incident.closed"))) == NOTHING_OPEN
    assert there.requests == []


def test_an_attempt_that_may_have_arrived_is_repeated_without_a_second_ticket(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    row = delivery(gateway, domain, message(domain))
    send_slowly(there, row)
    some_time_later()
    send(row)
    assert Ticket.unscoped.get().ref
    assert len(there.tickets) == 1


def test_while_one_message_opens_it_the_next_waits(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    first = delivery(gateway, domain, message(domain))
    there.troubles.append((503, {}, {}))
    with pytest.raises(Transient):
        send(first)
    second = delivery(gateway, domain, message(domain, "incident.reminder", text="Second."))
    if there.channel in ("opsgenie", "pagerduty"):
        Ticket.unscoped.update(busy_until=clock.now() + OPENING)
    for early in (first, second):
        # Of the others nobody knows yet whether the first is there: their searches are late.
        with pytest.raises(NotYet):
            send(early)
    some_time_later()
    first.wrote_at = None
    first.save()
    send(first)
    second.wrote_at = None
    second.save()
    send(second)
    (ticket,) = there.tickets
    assert "Second." in "\n".join(ticket.texts)


def test_one_that_was_never_opened_is_taken_over(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles.append((503, {}, {}))
    with pytest.raises(Transient):
        send(delivery(gateway, domain, message(domain)))
    some_time_later()
    send(delivery(gateway, domain, message(domain, "incident.reminder")))
    assert len(there.tickets) == 1


def test_one_that_somebody_deleted_there_gets_a_successor_and_closes_quietly(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.tickets[0].state = "deleted"
    send(delivery(gateway, domain, message(domain, "incident.reminder")))
    assert [ticket.state for ticket in there.tickets] == ["deleted", "open"]
    there.tickets[1].state = "deleted"
    send(ending(gateway, domain))
    assert not Ticket.unscoped.filter(resolved_at=None).exists()


def test_a_test_opens_closes_and_leaves_nothing(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    answer = send(delivery(gateway, domain, message(domain, "test"), is_test=True))
    assert [ticket.state for ticket in there.tickets] == ["closed"]
    assert "Closed again" in answer
    assert not Ticket.unscoped.exists()


@pytest.mark.parametrize("status", [401, 403])
def test_a_login_that_is_refused_switches_the_gateway_off(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    there.troubles = [(status, {"message": "No"}, {})] * 3
    with pytest.raises(GatewayRefused) as refusal:
        send(delivery(gateway, domain, message(domain)))
    assert str(status) in refusal.value.params["answer"]


@pytest.mark.parametrize("status", [400, 422])
def test_what_the_vendor_cannot_take_is_told_in_its_words(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    there.troubles.append((status, {"errors": {"issuetype": "is required"}}, {}))
    with pytest.raises(Permanent) as refusal:
        send(delivery(gateway, domain, message(domain)))
    assert not isinstance(refusal.value, GatewayRefused)
    assert "is required" in refusal.value.params["answer"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_vendor_is_asked_again_when_it_says(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    there.troubles.append((status, {"message": "later"}, {"Retry-After": "120"}))
    with pytest.raises(Transient) as later:
        send(delivery(gateway, domain, message(domain)))
    assert not isinstance(later.value, Unsure)
    assert later.value.retry_at
    assert timedelta(seconds=110) < later.value.retry_at - clock.now() <= timedelta(seconds=120)


# The other two say nothing but their status.
@pytest.mark.parametrize("there", ["jira", "servicenow", "zendesk", "freshservice", "zoho_desk"], indirect=True)
def test_a_page_instead_of_an_answer_is_no_success(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    there.troubles = [(200, "<html>Your instance is hibernating</html>", {})] * 3
    with pytest.raises(Permanent):
        send(delivery(gateway, domain, message(domain)))
    assert there.tickets == []


def test_nobody_there_is_not_unsure(
    there: Vendor, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setattr(opsgenie, "BASES", {"eu": nowhere})
    monkeypatch.setattr(pagerduty, "BASES", {"eu": nowhere})
    monkeypatch.setattr(zoho_desk, "CENTRES", {"eu": (nowhere, nowhere)})
    if "url" in gateway.config:
        gateway.config["url"] = nowhere
        gateway.save()
    with pytest.raises(Unreachable):
        send(delivery(gateway, domain, message(domain)))


@pytest.mark.parametrize("text", ["x" * 50_000, "<script>alert(1)</script> & {{secret}}", "a\0b", "\u202eevil", '"^;'])
def test_hostile_words_break_nothing(text: str, there: Vendor, gateway: Gateway, domain: Domain) -> None:
    told = message(domain, text=text)
    send(delivery(gateway, domain, Message(**{**vars(told), "subject": text, "facts": ((text[:40], text),)})))
    (ticket,) = there.tickets
    if there.channel == "freshservice":
        assert "<script>" not in ticket.texts[0]


def test_what_happens_to_the_domain_ends_what_is_about_it(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, message(domain, "certificate.expiring", "fingerprint")))
    send(delivery(gateway, domain, message(domain, "renewal.failed", "deployment")))
    send(delivery(gateway, domain, message(domain, "renewal.failed", "issuance")))
    changed = happened(domain, "domain.certificate_changed")
    assert [row.message["dedup_key"] for row in end_tickets(changed)] == [thread_about(domain.pk, "fingerprint")]
    deployed = happened(domain, "deployment.succeeded")
    assert [row.message["dedup_key"] for row in end_tickets(deployed)] == [thread_about(domain.pk, "deployment")]
    assert len(end_tickets(happened(domain, "domain.deleted"))) == 3


def happened(domain: Domain, kind: str) -> Event:
    return record(kind, workspace_id=domain.workspace_id, domain_id=domain.pk, domain_label=domain.label)


@pytest.mark.parametrize("there", ["zoho_desk"], indirect=True)
def test_zoho_s_token_is_kept_and_asked_for_again_when_it_is_withdrawn(
    there: Zoho, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain, subject="1")))
    send(delivery(gateway, domain, message(domain, subject="2")))
    assert there.refreshed == 1
    there.token = "withdrawn"
    send(delivery(gateway, domain, message(domain, subject="3")))
    assert (there.refreshed, len(there.tickets)) == (2, 3)


@pytest.mark.parametrize("there", ["zoho_desk"], indirect=True)
def test_a_refresh_that_zoho_refuses_with_200_is_a_refusal(there: Zoho, gateway: Gateway, domain: Domain) -> None:
    there.troubles.append((200, {"error": "invalid_client"}, {}))
    with pytest.raises(GatewayRefused, match="gateway_refused"):
        send(delivery(gateway, domain, message(domain)))


def test_an_expected_error_is_all_that_comes(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    for said in ("[1, 2]", "null", '"text"', "{" * 5_000, ""):
        there.troubles = [(200, said, {})] * 4
        try:
            send(delivery(gateway, domain, message(domain, subject=said[:5])))
        except ExpectedError:
            continue

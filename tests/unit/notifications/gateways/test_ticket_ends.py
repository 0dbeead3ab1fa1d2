"""How tickets end where an answer was lost, a vendor refuses or somebody else was there first."""

from datetime import timedelta

import pytest

from config.lib import clock
from config.lib.errors import Permanent, Transient
from domains.models import Domain
from notifications.deliveries import send_deliveries
from notifications.gateways.kind import GatewayRefused, NotYet
from notifications.models import Delivery, Gateway, Ticket
from notifications.tickets.living import IS_OVER, NOTHING_OPEN, OPENING
from tests.servers.vendors import Opsgenie, Vendor, Zoho
from tests.unit.notifications.gateways.telling import delivery, ending, message, send, send_slowly, some_time_later

pytestmark = pytest.mark.django_db
KEYED = ("opsgenie", "pagerduty")
REFUSING = {"status": "failure", "error": {"message": "Operation Failed", "detail": "A field is mandatory"}}


@pytest.mark.both_databases
def test_one_whose_opening_was_never_answered_is_found_and_closed(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    opening = delivery(gateway, domain, message(domain))
    send_slowly(there, opening)
    end = ending(gateway, domain)
    if there.channel not in KEYED:
        with pytest.raises(NotYet):
            send(end)
    some_time_later()
    assert send(opening) == IS_OVER
    send(end)
    assert [ticket.state for ticket in there.tickets] == ["closed"]
    assert Ticket.unscoped.get().resolved_at


def test_one_that_was_never_opened_ends_without_a_word(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    opening = delivery(gateway, domain, message(domain))
    there.troubles.append((503, {}, {}))
    with pytest.raises(Transient):
        send(opening)
    end = ending(gateway, domain)
    some_time_later()
    answer = send(end)
    assert answer == NOTHING_OPEN or there.channel in KEYED
    assert there.tickets == []
    assert not Ticket.unscoped.filter(resolved_at=None).exists()


def test_a_reminder_finds_what_an_attempt_before_it_may_have_opened(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send_slowly(there, delivery(gateway, domain, message(domain)))
    some_time_later()
    send(delivery(gateway, domain, message(domain, "incident.reminder", text="Still so.")))
    assert [ticket.state for ticket in there.tickets] == ["open"]


def test_one_that_was_solved_before_is_not_taken_for_the_new_one(
    there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    send(ending(gateway, domain))
    row = delivery(gateway, domain, message(domain))
    send_slowly(there, row)
    some_time_later()
    send(row)
    assert [ticket.state for ticket in there.tickets] == ["closed", "open"]


# The other two close by a key, which nothing but the key can refuse.
@pytest.mark.parametrize("there", ["jira", "servicenow", "zendesk", "freshservice", "zoho_desk"], indirect=True)
@pytest.mark.parametrize("status", [400, 403, 422])
def test_one_that_may_not_be_closed_is_told_and_left_to_people(
    status: int, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.refuses_to_close = (status, REFUSING)
    answer = send(ending(gateway, domain))
    assert "Not closed" in answer
    assert "mandatory" in answer
    (ticket,) = there.tickets
    assert ticket.state == "open"
    assert "It is well again." in ticket.texts[-1]
    assert Ticket.unscoped.get().resolved_at


@pytest.mark.parametrize("there", ["servicenow", "zendesk"], indirect=True)
def test_a_login_that_is_refused_while_closing_is_still_one(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, message(domain)))
    there.refuses_to_close = (401, {})
    with pytest.raises(GatewayRefused):
        send(ending(gateway, domain))
    assert not Ticket.unscoped.get().resolved_at


@pytest.mark.parametrize("there", ["servicenow"], indirect=True)
@pytest.mark.parametrize(("group", "is_lost"), [("Web", False), ("Wbe", True)])
def test_a_group_that_servicenow_does_not_know_is_told(
    group: str, is_lost: bool, there: Vendor, gateway: Gateway, domain: Domain
) -> None:
    gateway.config["group"] = group
    gateway.save()
    assert ("without an assignment group" in send(delivery(gateway, domain, message(domain)))) is is_lost


@pytest.mark.parametrize("there", ["zoho_desk"], indirect=True)
def test_silence_of_zoho_s_accounts_loses_nothing(
    there: Zoho, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.gateways.sending.SECONDS", 1.0)
    there.is_silent = True
    row = delivery(gateway, domain, message(domain))
    with pytest.raises(Transient, match="gateway_later"):
        send(row)
    send(row)
    assert len(there.tickets) == 1


@pytest.mark.parametrize("there", ["opsgenie"], indirect=True)
def test_what_opsgenie_queues_and_then_drops_is_a_failure(
    there: Opsgenie, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(there, "_done", lambda *_told: (False, "Integration is disabled"))
    with pytest.raises(Permanent) as failure:
        send(delivery(gateway, domain, message(domain)))
    assert "Integration is disabled" in failure.value.params["answer"]


@pytest.mark.parametrize("there", ["opsgenie"], indirect=True)
def test_a_queue_that_takes_its_time_is_not_waited_for_long(
    there: Opsgenie, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.gateways.opsgenie._PAUSES", (0.01, 0.01))
    there.looks = 100
    assert "Request will be processed" in send(delivery(gateway, domain, message(domain)))


@pytest.mark.parametrize("there", ["opsgenie"], indirect=True)
def test_an_alert_that_opsgenie_cannot_close_though_it_is_open_stays_ours(
    there: Opsgenie, gateway: Gateway, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(delivery(gateway, domain, message(domain)))
    monkeypatch.setattr(there, "_done", lambda *_told: (False, "Try again"))
    with pytest.raises(Permanent):
        send(ending(gateway, domain))
    assert not Ticket.unscoped.get().resolved_at


@pytest.mark.parametrize("there", ["opsgenie"], indirect=True)
def test_the_test_of_opsgenie_names_the_alert(there: Opsgenie, gateway: Gateway, domain: Domain) -> None:
    answer = send(delivery(gateway, domain, message(domain, "test"), is_test=True))
    assert "https://app.eu.opsgenie.com/alert/detail/a-1/details" in answer


def test_waiting_for_another_message_is_no_attempt(there: Vendor, gateway: Gateway, domain: Domain) -> None:
    send(delivery(gateway, domain, message(domain)))
    Ticket.unscoped.update(busy_until=clock.now() + OPENING)
    gateway.workspace.delivery_retries = 0
    gateway.workspace.save()
    waiting = delivery(gateway, domain, message(domain, "incident.reminder"))
    waiting.lease_until = clock.now() + timedelta(minutes=1)
    waiting.save()
    send_deliveries([waiting])
    waiting.refresh_from_db()
    assert (waiting.state, waiting.attempts) == (Delivery.State.WAITING, 0)
    assert waiting.run_after
    assert waiting.run_after <= clock.now() + OPENING

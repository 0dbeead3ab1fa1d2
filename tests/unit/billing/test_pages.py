"""Settings, Billing as people, programs and staff see it."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from billing.ledger import account_of
from billing.models import Entry, TopUp
from tests.cast import PASSWORD, Cast
from tests.servers.stripe_api import LOST, Stripe
from tests.unit.billing.paying import auto_on, balance, give, top_up, use_card, work, work_all

pytestmark = pytest.mark.django_db


def page(cast: Cast, path: str = "") -> str:
    return f"/w/{cast.acme.pk}/settings/billing/{path}"


@pytest.fixture
def ann(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def test_without_stripe_there_is_no_page_and_no_mention(cast: Cast, ann: Client, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert ann.get(page(cast)).status_code == 404
    assert ann.get(page(cast, "ledger.csv")).status_code == 404
    assert "Billing" not in ann.get(f"/w/{cast.acme.pk}/settings/").content.decode()
    assert Client().post("/billing/webhook", b"{}", content_type="application/json").status_code == 404
    told = ann.get("/api/billing", headers={"X-Workspace": str(cast.acme.pk)})
    assert json.loads(told.content) == {"enabled": False}


def test_an_empty_account_teaches(cast: Cast, ann: Client, billing_on: None) -> None:
    text = ann.get(page(cast)).content.decode()
    assert "Balance: $0.00" in text
    assert "Automation waits" in text
    assert "$0.05 each time it succeeds" in text
    assert "Add funds once by hand first" in text


def test_the_way_of_a_payment_through_the_pages(cast: Cast, ann: Client, there: Stripe) -> None:
    answer = ann.post(page(cast, "add-funds/"), {"amount": "25.00"})
    assert answer.status_code == 302
    row = TopUp.unscoped.get()
    url = answer.headers["Location"]
    assert "asking Stripe" in ann.get(url).content.decode()
    work()
    row.refresh_from_db()
    assert row.url in ann.get(url).content.decode()
    assert ann.get(url, headers={"HX-Request": "true"}).headers["HX-Redirect"] == row.url
    assert ann.post(page(cast, "add-funds/"), {"amount": "25.00"}).headers["Location"] == url, "gone on with"
    there.pay(row.session)
    assert "waiting for Stripe" in ann.get(f"{url}?back=1").content.decode()
    work()
    assert "The balance is $25.00 now" in ann.get(f"{url}?back=1").content.decode()
    text = ann.get(page(cast)).content.decode()
    assert "Visa ending in 4242" in text
    assert "Receipt" in text
    assert "+$25.00" in text


@pytest.mark.parametrize("amount", ["", "1", "4.99", "1000.01", "x", "-5", "1e9", "NaN", "10.001"])
def test_an_amount_that_cannot_be_is_told_beside_the_field(
    cast: Cast, ann: Client, billing_on: None, amount: str
) -> None:
    answer = ann.post(page(cast, "add-funds/"), {"amount": amount})
    assert answer.status_code == 422
    assert not TopUp.unscoped.exists()


def test_automatic_top_ups_are_set_and_their_trouble_is_shown(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    ann.post(page(cast, "automatic/"), {"is_on": "on", "threshold": "5.00", "amount": "20"})
    account = account_of(cast.acme.pk)
    assert (account.auto_is_on, account.auto_threshold_cents, account.auto_amount_cents) == (True, 500, 2000)
    use_card(there, cast.acme, LOST)
    give(cast.acme, -600)
    work_all()
    text = ann.get(page(cast)).content.decode()
    assert "The bank refused the payment" in text
    assert "lost" not in text.lower(), "Stripe asks not to tell that a card is reported lost"


def test_members_see_nothing_of_it(cast: Cast, billing_on: None) -> None:
    client = Client()
    client.force_login(cast.member)
    assert client.get(page(cast)).status_code == 403
    assert client.post(page(cast, "add-funds/"), {"amount": "25"}).status_code == 403


def test_the_ledger_is_filtered_and_downloaded(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    give(cast.acme, -250)
    text = ann.get(page(cast, "?kind=adjustment")).content.decode()
    assert "-$2.50" in text.replace("$-2.50", "-$2.50")
    assert "+$10.00" not in text
    lines = ann.get(page(cast, "ledger.csv?kind=top_up")).getvalue().decode().splitlines()
    assert len(lines) == 2
    assert "10.00,10.00" in lines[1]


def test_the_card_is_removed_after_being_asked_again(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    auto_on(cast.acme)
    ann.post("/account/reauthenticate/", {"password": PASSWORD})
    card = account_of(cast.acme.pk).payment_method
    assert ann.get(page(cast, "card/remove/")).status_code in (200, 302)
    from auditlog.events import SYSTEM
    from billing.cards import remove_card

    remove_card(account=account_of(cast.acme.pk), actor=SYSTEM)
    work()
    account = account_of(cast.acme.pk)
    assert (account.has_card, account.auto_is_on, there.objects[card]["customer"]) == (False, False, None)


def test_the_api_tells_the_balance_and_its_entries(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    header = {"X-Workspace": str(cast.acme.pk)}
    told = json.loads(ann.get("/api/billing", headers=header).content)
    assert (told["enabled"], told["balance_cents"], told["minimum_cents"]) == (True, 1000, 300)
    (entry,) = json.loads(ann.get("/api/billing/ledger", headers=header).content)["items"]
    assert (entry["kind"], entry["amount_cents"], entry["balance_cents"]) == ("top_up", 1000, 1000)
    assert Entry.unscoped.count() == 1
    assert balance(cast.acme) == 1000

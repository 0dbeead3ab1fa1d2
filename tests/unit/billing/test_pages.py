"""Settings, Billing as people, programs and staff see it."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from billing.ledger import account_of
from billing.models import Entry, TopUp
from tests.cast import PASSWORD, Cast
from tests.servers.stripe_api import KEY, LOST, Stripe
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
    assert 'id="id_amount_error"' in answer.content.decode()
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
    text = ann.get(page(cast, "?kind=charge")).content.decode()
    assert "-$2.50" in text
    assert "+$10.00" not in text
    lines = ann.get(page(cast, "ledger.csv?kind=top_up")).getvalue().decode().splitlines()
    assert len(lines) == 2
    assert "10.00,10.00" in lines[1]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("kind=nothing", "Select a valid choice"),
        ("start=31-12-2026", "Enter a valid date"),
        ("start=2026-12-02&end=2026-12-01", "This day is before the first one."),
    ],
)
def test_filters_that_cannot_be_are_told_and_nothing_is_downloaded(
    cast: Cast, ann: Client, billing_on: None, wrong: str, words: str
) -> None:
    give(cast.acme, 300)
    for path in (f"?{wrong}", f"ledger.csv?{wrong}"):
        answer = ann.get(page(cast, path))
        assert (answer.status_code, answer.headers["Content-Type"]) == (422, "text/html; charset=utf-8")
        assert words in answer.content.decode()


def test_the_ledger_leads_to_the_receipt_of_each_payment_however_old(cast: Cast, ann: Client, there: Stripe) -> None:
    row = top_up(there, cast.acme, 1000)
    at = page(cast, f"top-ups/{row.pk}/")
    assert f'<a href="{at}">Top-up</a>' in ann.get(page(cast)).content.decode()
    text = ann.get(at).content.decode()
    assert f'<a href="{row.receipt_url}" rel="noreferrer noopener">Receipt</a>' in text
    assert f'<a href="{row.invoice_url}" rel="noreferrer noopener">Invoice</a>' in text


def test_back_without_paying_one_goes_on_or_gives_up(cast: Cast, ann: Client, there: Stripe) -> None:
    url = ann.post(page(cast, "add-funds/"), {"amount": "25.00"}).headers["Location"]
    work()
    row = TopUp.unscoped.get()
    session = there.objects[row.session]
    assert session["success_url"].endswith(f"{url}?back=1")
    text = ann.get(f"{url}?back=0").content.decode()
    assert "You came back without paying" in text
    assert row.url in text
    assert ann.post(f"{url}abandon/").status_code == 302
    assert "A payment is not finished" not in ann.get(page(cast)).content.decode()
    work()
    assert session["status"] == "expired"


def test_whoever_is_back_has_stripe_asked_once_in_ten_seconds(cast: Cast, ann: Client, there: Stripe) -> None:
    url = ann.post(page(cast, "add-funds/"), {"amount": "25.00"}).headers["Location"]
    work()
    before = len(there.requests)
    for _ in range(20):
        ann.get(f"{url}?back=1")
        work()
    assert len(there.requests) == before + 1


def test_too_many_open_payments_are_told(cast: Cast, ann: Client, billing_on: None) -> None:
    for amount in (5, 6, 7, 8, 9, 10):
        answer = ann.post(page(cast, "add-funds/"), {"amount": str(amount)}, follow=True)
    assert "There are 5 payments open already" in answer.content.decode()


def test_an_expired_card_is_said_to_be_so(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    assert "The saved card has expired" not in ann.get(page(cast)).content.decode()
    account = account_of(cast.acme.pk)
    account.card_expires = "01/2020"
    account.save()
    assert "The saved card has expired" in ann.get(page(cast)).content.decode()


@pytest.mark.parametrize(
    ("state", "mode", "words"),
    [
        ("preparing", "manual", "asking Stripe for the page where you pay"),
        ("preparing", "card", "asking Stripe for the page where you enter the card"),
        ("preparing", "auto", "charging the saved card"),
        ("expired", "card", "The card stays as it was."),
        ("expired", "manual", "Nothing was charged."),
    ],
)
def test_a_payment_says_what_it_is_about(
    cast: Cast, ann: Client, billing_on: None, state: str, mode: str, words: str
) -> None:
    row = TopUp.objects.create(workspace=cast.acme, mode=mode, state=state, amount_cents=500)
    assert words in ann.get(page(cast, f"top-ups/{row.pk}/")).content.decode()


def test_what_costs_nothing_is_free(cast: Cast, ann: Client, billing_on: None, settings: Settings) -> None:
    settings.BILLING_PRICE_RENEW_CENTS = 0
    text = " ".join(ann.get(page(cast)).content.decode().split())
    assert 'Automatic renewal</th><td data-label="Price">free</td>' in text


def test_alert_rules_speak_of_a_balance_only_where_there_is_one(cast: Cast, ann: Client, settings: Settings) -> None:
    form = f"/w/{cast.acme.pk}/settings/rules/add/"
    settings.STRIPE_SECRET_KEY = ""
    assert "Balance too low" not in ann.get(form).content.decode()
    settings.STRIPE_SECRET_KEY = KEY
    assert "Balance too low" in ann.get(form).content.decode()


def test_the_card_is_removed_after_being_asked_again(cast: Cast, ann: Client, there: Stripe) -> None:
    top_up(there, cast.acme, 1000)
    auto_on(cast.acme)
    ann.post("/account/reauthenticate/", {"password": PASSWORD})
    card = account_of(cast.acme.pk).payment_method
    assert "Remove the saved card?" in ann.get(page(cast, "card/remove/")).content.decode()
    text = ann.post(page(cast, "card/remove/"), follow=True).content.decode()
    assert "The card is removed." in text
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

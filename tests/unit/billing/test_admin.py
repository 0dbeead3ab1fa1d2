"""The ledger as staff see it: read, and corrected by new entries that say why."""

import pytest
from django.test import Client

from auditlog.models import Event
from billing.models import Entry
from tests.cast import Cast, make_staff
from tests.unit.billing.paying import balance, give

pytestmark = pytest.mark.django_db

LIST = "/admin/billing/entry/"


@pytest.fixture
def staff(cast: Cast, billing_on: None) -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


def adjust(staff: Client, cast: Cast, **told: str) -> str:
    wish = {"workspace": str(cast.acme.pk), "amount": "-2.50", "reason": "Charged twice in October", **told}
    return staff.post(f"{LIST}add/", wish, follow=True).content.decode()


def test_a_correction_is_a_new_entry_with_its_reason(cast: Cast, staff: Client) -> None:
    give(cast.acme, 1000)
    adjust(staff, cast)
    assert balance(cast.acme) == 750
    entry = Entry.unscoped.order_by("-at").first()
    assert entry
    assert (entry.kind, entry.amount_cents, entry.about) == ("adjustment", -250, "Charged twice in October")
    assert entry.actor_label == "staff@example.org"
    told = Event.unscoped.order_by("-at").first()
    assert told
    assert "Charged twice in October" in str(told.data)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"amount": "0"}, "An entry of nothing says nothing."),
        ({"amount": "1e3"}, "Enter an amount in dollars"),
        ({"amount": "1000.01"}, "The amount has to be between"),
        ({"reason": "oops"}, "at least 10 characters"),
        ({"workspace": ""}, "This field is required."),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(
    cast: Cast, staff: Client, told: dict[str, str], words: str
) -> None:
    assert words in adjust(staff, cast, **told)
    assert not Entry.unscoped.exists()


def test_what_is_there_is_only_read(cast: Cast, staff: Client) -> None:
    give(cast.acme, 1000)
    entry = Entry.unscoped.get()
    assert "$10.00" in staff.get(LIST).content.decode()
    page = staff.get(f"{LIST}{entry.pk}/change/").content.decode()
    assert "<input" not in page.split('id="entry_form"')[1].split("</form>")[0].replace('<input type="hidden"', "")
    assert staff.post(f"{LIST}{entry.pk}/change/", {"amount": "5"}).status_code == 403
    assert staff.post(f"{LIST}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert balance(cast.acme) == 1000

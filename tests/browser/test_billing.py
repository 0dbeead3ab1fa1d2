"""Settings → Billing in a browser: an empty account, one that pays, one whose card is refused."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.money import Payer, Till, till
from tests.servers.places import private_directory
from tests.servers.stripe_api import GOOD, LOST


@pytest.fixture(scope="module")
def paying() -> Iterator[Till]:
    with private_directory("billing") as place, till(place) as running:
        yield running


@pytest.fixture
def payer(
    request: pytest.FixtureRequest, browser: Browser, paying: Till, witness: Witness, has_scripts: bool
) -> Iterator[Payer]:
    context = browser.new_context(base_url=paying.portal.url, java_script_enabled=has_scripts)
    name = "".join(letter for letter in request.node.name if letter.isalnum())
    yield Payer(chromium.new_page(context, witness), paying, paying.person(name[:40]), has_scripts=has_scripts)
    context.close()


def faults(page: Page) -> list[str]:
    found = []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        found += chromium.faults_in_both_themes(page)
        found += ["wider than the screen"] * chromium.is_wider_than_screen(page)
    return found


@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
def test_somebody_pays_and_later_the_card_does(payer: Payer, has_scripts: bool) -> None:
    payer.open()
    page = payer.page
    expect(page.get_by_role("heading", name="Balance: $0.00")).to_be_visible()
    payer.add_funds("25.00")
    payer.pay(GOOD)
    expect(page.get_by_role("heading", name="Balance: $25.00")).to_be_visible()
    expect(page.get_by_text("Visa ending in 4242", exact=True)).to_be_visible()
    payer.turn_automatic_on("10.00", "20.00")
    expect(page.get_by_text("Automatic top-ups are on.")).to_be_visible()
    payer.till.spend(payer.person, 1600)
    payer.wait_for("Balance: $29.00")
    row = page.get_by_role("row").filter(has_text="Auto top-up")
    expect(row).to_contain_text("+$20.00")
    if has_scripts:
        assert faults(page) == []


def test_a_refused_card_is_told_with_what_to_do(payer: Payer) -> None:
    payer.open()
    page = payer.page
    payer.add_funds("25.00")
    payer.pay(LOST)
    payer.turn_automatic_on("10.00", "20.00")
    payer.till.spend(payer.person, 2400)
    refused = page.get_by_text("The bank refused the payment", exact=True)
    payer.wait_for("The bank refused the payment")
    expect(page.get_by_text("Automation waits", exact=True)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Replace it").click()
    payer.go_to_stripe("Enter the card at Stripe")
    payer.pay(GOOD)
    expect(refused).not_to_be_visible()
    expect(page.get_by_text("Visa ending in 4242", exact=True)).to_be_visible()


def test_a_wrong_amount_is_said_beside_its_field(payer: Payer, witness: Witness) -> None:
    witness.expected_statuses.add(422)
    payer.open()
    page = payer.page
    page.get_by_label("Amount in US dollars").fill("2")
    payer.press("Add funds")
    expect(page.get_by_text("The amount has to be between $5.00 and")).to_be_visible()
    assert faults(page) == []
    payer.open()
    assert faults(page) == []

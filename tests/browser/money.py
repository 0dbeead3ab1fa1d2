"""What a person does about the balance, in a browser, with Stripe's stand-in on the other side."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE
from tests.servers.portal import Portal, portal
from tests.servers.ports import wait_until
from tests.servers.stripe_api import KEY, SECRET, Stripe, stripe_server

_SPEND = """
import sys, uuid
import django
django.setup()
from billing.ledger import post
told = {"external_id": str(uuid.uuid4()), "about": "Spent elsewhere"}
post(uuid.UUID(sys.argv[1]), kind="charge", cents=-int(sys.argv[2]), **told)
"""


@dataclass(frozen=True)
class Till:
    """A portal that takes money, and Stripe."""

    portal: Portal
    stripe: Stripe

    def person(self, name: str) -> Person:
        email = f"{name}@{ZONE}"
        made = self.portal.bootstrap(email, "Northwind", "--password", PASSWORD)
        return Person(email, made["workspace"])

    def spend(self, person: Person, cents: int) -> None:
        self.portal.run_python(_SPEND, person.workspace_id, str(cents))


@contextmanager
def till(place: Path) -> Iterator[Till]:
    with stripe_server() as stripe:
        settings = {
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_BASE": stripe.url,
            "EGRESS_ALLOW_CIDRS": "127.0.0.0/8",
        }
        with portal(place / "var", **settings) as running:
            yield Till(running, stripe)


def answer_for_stripe(context: BrowserContext) -> None:
    """Its page where people pay, which the tests never leave for."""
    page = "<!doctype html><html lang='en'><title>Stripe</title><main><h1>Stripe's page</h1></main></html>"
    context.route("https://checkout.stripe.com/**", lambda route: route.fulfill(body=page, content_type="text/html"))


class Payer:
    """Somebody at Settings → Billing."""

    def __init__(self, page: Page, till: Till, person: Person, *, has_scripts: bool = True) -> None:
        self.page, self.till, self.person, self.has_scripts = page, till, person, has_scripts
        answer_for_stripe(page.context)
        sign_in(page, person)

    def open(self) -> None:
        self.page.goto(f"/w/{self.person.workspace_id}/settings/")
        self.page.get_by_role("link", name="Billing", exact=True).click()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def add_funds(self, dollars: str) -> None:
        """As far as Stripe's page."""
        self.page.get_by_label("Amount in US dollars").fill(dollars)
        self.press("Add funds")
        self.go_to_stripe(f"Pay ${dollars} at Stripe")

    def go_to_stripe(self, label: str) -> None:
        if not self.has_scripts:
            # The page comes again by itself until Stripe has answered.
            self.page.get_by_role("link", name=label).click(timeout=30_000)
        expect(self.page.get_by_role("heading", name="Stripe's page")).to_be_visible(timeout=30_000)

    def pay(self, last4: str) -> None:
        """There, with a card that ends so, and back."""
        session = self.page.url.split("?")[0].rsplit("/", 1)[-1]
        self.till.stripe.pay(session, last4)
        self.page.goto(self.till.stripe.objects[session]["success_url"])
        expect(self.page.locator("#top-up").get_by_text("done", exact=True)).to_be_visible(timeout=30_000)
        self.page.get_by_role("link", name="Back to Billing").click()

    def wait_for(self, words: str) -> None:
        """On Billing, which does not change by itself."""

        def is_there() -> bool:
            self.open()
            return self.page.get_by_text(words, exact=True).is_visible()

        wait_until(is_there, seconds=90, what=f"{words!r} on the page", every=0.5)

    def turn_automatic_on(self, threshold: str, amount: str) -> None:
        self.page.get_by_label("Top up automatically").check()
        self.page.get_by_label("When the balance is at or below").fill(threshold)
        self.page.get_by_label("Charge the saved card").fill(amount)
        self.press("Save")

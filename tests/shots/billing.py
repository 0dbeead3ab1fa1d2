"""Settings → Billing: empty, paid in, failing, and the mails about it."""

from copy import copy
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.money import Payer, till
from tests.demo.habitat import Habitat
from tests.servers.stripe_api import GOOD, LOST
from tests.shots.album import Album

_WAITS = """
import sys
import django
django.setup()
from accounts.models import Workspace
from billing.charging import too_low
from certificates.unpaid import tell_unpaid
from auditlog.events import SYSTEM
from domains.add import add_domain
workspace = Workspace.objects.get(pk=sys.argv[1])
domain = add_domain(workspace=workspace, actor=SYSTEM, hostname="shop.northwind.example", port=443)
tell_unpaid(domain, too_low(100))
print(domain.pk)
"""


def shoot_billing(album: Album, around: Habitat, place: Path) -> None:
    """On a portal of its own: only there does anything cost."""
    with till(place / "billing") as paying:
        mine = copy(album)
        mine.base_url = paying.portal.url
        context = mine.browser.new_context(base_url=mine.base_url)
        payer = Payer(chromium.new_page(context, Witness(expected_statuses={422})), paying, paying.person("payer"))
        payer.open()
        mine.shoot_open("billing-empty", payer.page)
        payer.page.get_by_label("Amount in US dollars").fill("2")
        payer.press("Add funds")
        mine.shoot_open("billing-wrong-amount", payer.page)
        payer.add_funds("25.00")
        at_stripe = payer.page.url
        payer.page.go_back()
        mine.shoot_open("billing-to-stripe", payer.page)
        payer.open()
        mine.shoot_open("billing-under-way", payer.page)
        payer.page.goto(at_stripe)
        payer.pay(GOOD)
        payer.turn_automatic_on("10.00", "20.00")
        payer.till.spend(payer.person, 1600)
        payer.wait_for("Balance: $29.00")
        mine.shoot_open("billing-normal", payer.page)
        mine.shoot("billing-one-payment", _last_payment(payer), state=context.storage_state())
        for card in paying.stripe.of("pm"):
            card["card"]["last4"] = LOST
        payer.till.spend(payer.person, 2700)
        payer.wait_for("The bank refused the payment")
        mine.shoot_open("billing-failing", payer.page)
        domain = paying.portal.run_python(_WAITS, payer.person.workspace_id).strip()
        payer.page.goto(f"/w/{payer.person.workspace_id}/domains/{domain}/")
        mine.shoot_open("billing-domain-waits", payer.page)
        for number, mail in enumerate(sorted((paying.portal.var_dir / "mail").glob("*"))):
            _shoot_mail(mine, f"billing-mail-{number:02}", mail)
        context.close()


def _last_payment(payer: Payer) -> str:
    link = payer.page.get_by_role("link", name="$25.00").first.get_attribute("href")
    assert link
    return link


def _shoot_mail(album: Album, name: str, path: Path) -> None:
    import email
    from email.policy import default

    message = email.message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(("html",))
    if body is not None:
        album.shoot_html(name, str(body.get_content()))

"""Settings, Notification gateways: the gallery, each form, a test that works and one that fails."""

from pathlib import Path

from playwright.sync_api import Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.demo.habitat import ZONE, Habitat
from tests.servers.gateways import provider
from tests.shots.album import Album

KINDS = (
    *("email", "slack", "teams", "sms_twilio", "sms_rest", "webhook", "discord", "telegram", "ntfy"),
    *("opsgenie", "pagerduty", "jira", "servicenow", "zendesk", "freshservice", "zoho_desk"),
)


def shoot_gateways(album: Album, around: Habitat, place: Path) -> None:
    made = around.portal.bootstrap(f"gateways@{ZONE}", "Acme Inc", "--password", PASSWORD)
    person = Person(f"gateways@{ZONE}", made["workspace"])
    page = chromium.new_page(album.browser.new_context(base_url=album.base_url), Witness())
    sign_in(page, person)
    base = f"/w/{person.workspace_id}/settings/gateways/"
    page.goto(base)
    album.shoot_open("gateways-empty", page)
    for kind in KINDS:
        page.goto(f"{base}add/?kind={kind}")
        album.shoot_open(f"gateways-add-{kind}", page)
    with provider() as receiver:
        _use(album, page, base, f"{receiver.url}/in")
        receiver.answer_with(503, "upstream is being restarted")
        page.get_by_role("button", name="Send test").click()
        album.shoot_open("gateways-test-failed", page)
    page.goto(base)
    album.shoot_open("gateways", page)
    page.context.close()


def _use(album: Album, page: Page, base: str, url: str) -> None:
    page.goto(f"{base}add/?kind=slack")
    page.get_by_label("Webhook URL").fill("https://hooks.slack.com/workflows/T0/x")
    page.get_by_role("button", name="Add gateway").click()
    album.shoot_open("gateways-add-refused", page)
    page.goto(f"{base}add/?kind=webhook")
    page.get_by_label("Name", exact=True).fill("On-call receiver of the platform team")
    page.get_by_label("URL", exact=True).fill(url)
    page.get_by_label("Signing secret").fill("whsec_" + "QUJD" * 8)
    page.get_by_role("button", name="Add gateway").click()
    album.shoot_open("gateways-added", page)
    page.get_by_role("button", name="Send test").click()
    album.shoot_open("gateways-test-taken", page)

"""A mail server is added with its protocol, and its certificate is seen after STARTTLS. In `make test`."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import Person
from tests.demo.habitat import ZONE
from tests.servers.ca import TestCa
from tests.servers.starttls import Running, dovecot

HOST = f"mail.{ZONE}"


@pytest.fixture(scope="module")
def mail() -> Iterator[Running]:
    with dovecot(TestCa("Mail").issue([HOST])) as running:
        yield running


def test_a_protocol_is_chosen_refused_beside_its_field_and_shown_with_what_it_serves(
    signed_in: Page, person: Person, witness: Witness, mail: Running
) -> None:
    page = signed_in
    witness.expected_statuses.add(422)
    page.goto(f"/w/{person.workspace_id}/domains/add/")
    page.get_by_label("Hostname").fill(HOST)
    page.get_by_label("Port").fill("25")
    page.get_by_label("Protocol").select_option("IMAP with STARTTLS")
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_text("IMAP is not what port 25 carries")).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    page.get_by_label("Port").fill(str(mail.ports["imap"]))
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_text("IMAP with STARTTLS, TLS 1.3")).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    page.goto(f"/w/{person.workspace_id}/domains/")
    expect(page.get_by_text("IMAP", exact=True)).to_be_visible()
    assert chromium.accessibility_faults(page) == []

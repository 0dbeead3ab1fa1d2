"""Adding one domain and many, and doing something with many: by what is written on the pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import chromium
from tests.browser.conftest import Person
from tests.browser.journey import LONG
from tests.demo.habitat import HOST, ZONE, Habitat

BOTH_WAYS = pytest.mark.parametrize("has_scripts", [True, False], ids=["with JavaScript", "without JavaScript"])


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def list_of(page: Page, person: Person) -> None:
    page.goto(f"/w/{person.workspace_id}/domains/")


@BOTH_WAYS
def test_a_domain_is_reviewed_before_it_is_confirmed(
    signed_in: Page, person: Person, around: Habitat, has_scripts: bool
) -> None:
    page = signed_in
    follow(page, "+ Add domain")
    page.get_by_label("Hostname").fill(HOST)
    page.get_by_label("Port").fill(str(around.web.https_port))
    page.get_by_label("Notes").fill("Ann looks after it")
    press(page, "Inspect")
    expect(page.get_by_role("list", name="Steps").get_by_text("Review")).to_have_attribute("aria-current", "step")
    expect(page.get_by_role("region", name="Served certificate")).to_contain_text("TLS 1.", timeout=LONG)
    expect(page.get_by_role("region", name="Hosting")).to_contain_text("detected", timeout=LONG)
    faults = chromium.faults_in_both_themes(page) if has_scripts else []
    follow(page, "Confirm")
    press(page, "I've added it")
    expect(page.get_by_text("Not found yet.")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("list", name="Steps")).to_be_visible()
    faults += chromium.faults_in_both_themes(page) if has_scripts else []
    follow(page, "Do this later")
    expect(page.get_by_text("Ann looks after it").first).to_be_visible()
    assert faults == []


def test_a_domain_that_was_not_meant_is_discarded(signed_in: Page, person: Person) -> None:
    page = signed_in
    follow(page, "+ Add domain")
    page.get_by_label("Hostname").fill(f"typo.{ZONE}")
    press(page, "Inspect")
    page.get_by_text("Discard…").click()
    expect(page.get_by_text("Nothing happens on your servers")).to_be_visible()
    press(page, "Discard")
    expect(page.get_by_text(f"typo.{ZONE} is no longer watched.")).to_be_visible()


def test_a_page_that_lives_takes_nothing_out_of_ones_hands(signed_in: Page) -> None:
    """What is focused, opened or typed outlasts that the page shows news."""
    page = signed_in
    follow(page, "+ Add domain")
    page.get_by_label("Hostname").fill(f"alive.{ZONE}")
    press(page, "Inspect")
    page.goto(page.url.replace("review/", ""))
    notes = page.locator("summary", has_text="Notes")
    notes.press("Enter")
    take_news(page)
    expect(notes).to_be_focused()
    page.get_by_label("Notes").fill("Half a sentence")
    take_news(page)
    expect(page.get_by_label("Notes")).to_have_value("Half a sentence")


def take_news(page: Page) -> None:
    """One round of what a page does every two seconds while something is under way."""
    page.evaluate("() => htmx.ajax('GET', location.pathname + 'live/', {target: '#overview', swap: 'outerHTML'})")


@BOTH_WAYS
def test_many_domains_are_added_and_tagged(signed_in: Page, person: Person, has_scripts: bool) -> None:
    page = signed_in
    list_of(page, person)
    follow(page, "+ Add domain")
    follow(page, "Add many")
    hosts = [f"h{number}.{ZONE}" for number in range(3)]
    page.get_by_label("Hostnames").fill("\n".join([*hosts, hosts[0].upper(), "10.0.0.1"]))
    press(page, "Preview")
    expect(page.get_by_role("heading", name="Add 3 domains?")).to_be_visible()
    expect(page.get_by_role("row", name="10.0.0.1")).to_contain_text("is an IP address")
    expect(page.get_by_role("row", name="Twice in this list")).to_contain_text("Line 1 names it already")
    faults = chromium.faults_in_both_themes(page) if has_scripts else []
    page.get_by_role("link", name=re.compile("Refused")).click()
    expect(page.get_by_role("row")).to_have_count(2)
    press(page, "Add 3 domains")
    expect(page.get_by_role("heading", name="3 domains added")).to_be_visible(timeout=LONG)
    with page.expect_download() as waited:
        follow(page, "Download the 1 refused line (CSV)")
    assert "10.0.0.1" in waited.value.path().read_text()
    follow(page, "Back to the domains")
    expect(page.get_by_role("row")).to_have_count(4)
    faults += tag_all(page, hosts, has_scripts)
    assert faults == []


def tag_all(page: Page, hosts: list[str], has_scripts: bool) -> list[str]:
    """Choose every row on the page, tag them, and follow the tag; what axe found on the way."""
    if has_scripts:
        page.get_by_role("checkbox", name="Choose all on this page").check()
        expect(page.get_by_role("checkbox", name=f"Choose {hosts[1]}")).to_be_checked()
    else:
        page.get_by_text("Do something with many").click()
        follow(page, "Tick all on this page")
    page.get_by_label("Tag", exact=True).fill("Shop")
    faults = chromium.faults_in_both_themes(page) if has_scripts else []
    press(page, "Add tag")
    expect(page.get_by_role("heading", name="3 domains tagged “shop”")).to_be_visible(timeout=LONG)
    follow(page, "Back to the domains")
    follow(page, "shop")
    expect(page.get_by_role("row")).to_have_count(4)
    return faults


def test_two_windows_watch_the_same_import(signed_in: Page, person: Person) -> None:
    page = signed_in
    page.goto(f"/w/{person.workspace_id}/domains/add-many/")
    page.get_by_label("Hostnames").fill("\n".join(f"n{number}.{ZONE}" for number in range(400)))
    press(page, "Preview")
    other = page.context.new_page()
    other.goto(page.url)
    press(page, "Add 400 domains")
    other.reload()
    for window in (page, other):
        expect(window.get_by_role("heading", name="400 domains added")).to_be_visible(timeout=LONG)
    list_of(page, person)
    page.get_by_text("Do something with many").click()
    page.get_by_role("checkbox", name="all 400 that match").check()
    press(page, "Delete…")
    expect(page.get_by_role("heading", name="Delete 400 domains?")).to_be_visible()
    press(page, "Delete 400 domains")
    expect(page.get_by_role("heading", name="400 domains deleted")).to_be_visible(timeout=LONG)

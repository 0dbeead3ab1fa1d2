"""The probe timeline: read by pointer and by keyboard, and without a script by its table."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, make_person, sign_in
from tests.demo.habitat import Habitat
from tests.shots.seeding import seed


@pytest.fixture(scope="module")
def watched(around: Habitat) -> tuple[Person, str]:
    """Somebody, and the page of a domain with a month of probes."""
    person = make_person(around)
    domains = seed(around, person.workspace_id)["domains"]
    return person, f"/w/{person.workspace_id}/domains/{domains['ok']}/"


@pytest.fixture
def timeline(page: Page, watched: tuple[Person, str]) -> Page:
    person, path = watched
    sign_in(page, person)
    page.goto(path)
    page.get_by_role("link", name="Site uptime").click()
    expect(page.get_by_role("group", name="Probe timeline")).to_be_visible()
    return page


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.querySelector('title')?.textContent ?? ''"))


def test_pointer_and_keyboard_read_each_bar(timeline: Page) -> None:
    drawing = timeline.get_by_role("group", name="Probe timeline")
    details = timeline.locator("[data-timeline-details]")
    bars = drawing.get_by_role("link")
    bars.nth(50).hover()
    expect(details).to_have_text(bars.nth(50).locator("title").text_content() or "")
    expect(details).to_have_text(re.compile(r"\d\d:\d\d:\d\d UTC · .* · (HTTPS|HTTP)|no answer"))

    timeline.get_by_role("link", name="30d").focus()
    timeline.keyboard.press("Tab")
    newest = focused(timeline)
    assert newest == bars.last.locator("title").text_content()
    expect(details).to_have_text(newest)
    timeline.keyboard.press("ArrowLeft")
    assert focused(timeline) == bars.nth(bars.count() - 2).locator("title").text_content()
    timeline.keyboard.press("Home")
    assert focused(timeline) == bars.first.locator("title").text_content()
    timeline.keyboard.press("Tab")
    assert focused(timeline) == "", "one stop for Tab, not a hundred"

    timeline.get_by_role("link", name="30d").click()
    expect(timeline.get_by_text("2880 looks in the last 30 days")).to_be_visible()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_bar_leads_to_its_row_of_the_table(timeline: Page, has_scripts: bool) -> None:
    bar = timeline.get_by_role("group", name="Probe timeline").get_by_role("link").nth(40)
    number = bar.get_attribute("href")
    assert number
    title = bar.locator("title").text_content() or ""
    bar.focus()
    timeline.keyboard.press("Enter")
    row = timeline.locator(number)
    expect(row).to_be_visible()
    expect(row.get_by_role("rowheader")).to_have_text(title.split(" · ")[0])

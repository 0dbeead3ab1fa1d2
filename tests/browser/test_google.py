"""Continue with Google, as a person does it: by what is written on the pages."""

import itertools
from dataclasses import replace

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person, sign_in
from tests.browser.google import Google
from tests.demo.habitat import ZONE, Habitat

_numbers = itertools.count(1)


@pytest.fixture
def google(googles_keys: Google, context: BrowserContext) -> Google:
    """A Google account of this test's own, signed in at Google in this browser."""
    number = next(_numbers)
    made = replace(googles_keys, email=f"ann{number}@{ZONE}", sub=f"sub-{number}", claims={})
    made.stand_in(context)
    return made


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def choose_account(page: Page, google: Google) -> None:
    """From the page with Google's button through Google and back."""
    expect(page.get_by_role("button", name="Continue with Google")).to_be_visible()
    assert chromium.accessibility_faults(page, foreign_styles=True) == []
    press(page, "Continue with Google")
    expect(page.get_by_role("heading", name="Choose an account")).to_be_visible()
    press(page, google.email)


def expect_domains(page: Page) -> None:
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()


def test_a_newcomer_signs_up_and_signs_in_again(page: Page, google: Google) -> None:
    page.goto("/account/signup/")
    follow(page, "Continue with Google")
    choose_account(page, google)
    expect_domains(page)
    page.get_by_text(f"{google.email.partition('@')[0]}'s workspace", exact=True).first.click()
    expect(page.get_by_text(f"Signed in as {google.email}")).to_be_visible()
    press(page, "Sign out")
    page.goto("/account/login/")
    follow(page, "Continue with Google")
    choose_account(page, google)
    expect_domains(page)


def test_a_pasted_link_opens_after_google(page: Page, google: Google) -> None:
    page.goto("/account/email/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    follow(page, "Continue with Google")
    choose_account(page, google)
    expect(page.get_by_role("heading", name="E-mail address")).to_be_visible()
    expect(page.get_by_text(google.email).first).to_be_visible()


def test_who_has_only_google_proves_by_it_who_it_is(page: Page, google: Google) -> None:
    page.goto("/account/google/")
    choose_account(page, google)
    follow(page, "Settings")
    follow(page, "API tokens")
    follow(page, "Create token")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    expect(page.get_by_text(google.email)).to_be_visible()
    choose_account(page, google)
    page.get_by_label("Name").fill("deploy script")
    press(page, "Create token")
    expect(page.get_by_role("heading", name="Copy the token now")).to_be_visible()


def test_a_person_with_a_password_connects_and_disconnects(page: Page, google: Google, person: Person) -> None:
    sign_in(page, person)
    page.goto("/account/email/")
    follow(page, "Google")
    follow(page, "Connect a Google account")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")
    choose_account(page, google)
    expect(page.get_by_text(f"From now on Google signs you in as {person.email}.")).to_be_visible()
    expect(page.get_by_text("Connected", exact=True).first).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    page.get_by_text("Disconnect Google…").click()
    press(page, "Disconnect Google")
    expect(page.get_by_text("Disconnected. Your password signs you in.")).to_be_visible()


def test_an_existing_account_is_connected_by_its_password(page: Page, google: Google, person: Person) -> None:
    google.email = person.email
    page.goto("/account/login/")
    follow(page, "Continue with Google")
    choose_account(page, google)
    expect(page.get_by_role("heading", name="You already have an account")).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Connect Google and sign in")
    expect_domains(page)
    expect(page.get_by_text(f"From now on Google signs you in as {person.email}.")).to_be_visible()


def test_an_answer_that_is_not_for_us_is_explained(page: Page, google: Google, witness: Witness) -> None:
    witness.expected_statuses.add(400)
    google.claims = {"azp": "other.apps.googleusercontent.com"}
    page.goto("/account/google/")
    choose_account(page, google)
    expect(page.get_by_role("heading", name="Google's answer could not be verified")).to_be_visible()
    assert chromium.accessibility_faults(page) == []
    google.claims = {}
    follow(page, "Try again")
    choose_account(page, google)
    expect_domains(page)


@pytest.mark.parametrize("has_scripts", [False])
def test_without_javascript_the_page_says_so_and_leads_back(page: Page, around: Habitat) -> None:
    page.goto("/account/login/")
    follow(page, "Continue with Google")
    expect(page.get_by_text("button needs JavaScript")).to_be_visible()
    expect(page.get_by_text("No button here?")).to_be_hidden()
    follow(page, "Use your password instead")
    expect(page.get_by_label("Password")).to_be_visible()

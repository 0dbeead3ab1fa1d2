"""A colleague is invited, makes an account on the way, and joins: by what is written on the pages."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.conftest import PASSWORD, Person
from tests.browser.journey import new_email
from tests.demo.habitat import Habitat


def link_mailed_to(around: Habitat, email: str, subject: str) -> str:
    mail = around.mail.wait_for(subject, recipient=email)
    found = re.search(r"https?://\S+", mail.text())
    assert found, mail.text()
    return found[0]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def invite(page: Page, email: str, role: str) -> None:
    """From the Team page; the password is asked on the way."""
    page.get_by_role("link", name="Team", exact=True).click()
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Confirm")
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("radio", name=f"{role}:").check()
    press(page, "Send invitation")
    expect(page.get_by_text(f"An invitation is on its way to {email}.")).to_be_visible()
    expect(page.get_by_role("row", name=email)).to_contain_text(role)


def make_account(page: Page, link: str, email: str) -> None:
    page.goto(link)
    expect(page.get_by_role("heading", name="You are invited to Northwind")).to_be_visible()
    page.get_by_role("link", name="Create an account").click()
    expect(page.get_by_label("Email")).to_have_value(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password (again)").fill(PASSWORD)
    press(page, "Create account")
    expect(page.get_by_text(f"First confirm that {email} is yours")).to_be_visible()


@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
def test_a_colleague_is_invited_makes_an_account_and_joins(
    browser: Browser, around: Habitat, signed_in: Page, person: Person, has_scripts: bool
) -> None:
    email = new_email("colleague" if has_scripts else "plain-colleague")
    invite(signed_in, email, "Member")
    witness = Witness()
    context = browser.new_context(base_url=around.portal.url, java_script_enabled=has_scripts)
    page = chromium.new_page(context, witness)
    make_account(page, link_mailed_to(around, email, "invites you"), email)
    page.goto(link_mailed_to(around, email, "onfirm your e-mail address"))
    press(page, "Confirm")
    expect(page.get_by_role("heading", name="Invitations")).to_be_visible()
    faults = chromium.faults_in_both_themes(page) if has_scripts else []
    press(page, "Join Northwind")
    expect(page.get_by_text("You belong to Northwind now, as Member.")).to_be_visible()
    expect(page.get_by_role("heading", name="Domains", exact=True)).to_be_visible()
    page.get_by_role("link", name="Team", exact=True).click()
    expect(page.get_by_role("row", name=email)).to_contain_text("you")
    expect(page.get_by_role("link", name="Invite", exact=True)).to_be_hidden()
    assert around.mail.wait_for(f"{email} joined Northwind", recipient=person.email)
    assert (faults, witness.complaints) == ([], [])
    context.close()


@pytest.mark.parametrize(
    "has_scripts", [True, pytest.param(False, marks=pytest.mark.proof)], ids=["with JavaScript", "without JavaScript"]
)
def test_a_removed_colleague_is_out_at_the_next_click(
    browser: Browser, around: Habitat, signed_in: Page, person: Person, has_scripts: bool
) -> None:
    colleague = Person(new_email(f"leaver-{has_scripts}".lower()), "")
    around.portal.bootstrap(colleague.email, "Own", "--password", PASSWORD)
    invite(signed_in, colleague.email, "Admin")
    witness = Witness(expected_statuses={404})
    context = browser.new_context(base_url=around.portal.url, java_script_enabled=has_scripts)
    page = chromium.new_page(context, witness)
    page.goto(link_mailed_to(around, colleague.email, "invites you"))
    page.get_by_role("link", name="Sign in", exact=True).last.click()
    page.get_by_label("Email").fill(colleague.email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    press(page, "Join Northwind")
    expect(page.get_by_text("You belong to Northwind now, as Admin.")).to_be_visible()
    row = signed_in.get_by_role("row", name=colleague.email)
    signed_in.reload()
    row.get_by_text(f"Remove… {colleague.email}").click()
    expect(row.get_by_text("Their next click is refused")).to_be_visible()
    row.get_by_role("button", name="Remove", exact=True).click()
    expect(signed_in.get_by_text(f"{colleague.email} no longer belongs to Northwind.")).to_be_visible()
    page.get_by_role("link", name="Team", exact=True).click()
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    assert around.mail.wait_for("You no longer belong to Northwind", recipient=colleague.email)
    assert witness.complaints == []
    context.close()

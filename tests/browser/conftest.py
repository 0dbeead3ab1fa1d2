"""One portal for all browser tests and one Chromium per module; each test gets a context and people of its own."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser import chromium
from tests.browser.chromium import Witness
from tests.browser.google import Google, google
from tests.demo.habitat import ZONE, Habitat, habitat
from tests.servers.places import private_directory

PASSWORD = "correct horse battery staple"
MADE_AT_ONCE = 8
_numbers = itertools.count(1)
_waiting: list["Person"] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test of a process waits for migrations, eight servers and a browser, on cores that are busy."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(400))


@dataclass(frozen=True)
class Person:
    """A verified person with a workspace, made by the management command."""

    email: str
    workspace_id: str
    password: str = PASSWORD


@pytest.fixture(scope="session")
def googles_keys() -> Iterator[Google]:
    """What the portal knows of Google for as long as it runs."""
    with google() as running:
        yield running


@pytest.fixture(scope="session")
def around(googles_keys: Google) -> Iterator[Habitat]:
    with private_directory("browser") as place, habitat(place, settings=googles_keys.settings) as servers:
        yield servers


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Ends with the module: Playwright keeps an event loop running in this thread, which others need."""
    with chromium.chromium() as running:
        yield running


@pytest.fixture
def witness() -> Iterator[Witness]:
    """Fails the test afterwards when a page wrote to the console, raised, broke the CSP or answered an error."""
    seen = Witness()
    yield seen
    assert seen.complaints == []


@pytest.fixture
def has_scripts() -> bool:
    """Whether the browser runs JavaScript; tests of both ways parametrize it."""
    return True


@pytest.fixture
def context(browser: Browser, around: Habitat, has_scripts: bool) -> Iterator[BrowserContext]:
    made = browser.new_context(
        base_url=around.portal.url, java_script_enabled=has_scripts, viewport={"width": 1280, "height": 800}
    )
    made.grant_permissions(["clipboard-read", "clipboard-write"])
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, witness: Witness) -> Page:
    return chromium.new_page(context, witness)


@pytest.fixture(scope="session")
def resident(around: Habitat) -> Person:
    """For tests that only look."""
    return make_person(around)


@pytest.fixture
def person(around: Habitat) -> Person:
    return make_person(around)


def make_person(around: Habitat) -> Person:
    """Somebody whom no other test has met."""
    if not _waiting:
        emails = [f"dana{next(_numbers)}@{ZONE}" for _ in range(MADE_AT_ONCE)]
        made = around.portal.bootstrap_many(emails, "Northwind", PASSWORD)
        _waiting.extend(Person(email, one["workspace"]) for email, one in zip(emails, made, strict=True))
    return _waiting.pop()


def sign_in(page: Page, person: Person) -> None:
    page.goto("/account/login/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/account/login" not in url)


def confirm_password(page: Page, person: Person) -> None:
    """What a page asks for that touches keys, access or money."""
    page.get_by_label("Password").fill(person.password)
    page.get_by_role("button", name="Confirm", exact=True).click()


@pytest.fixture
def signed_in(page: Page, person: Person) -> Page:
    sign_in(page, person)
    return page

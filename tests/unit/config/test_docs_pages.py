"""The documentation renders, and its links lead somewhere."""

import re

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import Settings

from config.docs_pages import DECISIONS_DIR, DOCS_DIR, ORDER, list_decisions, list_slugs

SLUGS = [path.stem for path in DOCS_DIR.glob("*.md")]


@pytest.fixture
def billing_on(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_renders_for_everybody(client: Client, slug: str, billing_on: None) -> None:
    page = client.get(f"/docs/{slug}/").content.decode()
    assert "<article" in page
    assert 'style="' not in page


@pytest.mark.django_db
def test_an_unknown_page_is_404_and_no_path_is_built_from_it(client: Client) -> None:
    assert client.get("/docs/nothing/").status_code == 404
    assert client.get("/docs/../settings/").status_code == 404


@pytest.mark.parametrize("slug", SLUGS)
def test_links_between_pages_resolve(slug: str) -> None:
    text = (DOCS_DIR / f"{slug}.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([a-z0-9-]+)\.md", text):
        assert target in SLUGS


@pytest.mark.django_db
def test_where_nothing_costs_anything_no_page_says_so(client: Client, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert client.get("/docs/billing/").status_code == 404
    for slug in ("index", "operating"):
        assert "/docs/billing/" not in client.get(f"/docs/{slug}/").content.decode()


@pytest.mark.django_db
def test_every_decision_can_be_read_and_has_its_line(client: Client) -> None:
    index = client.get("/docs/decisions/").content.decode()
    assert len(list_decisions()) > 20
    for slug in list_decisions():
        assert f'href="/docs/{slug}/"' in index
        title = (DECISIONS_DIR / f"{slug}.md").read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert escape(title) in client.get(f"/docs/{slug}/").content.decode()


def test_every_page_has_a_place_in_the_reading_order() -> None:
    assert sorted(SLUGS) == sorted(ORDER)


def test_the_first_page_comes_first() -> None:
    assert list_slugs()[0] == "index"

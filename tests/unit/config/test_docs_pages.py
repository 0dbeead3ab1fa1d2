"""The documentation renders, and its links lead somewhere."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from config.docs_pages import DOCS_DIR, list_slugs

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


def test_the_first_page_comes_first() -> None:
    assert list_slugs()[0] == "index"

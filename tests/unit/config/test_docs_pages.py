"""The documentation renders, and its links lead somewhere."""

import re

import pytest
from django.test import Client

from config.docs_pages import DOCS_DIR, list_slugs

SLUGS = list_slugs()


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_a_page_renders_for_everybody(client: Client, slug: str) -> None:
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


def test_the_first_page_comes_first() -> None:
    assert SLUGS[0] == "index"

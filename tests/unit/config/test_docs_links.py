"""Every link in the documentation leads to a page that there is, and to a heading on it."""

import re
from functools import cache
from urllib.parse import urldefrag, urljoin

import pytest
from django.test import Client
from pytest_django import Settings

from config.api_pages import list_rooms
from config.docs_pages import DOCS_DIR

PAGES = [f"/docs/{path.stem}/" for path in sorted([*DOCS_DIR.glob("*.md"), *DOCS_DIR.glob("decisions/*.md")])]
REFERENCE = ["/docs/api/", *(f"/docs/api/{room.slug}/" for room in list_rooms())]
ROOT = DOCS_DIR.parent


@pytest.fixture(autouse=True)
def _billing_on(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"


@cache
def read(url: str) -> tuple[int, str]:
    answer = Client().get(url)
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("page", [*PAGES, *REFERENCE])
def test_every_link_leads_to_a_page_and_a_heading(page: str) -> None:
    article = read(page)[1].partition("<article")[2]
    targets = {urljoin(page, link) for link in re.findall(r'href="([^"]+)"', article)}
    assert targets
    for url, anchor in map(urldefrag, sorted(each for each in targets if each.startswith("/"))):
        status, shown = read(url)
        assert status in (200, 302), url
        assert not anchor or f'id="{anchor}"' in shown, f"{url}#{anchor}"


@pytest.mark.parametrize("path", sorted(DOCS_DIR.rglob("*.md")), ids=lambda path: path.name)
def test_in_the_repository_too_every_link_leads_to_a_file(path: object) -> None:
    text = DOCS_DIR.joinpath(str(path)).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith(("http://", "https://", "mailto:", "/")):
            assert (DOCS_DIR.joinpath(str(path)).parent / link).exists(), link

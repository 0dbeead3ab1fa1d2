"""The documentation's search: by words people paste, without JavaScript, and nothing of them is ever run."""

import pytest
from django.test import Client
from pytest_django import Settings

from config.docs_search import search

pytestmark = pytest.mark.django_db


def headings(q: str) -> list[str]:
    return [each.section.heading for each in search(q)]


@pytest.mark.parametrize(
    ("q", "first"),
    [
        ("verify_audit", "Prove that nobody changed it"),
        ("acme_caa", "acme_caa"),
        ("Download ZIP", "Download ZIP"),
        ("GET /api/logs/export.csv", "GET /api/logs/export.csv"),
    ],
)
def test_the_best_place_comes_first(q: str, first: str) -> None:
    assert headings(q)[0] == first


def test_decisions_are_found() -> None:
    assert "/docs/0001-jobs-are-rows/" in {each.section.url.partition("#")[0] for each in search("jobs are rows")}


def test_every_word_has_to_be_there() -> None:
    assert headings("sudoers") != []
    assert headings("sudoers qwertzuiop") == []
    assert headings("") == []


def test_the_page_links_to_the_section_and_marks_the_words(client: Client) -> None:
    shown = client.get("/docs/search/", {"q": "daily heads chain"}).content.decode()
    assert 'href="/docs/audit/#prove-that-nobody-changed-it"' in shown
    assert "<mark>chain</mark>" in shown
    assert 'value="daily heads chain"' in shown


def test_a_word_is_marked_where_it_begins_and_single_letters_are_not() -> None:
    shown = search("sudo: a password is required")[0].excerpt
    assert "<mark>is</mark> no rule" in shown
    assert "th<mark>" not in shown
    assert "<mark>a</mark>" not in shown


@pytest.mark.parametrize("q", ["<script>alert(1)</script>", "\0", "(", "a" * 5000, "\u202e", '" onfocus="x'])
def test_whatever_is_typed_is_answered_and_escaped(client: Client, q: str) -> None:
    answer = client.get("/docs/search/", {"q": q})
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "<script>alert" not in shown
    assert 'value="" onfocus' not in shown


def test_where_nothing_costs_anything_nothing_about_it_is_found(client: Client, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = ""
    assert [each for each in search("automatic top-ups") if "/billing/" in each.section.url] == []
    settings.STRIPE_SECRET_KEY = "sk_test_portal"
    assert [each for each in search("automatic top-ups") if "/billing/" in each.section.url] != []

"""The search of the documentation: one index over its sections and over the API's operations, made once."""

import html
import re
from dataclasses import dataclass
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe

from accounts.access import public_view
from billing.prices import is_on
from config.api_pages import list_rooms
from config.docs_pages import list_decisions, list_entries, list_slugs, read_page

MOST_WORDS, MOST_FOUND, AROUND = 8, 30, 110
_HEADING = re.compile(r'<h[1-3] id="([^"]+)">(.*?)</h[1-3]>', re.DOTALL)
_PERMALINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)


@dataclass(frozen=True)
class Section:
    """What stands under one heading, as plain text."""

    url: str
    page: str
    heading: str
    text: str


@dataclass(frozen=True)
class Found:
    section: Section
    excerpt: SafeString


@public_view("documentation is for everybody")
def show_search(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").replace("\0", "").strip()[:200]
    context = {"q": q, "found": search(q), "most": MOST_FOUND, "entries": list_entries("")}
    return render(request, "docs/search.html", context)


def search(q: str) -> list[Found]:
    """The sections that hold every word, those first that have them in their heading."""
    words = [word for word in q.lower().split() if word][:MOST_WORDS]
    if not words:
        return []
    rated = [(_rate(section, words, q.lower()), section) for section in read_sections(with_billing=is_on())]
    best = sorted((pair for pair in rated if pair[0]), key=lambda pair: -pair[0])[:MOST_FOUND]
    return [Found(section, _excerpt(section.text, words)) for _, section in best]


@lru_cache(maxsize=2)
def read_sections(*, with_billing: bool) -> tuple[Section, ...]:
    """In reading order. Once per process; the files are part of the release."""
    pages = [section for slug in (*list_slugs(), *list_decisions()) for section in _sections_of(slug)]
    return (*pages, *_operations())


def _sections_of(slug: str) -> list[Section]:
    page, url = read_page(slug), reverse("docs-page", args=[slug])
    _, *pieces = _HEADING.split(page.html)
    triples = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return [Section(f"{url}#{anchor}", page.title, _plain(head), _plain(text)) for anchor, head, text in triples]


def _operations() -> list[Section]:
    return [
        Section(
            url=f"{reverse('api-docs-room', args=[room.slug])}#{one.key}",
            page="API reference",
            heading=f"{one.method} {one.path}",
            text=" ".join((one.summary, *one.paragraphs)),
        )
        for room in list_rooms()
        for one in room.operations
    ]


def _plain(text: str) -> str:
    return " ".join(html.unescape(strip_tags(_PERMALINK.sub("", text))).split())


def _rate(section: Section, words: list[str], phrase: str) -> int:
    """0: it lacks a word."""
    heading, text = section.heading.lower(), section.text.lower()
    if not all(word in heading or word in text or word in section.page.lower() for word in words):
        return 0
    count = sum(
        20 * (word in heading) + 5 * (word in section.page.lower()) + min(text.count(word), 5) for word in words
    )
    return count + 40 * (phrase in heading) + 15 * (phrase in text)


def _excerpt(text: str, words: list[str]) -> SafeString:
    """Some words around the first that is meant, each of them marked."""
    places = [place for word in words if (place := text.lower().find(word)) >= 0]
    start = max(min(places, default=0) - AROUND, 0)
    part = text[start : start + 2 * AROUND + 40]
    shown = f"{'… ' if start else ''}{part}{' …' if start + len(part) < len(text) else ''}"
    # Where a word begins, and no single letters: both would spot the whole text.
    told = "|".join(re.escape(word) for word in words if len(word) > 1) or re.escape(words[0])
    pieces = re.split(rf"(?<!\w)({told})", shown, flags=re.IGNORECASE)
    # Every other piece is one of the words; all of them are escaped.
    marked = (f"<mark>{escape(piece)}</mark>" if at % 2 else escape(piece) for at, piece in enumerate(pieces))
    return mark_safe("".join(marked))  # noqa: S308

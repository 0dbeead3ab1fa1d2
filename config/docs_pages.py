"""The documentation in docs/, rendered at /docs/."""

import re
from dataclasses import dataclass
from functools import lru_cache

import markdown
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.gzip import gzip_page

from accounts.access import public_view
from billing.prices import is_on
from config.docs_snippets import dress, names_of

DOCS_DIR = settings.BASE_DIR / "docs"
DECISIONS_DIR = DOCS_DIR / "decisions"
DECISIONS = "decisions"
# Reading order of the contents; pages that are not named follow by name.
ORDER = (
    *("index", "first-certificate", "modes", "domains", "inspection", "lets-encrypt", "hands-free-dns", "certificates"),
    *("deploy-ssh", "auto-renew", "incident", "panels", "walkthrough", "sudoers", "pull", "notifications", "audit"),
    *("billing", "troubleshooting", "faq"),
    *("signing-in", "google", "account", "team-and-api", "operating", "threat-model", "contributing"),
    *("adding-a-panel", "decisions", "errors"),
)
# The API's own pages come after this one.
BEFORE_API = "team-and-api"


@dataclass(frozen=True)
class Page:
    slug: str
    title: str
    html: SafeString
    contents: SafeString


@dataclass(frozen=True)
class Entry:
    """A line of the contents beside every page of the documentation."""

    slug: str
    title: str
    url: str
    is_current: bool


@public_view("documentation is for everybody")
@gzip_page
def show_docs(request: HttpRequest, slug: str = "index") -> HttpResponse:
    """One page; the slug is looked up among the files there are, never joined to a path."""
    if slug not in [*list_slugs(), *list_decisions()]:
        raise Http404(slug)
    page = read_page(slug)
    current = DECISIONS if slug in list_decisions() else slug
    context = {"page": page, "body": dress(page.html, names_of(request.user)), "entries": list_entries(current)}
    return render(request, "docs/page.html", context)


def list_entries(current: str) -> list[Entry]:
    """The pages in reading order, with the API's reference among them as `api`."""
    entries = []
    for slug in list_slugs():
        entries.append(Entry(slug, read_page(slug).title, reverse("docs-page", args=[slug]), slug == current))
        if slug == BEFORE_API:
            entries.append(Entry("api", "API reference", reverse("api-docs"), current == "api"))
    return entries


def list_slugs() -> list[str]:
    """Where nothing costs anything, no page says that it could."""
    names = sorted(path.stem for path in DOCS_DIR.glob("*.md") if path.stem != "billing" or is_on())
    return sorted(names, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))


def list_decisions() -> list[str]:
    """The records of `docs/decisions`, the oldest first; their index is among the pages."""
    return sorted(path.stem for path in DECISIONS_DIR.glob("*.md"))


def read_page(slug: str) -> Page:
    return _rendered(slug, with_billing=is_on())


@lru_cache(maxsize=128)
def _rendered(slug: str, *, with_billing: bool) -> Page:
    """Once per process; the files are part of the release."""
    place = DECISIONS_DIR if slug in list_decisions() else DOCS_DIR
    text = (place / f"{slug}.md").read_text(encoding="utf-8")
    if not with_billing:
        text = "\n".join(line for line in text.splitlines() if "](billing.md" not in line)
    # Beside each of 500 codes it would weigh more than the rest of a page; the contents link to them.
    permalink = "#" if slug != "errors" else False
    anchors = {"toc": {"permalink": permalink, "permalink_title": "Link to this section"}}
    renderer = markdown.Markdown(extensions=["fenced_code", "tables", "toc", "sane_lists"], extension_configs=anchors)
    html = renderer.convert(_links_to_pages(text))
    title = next((line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")), slug)
    # The source is our own, in the repository; no visitor's words are rendered here.
    return Page(slug, title, mark_safe(html), mark_safe(renderer.toc))  # type: ignore[attr-defined]  # noqa: S308


def _links_to_pages(text: str) -> str:
    """`[x](other.md#y)` works in the repository; in the portal it is `../other/#y`."""
    return re.sub(r"\]\((?!https?:|/)(?:decisions/|\.\./)?([a-z0-9-]+)\.md(#[^)]*)?\)", r"](/docs/\1/\2)", text)

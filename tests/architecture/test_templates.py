"""The CSP allows no inline style or script, so no page may contain one."""

import re

import pytest
from django.conf import settings

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
# Mails have no CSP, and mail programs understand little else than inline styles.
PAGES = [path for path in TEMPLATES if "mail" not in path.parts]

FORBIDDEN = {
    "an inline style": re.compile(r"<[^>]*\sstyle=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an inline event handler": re.compile(r"<[a-z][^>]*\son[a-z]+=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\b(?:src=|type=\"application/json\"))[^>]*>", re.IGNORECASE),
    "an address elsewhere": re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//", re.IGNORECASE),
    "a refresh that stays put at #something": re.compile(
        r"http-equiv=\"refresh\" content=\"(?![^\"]*url=)", re.IGNORECASE
    ),
    "a tag over several lines, which is shown as text": re.compile(r"\{%[^%}]*\n[^%}]*%\}"),
    "a javascript: link": re.compile(r"href=\"javascript:", re.IGNORECASE),
    "a hyperscript of htmx that needs eval": re.compile(r"hx-(?:on|vals=[\"']js:)", re.IGNORECASE),
}


def named(path: object) -> str:
    return str(path).removeprefix(f"{settings.BASE_DIR}/templates/")


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_a_page_contains_nothing_that_the_csp_refuses(path: object) -> None:
    text = path.read_text(encoding="utf-8")  # type: ignore[attr-defined]
    assert [what for what, pattern in FORBIDDEN.items() if pattern.search(text)] == []


def test_the_patterns_find_what_they_are_for() -> None:
    bad = '<p style="x"><style></style><b onclick="x"><script>x</script><script src="https://cdn.example/x"></script>'
    bad += '<meta http-equiv="refresh" content="3">{% include "x" with\ny=1 %}'
    found = [what for what, pattern in FORBIDDEN.items() if pattern.search(bad)]
    assert found == [
        "an inline style",
        "a style element",
        "an inline event handler",
        "an inline script",
        "an address elsewhere",
        "a refresh that stays put at #something",
        "a tag over several lines, which is shown as text",
    ]
    assert not FORBIDDEN["an inline script"].search('<script type="module" src="/static/x.js"></script>')

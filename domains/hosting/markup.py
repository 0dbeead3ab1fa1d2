"""The tags of a page that somebody else wrote, in time that grows with its length and no faster.

Python's html.parser takes minutes for half a megabyte of `<a b='` (CPython 3.13.0), and holds all other
threads meanwhile. So the page is cut into start tags first, by plain searching; only those that may matter
go through the tolerant parser, one by one and short.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup, Tag

TAGS_AT_MOST = 20_000
KEPT_AT_MOST = 1_000
_TAG_BYTES = 2_000
_TEXT_BYTES = 300
_NAME = re.compile(rb"[a-z][a-z0-9:-]{0,30}")
# Whatever stands in these is text, however much it looks like tags.
_RAW = frozenset({b"script", b"style", b"textarea", b"title", b"xmp", b"noembed", b"template"})
_WANTED = frozenset({b"link", b"script", b"img", b"meta", b"html", b"iframe"})


@dataclass
class Markup:
    """`tags` are (name, attributes), attributes by lower-case name; text only of title, scripts and comments."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    title: str = ""
    scripts: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


def read_markup(page: bytes, marks: frozenset[bytes] = frozenset()) -> Markup:
    """What stands in the tags that matter by their name or by one of `marks`; running text is not looked at."""
    found = Markup()
    lower = page.lower()
    at = 0
    for _ in range(TAGS_AT_MOST):
        at = lower.find(b"<", at)
        if at < 0 or len(found.tags) >= KEPT_AT_MOST:
            break
        at = _read_one(page, lower, at, found, marks)
    return found


def _read_one(page: bytes, lower: bytes, at: int, found: Markup, marks: frozenset[bytes]) -> int:
    """Take in what begins with the `<` at `at`; where to go on."""
    if lower.startswith(b"<!--", at):
        end = _find(lower, b"-->", at + 4)
        _keep(found.comments, page[at + 4 : end])
        return end
    name = _NAME.match(lower, at + 1)
    if not name:
        return at + 1
    end = _end_of_tag(lower, name.end())
    if lower[end : end + 1] != b">":
        return at + 1
    # One with a `<` in its quotes is left out: nothing that matters looks like that.
    tag = lower[at + 1 : end]
    if b"<" not in tag and (name[0] in _WANTED or any(mark in tag for mark in marks)):
        found.tags += _parsed(page[at : end + 1])
    return _skip_text(page, lower, name[0], end + 1, found) if name[0] in _RAW else end


def _skip_text(page: bytes, lower: bytes, name: bytes, start: int, found: Markup) -> int:
    end = _find(lower, b"</" + name, start)
    if name == b"title" and not found.title:
        found.title = _text(page[start:end])
    elif name == b"script":
        _keep(found.scripts, page[start:end])
    return end


def _end_of_tag(lower: bytes, start: int) -> int:
    """The place of the `>` that ends a start tag, quoted ones left out, or of what shows that none does."""
    quote = 0
    for place in range(start, min(len(lower), start + _TAG_BYTES)):
        byte = lower[place]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte in b"\"'" and lower[place - 1 : place] == b"=":
            quote = byte
        elif byte in b"<>":
            return place
    return min(len(lower), start + _TAG_BYTES)


def _find(lower: bytes, wanted: bytes, start: int) -> int:
    place = lower.find(wanted, start)
    return len(lower) if place < 0 else place


def _parsed(tag: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    soup = BeautifulSoup(tag.decode("utf-8", "replace"), "html.parser", multi_valued_attributes=None)
    first = soup.find(True)
    if isinstance(first, Tag):
        yield first.name, {name.lower(): str(value) for name, value in first.attrs.items()}


def _keep(texts: list[str], text: bytes) -> None:
    if len(texts) < KEPT_AT_MOST and text.strip():
        texts.append(_text(text))


def _text(text: bytes) -> str:
    return " ".join(text[:_TEXT_BYTES].decode("utf-8", "replace").split())

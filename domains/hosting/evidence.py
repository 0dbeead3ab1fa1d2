"""From what came back to facts that a signature can speak of. Pure.

Kinds of facts, as (where, key, value):
header (name, value) · cookie (name, "") · meta (name, content) · rel (rel, href) · attribute (data-…, value) ·
type (of a script, "") · asset ("", path on the same site) · cdn, image ("", host/path elsewhere) ·
frame ("", address) · script, comment, title ("", text) · hop ("", path that was passed) ·
cname, ns, address, san ("", value) · port ("2083 server", value) · path (path, the answer's beginning).
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from config.lib import egress
from domains.hosting.markup import Markup, read_markup
from domains.hosting.signatures import MARKS

_VALUE_LENGTH = 1_000
_PAGE_BYTES = 524_288
_MARKS = frozenset(mark.encode() for mark in MARKS)
_ADDRESSES = {"link": "href", "script": "src", "img": "src", "iframe": "src"}


class Fact(NamedTuple):
    """`is_here`: said by the very host, and not by another one of the site that it redirects to."""

    where: str
    key: str
    value: str
    is_here: bool = True


def facts_of_page(hops: Sequence[egress.Hop], host: str) -> list[Fact]:
    """Of the answers on the way to a front page; only the last one's body counts."""
    facts: list[Fact] = []
    for hop in hops:
        parts = urlsplit(hop.url)
        is_here = parts.hostname == host
        facts.append(Fact("hop", "", parts.path, is_here))
        facts += [Fact(*head, is_here) for head in _of_headers(hop.headers)]
    if hops:
        is_here = urlsplit(hops[-1].url).hostname == host
        facts += [one._replace(is_here=is_here) for one in facts_of_markup(hops[-1].url, unfolded(hops[-1]))]
    return [_shortened(one) for one in facts]


def unfolded(hop: egress.Hop) -> bytes:
    """The body; where a server compresses unasked, no more of it than a page may have."""
    if dict(hop.headers).get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip"):
        return hop.body
    try:
        return zlib.decompressobj(31).decompress(hop.body, _PAGE_BYTES)
    except zlib.error:
        return b""


def _of_headers(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for name, value in headers:
        if name == "set-cookie":
            # The name alone: neither value nor Domain says anything about the platform.
            yield "cookie", value.partition("=")[0].strip(), ""
        else:
            yield "header", name, value.strip()


def facts_of_markup(url: str, page: bytes) -> list[Fact]:
    """Of a page's tags and attributes; its text may speak of any platform and proves none."""
    markup = read_markup(page, _MARKS)
    facts = [fact for name, attributes in markup.tags for fact in _of_tag(url, name, attributes)]
    return facts + list(_of_texts(markup))


def _of_tag(url: str, name: str, attributes: dict[str, str]) -> Iterator[Fact]:
    for key, value in attributes.items():
        if key.startswith("data-"):
            yield Fact("attribute", key, value)
    if name == "meta":
        key = attributes.get("name") or attributes.get("property") or ""
        yield Fact("meta", key.lower(), attributes.get("content", "").strip())
    if name == "script" and "type" in attributes:
        yield Fact("type", attributes["type"].lower(), "")
    if name == "link" and "rel" in attributes:
        yield Fact("rel", attributes["rel"].lower(), attributes.get("href", ""))
    address = attributes.get(_ADDRESSES.get(name, ""), "")
    if address and attributes.get("rel", "").lower() != "canonical":
        yield from _of_address(url, name, address)


def _of_address(url: str, name: str, address: str) -> Iterator[Fact]:
    try:
        parts = urlsplit(urljoin(url, address.strip()))
        host = parts.hostname or ""
    except ValueError:
        return
    if name == "iframe":
        yield Fact("frame", "", f"{host}{parts.path}")
    elif egress.registrable_domain(host) == egress.registrable_domain(urlsplit(url).hostname or ""):
        yield Fact("asset", "", parts.path)
    else:
        yield Fact("image" if name == "img" else "cdn", "", f"{host}{parts.path}")


def _of_texts(markup: Markup) -> Iterator[Fact]:
    if markup.title:
        yield Fact("title", "", markup.title)
    yield from (Fact("script", "", text) for text in markup.scripts)
    yield from (Fact("comment", "", text) for text in markup.comments)


def facts_of_dns(cnames: Iterable[str], nameservers: Iterable[str], addresses: Iterable[str]) -> list[Fact]:
    """Of what the DNS says about the host."""
    facts = [Fact("cname", "", name.lower().removesuffix(".")) for name in cnames]
    facts += [Fact("ns", "", name.lower().removesuffix(".")) for name in nameservers]
    return facts + [Fact("address", "", address) for address in addresses]


def facts_of_names(names: Iterable[str]) -> list[Fact]:
    """Of the names in the certificate that is served."""
    return [_shortened(Fact("san", "", name.lower())) for name in names]


def facts_of_port(port: int, hop: egress.Hop) -> list[Fact]:
    """Of what answered on a panel's port."""
    heads = dict(hop.headers)
    told = {"server": heads.get("server", ""), "location": heads.get("location", "")}
    told["title"] = read_markup(hop.body).title
    facts = [Fact("port", f"{port} {name}", value) for name, value in told.items() if value]
    return [_shortened(one) for one in facts]


def fact_of_path(path: str, hop: egress.Hop) -> Fact:
    """Of what answered at a path that only one kind of software has; signs are looked for in its beginning."""
    return Fact("path", path, hop.body[:20_000].decode("utf-8", "replace"))


def _shortened(fact: Fact) -> Fact:
    return fact._replace(value=fact.value[:_VALUE_LENGTH], key=fact.key[:_VALUE_LENGTH])

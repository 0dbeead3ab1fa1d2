"""Looking for secrets where none may be: in every spelling that a leak could have."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

type Canaries = Mapping[str, bytes]


@dataclass(frozen=True)
class Leak:
    """Which secret was seen where."""

    canary: str
    place: str


def spellings(secret: bytes) -> set[bytes]:
    """As it is, as hex, as base64 (whichever byte it begins at), and line by line for PEM."""
    found = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret).rstrip(b"=")
        # The first and last characters also carry bits of the neighbours.
        found.add(encoded[4 if offset else 0 : -4])
    return found | set(_lines(secret))


def _lines(secret: bytes) -> Iterator[bytes]:
    """But for those of the public half, which stands in the certificate, now and then at the same place of a line."""
    public = _public_half(secret) if secret.startswith(b"-----BEGIN") else b""
    for line in secret.splitlines():
        if len(line) >= 40 and not line.startswith(b"-----") and not (public and base64.b64decode(line) in public):
            yield line


def _public_half(pem: bytes) -> bytes:
    load = load_ssh_private_key if b"OPENSSH" in pem.partition(b"\n")[0] else load_pem_private_key
    key = load(pem, password=None).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def leaks(canaries: Canaries, place: str, content: bytes) -> list[Leak]:
    """The canaries that occur in the content in any spelling."""
    flat = re.sub(rb"\\n|\s+", b"", content)
    return [
        Leak(name, place)
        for name, secret in canaries.items()
        if any(one in content or re.sub(rb"\s+", b"", one) in flat for one in spellings(secret))
    ]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def links(base: str, html: str) -> Iterable[str]:
    parser = _Links()
    parser.feed(html)
    for href in parser.found:
        url = urljoin(base, href).partition("#")[0]
        if urlsplit(url).netloc == urlsplit(base).netloc:
            yield url


def sign_in_as_a_person(client: httpx.Client, email: str, password: str) -> None:
    """Through the form that people see."""
    page = client.get("/account/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert token, page.text[:500]
    answer = client.post(
        "/account/login/",
        data={"csrfmiddlewaretoken": unescape(token[1]), "login": email, "password": password},
        headers={"Referer": str(page.url)},
    )
    assert "sessionid" in client.cookies or "session" in client.cookies, answer.text[:500]


def every_page(client: httpx.Client, *, most: int) -> Iterator[tuple[str, bytes]]:
    """(URL, body) of the pages that links lead to, sign-out aside; at most `most` of them."""
    waiting, seen = [str(client.base_url)], set[str]()
    while waiting and len(seen) < most:
        url = waiting.pop(0)
        if url in seen or "logout" in url or "download" in url or url.endswith((".zip", ".pdf", ".csv")):
            continue
        seen.add(url)
        answer = client.get(url)
        yield url, answer.content
        if "html" in answer.headers.get("content-type", ""):
            waiting += [link for link in links(str(answer.url), answer.text) if link not in seen]

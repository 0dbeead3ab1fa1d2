"""Google as a browser meets it: a stand-in for its script and its page, written from what Google documents."""

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, Route

from tests.servers.google import CLIENT_ID, KeyServer, Signer, claims_for, key_server

SITE = "https://accounts.google.com"
# It does what the real one does to our page: a frame, a style sheet, a style element with the nonce of its own
# script element, the cookie on our origin, and off to Google.
SCRIPT = """
const nonce = document.currentScript.nonce;
const about = document.getElementById("g_id_onload").dataset;
const place = document.querySelector(".g_id_signin");

function add(parent, tag, attributes) {
  const made = Object.assign(document.createElement(tag), attributes);
  parent.append(made);
  return made;
}

function leave() {
  const token = crypto.randomUUID().replaceAll("-", "");
  document.cookie = `g_csrf_token=${token}; path=/`;
  const query = new URLSearchParams({...about, g_csrf_token: token});
  location.assign(`https://accounts.google.com/gsi/select?${query}`);
}

add(document.head, "link", {rel: "stylesheet", href: "https://accounts.google.com/gsi/style"});
const look = ".stand-in { min-height: 40px; padding: 0 24px; color: #222; background: #fff; }";
add(document.head, "style", {nonce, textContent: look});
add(place, "iframe", {src: "https://accounts.google.com/gsi/button", title: "Google", width: 1, height: 1});
add(place, "button", {type: "button", className: "stand-in", textContent: "Continue with Google", onclick: leave});
fetch("https://accounts.google.com/gsi/status", {mode: "no-cors"});
"""
PAGE = """<!doctype html><html lang="en"><title>Google</title><h1>Choose an account</h1>
<form method="post" action="{action}">{fields}<button>{email}</button></form>"""


@dataclass
class Google:
    """Who is signed in at Google; `claims` replace what its token says."""

    signer: Signer
    server: KeyServer
    email: str = "ann@example.org"
    sub: str = "110169484474386276334"
    claims: dict[str, object] = field(default_factory=dict)

    @property
    def settings(self) -> Mapping[str, str]:
        """What the portal has to be told of it."""
        return {"GOOGLE_CLIENT_ID": CLIENT_ID, "GOOGLE_CERTS_URL": self.server.url}

    def stand_in(self, context: BrowserContext) -> None:
        """From now on `context` meets this one instead of Google."""
        context.route(f"{SITE}/**", self._answer)

    def _answer(self, route: Route) -> None:
        parts = urlsplit(route.request.url)
        if parts.path == "/gsi/client":
            route.fulfill(content_type="text/javascript", body=SCRIPT)
        elif parts.path == "/gsi/style":
            route.fulfill(content_type="text/css", body=".stand-in { cursor: pointer; }")
        elif parts.path == "/gsi/select":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            route.fulfill(content_type="text/html", body=self._page(asked))
        else:
            route.fulfill(content_type="text/html", body="<!doctype html><title>Google</title>")

    def _page(self, asked: Mapping[str, str]) -> str:
        claims = claims_for(asked["nonce"], **{"email": self.email, "sub": self.sub, **self.claims})
        token = self.signer.sign({**claims, "aud": asked["client_id"]})
        posted = {"credential": token, "g_csrf_token": asked["g_csrf_token"], "select_by": "btn"}
        fields = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in posted.items())
        return PAGE.format(action=html.escape(asked["login_uri"]), fields=fields, email=html.escape(self.email))


@contextmanager
def google() -> Iterator[Google]:
    signer = Signer("browser")
    with key_server(signer) as server:
        yield Google(signer, server)

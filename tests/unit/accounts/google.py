"""A browser that signs in with Google, one request at a time, and a Google that lives on loopback."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from django.test import Client

from tests.servers.google import KeyServer, Signer, claims_for

PAGE, CALLBACK, FINISH = "/account/google/", "/account/google/callback/", "/account/google/finish/"
CONFIRM, CONNECT, PASSWORD_PAGE = "/account/google/confirm/", "/account/google/connect/", "/account/google/password/"
ACCOUNT, DISCONNECT = "/account/google/account/", "/account/google/disconnect/"
ANN, ANNS_SUB = "ann@example.org", "110169484474386276334"
DOUBLE = "double-submitted"


@dataclass
class Google:
    """The key that Google signs with, and where the portal fetches its certificate."""

    signer: Signer
    server: KeyServer

    def token(self, nonce: str, /, **changed: Any) -> str:
        return self.signer.sign(claims_for(nonce, **changed))


def new_client() -> Client:
    """Under the host of SITE_URL, as browsers come; other hosts are sent there."""
    return Client(headers={"host": "localhost:8000"})


@dataclass
class Browser:
    client: Client = field(default_factory=new_client)

    def open(self, page: str = PAGE, **query: str) -> str:
        """Open a page with Google's button; its nonce."""
        answer = self.client.get(page, query)
        assert answer.status_code == 200, answer.headers.get("Location")
        found = re.search(r'data-nonce="([^"]+)"', answer.content.decode())
        assert found
        return unescape(found[1])

    def post(self, token: str | None, *, cookie: str = DOUBLE, posted: str = DOUBLE) -> Any:
        """What Google's page posts: cross-site, so without any SameSite=Lax cookie."""
        if cookie:
            self.client.cookies["g_csrf_token"] = cookie
        kept = self._without_lax()
        fields = {"credential": token, "g_csrf_token": posted, "select_by": "btn"}
        answer = self.client.post(CALLBACK, {name: value for name, value in fields.items() if value})
        self.client.cookies.update(kept)
        return answer

    def _without_lax(self) -> dict[str, Any]:
        lax = {name: cookie for name, cookie in self.client.cookies.items() if cookie["samesite"] == "Lax"}
        for name in lax:
            del self.client.cookies[name]
        return lax

    def come_back(self, token: str) -> Any:
        """Post, and follow to the finish; the finish's answer."""
        answer = self.post(token)
        assert (answer.status_code, answer.headers["Location"]) == (303, FINISH), answer.content.decode()
        return self.client.get(FINISH)

    def sign_in(self, google: Google, /, *, page: str = PAGE, **changed: Any) -> Any:
        return self.come_back(google.token(self.open(page), **changed))

    def is_signed_in(self) -> bool:
        return bool(self.client.get("/api/me").status_code == 200)

    @property
    def email(self) -> str:
        return str(self.client.get("/api/me").json()["email"])

    def confirm_by_password(self, password: str) -> None:
        self.client.post("/account/reauthenticate/", {"password": password})


def code_of(answer: Any) -> str:
    """The code on a page that says what went wrong."""
    found = re.search(r"/docs/errors/#(\w+)", answer.content.decode())
    assert found, answer.content.decode()
    return found[1]

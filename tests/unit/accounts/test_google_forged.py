"""Forged and misused answers of Google, through every door that a real one passes: nobody is signed in."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.models import GoogleIdentity, User
from tests.servers.google import CLIENT_ID, Signer, claims_for, segments
from tests.unit.accounts.google import CALLBACK, FINISH, Browser, Google, code_of

pytestmark = pytest.mark.django_db

type Forge = Callable[[Google, str], str]


def claiming(**changed: Any) -> Forge:
    return lambda google, nonce: google.token(nonce, **changed)


def now() -> int:
    return int(time.time())


FORGED: dict[str, tuple[Forge, str]] = {
    "wrong audience": (claiming(aud="other.apps.googleusercontent.com"), "google_token_refused"),
    "a list of audiences": (claiming(aud=[CLIENT_ID, "other.apps.googleusercontent.com"]), "google_token_refused"),
    "foreign party": (claiming(azp="other.apps.googleusercontent.com"), "google_token_refused"),
    "wrong issuer": (claiming(iss="https://login.example"), "google_token_refused"),
    "expired": (lambda google, nonce: google.token(nonce, exp=now() - 60), "google_token_refused"),
    "issued in the future": (lambda google, nonce: google.token(nonce, iat=now() + 600), "google_token_refused"),
    "not yet valid": (lambda google, nonce: google.token(nonce, nbf=now() + 600), "google_token_refused"),
    "nonce missing": (claiming(nonce=None), "google_started_elsewhere"),
    "nonce wrong": (claiming(nonce="another"), "google_started_elsewhere"),
    "address not verified": (claiming(email_verified=False), "google_email_unverified"),
    "address not stated as verified": (claiming(email_verified=None), "google_email_unverified"),
    "address verified as text": (claiming(email_verified="true"), "google_email_unverified"),
    "empty sub": (claiming(sub=""), "google_token_refused"),
    "sub too long": (claiming(sub="1" * 256), "google_token_refused"),
    "signed by a stranger": (lambda _, nonce: Signer("first").sign(claims_for(nonce)), "google_token_refused"),
    "unknown key id": (lambda _, nonce: Signer("second").sign(claims_for(nonce)), "google_token_refused"),
    "no key id": (lambda google, nonce: google.signer.sign(claims_for(nonce), kid=None), "google_token_refused"),
    "alg none": (lambda _, nonce: segments({"alg": "none", "kid": "first"}, claims_for(nonce)) + ".",
                 "google_token_refused"),
    "HS256 by certificate": (lambda google, nonce: google.signer.sign_as_secret(claims_for(nonce)),
                             "google_token_refused"),
    "signature cut": (lambda google, nonce: google.token(nonce)[:-20], "google_token_refused"),
    "no token": (lambda *_: "", "google_token_refused"),
}  # fmt: skip


def assert_nobody(browser: Browser) -> None:
    """Neither now nor by going on to the finish, and nothing was left behind."""
    assert not browser.is_signed_in()
    assert browser.client.get(FINISH).status_code == 400
    assert not browser.is_signed_in()
    assert not User.objects.exists()
    assert not GoogleIdentity.objects.exists()


@pytest.mark.parametrize(("forge", "code"), FORGED.values(), ids=FORGED)
def test_a_forged_token_leaves_no_session(google: Google, browser: Browser, forge: Forge, code: str) -> None:
    answer = browser.post(forge(google, browser.open()))
    assert (answer.status_code, code_of(answer)) == (400, code)
    assert "Set-Cookie" not in answer.headers
    assert_nobody(browser)


DOUBLE_SUBMITS = {
    "no cookie": {"cookie": ""},
    "no field": {"posted": ""},
    "neither": {"cookie": "", "posted": ""},
    "different": {"posted": "another"},
    "not ASCII": {"posted": "ö"},
}


@pytest.mark.parametrize("sent", DOUBLE_SUBMITS.values(), ids=DOUBLE_SUBMITS)
def test_a_post_without_the_double_submit_leaves_no_session(
    google: Google, browser: Browser, sent: dict[str, str]
) -> None:
    answer = browser.post(google.token(browser.open()), **sent)
    assert (answer.status_code, code_of(answer)) == (400, "google_post_incomplete")
    assert google.server.calls == []
    assert_nobody(browser)


def test_a_get_on_the_callback_leaves_no_session(google: Google, browser: Browser) -> None:
    query = {"credential": google.token(browser.open()), "g_csrf_token": "x"}
    browser.client.cookies["g_csrf_token"] = "x"
    answer = browser.client.get(CALLBACK, query)
    assert (answer.status_code, code_of(answer)) == (400, "google_post_incomplete")
    assert_nobody(browser)


def test_json_is_not_taken(google: Google, browser: Browser) -> None:
    token = google.token(browser.open())
    browser.client.cookies["g_csrf_token"] = "x"
    body = {"credential": token, "g_csrf_token": "x"}
    assert browser.client.post(CALLBACK, body, content_type="application/json").status_code == 400
    assert_nobody(browser)


def test_another_browsers_token_leaves_no_session(google: Google, browser: Browser) -> None:
    victim = Browser()
    stolen = google.token(victim.open())
    browser.open()
    assert code_of(browser.post(stolen)) == "google_started_elsewhere"
    assert_nobody(browser)
    assert_nobody(victim)


def test_a_browser_that_never_asked_gets_no_session(google: Google, browser: Browser) -> None:
    """Sign-in forced on somebody: the attacker's own good token, posted by the victim's browser."""
    attackers = google.token(Browser().open())
    assert code_of(browser.post(attackers)) == "google_started_elsewhere"
    assert_nobody(browser)


@pytest.mark.parametrize(
    "tampered", [lambda value: value[:-3] + "abc", lambda value: value.replace(":", "."), lambda _: "x"]
)
def test_a_tampered_cookie_leaves_no_session(google: Google, browser: Browser, tampered: Callable[[str], str]) -> None:
    token = google.token(browser.open())
    browser.client.cookies["google"] = tampered(browser.client.cookies["google"].value)
    assert code_of(browser.post(token)) == "google_started_elsewhere"
    assert_nobody(browser)


def test_a_cookie_of_eleven_minutes_leaves_no_session(google: Google, browser: Browser) -> None:
    nonce = browser.open()
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert code_of(browser.post(google.token(nonce))) == "google_started_elsewhere"
        assert_nobody(browser)


def test_a_replayed_post_leaves_no_session(google: Google, browser: Browser) -> None:
    """The same post from a browser that kept every cookie of the first."""
    thief = Browser()
    token = google.token(browser.open())
    cookie = browser.client.cookies["google"].value
    assert browser.post(token).status_code == 303
    thief.client.cookies["google"] = cookie
    assert code_of(thief.post(token)) == "google_started_elsewhere"
    assert_nobody(thief)


def test_a_second_token_for_a_spent_nonce_leaves_no_session(google: Google, browser: Browser) -> None:
    nonce = browser.open()
    cookie = browser.client.cookies["google"].value
    browser.post(google.token(nonce))
    browser.client.cookies.clear()
    browser.client.cookies["google"] = cookie
    assert code_of(browser.post(google.token(nonce, sub="2"))) == "google_started_elsewhere"
    assert_nobody(browser)


def test_a_hand_over_is_good_for_one_use(google: Google, browser: Browser) -> None:
    browser.post(google.token(browser.open()))
    cookie = browser.client.cookies["google-finish"].value
    assert browser.client.get(FINISH).status_code == 302
    assert browser.is_signed_in()
    thief = Browser()
    thief.client.cookies["google-finish"] = cookie
    answer = thief.client.get(FINISH)
    assert (answer.status_code, code_of(answer)) == (400, "google_started_elsewhere")
    assert not thief.is_signed_in()


def test_a_hand_over_is_good_for_one_browser(google: Google, browser: Browser) -> None:
    browser.post(google.token(browser.open()))
    assert_nobody(Browser())


def test_a_hand_over_ends_after_two_minutes(google: Google, browser: Browser) -> None:
    browser.post(google.token(browser.open()))
    with time_machine.travel(timezone.now() + timedelta(seconds=130), tick=False):
        assert_nobody(browser)


def test_a_made_up_hand_over_leaves_no_session(google: Google, browser: Browser) -> None:
    browser.client.cookies["google-finish"] = "ImEi:1abcde:" + "a" * 43
    assert_nobody(browser)


def test_while_googles_keys_cannot_be_had_nobody_is_signed_in_and_it_is_said(google: Google, browser: Browser) -> None:
    google.server.serve({}, status=503)
    token = google.token(browser.open())
    answer = browser.post(token)
    assert (answer.status_code, code_of(answer)) == (503, "google_unreachable")
    assert answer.headers["Retry-After"] == "30"
    assert_nobody(browser)
    google.server.serve(google.signer.certs)
    with time_machine.travel(timezone.now() + timedelta(seconds=30), tick=False):
        assert browser.post(token).status_code == 303, "nothing was spent: the same post works later"


EVIL = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "///evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://localhost:8000@evil.example/",
    "https://localhost:8000.evil.example/",
    "\x00//evil.example",
    " //evil.example",
    "/" + "a" * 1_001,
]


@pytest.mark.parametrize("target", EVIL)
def test_sign_in_leads_nowhere_else(google: Google, browser: Browser, target: str) -> None:
    answer = browser.come_back(google.token(browser.open(next=target)))
    assert answer.headers["Location"] == "/"

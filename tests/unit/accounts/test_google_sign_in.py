"""Signing in with Google: who gets in, as whom, and what is asked first."""

import threading
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connection, connections

from accounts.google.identity import connect_google, find_or_make_user
from accounts.google.token import Proof
from accounts.models import GoogleIdentity, Membership, PlatformMail, Session, User
from auditlog.events import SYSTEM
from auditlog.models import Event
from tests.cast import PASSWORD, make_user
from tests.totp import code_of as totp_code
from tests.unit.accounts.google import ANN, ANNS_SUB, FINISH, PASSWORD_PAGE, Browser, Google, code_of, new_client

pytestmark = pytest.mark.django_db

PROOF = Proof(sub=ANNS_SUB, email=ANN)


def kinds() -> list[str]:
    return list(Event.unscoped.order_by("at", "id").values_list("kind", flat=True))


def connected(email: str = ANN) -> User:
    user = make_user(email)
    connect_google(user=user, proof=PROOF, actor=SYSTEM)
    return user


# Newcomers


def test_a_newcomer_gets_an_account_and_a_personal_workspace(browser: Browser, google: Google) -> None:
    answer = browser.sign_in(google)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    user = User.objects.get()
    assert (user.email, user.has_usable_password(), user.is_staff) == (ANN, False, False)
    address = EmailAddress.objects.get()
    assert (address.user, address.email, address.verified, address.primary) == (user, ANN, True, True)
    membership = Membership.objects.get()
    assert (membership.role, membership.workspace.name, membership.workspace.is_personal) == (
        "admin",
        "ann's workspace",
        True,
    )
    identity = GoogleIdentity.objects.get()
    assert (identity.user, identity.sub, identity.email) == (user, ANNS_SUB, ANN)
    assert identity.last_used_at
    assert browser.email == ANN
    assert {"user.signed_up", "user.google_linked", "workspace.created", "user.signed_in"} <= set(kinds())


def test_the_browser_is_written_down(browser: Browser, google: Google) -> None:
    browser.client.defaults["REMOTE_ADDR"] = "198.51.100.7"
    browser.sign_in(google)
    row = Session.objects.get(user=User.objects.get())
    assert row.ip == "198.51.100.7"
    assert set(Event.unscoped.values_list("actor_ip", flat=True)) == {"198.51.100.7"}


def test_nothing_of_the_token_is_kept_in_events(browser: Browser, google: Google) -> None:
    token = google.token(browser.open())
    browser.come_back(token)
    assert [data for data in Event.unscoped.values_list("data", flat=True) if ANNS_SUB in str(data)] == []


def test_somebody_elses_unverified_account_with_the_address_is_left_alone(browser: Browser, google: Google) -> None:
    """Account pre-hijacking: who signed up with Ann's address first sees nothing of hers."""
    attacker = new_client()
    body = {"email": ANN, "password1": PASSWORD, "password2": PASSWORD, "workspace": "Trap"}
    attacker.post("/account/signup/", body)
    theirs = User.objects.get()
    browser.sign_in(google)
    ann = User.objects.exclude(pk=theirs.pk).get()
    assert browser.client.get("/api/me").json()["id"] == str(ann.pk)
    assert attacker.get("/api/me").json()["id"] == str(theirs.pk)
    assert User.objects.find_verified(ANN) == ann
    assert not GoogleIdentity.objects.filter(user=theirs).exists()
    assert not Membership.objects.filter(user=ann, workspace__name="Trap").exists()


def test_the_page_to_come_back_to_is_kept(browser: Browser, google: Google) -> None:
    answer = browser.come_back(google.token(browser.open(next="/docs/?from=mail#top")))
    assert answer.headers["Location"] == "/docs/?from=mail#top"


# People who are known


def test_a_known_person_signs_in_by_sub_whatever_the_address_has_become(browser: Browser, google: Google) -> None:
    user = connected("boss@example.org")
    browser.sign_in(google, email="new@example.org")
    assert browser.email == "boss@example.org"
    assert User.objects.count() == 1
    identity = GoogleIdentity.objects.get()
    assert (identity.user, identity.email) == (user, "new@example.org")
    assert EmailAddress.objects.get().email == "boss@example.org"


def test_a_session_is_new_and_not_fresh_after_google(browser: Browser, google: Google) -> None:
    connected()
    nonce = browser.open()
    session = browser.client.session
    session["planted"] = True
    session.save()
    planted = str(session.session_key)
    browser.client.cookies["session"] = planted
    browser.client.cookies["session"]["samesite"] = "Lax"
    browser.come_back(google.token(nonce))
    assert browser.client.session.session_key != planted
    workspace = Membership.objects.get().workspace_id
    answer = browser.client.get(f"/w/{workspace}/settings/tokens/create/")
    assert answer.headers["Location"].startswith("/account/reauthenticate/")


def test_a_second_factor_is_still_asked(browser: Browser, google: Google) -> None:
    user = connected()
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    answer = browser.come_back(google.token(browser.open(next="/docs/")))
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert not browser.is_signed_in()
    done = browser.client.post("/account/2fa/authenticate/", {"code": totp_code(secret)})
    assert done.headers["Location"] == "/docs/"
    assert browser.is_signed_in()


def test_a_disabled_person_is_refused(browser: Browser, google: Google) -> None:
    user = connected()
    User.objects.filter(pk=user.pk).update(is_active=False)
    used = GoogleIdentity.objects.get().last_used_at
    assert browser.sign_in(google).headers["Location"] == "/account/inactive/"
    assert not browser.is_signed_in()
    assert GoogleIdentity.objects.get().last_used_at == used


def test_who_is_signed_in_already_is_led_on(browser: Browser, google: Google) -> None:
    browser.sign_in(google)
    assert browser.client.get("/account/google/?next=/docs/").headers["Location"] == "/docs/"
    assert browser.client.get("/account/google/?next=//evil.example").headers["Location"] == "/"


# An account with the same verified address, made without Google


def test_an_account_with_the_address_is_not_opened_by_googles_word_alone(browser: Browser, google: Google) -> None:
    make_user(ANN)
    assert browser.sign_in(google).headers["Location"] == PASSWORD_PAGE
    assert not browser.is_signed_in()
    assert not GoogleIdentity.objects.exists()
    assert User.objects.count() == 1
    page = browser.client.get(PASSWORD_PAGE).content.decode()
    assert "You already have an account" in page
    assert ANN in page


def test_its_password_connects_and_signs_in_and_is_asked_once(browser: Browser, google: Google) -> None:
    user = make_user(ANN)
    browser.come_back(google.token(browser.open(next="/docs/")))
    answer = browser.client.post(PASSWORD_PAGE, {"password": PASSWORD})
    assert answer.headers["Location"] == "/docs/"
    assert browser.email == ANN
    assert GoogleIdentity.objects.get().user == user
    assert kinds().count("user.google_linked") == 1
    assert [mail.to for mail in PlatformMail.objects.all()] == [ANN]
    again = Browser()
    again.sign_in(google)
    assert again.is_signed_in()


def test_a_wrong_password_connects_nothing(browser: Browser, google: Google) -> None:
    make_user(ANN)
    browser.sign_in(google)
    answer = browser.client.post(PASSWORD_PAGE, {"password": "wrong " + PASSWORD})
    assert answer.status_code == 200
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not browser.is_signed_in()
    assert not GoogleIdentity.objects.exists()


def test_a_second_accounts_password_does_not_connect_the_first(browser: Browser, google: Google) -> None:
    make_user(ANN)
    other = make_user(ANN, verified=False)
    other.set_password("another long secret")
    other.save(update_fields=["password"])
    browser.sign_in(google)
    browser.client.post(PASSWORD_PAGE, {"password": "another long secret"})
    assert not browser.is_signed_in()
    assert not GoogleIdentity.objects.exists()


def test_guessing_the_password_is_limited_as_at_sign_in(browser: Browser, google: Google) -> None:
    make_user(ANN)
    browser.sign_in(google)
    for _ in range(10):
        browser.client.post(PASSWORD_PAGE, {"password": "wrong " + PASSWORD})
    answer = browser.client.post(PASSWORD_PAGE, {"password": PASSWORD})
    assert "Too many failed login attempts" in answer.content.decode()
    elsewhere = new_client()
    elsewhere.post("/account/login/", {"login": ANN, "password": PASSWORD})
    assert elsewhere.get("/api/me").status_code == 401, "one limit for both doors"


def test_without_the_second_factor_nothing_is_connected(browser: Browser, google: Google) -> None:
    user = make_user(ANN)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    browser.sign_in(google)
    answer = browser.client.post(PASSWORD_PAGE, {"password": PASSWORD})
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert not GoogleIdentity.objects.exists()
    browser.client.post("/account/2fa/authenticate/", {"code": totp_code(secret)})
    assert browser.is_signed_in()
    assert GoogleIdentity.objects.get().user == user


def test_an_account_with_the_address_that_is_disabled_stays_so(browser: Browser, google: Google) -> None:
    user = make_user(ANN)
    User.objects.filter(pk=user.pk).update(is_active=False)
    browser.sign_in(google)
    assert browser.client.get(PASSWORD_PAGE).headers["Location"] == "/account/inactive/"
    browser.client.post(PASSWORD_PAGE, {"password": PASSWORD})
    assert not browser.is_signed_in()
    assert not GoogleIdentity.objects.exists()
    assert User.objects.count() == 1


def test_the_password_page_is_nothing_to_who_comes_by_itself(browser: Browser, google: Google) -> None:
    make_user(ANN)
    assert browser.client.get(PASSWORD_PAGE).headers["Location"] == "/account/google/"
    browser.client.post(PASSWORD_PAGE, {"password": PASSWORD})
    assert not browser.is_signed_in()


def test_an_account_that_has_another_google_account_is_entered_but_keeps_it(browser: Browser, google: Google) -> None:
    """The address was given to another Google account; the person still knows the password."""
    user = make_user(ANN)
    connect_google(user=user, proof=Proof("2", ANN), actor=SYSTEM)
    browser.sign_in(google)
    answer = browser.client.post(PASSWORD_PAGE, {"password": PASSWORD}, follow=True)
    assert browser.is_signed_in()
    assert "Another Google account is connected already" in answer.content.decode()
    assert GoogleIdentity.objects.get().sub == "2"


# Races


@pytest.mark.django_db(transaction=True)
def test_two_finishes_at_once_make_one_person(google: Google) -> None:
    browsers = [Browser() for _ in range(4)]
    for browser in browsers:
        browser.post(google.token(browser.open()))
    at_once([lambda browser=browser: browser.client.get(FINISH) for browser in browsers])
    assert (User.objects.count(), GoogleIdentity.objects.count(), Membership.objects.count()) == (1, 1, 1)
    assert [browser.email for browser in browsers] == [ANN] * 4
    assert kinds().count("user.signed_up") == 1


@pytest.mark.parametrize("table", ["accounts_googleidentity", "account_emailaddress"])
def test_who_is_overtaken_between_two_looks_finds_the_one_person(table: str) -> None:
    """The other finish happens whole, right after the first look into `table`."""
    faster: list[User | None] = []

    def overtake(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if not faster and sql.startswith("SELECT") and f'"{table}"' in sql:
            faster.append(None)
            faster[0] = find_or_make_user(proof=PROOF, ip=None)
        return answer

    with connection.execute_wrapper(overtake):
        found = find_or_make_user(proof=PROOF, ip=None)
    assert found is not None
    assert [found] == faster
    assert (User.objects.count(), GoogleIdentity.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_one_hand_over_taken_by_many_at_once_lets_in_one(google: Google, browser: Browser) -> None:
    browser.post(google.token(browser.open()))
    thieves = [Browser() for _ in range(4)]
    for thief in thieves:
        thief.client.cookies["google-finish"] = browser.client.cookies["google-finish"].value
    at_once([lambda thief=thief: thief.client.get(FINISH) for thief in thieves])
    assert sum(thief.is_signed_in() for thief in thieves) == 1


def at_once(works: list[Any]) -> None:
    start = threading.Barrier(len(works))

    def run(work: Any) -> None:
        try:
            start.wait()
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_proof_is_found_again_and_makes_nobody_twice() -> None:
    assert find_or_make_user(proof=PROOF, ip=None) == find_or_make_user(proof=PROOF, ip=None)
    assert User.objects.count() == 1


# Pages


def test_the_button_is_on_our_pages_and_keeps_where_to_go(google: Google) -> None:
    for path in ("/account/login/", "/account/signup/"):
        page = new_client().get(path, {"next": "/w/x/?a=1&b=2"}).content.decode()
        assert 'href="/account/google/?next=%2Fw%2Fx%2F%3Fa%3D1%26b%3D2">Continue with Google</a>' in page
        assert "accounts.google.com" not in page


URLS = ("", "confirm/", "connect/", "callback/", "finish/", "password/", "account/", "disconnect/")


@pytest.mark.parametrize("url", URLS)
def test_without_a_client_id_there_is_nothing(url: str, settings: Any) -> None:
    cache.clear()
    settings.GOOGLE_CLIENT_ID = ""
    user = connected()
    signed_in = new_client()
    signed_in.post("/account/login/", {"login": user.email, "password": PASSWORD})
    for client in (new_client(), signed_in):
        assert client.get(f"/account/google/{url}").status_code == 404
        assert client.post(f"/account/google/{url}").status_code == 404
    pages = [new_client().get(path) for path in ("/account/login/", "/account/signup/")]
    pages += [signed_in.get(path) for path in ("/account/email/", "/account/reauthenticate/")]
    assert [page.status_code for page in pages] == [200] * 4
    assert [page for page in pages if "google" in page.content.decode().lower()] == []


def test_only_the_page_with_the_button_opens_up_to_google(google: Google) -> None:
    ours, theirs = (new_client().get(path) for path in ("/account/login/", "/account/google/"))
    assert "google" not in ours.headers["Content-Security-Policy"]
    assert ours.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert ours.headers["Referrer-Policy"] == "same-origin"
    policy = dict(part.split(" ", 1) for part in theirs.headers["Content-Security-Policy"].split("; "))
    assert "https://accounts.google.com/gsi/client" in policy["script-src"]
    assert policy["frame-src"] == "https://accounts.google.com/gsi/"
    assert "unsafe" not in theirs.headers["Content-Security-Policy"]
    assert policy["frame-ancestors"] == "'none'"
    assert theirs.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert theirs.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "no-store" in theirs.headers["Cache-Control"]


def test_the_page_tells_google_where_to_post(google: Google) -> None:
    page = new_client().get("/account/google/").content.decode()
    assert 'data-login_uri="http://localhost:8000/account/google/callback/"' in page
    assert 'data-client_id="tests.apps.googleusercontent.com"' in page
    assert 'data-ux_mode="redirect"' in page


def test_the_nonce_has_a_cookie_that_comes_back_from_googles_site(browser: Browser, google: Google) -> None:
    nonce = browser.open()
    cookie = browser.client.cookies["google"]
    assert (cookie["samesite"], cookie["secure"], cookie["httponly"]) == ("None", True, True)
    assert cookie["max-age"] == 600
    assert browser.open() != nonce


def test_another_host_name_of_ours_is_left_for_the_one_that_google_knows(google: Google) -> None:
    client = new_client()
    client.defaults["HTTP_HOST"] = "127.0.0.1:8000"
    answer = client.get("/account/google/?next=/docs/")
    assert answer.headers["Location"] == "http://localhost:8000/account/google/?next=/docs/"


def test_a_page_about_trouble_leads_back_to_where_it_began(browser: Browser, google: Google) -> None:
    answer = browser.post(google.token(browser.open(next="/docs/"), aud="other"))
    assert code_of(answer) == "google_token_refused"
    page = answer.content.decode()
    assert 'href="/account/google/?next=%2Fdocs%2F">Try again</a>' in page
    assert "Use your password instead" in page

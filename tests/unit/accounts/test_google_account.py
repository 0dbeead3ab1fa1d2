"""A person's own Google account: connect, disconnect, and Google as the proof before keys and tokens."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.google.identity import connect_google
from accounts.google.token import Proof
from accounts.mail import render_mail
from accounts.models import ApiToken, GoogleIdentity, Membership, PlatformMail, User
from accounts.outbox import RESET_ASKED
from accounts.resetting import work_out_reset
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser
from tests.cast import PASSWORD, make_staff, make_user
from tests.unit.accounts.google import (
    ACCOUNT,
    ANN,
    ANNS_SUB,
    CONFIRM,
    CONNECT,
    DISCONNECT,
    FINISH,
    Browser,
    Google,
    code_of,
)

pytestmark = pytest.mark.django_db

PROOF = Proof(sub=ANNS_SUB, email=ANN)


def with_password(browser: Browser, email: str = "boss@example.org", *, fresh: bool = True) -> User:
    """Somebody with a password, signed in, and just now confirmed."""
    user = make_user(email)
    browser.client.post("/account/login/", {"login": email, "password": PASSWORD})
    browser.client.cookies["session"]["samesite"] = "Lax"
    if fresh:
        browser.confirm_by_password(PASSWORD)
    return user


def google_only(browser: Browser, google: Google) -> User:
    browser.sign_in(google)
    return User.objects.get()


def token_page() -> str:
    return f"/w/{Membership.objects.get().workspace_id}/settings/tokens/create/"


def mailed() -> list[tuple[str, str]]:
    return [(mail.to, mail.template) for mail in PlatformMail.objects.order_by("created_at")]


# Connect


def test_a_person_connects_google_and_is_told(browser: Browser, google: Google) -> None:
    user = with_password(browser)
    answer = browser.come_back(google.token(browser.open(CONNECT)))
    assert answer.headers["Location"] == ACCOUNT
    identity = GoogleIdentity.objects.get()
    assert (identity.user, identity.sub, identity.email) == (user, ANNS_SUB, ANN)
    event = Event.unscoped.get(kind="user.google_linked")
    assert (event.actor_id, event.data) == (user.pk, {"email": ANN})
    assert mailed() == [("boss@example.org", "security_notice")]
    page = browser.client.get(ACCOUNT).content.decode()
    assert ANN in page
    assert "From now on Google signs you in as boss@example.org." in page
    user.refresh_from_db()
    assert user.email == "boss@example.org"


def test_the_mail_says_how_to_undo_what_somebody_else_did() -> None:
    connect_google(user=make_user("boss@example.org"), proof=PROOF, actor=SYSTEM)
    mail = PlatformMail.objects.get()
    subject, text, page = render_mail(mail.template, json.loads(mail.sealed_context.reveal_text()))
    assert subject == f"The Google account {ANN} was connected to your account"
    for part in (text, page):
        assert "http://localhost:8000/account/password/reset/" in part
        assert "Then disconnect that Google account" in part


def test_connecting_asks_first_who_it_is(browser: Browser, google: Google) -> None:
    with_password(browser, fresh=False)
    answer = browser.client.get(CONNECT)
    assert answer.headers["Location"] == "/account/reauthenticate/?next=%2Faccount%2Fgoogle%2Fconnect%2F"
    answer = browser.client.post(answer.headers["Location"], {"password": PASSWORD, "next": CONNECT})
    assert answer.headers["Location"] == CONNECT
    assert browser.open(CONNECT)


def test_what_was_begun_for_one_person_is_not_finished_for_another(browser: Browser, google: Google) -> None:
    with_password(browser)
    browser.post(google.token(browser.open(CONNECT)))
    browser.client.post("/account/logout/")
    make_user("other@example.org")
    browser.client.post("/account/login/", {"login": "other@example.org", "password": PASSWORD})
    assert code_of(browser.client.get(FINISH)) == "google_started_elsewhere"
    assert not GoogleIdentity.objects.exists()


def test_what_was_begun_signed_in_is_not_finished_signed_out(browser: Browser, google: Google) -> None:
    with_password(browser)
    browser.post(google.token(browser.open(CONNECT)))
    browser.client.post("/account/logout/")
    assert code_of(browser.client.get(FINISH)) == "google_started_elsewhere"
    assert not browser.is_signed_in()
    assert not GoogleIdentity.objects.exists()


def test_a_google_account_that_signs_somebody_else_in_is_refused(browser: Browser, google: Google) -> None:
    connect_google(user=make_user(ANN), proof=PROOF, actor=SYSTEM)
    with_password(browser)
    answer = browser.come_back(google.token(browser.open(CONNECT)))
    assert (answer.status_code, code_of(answer)) == (409, "google_taken")
    assert f'href="{CONNECT}">Try again</a>' in answer.content.decode()
    assert GoogleIdentity.objects.get().user.email == ANN


def test_a_second_google_account_is_refused(browser: Browser, google: Google) -> None:
    """The page leads on; a proof that was under way before the first one arrived is refused."""
    user = with_password(browser)
    nonce = browser.open(CONNECT)
    connect_google(user=user, proof=Proof("2", "second@example.org"), actor=SYSTEM)
    assert browser.client.get(CONNECT).headers["Location"] == ACCOUNT
    answer = browser.come_back(google.token(nonce))
    assert (answer.status_code, code_of(answer)) == (409, "google_connected_already")
    assert GoogleIdentity.objects.get().sub == "2"


def test_connecting_twice_is_once() -> None:
    user = make_user(ANN)
    for _ in range(2):
        connect_google(user=user, proof=PROOF, actor=SYSTEM)
    assert Event.unscoped.filter(kind="user.google_linked").count() == 1
    assert len(mailed()) == 1


def test_an_unproven_address_connects_nothing() -> None:
    """It may be a stranger's, who must not find a door of somebody else's in the account later."""
    user = make_user("stranger@example.org", verified=False)
    with pytest.raises(NeedsUser, match="email_unverified"):
        connect_google(user=user, proof=PROOF, actor=SYSTEM)
    assert mailed() == []
    client = Client()
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    page = client.get("/account/google/connect/")
    assert "not verified yet" in page.content.decode()
    assert "g_id_onload" not in page.content.decode()


# Disconnect


def test_a_person_disconnects_google_and_is_told(browser: Browser, google: Google) -> None:
    user = with_password(browser)
    connect_google(user=user, proof=PROOF, actor=SYSTEM)
    assert "Disconnect Google" in browser.client.get(ACCOUNT).content.decode()
    assert browser.client.post(DISCONNECT).headers["Location"] == ACCOUNT
    assert not GoogleIdentity.objects.exists()
    assert Event.unscoped.get(kind="user.google_unlinked").data == {"email": ANN}
    assert mailed() == [("boss@example.org", "security_notice")] * 2
    assert Browser().sign_in(google).status_code == 302
    assert User.objects.count() == 2, "a stranger from now on"


def test_disconnecting_asks_first_who_it_is(browser: Browser, google: Google) -> None:
    connect_google(user=with_password(browser, fresh=False), proof=PROOF, actor=SYSTEM)
    answer = browser.client.post(DISCONNECT, headers={"referer": f"http://localhost:8000{ACCOUNT}"})
    assert answer.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert GoogleIdentity.objects.exists()


def test_the_last_way_in_is_not_disconnected(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    assert "Google is your only way in" in browser.client.get(ACCOUNT).content.decode()
    browser.sign_in(google, page=CONFIRM)
    answer = browser.client.post(DISCONNECT)
    assert (answer.status_code, code_of(answer)) == (409, "google_last_way_in")
    assert GoogleIdentity.objects.exists()


# Confirm


def test_who_has_only_google_is_led_straight_to_it_and_back(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    page = token_page()
    to_google = browser.client.get(page).headers["Location"]
    assert to_google.startswith(f"{CONFIRM}?next=%2Fw%2F")
    answer = browser.sign_in(google, page=to_google)
    assert answer.headers["Location"] == page
    body = {"name": "script", "role": "admin", "scopes": ["read"], "days": "30"}
    assert browser.client.post(page, body).status_code == 200
    assert ApiToken.unscoped.count() == 1


def test_a_confirmation_lasts_ten_minutes(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    browser.sign_in(google, page=CONFIRM)
    for minutes, expected in ((9, 200), (11, 302)):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            assert browser.client.get(token_page()).status_code == expected


def test_another_google_account_confirms_nothing(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    answer = browser.sign_in(google, page=CONFIRM, sub="2", email="second@example.org")
    assert (answer.status_code, code_of(answer)) == (400, "google_other_account")
    assert ANN in answer.content.decode()
    assert browser.client.get(token_page()).status_code == 302
    assert GoogleIdentity.objects.get().email == ANN


def test_the_sub_of_another_person_here_confirms_nothing(browser: Browser, google: Google) -> None:
    connect_google(user=make_user("other@example.org"), proof=Proof("2", "other@example.org"), actor=SYSTEM)
    browser.sign_in(google)
    answer = browser.sign_in(google, page=CONFIRM, sub="2")
    assert code_of(answer) == "google_other_account"
    assert browser.email == ANN


def test_signing_in_again_is_no_confirmation(browser: Browser, google: Google) -> None:
    """A proof that was asked for at the sign-in page does not open keys."""
    user = google_only(browser, google)
    other = Browser()
    other.sign_in(google)
    assert other.client.get("/api/me").json()["id"] == str(user.pk)
    assert other.client.get(token_page()).headers["Location"].startswith(CONFIRM)


def test_who_has_a_password_too_is_asked_for_it_and_may_choose_google(browser: Browser, google: Google) -> None:
    user = with_password(browser, fresh=False)
    connect_google(user=user, proof=PROOF, actor=SYSTEM)
    answer = browser.client.get(token_page())
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    page = browser.client.get(answer.headers["Location"]).content.decode()
    found = re.search(rf'href="({CONFIRM}\?next=[^"]+)">Continue with Google</a>', page)
    assert found
    assert browser.sign_in(google, page=found[1]).headers["Location"] == token_page()
    assert browser.client.get(token_page()).status_code == 200


def test_who_has_not_connected_google_cannot_confirm_by_it(browser: Browser, google: Google) -> None:
    with_password(browser, fresh=False)
    answer = browser.client.get(f"{CONFIRM}?next=/docs/")
    assert answer.headers["Location"] == "/account/reauthenticate/?next=%2Fdocs%2F"
    assert "Google</a>" not in browser.client.get("/account/reauthenticate/").content.decode()


def test_the_page_offers_the_other_ways(browser: Browser, google: Google) -> None:
    user = with_password(browser, fresh=False)
    connect_google(user=user, proof=PROOF, actor=SYSTEM)
    page = browser.client.get(f"{CONFIRM}?next=/docs/").content.decode()
    assert 'href="/account/reauthenticate/?next=%2Fdocs%2F">Use your password</a>' in page
    assert ANN in page


# What allauth would let people without a password do unasked

SECRET_PAGES = (
    "/account/password/set/",
    "/account/2fa/totp/activate/",
    "/account/2fa/webauthn/add/",
)


@pytest.mark.parametrize("page", SECRET_PAGES)
def test_a_new_way_in_waits_for_google(browser: Browser, google: Google, page: str) -> None:
    google_only(browser, google)
    to_google = browser.client.get(page).headers["Location"]
    assert to_google.startswith(f"{CONFIRM}?next=%2Faccount%2F")
    assert browser.sign_in(google, page=to_google).headers["Location"] == page
    assert browser.client.get(page).status_code == 200


def test_a_first_password_is_not_set_by_a_stolen_session(browser: Browser, google: Google) -> None:
    user = google_only(browser, google)
    body = {"password1": "a new long secret", "password2": "a new long secret"}
    answer = browser.client.post("/account/password/set/", body)
    assert answer.headers["Location"].startswith(CONFIRM)
    user.refresh_from_db()
    assert not user.has_usable_password()
    browser.sign_in(google, page=CONFIRM)
    browser.client.post("/account/password/set/", body)
    user.refresh_from_db()
    assert user.check_password("a new long secret")


def test_the_address_is_not_changed_by_a_stolen_session(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    body = {"email": "thief@example.org", "action_add": ""}
    assert browser.client.post("/account/email/", body).headers["Location"].startswith(CONFIRM)
    assert not EmailAddress.objects.filter(email="thief@example.org").exists()
    browser.sign_in(google, page=CONFIRM)
    browser.client.post("/account/email/", body)
    assert EmailAddress.objects.filter(email="thief@example.org").exists()


def test_a_second_factor_is_not_added_by_a_stolen_session(browser: Browser, google: Google) -> None:
    google_only(browser, google)
    assert (
        browser.client.post("/account/2fa/totp/activate/", {"code": "123456"}).headers["Location"].startswith(CONFIRM)
    )
    assert not Authenticator.objects.exists()


def test_the_mail_with_the_link_is_sent_again_unasked(browser: Browser, google: Google) -> None:
    """It goes to the address that is there already; newcomers need it at once."""
    browser.client.post("/account/signup/", {"email": ANN, "password1": PASSWORD, "password2": PASSWORD})
    answer = browser.client.post("/account/email/", {"email": ANN, "action_send": ""})
    assert answer.headers["Location"] == "/account/email/"


def test_who_has_nothing_to_confirm_with_is_led_to_a_password_by_mail(
    browser: Browser, google: Google, settings: Any
) -> None:
    """Such as after GOOGLE_CLIENT_ID was taken away: no way round, and no way in circles."""
    google_only(browser, google)
    settings.GOOGLE_CLIENT_ID = ""
    for page in (token_page(), *SECRET_PAGES):
        answer = browser.client.get(page)
        assert answer.headers["Location"].startswith("/account/password/reset/")
    page = browser.client.get(answer.headers["Location"]).content.decode()
    assert "Set a password by the link that we mail you" in page


def test_who_has_only_google_gets_a_password_by_mail(browser: Browser, google: Google) -> None:
    user = google_only(browser, google)
    stranger = Browser().client
    stranger.post("/account/password/reset/", {"email": ANN})
    asked = PlatformMail.objects.get(template=RESET_ASKED)
    _, context = work_out_reset(json.loads(asked.sealed_context.reveal_text()))
    link = context["action_url"]
    form = stranger.get(link.removeprefix("http://localhost:8000"), follow=True)
    body = {"password1": "a new long secret", "password2": "a new long secret"}
    stranger.post(form.redirect_chain[-1][0], body)
    user.refresh_from_db()
    assert user.check_password("a new long secret")
    assert not browser.is_signed_in(), "every session ends"


def test_a_second_factor_is_asked_instead_where_there_is_one(browser: Browser, google: Google) -> None:
    user = google_only(browser, google)
    TOTP.activate(user, generate_totp_secret())
    answer = browser.client.get(token_page())
    assert answer.headers["Location"].startswith("/account/2fa/reauthenticate/")
    assert "Continue with Google" in browser.client.get(answer.headers["Location"]).content.decode()


# Staff


def test_staff_see_the_connection_and_cannot_change_it(browser: Browser, google: Google) -> None:
    cache.clear()
    user = make_user(ANN)
    connect_google(user=user, proof=PROOF, actor=SYSTEM)
    GoogleIdentity.objects.update(last_used_at=clock.now())
    browser.client.force_login(make_staff())
    page = browser.client.get(f"/admin/accounts/user/{user.pk}/change/").content.decode()
    assert ANNS_SUB in page
    assert 'name="google-0-sub"' not in page
    assert 'name="google-0-DELETE"' not in page
    found = browser.client.get("/admin/accounts/user/", {"q": ANN}).content.decode()
    assert str(user.pk) in found

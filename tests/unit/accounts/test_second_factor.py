"""Two-step sign-in: added, asked for, told and written down; required of staff, and by workspaces that say so."""

import time
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from accounts.models import PlatformMail, User, Workspace
from auditlog.models import Event
from tests.cast import PASSWORD, Cast, make_cast
from tests.totp import code_of
from tests.unit.accounts.test_sign_up import delivered, link_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def sign_in(user: User, client: Client | None = None) -> Client:
    client = client or Client()
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return client


def confirm(client: Client) -> None:
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def is_signed_in(client: Client) -> bool:
    return client.get("/api/me").status_code == 200


def add_app(user: User) -> str:
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def test_an_app_is_added_after_the_password_and_asked_for_at_the_next_sign_in(
    cast: Cast, django_capture_on_commit_callbacks: Any
) -> None:
    client = sign_in(cast.admin)
    assert client.get("/account/2fa/totp/activate/").headers["Location"].startswith("/account/reauthenticate/")
    confirm(client)
    secret = client.get("/account/2fa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert answer.headers["Location"] == "/account/2fa/recovery-codes/"
    event = Event.unscoped.get(kind="user.second_factor_added")
    assert (event.actor_label, event.data) == (cast.admin.email, {"factor": "an authenticator app"})
    assert PlatformMail.objects.filter(to=cast.admin.email, template="security_notice").count() == 1

    cache.clear()
    again = sign_in(cast.admin)
    assert not is_signed_in(again)
    page = again.get("/account/2fa/authenticate/").content.decode()
    assert "Second step" in page
    again.post("/account/2fa/authenticate/", {"code": "000000"})
    assert not is_signed_in(again)
    again.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_signed_in(again)


def test_a_code_signs_in_once(cast: Cast) -> None:
    secret = add_app(cast.admin)
    code = code_of(secret)
    first, second = sign_in(cast.admin), sign_in(cast.admin)
    first.post("/account/2fa/authenticate/", {"code": code})
    second.post("/account/2fa/authenticate/", {"code": code})
    assert (is_signed_in(first), is_signed_in(second)) == (True, False)


def test_a_recovery_code_signs_in_once(cast: Cast) -> None:
    add_app(cast.admin)
    client = sign_in(cast.member)
    confirm(client)
    add_app(cast.member)
    client.post("/account/2fa/recovery-codes/generate/")
    code = client.get("/account/2fa/recovery-codes/").context["unused_codes"][0]
    opened = []
    for _ in range(2):
        other = sign_in(cast.member)
        other.post("/account/2fa/authenticate/", {"code": code})
        opened.append(is_signed_in(other))
    assert opened == [True, False]


def test_guessing_codes_is_limited_by_the_account(cast: Cast) -> None:
    secret = add_app(cast.admin)
    for number in range(31):
        guesser = sign_in(cast.admin, Client(REMOTE_ADDR=f"198.51.100.{number}"))
        guesser.post("/account/2fa/authenticate/", {"code": "000000"})
    late = sign_in(cast.admin, Client(REMOTE_ADDR="203.0.113.1"))
    late.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_signed_in(late)


def test_secrets_of_second_factors_lie_sealed(cast: Cast) -> None:
    secret = add_app(cast.admin)
    stored = str(Authenticator.objects.values_list("data", flat=True).get())
    assert secret not in stored


def test_an_unproven_address_adds_no_second_factor(cast: Cast) -> None:
    EmailAddress.objects.filter(user=cast.member).update(verified=False)
    client = sign_in(cast.member)
    confirm(client)
    answer = client.get("/account/2fa/totp/activate/", follow=True)
    assert "Confirm your e-mail address first" in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_a_reset_password_leaves_the_second_step_standing(cast: Cast) -> None:
    add_app(cast.admin)
    client = Client()
    client.post("/account/password/reset/", {"email": cast.admin.email})
    [mail] = delivered()
    form = client.get(link_in(mail).removeprefix(settings.SITE_URL), follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": "a new long secret", "password2": "a new long secret"})
    assert not is_signed_in(client)
    assert Authenticator.objects.filter(user=cast.admin, type="totp").count() == 1
    client.post("/account/login/", {"login": cast.admin.email, "password": "a new long secret"})
    assert not is_signed_in(client)
    assert "Second step" in client.get("/account/2fa/authenticate/").content.decode()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"credential": "x"},
        {"credential": "{}"},
        {"credential": '{"id": 1}'},
        {"credential": '{"id":"a","rawId":"a","type":"public-key","response":{}}'},
        {"credential": "[" * 5000},
        {"credential": "null"},
    ],
)
def test_a_made_up_passkey_is_refused_with_words(body: dict[str, str], cast: Cast, settings: Any) -> None:
    settings.MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
    client = sign_in(cast.admin)
    confirm(client)
    client.get("/account/2fa/webauthn/add/")
    assert client.post("/account/2fa/webauthn/add/", {"name": "k", **body}).status_code == 200
    stranger = Client()
    stranger.get("/account/2fa/webauthn/login/", headers={"Accept": "application/json"})
    assert stranger.post("/account/2fa/webauthn/login/", body).status_code in (200, 302)
    assert not is_signed_in(stranger)
    assert not Authenticator.objects.exists()


# Staff


def test_staff_are_led_to_a_second_factor_before_they_see_anything(cast: Cast) -> None:
    User.objects.filter(pk=cast.admin.pk).update(is_staff=True, is_superuser=True)
    client = sign_in(cast.admin)
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/account/2fa/"
    assert "Staff need two-step sign-in" in answer.content.decode()
    assert client.get("/admin/accounts/user/").status_code == 302
    add_app(cast.admin)
    assert client.get("/admin/").status_code == 200


# A workspace's rule


def require(client: Client, cast: Cast, is_on: bool = True) -> Any:
    body = {"requires_mfa": "on"} if is_on else {}
    return client.post(f"/w/{cast.acme.pk}/settings/security/require/", body, follow=True)


def test_who_has_no_second_factor_cannot_require_one(cast: Cast) -> None:
    client = sign_in(cast.admin)
    confirm(client)
    assert "your own account first" in require(client, cast).content.decode()
    cast.acme.refresh_from_db()
    assert not cast.acme.requires_mfa


def test_a_workspace_that_requires_it_opens_for_nobody_without(cast: Cast) -> None:
    client = sign_in(cast.admin)
    confirm(client)
    add_app(cast.admin)
    require(client, cast)
    assert client.get(f"/w/{cast.acme.pk}/team/").status_code == 200
    member = sign_in(cast.member)
    page = member.get(f"/w/{cast.acme.pk}/team/")
    assert page.status_code == 403
    assert "Set up two-step sign-in" in page.content.decode()
    answer = member.get(f"/api/members?workspace={cast.acme.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
    secret = cast.token(cast.member, role="member")
    assert Client().get("/api/members", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    add_app(cast.member)
    assert member.get(f"/w/{cast.acme.pk}/team/").status_code == 200
    event = Event.unscoped.filter(kind="workspace.changed").latest("at")
    assert event.data["changes"] == "requires_mfa from False to True"
    require(client, cast, is_on=False)
    cast.acme.refresh_from_db()
    assert not cast.acme.requires_mfa


def test_requiring_it_asks_who_you_are(cast: Cast) -> None:
    client = sign_in(cast.admin)
    answer = client.post(f"/w/{cast.acme.pk}/settings/security/require/", {"requires_mfa": "on"})
    assert answer.headers["Location"].startswith("/account/reauthenticate/")


def test_signing_in_is_no_fresh_proof_and_one_grows_old(cast: Cast, settings: Any) -> None:
    client = sign_in(cast.admin)
    page = f"/w/{cast.acme.pk}/settings/tokens/create/"
    assert client.get(page).status_code == 302
    confirm(client)
    assert client.get(page).status_code == 200
    session = client.session
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [{**each, "at": time.time() - 601} for each in records]
    session.save()
    assert client.get(page).status_code == 302


def test_people_without_password_and_second_factor_are_not_fresh_for_that(cast: Cast) -> None:
    cast.admin.set_unusable_password()
    cast.admin.save(update_fields=["password"])
    client = Client()
    client.force_login(cast.admin)
    assert client.get(f"/w/{cast.acme.pk}/settings/tokens/create/").status_code == 302


def test_wrong_codes_are_limited_soon_and_told_and_a_new_password_starts_over(cast: Cast) -> None:
    secret = add_app(cast.admin)
    for number in range(7):
        guesser = sign_in(cast.admin, Client(REMOTE_ADDR=f"198.51.100.{number}"))
        guesser.post("/account/2fa/authenticate/", {"code": "000000"})
    mails = PlatformMail.objects.filter(to=cast.admin.email, template="security_notice")
    assert mails.count() == 1
    late = sign_in(cast.admin, Client(REMOTE_ADDR="203.0.113.1"))
    late.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert not is_signed_in(late)
    cast.admin.set_password("a new long secret")
    cast.admin.save(update_fields=["password"])
    owner = Client()
    owner.post("/account/login/", {"login": cast.admin.email, "password": "a new long secret"})
    owner.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_signed_in(owner)


def test_a_session_from_before_the_second_factor_ends(cast: Cast, django_capture_on_commit_callbacks: Any) -> None:
    here, elsewhere = sign_in(cast.admin), sign_in(cast.admin)
    confirm(here)
    secret = here.get("/account/2fa/totp/activate/").context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        here.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    assert (is_signed_in(here), is_signed_in(elsewhere)) == (True, False)


def test_a_workspace_that_requires_it_is_not_deleted_with_an_account_that_lacks_it(cast: Cast) -> None:
    client = sign_in(cast.outsider)
    confirm(client)
    Workspace.objects.filter(pk=cast.other.pk).update(requires_mfa=True)
    page = client.post("/account/delete/", {"typed": cast.outsider.email})
    assert "asks for two-step sign-in" in page.content.decode()
    assert User.objects.filter(pk=cast.outsider.pk).exists()
    add_app(cast.outsider)
    client.post("/account/delete/", {"typed": cast.outsider.email})
    assert not User.objects.filter(pk=cast.outsider.pk).exists()

"""The admin site of whoever hosts the portal: behind the one sign-in, without secrets, every change recorded."""

import hashlib
import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection, models
from django.test import Client

from accounts.invitations import invite_person
from accounts.models import ApiToken, Invitation, User
from auditlog.events import SYSTEM
from auditlog.models import Event
from tests.cast import Cast, make_cast, make_staff
from tests.rows import Rows

pytestmark = pytest.mark.django_db

MODELS = list(admin.site._registry)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def staff(cast: Cast) -> Client:
    client = Client()
    client.force_login(make_staff())
    return client


def address(model: type[models.Model], page: str = "") -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}"


def test_the_door_is_the_portals_own_sign_in(cast: Cast) -> None:
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/account/login/?next=")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_nobody_but_staff_gets_in(model: type[models.Model], cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin)
    assert client.get(address(model), follow=True).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_lists_and_rows_open_and_show_no_secret(model: type[models.Model], cast: Cast, staff: Client) -> None:
    secret = cast.token(cast.admin)
    row = Rows(cast.acme, cast.admin).of(model)
    pages = [staff.get(address(model)), staff.get(address(model), {"q": "x"}), staff.get(address(model, f"{row.pk}/"))]
    pages.append(staff.get(address(model, f"{row.pk}/change/")))
    assert [page.status_code for page in pages] == [200, 200, 302, 200]
    digest = hashlib.sha256(secret.encode()).hexdigest()
    for page in pages:
        text = page.content.decode()
        for hidden in ("canary", secret, digest, "md5$"):
            assert hidden not in text
        for field in model._meta.concrete_fields:
            value = getattr(row, field.attname)
            assert not field.name.startswith("sealed_") or not value or field.value_to_string(row) not in text


def test_a_disabled_person_is_out_at_once(cast: Cast, staff: Client) -> None:
    theirs = Client()
    theirs.force_login(cast.admin)
    secret = cast.token(cast.admin)
    body: dict[str, Any] = {"action": "disable", "_selected_action": [str(cast.admin.pk)]}
    staff.post(address(User), body)
    assert theirs.get("/api/me").status_code == 401
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    event = Event.unscoped.get(kind="staff.changed")
    assert (event.actor_label, event.data["label"], event.data["change"]) == (
        "staff@example.org",
        "admin@example.org",
        "disabled",
    )


def test_a_change_by_form_is_recorded_and_writes_only_itself(cast: Cast, staff: Client) -> None:
    management = {
        f"{name}-{key}": "0"
        for name in ("emailaddress_set", "google", "memberships")
        for key in ("TOTAL_FORMS", "INITIAL_FORMS")
    }
    answer = staff.post(address(User, f"{cast.member.pk}/change/"), {"is_active": "on", "is_staff": "on", **management})
    assert answer.status_code == 302
    cast.member.refresh_from_db()
    assert cast.member.is_staff
    assert cast.member.email == "member@example.org"
    assert "staff" in Event.unscoped.get(kind="staff.changed").data["change"].lower()


def test_staff_cannot_lock_themselves_out_by_the_action(cast: Cast, staff: Client) -> None:
    me = User.objects.get(email="staff@example.org")
    staff.post(address(User), {"action": "disable", "_selected_action": [str(me.pk)]})
    me.refresh_from_db()
    assert me.is_active


def test_staff_can_revoke_a_token(cast: Cast, staff: Client) -> None:
    cast.token(cast.admin)
    token = ApiToken.unscoped.get()
    staff.post(address(ApiToken), {"action": "revoke", "_selected_action": [str(token.pk)]})
    token.refresh_from_db()
    assert token.revoked_at
    assert Event.unscoped.get(kind="token.revoked").actor_label == "staff@example.org"


def test_staff_see_an_invitation_without_its_digest_and_can_revoke_it(cast: Cast, staff: Client) -> None:
    row = invite_person(workspace=cast.acme, inviter=cast.admin, actor=SYSTEM, email="new@example.org", role="member")
    pages = [address(Invitation, f"{row.pk}/change/"), address(Invitation) + "?q=new%40example&role__exact=member"]
    for page in pages:
        text = staff.get(page).content.decode()
        assert "new@example.org" in text
        assert row.digest not in text
    staff.post(address(Invitation), {"action": "revoke", "_selected_action": [str(row.pk)]})
    row.refresh_from_db()
    assert row.revoked_at
    assert Event.unscoped.get(kind="member.uninvited").actor_label == "staff@example.org"


def test_second_factors_are_sealed_at_rest(cast: Cast) -> None:
    secret = generate_totp_secret()
    authenticator = TOTP.activate(cast.admin, secret).instance
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        [(stored,)] = cursor.fetchall()
    assert secret not in str(stored)
    assert Authenticator.objects.get(pk=authenticator.pk).wrap().validate_code("000000") in (True, False)


def test_a_row_leads_to_the_lists_of_what_points_at_it(cast: Cast, staff: Client) -> None:
    Rows(cast.acme, cast.admin).called("domain")
    page = staff.get(f"/admin/accounts/workspace/{cast.acme.pk}/change/").content.decode()
    links = re.findall(r'<a href="(/admin/[^"]+__pk__exact=[^"]+)">([^<]+)</a>', page)
    assert {"domains", "servers", "api tokens"} <= {words for _, words in links}
    [domains] = [link for link, words in links if words == "domains"]
    listed = staff.get(domains)
    assert listed.status_code == 200
    assert listed.context["cl"].result_count == 1
    [foreign] = [link.replace(str(cast.acme.pk), str(cast.other.pk)) for link in [domains]]
    assert staff.get(foreign).context["cl"].result_count == 0


@pytest.mark.parametrize(
    "asked",
    [
        "accounts/user/?password__startswith=a",
        "accounts/apitoken/?digest__startswith=a",
        "accounts/platformmail/?sealed_context__startswith=a",
        "accounts/invitation/?digest__startswith=a",
    ],
)
def test_what_is_not_shown_cannot_be_asked_for_letter_by_letter(asked: str, cast: Cast, staff: Client) -> None:
    assert staff.get(f"/admin/{asked}").status_code == 400


def test_staff_change_their_password_where_everybody_does(cast: Cast, staff: Client) -> None:
    assert staff.get("/admin/password_change/").headers["Location"] == "/account/password/change/"


def test_staff_give_no_rights_unless_they_are_superusers_and_never_to_themselves(cast: Cast, staff: Client) -> None:
    helper = User.objects.get(email="staff@example.org")
    change = {"is_staff": "on", "is_superuser": "on", "is_active": "on"}
    staff.post(f"/admin/accounts/user/{helper.pk}/change/", {})
    helper.refresh_from_db()
    assert helper.is_superuser, "not even away from themselves"
    User.objects.filter(pk=helper.pk).update(is_superuser=False)
    helper.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "change_user")))
    staff.post(f"/admin/accounts/user/{helper.pk}/change/", change)
    staff.post(f"/admin/accounts/user/{cast.member.pk}/change/", change)
    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.filter(pk=cast.member.pk, is_staff=True).exists()


def test_enabling_again_brings_back_nobody_who_was_signed_in(cast: Cast, staff: Client) -> None:
    theirs = Client()
    theirs.force_login(cast.member)
    for action in ("disable", "enable"):
        staff.post(address(User), {"action": action, "_selected_action": [str(cast.member.pk)]})
    assert theirs.get("/api/me").status_code == 401
    theirs.force_login(cast.member)
    assert theirs.get("/api/me").status_code == 200

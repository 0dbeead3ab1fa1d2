"""Settings, team and token pages, and the doors before them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.access import WorkspaceRequest, workspace_view
from accounts.models import ApiToken, Membership, Workspace
from auditlog.models import Event
from tests.cast import PASSWORD, Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def signed_in(user: Any) -> Client:
    client = Client()
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    return client


def confirm(client: Client) -> None:
    client.post("/account/reauthenticate/", {"password": PASSWORD})


def test_a_stranger_is_led_through_sign_in_and_back(cast: Cast) -> None:
    client = Client()
    page = f"/w/{cast.acme.pk}/settings/?from=mail"
    answer = client.get(page)
    assert answer.status_code == 302
    body = {"login": cast.admin.email, "password": PASSWORD, "next": page}
    assert client.post(answer.headers["Location"], body).headers["Location"] == page


def test_the_workspaces_time_zone_decides_the_day(cast: Cast) -> None:
    @workspace_view("workspace.view")
    def view(request: WorkspaceRequest, workspace: Workspace) -> HttpResponse:
        return HttpResponse(timezone.get_current_timezone_name())

    cast.acme.time_zone = "Pacific/Auckland"
    cast.acme.save(update_fields=["time_zone"])
    request = RequestFactory().get("/")
    request.user = cast.member
    assert view(request, workspace_id=cast.acme.pk).content == b"Pacific/Auckland"
    assert timezone.get_current_timezone_name() == "UTC"


def test_home_is_the_domain_list_of_the_workspace_joined_first(cast: Cast) -> None:
    Membership.objects.create(user=cast.admin, workspace=cast.other, role="member")
    client = signed_in(cast.admin)
    assert client.get("/").headers["Location"] == f"/w/{cast.acme.pk}/domains/"
    Membership.objects.filter(user=cast.admin).delete()
    own = client.get("/", follow=True)
    assert own.status_code == 200
    assert Membership.objects.get(user=cast.admin).workspace.is_personal


def test_home_asks_a_stranger_to_sign_in(cast: Cast) -> None:
    assert Client().get("/").headers["Location"] == "/account/login/?next=%2F"
    assert Client().head("/").status_code == 302


def test_a_fragment_of_an_expired_session_reloads_the_whole_page(cast: Cast) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/w/{cast.acme.pk}/team/"}
    answer = Client().get(f"/w/{cast.acme.pk}/settings/", headers=headers)
    assert answer.headers["HX-Redirect"].startswith("/account/login/?next=http%3A%2F%2Ftestserver%2Fw%2F")


def test_a_removed_members_next_click_is_refused(cast: Cast) -> None:
    client = signed_in(cast.member)
    assert client.get(f"/w/{cast.acme.pk}/team/").status_code == 200
    Membership.objects.filter(user=cast.member).delete()
    assert client.get(f"/w/{cast.acme.pk}/team/").status_code == 404


def test_members_look_and_admins_change(cast: Cast) -> None:
    body = {
        "name": " Acme Ltd ",
        "monitor_interval_minutes": 5,
        "alert_cooldown_hours": 24,
        "delivery_retries": 3,
        "retry_delay_minutes": 5,
        "time_zone": "Europe/Berlin",
    }
    member, admin = signed_in(cast.member), signed_in(cast.admin)
    page = member.get(f"/w/{cast.acme.pk}/settings/").content.decode()
    assert "Only admins change these." in page
    assert "API tokens" not in page
    assert member.post(f"/w/{cast.acme.pk}/settings/save/", body).status_code == 403
    assert admin.post(f"/w/{cast.acme.pk}/settings/save/", body).status_code == 302
    cast.acme.refresh_from_db()
    assert (cast.acme.name, cast.acme.monitor_interval_minutes, cast.acme.time_zone) == ("Acme Ltd", 5, "Europe/Berlin")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("monitor_interval_minutes", 0),
        ("monitor_interval_minutes", 1441),
        ("alert_cooldown_hours", 721),
        ("delivery_retries", 11),
        ("retry_delay_minutes", 0),
        ("time_zone", "Mars/Olympus"),
        ("name", "   "),
    ],
)
def test_settings_keep_their_bounds(cast: Cast, field: str, value: Any) -> None:
    good = {"name": "X", "monitor_interval_minutes": 5, "alert_cooldown_hours": 1, "delivery_retries": 1}
    body = {**good, "retry_delay_minutes": 5, "time_zone": "UTC", field: value}
    page = signed_in(cast.admin).post(f"/w/{cast.acme.pk}/settings/save/", body)
    assert page.status_code == 200
    assert "field__errors" in page.content.decode()
    cast.acme.refresh_from_db()
    assert cast.acme.name == "Acme"


def test_a_token_is_made_after_the_password_shown_once_and_revoked(cast: Cast) -> None:
    client = signed_in(cast.admin)
    page = f"/w/{cast.acme.pk}/settings/tokens/create/"
    asked = client.get(page)
    assert asked.headers["Location"].startswith("/account/reauthenticate/")
    assert client.post(asked.headers["Location"], {"password": PASSWORD, "next": page}).headers["Location"] == page
    body = {"name": "deploy script", "role": "admin", "scopes": ["write", "read"], "days": "30"}
    answer = client.post(page, body)
    assert answer.headers["Cache-Control"] == "no-store"
    found = re.search(r"mmc_[\w-]{43}", answer.content.decode())
    assert found
    secret = found.group()
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/me", headers=headers).json()["token"]["scopes"] == ["read", "write"]
    listed = client.get(f"/w/{cast.acme.pk}/settings/tokens/").content.decode()
    assert secret[:12] in listed
    assert secret[:16] not in listed
    token = ApiToken.unscoped.get()
    assert token.expires_at
    assert token.expires_at - token.created_at < timedelta(days=31)
    client.post(f"/w/{cast.acme.pk}/settings/tokens/{token.pk}/revoke/")
    assert Client().get("/api/me", headers=headers).status_code == 401
    for row in Event.unscoped.all():
        assert secret not in str(row.data)


def test_a_form_with_a_secret_is_not_kept_while_the_password_is_asked(cast: Cast) -> None:
    client = signed_in(cast.admin)
    page = f"/w/{cast.acme.pk}/settings/tokens/create/"
    answer = client.post(page, {"name": "x", "secret": "canary"}, headers={"Referer": f"http://testserver{page}"})
    assert answer.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert "canary" not in str(dict(client.session.items()))


def test_freshness_lasts_ten_minutes(cast: Cast) -> None:
    client = signed_in(cast.admin)
    confirm(client)
    page = f"/w/{cast.acme.pk}/settings/tokens/create/"
    assert client.get(page).status_code == 200
    session = client.session
    for record in (records := session["account_authentication_methods"]):
        record["at"] -= 601
    session["account_authentication_methods"] = records
    session.save()
    assert client.get(page).status_code == 302


def test_an_unproven_address_may_not_make_tokens(cast: Cast) -> None:
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    client = signed_in(cast.admin)
    confirm(client)
    answer = client.get(f"/w/{cast.acme.pk}/settings/tokens/create/")
    assert answer.status_code == 403
    assert "Confirm your e-mail address first" in answer.content.decode()
    assert client.get(f"/w/{cast.acme.pk}/settings/tokens/").status_code == 200


def test_another_workspaces_token_cannot_be_revoked(cast: Cast) -> None:
    cast.token(cast.outsider)
    token = ApiToken.unscoped.get()
    client = signed_in(cast.admin)
    confirm(client)
    assert client.post(f"/w/{cast.acme.pk}/settings/tokens/{token.pk}/revoke/").status_code == 404
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("page", ["", "security/", "tokens/"])
def test_settings_pages_open(cast: Cast, page: str) -> None:
    assert signed_in(cast.admin).get(f"/w/{cast.acme.pk}/settings/{page}").status_code == 200


def test_signed_in_pages_are_not_stored(cast: Cast) -> None:
    assert signed_in(cast.admin).get(f"/w/{cast.acme.pk}/team/").headers["Cache-Control"] == "no-store"

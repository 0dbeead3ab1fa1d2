"""The API's people operations: members and invitations."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from accounts import api_limits
from accounts.models import Invitation, Membership
from auditlog.models import Event
from config.lib import clock
from tests.cast import Cast, make_cast
from tests.unit.accounts.inviting import NEW, add_admin, at_browser, invite, membership_of, role_in
from tests.unit.accounts.test_api import call
from tests.unit.accounts.test_sign_up import delivered

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    api_limits.forget_counts()
    delivered()
    return make_cast()


def post(secret: str, email: str = NEW, role: str = "member", **more: Any) -> Any:
    return call(secret, "POST", "/invitations", {"email": email, "role": role}, **more)


def test_somebody_is_invited_listed_and_uninvited(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    made = post(secret, " New@Example.org ", "admin")
    assert made.status_code == 201
    shown = made.json()
    assert set(shown) == {"id", "email", "role", "invited_by", "created_at", "expires_at", "state"}
    assert (shown["email"], shown["role"], shown["state"]) == (NEW, "admin", "open")
    assert shown["invited_by"] == "admin@example.org"
    assert shown["expires_at"].endswith("Z")
    assert [mail["To"] for mail in delivered()] == [NEW]
    listed = call(secret, "GET", "/invitations").json()
    assert (listed["items"], listed["next"]) == ([shown], None)
    assert call(secret, "DELETE", f"/invitations/{shown['id']}").status_code == 204
    assert call(secret, "GET", "/invitations").json()["items"] == []
    assert call(secret, "DELETE", f"/invitations/{shown['id']}").status_code == 404
    actors = Event.unscoped.filter(kind__in=["member.invited", "member.uninvited"]).values_list("actor_kind", flat=True)
    assert list(actors) == ["token", "token"]


def test_an_expired_invitation_says_so_until_it_is_sent_again(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    first = post(secret).json()
    with clock.shifted(timedelta(days=7, seconds=1)):
        assert call(secret, "GET", "/invitations").json()["items"][0]["state"] == "expired"
        again = post(secret).json()
        assert (again["id"], again["state"]) == (first["id"], "open")


def test_a_list_of_invitations_has_pages(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    for number in range(3):
        post(secret, f"p{number}@example.org")
    page = call(secret, "GET", "/invitations?limit=2").json()
    rest = call(secret, "GET", f"/invitations?limit=2&cursor={page['next']}").json()
    assert [row["email"] for row in page["items"] + rest["items"]] == [f"p{number}@example.org" for number in (2, 1, 0)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nonsense", "role": "member"}, "email"),
        ({"email": "a@example.org\r\nBcc: b@example.org", "role": "member"}, "email"),
        ({"email": "a" * 250 + "@example.org", "role": "member"}, "email"),
        ({"email": ["a@example.org"], "role": "member"}, "email"),
        ({"role": "member"}, "email"),
        ({"email": NEW}, "role"),
        ({"email": NEW, "role": "owner"}, "role"),
    ],
)
def test_bad_input_names_its_field(cast: Cast, body: Any, field: str) -> None:
    answer = call(cast.token(cast.admin), "POST", "/invitations", body)
    assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert not Invitation.unscoped.exists()


def test_fields_of_the_row_cannot_be_set(cast: Cast) -> None:
    body = {"email": NEW, "role": "member", "workspace": str(cast.other.pk), "invited_by": str(cast.member.pk)}
    body |= {"id": str(cast.acme.pk), "expires_at": "2099-01-01T00:00:00Z", "digest": "x", "accepted_at": "2020-01-01"}
    shown = call(cast.token(cast.admin), "POST", "/invitations", body).json()
    row = Invitation.unscoped.get()
    assert (row.workspace_id, row.invited_by_id, row.accepted_at) == (cast.acme.pk, cast.admin.pk, None)
    assert shown["expires_at"] < "2099"


def test_what_stands_in_the_way_is_told(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    answer = post(secret, "MEMBER@example.org")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_member")
    for _ in range(5):
        assert post(secret).status_code == 201
    answer = post(secret)
    assert (answer.status_code, answer.json()["code"]) == (429, "invitation_mails_spent")
    assert 23 * 3600 < int(answer["Retry-After"]) <= 24 * 3600


def test_only_admins_see_and_send_invitations(cast: Cast) -> None:
    row = invite(cast).row
    member = cast.token(cast.member)
    assert call(member, "GET", "/invitations").status_code == 403
    assert post(member).status_code == 403
    assert call(member, "DELETE", f"/invitations/{row.pk}").status_code == 403
    reader = cast.token(cast.admin, "read")
    assert call(reader, "GET", "/invitations").status_code == 200
    assert post(reader).json()["code"] == "scope_missing"


def test_an_unconfirmed_admin_may_not_invite(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    assert post(secret).json()["code"] == "email_unverified"


def writes(cast: Cast) -> list[tuple[str, str, Any]]:
    row = invite(cast, "somebody@example.org").row
    member = membership_of(cast, cast.member)
    return [
        ("POST", "/invitations", {"email": NEW, "role": "member"}),
        ("DELETE", f"/invitations/{row.pk}", None),
        ("PATCH", f"/members/{member.pk}", {"role": "admin"}),
        ("DELETE", f"/members/{member.pk}", None),
    ]


def test_a_session_changes_the_team_only_when_it_is_fresh(cast: Cast) -> None:
    asked = writes(cast)
    stale, fresh = at_browser(cast.admin), at_browser(cast.admin, fresh=True)
    for method, path, body in asked:
        answer = call("", method, path, body, client=stale)
        assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_needed"), path
    assert role_in(cast.acme, cast.member) == "member"
    assert [call("", *each, client=fresh).status_code for each in asked] == [201, 204, 200, 204]
    assert stale.get("/api/invitations").status_code == 200


def test_a_token_with_write_changes_the_team(cast: Cast) -> None:
    secret = cast.token(cast.admin, "write")
    assert [call(secret, *each).status_code for each in writes(cast)] == [201, 204, 200, 204]


def test_a_role_is_changed_and_the_last_admin_stays(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    own, member = membership_of(cast, cast.admin), membership_of(cast, cast.member)
    for method, body in (("PATCH", {"role": "member"}), ("DELETE", None)):
        answer = call(secret, method, f"/members/{own.pk}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "last_admin")
    answer = call(secret, "PATCH", f"/members/{member.pk}", {"role": "admin", "user": str(cast.outsider.pk)})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert answer.json()["user"] == str(cast.member.pk)
    assert call(secret, "PATCH", f"/members/{own.pk}", {"role": "member"}).status_code == 200
    assert call(secret, "PATCH", f"/members/{member.pk}", {"role": "member"}).status_code == 403


@pytest.mark.parametrize("body", [{}, {"role": "owner"}, {"role": None}, []])
def test_there_is_no_other_role(cast: Cast, body: Any) -> None:
    member = membership_of(cast, cast.member)
    assert call(cast.token(cast.admin), "PATCH", f"/members/{member.pk}", body).status_code == 422


def test_a_removed_persons_next_call_is_refused(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    session = at_browser(cast.outsider, fresh=True)
    member = cast.token(cast.member)
    secret = cast.token(cast.admin)
    assert call(member, "GET", "/members").status_code == 200
    for row in Membership.objects.filter(workspace=cast.acme).exclude(user=cast.admin):
        assert call(secret, "DELETE", f"/members/{row.pk}").status_code == 204
    assert call(member, "GET", "/members").status_code == 401
    body = {"email": NEW, "role": "member"}
    for method, path, given in (
        ("GET", "/members", None),
        ("GET", "/invitations", None),
        ("POST", "/invitations", body),
    ):
        assert call("", method, f"{path}?workspace={cast.acme.pk}", given, client=session).status_code == 404


def test_another_workspaces_people_are_out_of_reach(cast: Cast) -> None:
    row = invite(cast).row
    secret = cast.token(cast.outsider)
    assert call(secret, "DELETE", f"/invitations/{row.pk}").status_code == 404
    assert (
        call(secret, "PATCH", f"/members/{membership_of(cast, cast.member).pk}", {"role": "admin"}).status_code == 404
    )
    assert Client().get("/api/invitations").status_code == 401

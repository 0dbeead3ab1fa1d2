"""Several workspaces: made, switched between, left; and always somebody left who can manage them."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from accounts.members import leave_workspace
from accounts.models import ApiToken, Invitation, Membership, User, Workspace
from accounts.workspaces import MADE_A_DAY, add_workspace, create_workspace, ensure_workspace
from auditlog.events import SYSTEM, Actor
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import NeedsUser
from tests.cast import PASSWORD, Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def signed_in(user: User, *, fresh: bool = True) -> Client:
    client = Client()
    client.force_login(user)
    if fresh:
        client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def actor_of(user: User) -> Actor:
    return Actor("user", id=user.pk, label=user.email)


def membership(cast: Cast, user: User) -> Membership:
    return Membership.objects.select_related("user", "workspace").get(user=user, workspace=cast.acme)


def test_a_new_workspace_is_named_as_typed_and_in_the_switcher(cast: Cast) -> None:
    client = signed_in(cast.member)
    assert 'href="/workspaces/new/"' in client.get("/", follow=True).content.decode()
    answer = client.post("/workspaces/new/", {"name": "  acme Müller & Söhne GmbH  "}, follow=True)
    page = answer.content.decode()
    workspace = Workspace.objects.get(name="acme Müller & Söhne GmbH")
    assert answer.redirect_chain == [(f"/w/{workspace.pk}/domains/", 302)]
    assert "acme Müller &amp; Söhne GmbH is ready." in page
    for each in (workspace, cast.acme):
        assert f'href="/w/{each.pk}/domains/"' in page
    assert Membership.objects.get(user=cast.member, workspace=workspace).role == "admin"
    assert Event.unscoped.get(kind="workspace.created", workspace_id=workspace.pk).actor_id == cast.member.pk


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
def test_a_workspace_needs_a_name_of_sane_length(cast: Cast, name: str) -> None:
    answer = signed_in(cast.admin).post("/workspaces/new/", {"name": name})
    assert "field__errors" in answer.content.decode()
    assert Workspace.objects.count() == 2


def test_a_person_makes_twenty_a_day(cast: Cast) -> None:
    for number in range(MADE_A_DAY):
        add_workspace(user=cast.member, name=f"w{number}", actor=actor_of(cast.member))
    page = signed_in(cast.member).post("/workspaces/new/", {"name": "one more"}).content.decode()
    assert "Enough new workspaces for today" in page
    assert not Workspace.objects.filter(name="one more").exists()
    add_workspace(user=cast.admin, name="somebody else's", actor=actor_of(cast.admin))
    with clock.shifted(timedelta(days=1, minutes=1)):
        add_workspace(user=cast.member, name="one more", actor=actor_of(cast.member))


def test_whoever_leaves_is_out_with_what_they_opened_it_to(cast: Cast) -> None:
    Membership.objects.filter(user=cast.member).update(role="admin")
    secret = cast.token(cast.member)
    invitation = Invitation.objects.create(
        workspace=cast.acme,
        email="new@example.org",
        role="member",
        digest="x",
        invited_by=cast.member,
        expires_at=clock.now() + timedelta(days=7),
    )
    client = signed_in(cast.member)
    answer = client.post(f"/w/{cast.acme.pk}/settings/leave/", follow=True)
    assert "You have left Acme." in answer.content.decode()
    assert client.get(f"/w/{cast.acme.pk}/team/").status_code == 404
    bearer = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/me", headers=bearer).status_code == 401
    invitation.refresh_from_db()
    assert invitation.revoked_at
    left = Event.unscoped.get(kind="member.left")
    assert (left.workspace_id, left.data["email"], left.actor_id) == (cast.acme.pk, cast.member.email, cast.member.pk)
    Membership.objects.create(user=cast.member, workspace=cast.acme, role="admin")
    assert Client().get("/api/me", headers=bearer).status_code == 401, "coming back brings no token back"


def test_leaving_asks_for_the_password_first(cast: Cast) -> None:
    answer = signed_in(cast.member, fresh=False).post(f"/w/{cast.acme.pk}/settings/leave/")
    assert answer.headers["Location"].startswith("/account/reauthenticate/")
    assert Membership.objects.filter(user=cast.member).exists()


def test_the_last_admin_cannot_leave(cast: Cast) -> None:
    client = signed_in(cast.admin)
    page = client.get(f"/w/{cast.acme.pk}/settings/").content.decode()
    assert "You are its only admin, so you cannot leave" in page
    assert "/settings/leave/" not in page
    answer = client.post(f"/w/{cast.acme.pk}/settings/leave/", follow=True)
    assert "Make somebody else admin first, or delete the workspace." in answer.content.decode()
    assert Membership.objects.filter(user=cast.admin, workspace=cast.acme).exists()
    Membership.objects.filter(user=cast.member).update(role="admin")
    assert "/settings/leave/" in client.get(f"/w/{cast.acme.pk}/settings/").content.decode()
    assert client.post(f"/w/{cast.acme.pk}/settings/leave/").headers["Location"] == "/"


def test_an_admin_who_is_disabled_does_not_count(cast: Cast) -> None:
    Membership.objects.filter(user=cast.member).update(role="admin")
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    with pytest.raises(NeedsUser, match="last_admin"):
        leave_workspace(membership=membership(cast, cast.admin), actor=SYSTEM)


def test_members_may_leave_and_not_delete(cast: Cast) -> None:
    page = signed_in(cast.member).get(f"/w/{cast.acme.pk}/settings/").content.decode()
    assert "/settings/leave/" in page
    assert "/settings/delete/" not in page


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_who_leave_at_once_one_stays(cast: Cast) -> None:
    Membership.objects.filter(user=cast.member).update(role="admin")
    start = threading.Barrier(2)
    refused: list[str] = []

    def leave(row: Membership) -> None:
        try:
            start.wait()
            leave_workspace(membership=row, actor=SYSTEM)
        except NeedsUser as error:
            refused.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=leave, args=[membership(cast, user)]) for user in (cast.admin, cast.member)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["last_admin"]
    assert Membership.objects.filter(workspace=cast.acme, role="admin").count() == 1


def test_a_token_of_somebody_else_stays(cast: Cast) -> None:
    cast.token(cast.admin)
    client: Any = signed_in(cast.member)
    client.post(f"/w/{cast.acme.pk}/settings/leave/")
    assert ApiToken.unscoped.get().revoked_at is None


def test_somebody_with_many_workspaces_reaches_them_all(cast: Cast) -> None:
    for number in range(24):
        create_workspace(user=cast.admin, name=f"Customer {number:02}", actor=SYSTEM)
    client = Client()
    client.force_login(cast.admin)
    menu = client.get(f"/w/{cast.acme.pk}/team/").content.decode()
    assert "All workspaces" in menu
    assert "Customer 20" not in menu
    listed = client.get("/workspaces/").content.decode()
    assert all(f"Customer {number:02}" in listed for number in range(24))
    assert "Other" not in re.findall(r'<th scope="row"><a [^>]+>([^<]+)</a>', listed)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Acme Inc ", "Acme Inc"),
        ("acme inc", "acme inc"),
        ("Müller & Söhne", "Müller & Söhne"),
        ("Acme”.\r\n\r\nYour account is locked", "Acme”.    Your account is locked"),
        ("Ac\u202eme\u200b", "Acme"),
        ("A\u2028B", "A B"),
    ],
)
def test_a_name_is_kept_as_typed_but_on_one_line_and_as_it_is_seen(typed: str, kept: str, cast: Cast) -> None:
    assert create_workspace(user=cast.admin, name=typed, actor=SYSTEM).name == kept
    secret = cast.token(cast.admin)
    headers = {"Authorization": f"Bearer {secret}"}
    answer = Client().patch("/api/workspace", {"name": typed}, content_type="application/json", headers=headers)
    assert answer.json()["name"] == kept


@pytest.mark.parametrize("typed", ["\u200b", "\u200b\u202e", "   ", "\n"])
def test_a_name_that_nobody_sees_is_refused(typed: str, cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    answer = Client().patch("/api/workspace", {"name": typed}, content_type="application/json", headers=headers)
    assert answer.status_code == 422
    client = Client()
    client.force_login(cast.admin)
    assert "can be seen" in client.post("/workspaces/new/", {"name": typed}).content.decode() or not typed.strip()
    assert Workspace.objects.filter(memberships__user=cast.admin).count() == 1


def test_a_page_asked_for_twice_makes_one_workspace(cast: Cast) -> None:
    Membership.objects.filter(user=cast.member).delete()
    first = ensure_workspace(user=cast.member, actor=SYSTEM)
    assert ensure_workspace(user=cast.member, actor=SYSTEM) == first
    assert Membership.objects.filter(user=cast.member).count() == 1

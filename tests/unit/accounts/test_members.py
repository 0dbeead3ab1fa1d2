"""Roles and removals: what ends with them, who is told, and that an admin always stays."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.http import Http404
from django.test import Client

from accounts.members import change_role, remove_member
from accounts.models import ApiToken, Membership, User
from auditlog.events import SYSTEM, Actor
from auditlog.models import Event
from config.lib.errors import NeedsUser
from tests.cast import Cast, make_cast
from tests.unit.accounts.inviting import add_admin, at_browser, invite, membership_of, role_in
from tests.unit.accounts.test_sign_up import delivered

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    delivered()
    return make_cast()


def events(cast: Cast, kind: str) -> list[dict[str, str]]:
    return [row.data for row in Event.objects.for_workspace(cast.acme).filter(kind=kind)]


def demote(membership: Membership) -> None:
    change_role(membership=membership, role="member", actor=SYSTEM)


def remove(membership: Membership) -> None:
    remove_member(membership=membership, actor=SYSTEM)


@pytest.mark.parametrize("end", [demote, remove])
def test_the_last_admin_stays(cast: Cast, end: Callable[[Membership], None]) -> None:
    with pytest.raises(NeedsUser) as refused:
        end(membership_of(cast, cast.admin))
    assert refused.value.code == "last_admin"
    assert role_in(cast.acme, cast.admin) == "admin"
    add_admin(cast, cast.outsider)
    end(membership_of(cast, cast.admin))
    assert role_in(cast.acme, cast.admin) != "admin"


def test_an_admin_who_cannot_sign_in_does_not_count(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    User.objects.filter(pk=cast.outsider.pk).update(is_active=False)
    with pytest.raises(NeedsUser):
        demote(membership_of(cast, cast.admin))
    remove(membership_of(cast, cast.outsider))


def test_a_changed_role_is_recorded_and_told(cast: Cast) -> None:
    change_role(membership=membership_of(cast, cast.member), role="admin", actor=SYSTEM)
    change_role(membership=membership_of(cast, cast.member), role="admin", actor=SYSTEM)
    told = {"email": "member@example.org", "role": "admin", "before": "member"}
    assert events(cast, "member.role_changed") == [told]
    [mail] = delivered()
    assert (mail["To"], mail["Subject"]) == ("member@example.org", "Your role in Acme is Admin now")


def test_a_removal_is_recorded_and_told(cast: Cast) -> None:
    remove(membership_of(cast, cast.member))
    assert events(cast, "member.removed") == [{"email": "member@example.org"}]
    [mail] = delivered()
    assert (mail["To"], mail["Subject"]) == ("member@example.org", "You no longer belong to Acme")


@pytest.mark.parametrize("end", [demote, remove])
def test_somebody_who_is_gone_already_is_not_found(cast: Cast, end: Callable[[Membership], None]) -> None:
    membership = membership_of(cast, cast.member)
    membership.role = "admin"  # as it was when the page was drawn
    Membership.objects.filter(pk=membership.pk).delete()
    with pytest.raises(Http404):
        end(membership)
    assert events(cast, "member.removed") == []


def test_nobody_is_told_of_what_they_did_themselves(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    own = Actor("user", id=cast.admin.pk, label=cast.admin.email)
    change_role(membership=membership_of(cast, cast.admin), role="member", actor=own)
    remove_member(membership=membership_of(cast, cast.admin), actor=own)
    assert delivered() == []


def test_a_removed_persons_next_request_is_refused(cast: Cast) -> None:
    secret = cast.token(cast.member)
    client = at_browser(cast.member, fresh=True)
    remove(membership_of(cast, cast.member))
    for path in ("team/", "domains/", "settings/"):
        assert client.get(f"/w/{cast.acme.pk}/{path}").status_code == 404
    assert client.get(f"/api/members?workspace={cast.acme.pk}").status_code == 404
    assert Client().get("/api/members", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_a_removed_persons_tokens_do_not_come_back_with_the_person(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    secret = cast.token(cast.admin)
    sent = invite(cast)
    remove(membership_of(cast, cast.admin))
    add_admin(cast, cast.admin)
    assert Client().get("/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert sent.page(Client()).status_code == 410
    assert events(cast, "token.revoked") == [{"name": "test"}]
    assert events(cast, "member.uninvited") == [{"email": sent.row.email}]


def test_other_peoples_tokens_and_other_workspaces_are_not_touched(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    theirs = cast.token(cast.outsider)  # of their own workspace
    mine = cast.token(cast.admin)
    remove(membership_of(cast, cast.outsider))
    for secret in (theirs, mine):
        assert Client().get("/api/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_a_demoted_admins_token_can_only_look_and_says_so(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    demote(membership_of(cast, cast.admin))
    assert Client().get("/api/me", headers=headers).json()["role"] == "member"
    body = {"email": "new@example.org", "role": "admin"}
    answer = Client().post("/api/invitations", body, content_type="application/json", headers=headers)
    assert answer.status_code == 403
    page = at_browser(cast.outsider).get(f"/w/{cast.acme.pk}/settings/tokens/").content.decode()
    assert "as Member only, like its maker" in page


def test_a_token_whose_maker_left_by_another_way_is_shown_as_refused(cast: Cast) -> None:
    add_admin(cast, cast.outsider)
    cast.token(cast.admin)
    Membership.objects.filter(user=cast.admin).delete()
    page = at_browser(cast.outsider).get(f"/w/{cast.acme.pk}/settings/tokens/").content.decode()
    assert "refused: its maker is gone" in page


def test_a_long_list_of_tokens_has_pages(cast: Cast) -> None:
    for _ in range(60):
        cast.token(cast.admin)
    assert ApiToken.unscoped.count() == 60
    client = at_browser(cast.admin)
    pages = [client.get(f"/w/{cast.acme.pk}/settings/tokens/?page={number}").content.decode() for number in (1, 2)]
    assert [page.count("Whatever uses this token") for page in pages] == [50, 10]

"""Several people who change the same team at the same time."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import transaction
from django.http import Http404
from django.test import Client

from accounts import invitations
from accounts.invitations import accept_invitation, invite_person, revoke_invitation
from accounts.members import change_role, lock_people, remove_member
from accounts.models import Invitation, Membership
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from config.lib.errors import ExpectedError
from tests.cast import Cast, make_cast, make_user
from tests.unit.accounts.inviting import NEW, Sent, add_admin, at_browser, invite, membership_of, newest_link, role_in
from tests.unit.accounts.test_sign_up import delivered
from tests.unit.deploy.test_settling import A_WHILE, beside

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

AT_ONCE = 6


@pytest.fixture
def cast() -> Cast:
    delivered()
    return make_cast()


def all_at_once(acts: Sequence[Callable[[], object]]) -> list[str]:
    """Begin them together; what each ended with: nothing, or the code of its refusal."""
    start = threading.Barrier(len(acts))
    ended: list[str] = []

    def run(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except ExpectedError as error:
            ended.append(error.code)
        except Http404:
            ended.append("gone")
        else:
            ended.append("")

    for thread in [beside(lambda act=act: run(act)) for act in acts]:  # type: ignore[misc]
        thread.join()
    return sorted(ended)


def admins_of(cast: Cast) -> int:
    return Membership.objects.filter(workspace=cast.acme, role="admin").count()


def count(cast: Cast, kind: str) -> int:
    return Event.objects.for_workspace(cast.acme).filter(kind=kind).count()


@pytest.mark.parametrize("verb", ["demote", "remove"])
def test_all_admins_who_go_at_once_leave_one(cast: Cast, verb: str) -> None:
    for number in range(AT_ONCE - 1):
        add_admin(cast, make_user(f"admin{number}@example.org"))
    found = list(Membership.objects.filter(workspace=cast.acme, role="admin"))

    def end(row: Membership) -> None:
        if verb == "demote":
            change_role(membership=row, role="member", actor=SYSTEM)
        else:
            remove_member(membership=row, actor=SYSTEM)

    ended = all_at_once([lambda row=row: end(row) for row in found])  # type: ignore[misc]
    assert ended == [""] * (AT_ONCE - 1) + ["last_admin"]
    assert admins_of(cast) == 1


def test_who_demotes_waits_for_whoever_does_it_already(cast: Cast) -> None:
    """Both admins look at a team of two; the second must see what the first has done."""
    add_admin(cast, cast.outsider)
    first, second = membership_of(cast, cast.admin), membership_of(cast, cast.outsider)
    codes: list[str] = []

    def demote_second() -> None:
        try:
            change_role(membership=second, role="member", actor=SYSTEM)
        except ExpectedError as error:
            codes.append(error.code)

    with transaction.atomic():
        change_role(membership=first, role="member", actor=SYSTEM)
        other = beside(demote_second)
        other.join(A_WHILE)  # It gets as far as it can while this transaction lasts.
        assert other.is_alive()
    other.join()
    assert codes == ["last_admin"]
    assert role_in(cast.acme, cast.outsider) == "admin"


def test_a_member_who_is_removed_by_many_is_removed_once(cast: Cast) -> None:
    found = [membership_of(cast, cast.member) for _ in range(AT_ONCE)]
    ended = all_at_once([lambda row=row: remove_member(membership=row, actor=SYSTEM) for row in found])  # type: ignore[misc]
    assert ended == [""] + ["gone"] * (AT_ONCE - 1)
    assert count(cast, "member.removed") == 1


def test_an_invitation_that_is_accepted_many_times_at_once_makes_one_membership(cast: Cast) -> None:
    sent = invite(cast)
    person = make_user(NEW)
    statuses: list[int] = []
    clients = [at_browser(person) for _ in range(AT_ONCE)]
    ended = all_at_once([lambda client=client: statuses.append(press(client, sent)) for client in clients])  # type: ignore[misc]
    assert ended == [""] * AT_ONCE
    assert statuses == [302] * AT_ONCE
    assert Membership.objects.filter(user=person, workspace=cast.acme).count() == 1
    joined = Event.objects.for_workspace(cast.acme).filter(kind="member.added", data__email=NEW)
    assert joined.count() == 1


def press(client: Client, sent: Sent) -> int:
    return int(sent.accept(client).status_code)


@pytest.mark.parametrize("ending", ["revoked", "inviter demoted"])
def test_an_invitation_is_either_accepted_or_ended(cast: Cast, ending: str) -> None:
    add_admin(cast, cast.outsider)
    sent = invite(cast)
    person = make_user(NEW)
    inviter = membership_of(cast, cast.admin)

    def end() -> None:
        if ending == "revoked":
            revoke_invitation(invitation=sent.row, actor=SYSTEM)
        else:
            change_role(membership=inviter, role="member", actor=SYSTEM)

    all_at_once([lambda: accept_invitation(invitation=sent.row, user=person, actor=SYSTEM), end])
    row = sent.now()
    assert bool(row.accepted_at) is (row.revoked_at is None)
    assert (role_in(cast.acme, person) == "member") is bool(row.accepted_at)


def test_who_accepts_waits_for_whoever_ends_the_invitation(cast: Cast) -> None:
    sent = invite(cast)
    person = make_user(NEW)
    ended: list[str] = []

    def accept() -> None:
        try:
            accept_invitation(invitation=sent.row, user=person, actor=SYSTEM)
        except ExpectedError as error:
            ended.append(error.code)

    with transaction.atomic():
        lock_people(cast.acme.pk)
        other = beside(accept)
        other.join(A_WHILE)
        revoke_invitation(invitation=sent.row, actor=SYSTEM)
    other.join()
    assert ended == ["invitation_over"]
    assert role_in(cast.acme, person) == ""


def test_an_address_that_is_invited_many_times_at_once_has_one_invitation(cast: Cast) -> None:
    def send() -> None:
        invite_person(workspace=cast.acme, inviter=cast.admin, actor=SYSTEM, email=NEW, role="member")

    assert all_at_once([send] * 4) == [""] * 4
    assert Invitation.unscoped.count() == 1
    assert (count(cast, "member.invited"), count(cast, "member.invited_again")) == (1, 3)


def test_invitations_sent_at_once_do_not_pass_the_limit(cast: Cast) -> None:
    spare = 2
    for number in range(invitations.OPEN_AT_MOST - spare):
        Invitation.objects.create(
            workspace=cast.acme,
            invited_by=cast.admin,
            email=f"p{number}@example.org",
            role="member",
            digest=f"{number:064}",
            expires_at=clock.now() + timedelta(days=1),
        )

    def send(number: int) -> None:
        email = f"late{number}@example.org"
        invite_person(workspace=cast.acme, inviter=cast.admin, actor=SYSTEM, email=email, role="member")

    ended = all_at_once([lambda number=number: send(number) for number in range(AT_ONCE)])  # type: ignore[misc]
    assert ended == [""] * spare + ["invitations_full"] * (AT_ONCE - spare)
    assert Client().get(newest_link()).status_code == 200

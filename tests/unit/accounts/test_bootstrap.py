"""`manage.py bootstrap_workspace`: repeatable, and never hands a stranger's account an admin."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Membership, User, Workspace
from tests.cast import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def bootstrap(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("bootstrap_workspace", *arguments, stdout=out)
    last = out.getvalue().rstrip("\n").split("\n")[-1]
    found: dict[str, Any] = json.loads(last)
    assert list(found) == ["user", "workspace", "api_token"]
    return found


def test_it_makes_a_verified_admin_and_a_token_with_all_scopes() -> None:
    made = bootstrap("Ops@Example.org", "--workspace", " Acme ", "--password", "a long secret", "--api-token")
    me = Client().get("/api/me", headers={"Authorization": f"Bearer {made['api_token']}"}).json()
    assert (me["id"], me["email"], me["role"]) == (made["user"], "ops@example.org", "admin")
    assert (me["workspace"]["id"], me["workspace"]["name"]) == (made["workspace"], "Acme")
    assert me["token"]["scopes"] == ["read", "write", "keys"]
    assert User.objects.find_verified("ops@example.org").check_password("a long secret")  # type: ignore[union-attr]


def test_it_can_be_run_again() -> None:
    first = bootstrap("ops@example.org", "--workspace", "Acme")
    assert first["api_token"] is None
    again = bootstrap("OPS@example.org", "--workspace", "Acme", "--api-token")
    assert (again["user"], again["workspace"]) == (first["user"], first["workspace"])
    assert Membership.objects.count() == 1
    assert bootstrap("ops@example.org", "--workspace", "acme")["workspace"] != first["workspace"]


def test_it_looks_only_among_the_users_own_workspaces() -> None:
    first = bootstrap("ops@example.org", "--workspace", "Acme")
    other = bootstrap("eve@example.org", "--workspace", "Acme")
    assert other["workspace"] != first["workspace"]
    Membership.objects.create(
        user_id=other["user"], workspace=Workspace.objects.get(pk=first["workspace"]), role="member"
    )
    assert bootstrap("eve@example.org", "--workspace", "Acme")["workspace"] == other["workspace"]


def test_an_unverified_account_with_the_address_is_left_alone() -> None:
    squatter = make_user("ops@example.org", verified=False)
    made = bootstrap("ops@example.org", "--workspace", "Acme", "--password", "a long secret")
    assert made["user"] != str(squatter.pk)
    assert not squatter.workspaces.exists()


@pytest.mark.parametrize("arguments", [("nonsense", "--workspace", "A"), ("a@example.org", "--workspace", "  ")])
def test_nonsense_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        bootstrap(*arguments)
    assert not User.objects.exists()

"""The API's skeleton: who gets in, in which order refusals come, and what lists look like."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import api_limits
from accounts.models import ApiToken, Membership
from accounts.problems import Problem
from accounts.tokens import make_token
from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import clock
from tests.cast import Cast, make_cast, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    api_limits.forget_counts()
    return make_cast()


def call(secret: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
    data = more.pop("raw", None) or ("" if body is None else json.dumps(body))
    client = more.pop("client", None) or Client()
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return client.generic(method, f"/api{path}", data, content_type="application/json", headers=headers, **more)


def test_me_says_who_calls(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "GET", "/me").json()
    assert answer["email"] == "admin@example.org"
    assert answer["role"] == "admin"
    assert answer["workspace"]["id"] == str(cast.acme.pk)
    assert answer["token"]["scopes"] == ["read", "write", "keys"]


@pytest.mark.parametrize("secret", ["", "mmc_", "mmc_unknown", "password", "mmc_" + "x" * 43])
def test_without_a_live_token_the_answer_is_401(cast: Cast, secret: str) -> None:
    answer = call(secret, "GET", "/me")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"
    assert set(answer.json()) == {"status", "title", "detail", "code", "fix"}


def test_expired_and_revoked_tokens_are_refused(cast: Cast) -> None:
    token, secret = make_token(
        workspace=cast.acme, maker=cast.admin, actor=SYSTEM, name="t", role="admin", scopes=["read"],
        expires_at=clock.now() + timedelta(hours=1),
    )  # fmt: skip
    assert call(secret, "GET", "/me").status_code == 200
    with clock.shifted(timedelta(hours=2)):
        assert call(secret, "GET", "/me").status_code == 401
    ApiToken.unscoped.filter(pk=token.pk).update(revoked_at=clock.now())
    assert call(secret, "GET", "/me").status_code == 401


def test_a_token_dies_with_its_makers_membership(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    Membership.objects.filter(user=cast.admin, workspace=cast.acme).delete()
    assert call(secret, "GET", "/me").status_code == 401


def test_a_token_never_outranks_its_maker(cast: Cast) -> None:
    of_member = cast.token(cast.member, role="admin")
    assert ApiToken.unscoped.get().role == "member"
    assert call(of_member, "PATCH", "/workspace", {"name": "Mine"}).status_code == 403
    of_admin = cast.token(cast.admin)
    Membership.objects.filter(user=cast.admin, workspace=cast.acme).update(role="member")
    assert call(of_admin, "PATCH", "/workspace", {"name": "Mine"}).json()["code"] == "role_too_low"


def test_a_token_of_a_disabled_person_is_refused(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    cast.admin.is_active = False
    cast.admin.save(update_fields=["is_active"])
    assert call(secret, "GET", "/me").status_code == 401


def test_scopes_limit_a_token(cast: Cast) -> None:
    answer = call(cast.token(cast.admin, "read"), "PATCH", "/workspace", {"name": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    assert "write" in answer.json()["title"]


def test_refusals_come_before_the_body_is_read(cast: Cast) -> None:
    assert call("", "PATCH", "/workspace", raw="{").status_code == 401
    assert call(cast.token(cast.member), "PATCH", "/workspace", raw="{").status_code == 403
    assert call(cast.token(cast.admin), "PATCH", "/workspace", raw="{").json()["code"] == "body_malformed"


@pytest.mark.parametrize("raw", ["[" * 200_000, '{"name":' * 200_000])
def test_a_bottomless_body_is_no_json(cast: Cast, raw: str) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (422, "body_malformed")


def test_bad_input_names_its_fields_and_repeats_no_value(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", {"monitor_interval_minutes": 0, "time_zone": "Mars"})
    assert answer.status_code == 422
    assert set(answer.json()["fields"]) == {"monitor_interval_minutes", "time_zone"}
    assert "Mars" not in answer.content.decode()


def test_workspace_changes_are_recorded_once(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    for _ in range(2):
        answer = call(secret, "PATCH", "/workspace", {"name": "  Ácme GmbH ", "monitor_interval_minutes": 30})
    assert answer.json()["name"] == "Ácme GmbH"
    event = Event.unscoped.get(kind="workspace.changed")
    assert event.actor_kind == "token"
    assert "monitor_interval_minutes from 15 to 30" in event.data["changes"]


def test_unknown_fields_change_nothing(cast: Cast) -> None:
    body = {"id": str(uuid.uuid4()), "is_personal": True, "created_at": "2020-01-01T00:00:00Z", "members": []}
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", body)
    assert answer.json()["id"] == str(cast.acme.pk)
    cast.acme.refresh_from_db()
    assert not cast.acme.is_personal


def test_members_are_listed_newest_first_by_cursor(cast: Cast) -> None:
    for number in range(5):
        user = make_user(f"m{number}@example.org")
        Membership.objects.create(user=user, workspace=cast.acme, role="member")
    secret = cast.token(cast.member)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = call(secret, "GET", f"/members?limit=3&cursor={cursor}").json()
        assert len(page["items"]) <= 3
        seen += [row["email"] for row in page["items"]]
        cursor = page["next"]
    assert seen == [f"m{number}@example.org" for number in (4, 3, 2, 1, 0)] + [
        "member@example.org",
        "admin@example.org",
    ]
    assert page["items"][0]["joined_at"].endswith("Z")


@pytest.mark.parametrize("query", ["limit=501", "limit=0", "limit=x", "cursor=%00", "cursor=abc", "cursor=W10"])
def test_bad_paging_is_422(cast: Cast, query: str) -> None:
    assert call(cast.token(cast.admin), "GET", f"/members?{query}").status_code == 422


def test_the_session_works_with_csrf_on_writes(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.admin)
    assert call("", "GET", "/workspace", client=client).json()["name"] == "Acme"
    assert call("", "PATCH", "/workspace", {"name": "x"}, client=client).json()["code"] == "csrf_failed"
    client.get("/account/password/change/")
    headers = {"HTTP_X_CSRFTOKEN": client.cookies["csrf"].value}
    assert call("", "PATCH", "/workspace", {"name": "x"}, client=client, **headers).status_code == 200


def test_the_session_names_its_workspace(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin)
    assert call("", "GET", f"/workspace?workspace={cast.other.pk}", client=client).status_code == 404
    assert call("", "GET", "/workspace?workspace=nonsense", client=client).status_code == 404
    Membership.objects.create(user=cast.admin, workspace=cast.other, role="member")
    assert call("", "GET", "/workspace", client=client).json()["code"] == "workspace_missing"
    assert call("", "GET", f"/workspace?workspace={cast.other.pk}", client=client).json()["name"] == "Other"


def test_a_wrong_token_is_not_rescued_by_the_session(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.admin)
    assert call("mmc_wrong", "GET", "/me", client=client).status_code == 401


def test_unknown_addresses_answer_in_the_apis_own_form(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "GET", "/no/such")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_1200_requests_a_minute_pass_and_a_flood_does_not(cast: Cast) -> None:
    caller = str(uuid.uuid4())
    for _ in range(1200):
        api_limits.count_request(caller)
    with pytest.raises(Problem) as refused:
        flood(caller)
    assert refused.value.status == 429
    assert 1 <= (refused.value.retry_after or 0) <= 60


def test_processes_count_together(cast: Cast) -> None:
    caller = str(uuid.uuid4())
    with pytest.raises(Problem):
        flood(caller, forget_every=500)  # each time another process, which knows only what the cache says


def flood(caller: str, forget_every: int = 0) -> None:
    for asked in range(10_000):
        if forget_every and asked % forget_every == 0:
            api_limits.forget_counts()
        api_limits.count_request(caller)


def test_the_openapi_document_is_whole(cast: Cast) -> None:
    document = Client().get("/api/openapi.json").json()
    assert document["paths"]["/api/workspace"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    assert "Problem" in document["components"]["schemas"]
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]

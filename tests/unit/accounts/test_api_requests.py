"""Requests that are not what the API asks for: each is refused in the API's own form, and none is a bug."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import api_limits
from accounts.api_limits import LIMIT
from accounts.models import ApiToken
from accounts.problems import MOST_FIELDS
from tests.cast import Cast, make_cast
from tests.unit.accounts.test_api import call

pytestmark = pytest.mark.django_db

FORM = "multipart/form-data; boundary=x"
WHOLE_FORM = b"--x\r\nContent-Disposition: form-data; name=name\r\n\r\nb\r\n--x--\r\n"


@pytest.fixture
def cast() -> Cast:
    api_limits.forget_counts()
    return make_cast()


@pytest.fixture
def session(cast: Cast) -> Client:
    return signed_in(cast)


def signed_in(cast: Cast) -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.admin)
    client.get("/account/password/change/")
    return client


def call_as_session(client: Client, method: str, path: str, **more: Any) -> Any:
    csrf = client.cookies["csrf"].value
    return client.generic(method, f"/api{path}", headers={"X-CSRFToken": csrf}, **more)


@pytest.mark.parametrize("raw", ["[]", "3", "null", '"name"', '[{"name": "x"}]'])
def test_a_body_that_is_no_object_is_refused(cast: Cast, raw: str) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (422, "body_malformed")


@pytest.mark.parametrize("raw", ['{"name": NaN}', '{"name": "\\ud800"}', '{"\\udfff": 1}', '{"x": 1e400}'])
def test_a_body_that_no_json_reader_need_take_is_refused(cast: Cast, raw: str) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (422, "body_malformed")


@pytest.mark.parametrize("value", ["30", True, 30.0])
def test_a_number_is_not_taken_as_anything_else(cast: Cast, value: object) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", {"monitor_interval_minutes": value})
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == ["monitor_interval_minutes"]


def test_a_body_that_is_wrong_in_a_thousand_places_gets_a_short_answer(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "POST", "/domains", {"hostname": "x.net", "tags": [1] * 50 + [2] * 50})
    assert answer.status_code == 422
    assert len(answer.json()["fields"]) == MOST_FIELDS


def test_an_address_with_too_many_fields_is_refused(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "GET", "/members?" + "&".join(f"a{number}=1" for number in range(1100)))
    assert (answer.status_code, answer.json()["code"]) == (422, "request_malformed")


@pytest.mark.parametrize("query", ["q=" + "a" * 60_000, "tag=" + "a" * 41, "state=nonsense", "limit=1e2"])
def test_a_filter_that_can_match_nothing_is_refused(cast: Cast, query: str) -> None:
    assert call(cast.token(cast.admin), "GET", f"/domains?{query}").status_code == 422


@pytest.mark.parametrize("day", ["", "2026-W01-1", "20260101", "2026-02-30", "9999-12-31T23:59:59-14:00"])
def test_a_day_that_is_none_is_refused(cast: Cast, day: str) -> None:
    answer = call(cast.token(cast.admin), "GET", f"/logs?start={day}")
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["start"])


def test_a_form_of_a_session_is_no_json(session: Client) -> None:
    answer = call_as_session(session, "POST", "/domains", data=WHOLE_FORM, content_type=FORM)
    assert (answer.status_code, answer.json()["code"]) == (422, "body_malformed")


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(b"a=1&" * 2000, "application/x-www-form-urlencoded"), (b"--x", "multipart/form-data; boundary=" + "x" * 300)],
)
def test_a_broken_form_of_a_session_is_refused(session: Client, data: bytes, content_type: str) -> None:
    answer = call_as_session(session, "POST", "/domains", data=data, content_type=content_type)
    assert (answer.status_code, answer.json()["code"]) == (422, "request_malformed")


def test_a_body_of_more_than_two_megabytes_is_refused(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "PATCH", "/workspace", raw=" " * (2 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_token_is_not_taken_for_another_workspaces(cast: Cast) -> None:
    secret = cast.token(cast.admin)
    assert call(secret, "GET", f"/workspace?workspace={cast.acme.pk}").json()["name"] == "Acme"
    assert call(secret, "GET", f"/workspace?workspace={cast.other.pk}").status_code == 404
    assert call(secret, "PATCH", f"/workspace?workspace={cast.other.pk}", {"name": "x"}).status_code == 404
    assert call(secret, "GET", "/workspace?workspace=nonsense").status_code == 404


def test_a_wrong_method_is_refused_with_the_right_ones(cast: Cast) -> None:
    answer = call(cast.token(cast.admin), "DELETE", "/workspace")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Allow"] == "GET, PATCH"
    assert "GET, PATCH" in answer.json()["detail"]


@pytest.fixture
def _one_minute() -> Iterator[None]:
    """The flood below and the request after it fall into the same minute, 40 seconds before its end."""
    with time_machine.travel(datetime(2026, 11, 23, 17, 0, 20, tzinfo=UTC), tick=False):
        yield


def flood(caller: object) -> None:
    """With the one before, as many requests as are answered in a minute."""
    for _ in range(LIMIT - 1):
        api_limits.count_request(str(caller))


def assert_told_to_wait(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert answer["Retry-After"] == "40"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.usefixtures("_one_minute")
def test_a_flood_by_token_is_told_to_wait_and_others_are_not(cast: Cast) -> None:
    flooding = cast.token(cast.admin)
    assert call(flooding, "GET", "/workspace").status_code == 200
    flood(ApiToken.unscoped.get().pk)
    for method, path in (("GET", "/workspace"), ("PATCH", "/workspace"), ("GET", f"/domains/{uuid.uuid4()}")):
        assert_told_to_wait(call(flooding, method, path))
    assert call(cast.token(cast.admin), "GET", "/workspace").status_code == 200


@pytest.mark.usefixtures("_one_minute")
def test_a_flood_by_session_is_told_to_wait_on_every_operation(cast: Cast) -> None:
    client = signed_in(cast)
    assert client.get("/api/workspace").status_code == 200
    flood(cast.admin.pk)
    assert_told_to_wait(client.get("/api/workspace"))
    assert_told_to_wait(call_as_session(client, "PATCH", "/workspace", data=b"{", content_type="application/json"))
    assert call(cast.token(cast.admin), "GET", "/workspace").status_code == 200

"""The operations about issuances and certificates, where no CA is needed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.problems import Problem, respond
from certificates.models import Certificate, Issuance
from config.lib import clock, jobs
from domains.models import Domain
from tests.cast import Cast
from tests.unit.certificates.conftest import HOST

pytestmark = pytest.mark.django_db


def call(cast: Cast, method: str, path: str, body: Any = None, *, user: str = "admin", role: str = "admin") -> Any:
    token = cast.token(getattr(cast, user), role=role)
    data = "" if body is None else json.dumps(body)
    headers = {"Authorization": f"Bearer {token}"}
    return Client().generic(method, f"/api{path}", data, content_type="application/json", headers=headers)


def test_an_issuance_tells_its_records(cast: Cast, issuance: Issuance) -> None:
    shown = call(cast, "GET", f"/issuances/{issuance.pk}").json()
    assert shown["state"] == "pending_challenge"
    assert shown["names"] == [HOST, f"*.{HOST}"]
    assert (shown["error"], shown["certificate"]) == (None, None)
    first, second = shown["records"]
    assert first == {
        "name": HOST,
        "host": "_acme-challenge.shop",
        "fqdn": f"_acme-challenge.{HOST}",
        "type": "TXT",
        "value": "first-value",
        "seen": True,
        "status": "pending",
        "servers": [
            {"server": "ns1.acme-tools.net", "seen": True, "error": ""},
            {"server": "ns2.acme-tools.net", "seen": True, "error": ""},
        ],
        "alias": "",
        "mistake": "",
    }
    assert (second["name"], second["seen"]) == (f"*.{HOST}", False)


def test_an_error_has_code_detail_and_fix(cast: Cast, issuance: Issuance) -> None:
    params = {"name": HOST, "record": "_acme-challenge", "detail": "No TXT records found"}
    Issuance.unscoped.update(state="failed", error_code="acme_unauthorized", error_params=params)
    error = call(cast, "GET", f"/issuances/{issuance.pk}").json()["error"]
    assert set(error) == {"code", "detail", "fix"}
    assert "No TXT records found" in error["detail"]


def test_the_window_answers_409_with_the_documented_message(
    cast: Cast, domain: Domain, store: Callable[..., Certificate]
) -> None:
    store(age_days=10)
    answer = call(cast, "POST", f"/domains/{domain.pk}/issuances", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "issuance_window")
    title = answer.json()["title"]
    assert title.startswith(
        f"A valid certificate is already on file for {HOST}; new issuance is available when 30 days"
    )
    assert not Issuance.unscoped.exists()


def test_a_wish_that_cannot_be_granted(cast: Cast, domain: Domain) -> None:
    answer = call(cast, "POST", f"/domains/{domain.pk}/issuances", {"names": ["elsewhere.net"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "names_not_proven")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("names", [], "names_missing"),
        ("names", [HOST, "no host"], "host_malformed"),
        ("challenge", "http-02", "challenge_unknown"),
        ("ca", "Another CA", "ca_unknown"),
        ("key_type", "dsa", "key_type_unknown"),
    ],
)
def test_bad_input_names_its_field(cast: Cast, domain: Domain, field: str, value: Any, code: str) -> None:
    answer = call(cast, "POST", f"/domains/{domain.pk}/issuances", {field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert list(answer.json()["fields"]) == [field]
    assert answer.json()["fields"][field]


def test_a_refusal_by_the_ca_keeps_its_own_status_apart() -> None:
    refused: dict[str, Any] = {"detail": "Not for us.", "name": HOST, "status": 400, "code": "x"}
    answer = respond(Problem(409, "acme_rejected_identifier", **refused))
    assert answer.status_code == 409
    shown = json.loads(answer.content)
    assert (shown["status"], shown["code"]) == (409, "acme_rejected_identifier")
    assert "Not for us." in shown["detail"]


def test_the_same_wish_again_answers_the_open_issuance(cast: Cast, domain: Domain, issuance: Issuance) -> None:
    answer = call(cast, "POST", f"/domains/{domain.pk}/issuances", {"names": [f"*.{HOST}", HOST]})
    assert (answer.status_code, answer.json()["id"]) == (200, str(issuance.pk))


def test_cancelling_is_repeatable_and_final(cast: Cast, issuance: Issuance) -> None:
    for _ in range(2):
        answer = call(cast, "POST", f"/issuances/{issuance.pk}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    answer = call(cast, "POST", f"/issuances/{issuance.pk}/issue")
    assert (answer.status_code, answer.json()["code"]) == (409, "issuance_closed")


@pytest.mark.parametrize("state", ["validating", "finalizing"])
def test_what_the_ca_validates_is_not_cancelled(cast: Cast, issuance: Issuance, state: str) -> None:
    Issuance.unscoped.update(state=state, step="watch_validation")
    answer = call(cast, "POST", f"/issuances/{issuance.pk}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "issuance_not_waiting")


def test_a_worker_whose_issuance_was_cancelled_writes_nothing(cast: Cast, issuance: Issuance) -> None:
    Issuance.unscoped.update(run_after=clock.now())
    claimed = jobs.claim(jobs.kinds.get("issuance"))[0]
    call(cast, "POST", f"/issuances/{issuance.pk}/cancel")
    with pytest.raises(jobs.LeaseLost):
        claimed.save_step(state="finalizing")
    assert Issuance.unscoped.get().state == "cancelled"


def test_certificates_are_listed_newest_first(cast: Cast, domain: Domain, store: Callable[..., Certificate]) -> None:
    rows = [store([name]) for name in (HOST, f"a.{HOST}", f"b.{HOST}")]
    listed = call(cast, "GET", f"/domains/{domain.pk}/certificates?limit=2").json()
    assert [item["id"] for item in listed["items"]] == [str(rows[2].pk), str(rows[1].pk)]
    rest = call(cast, "GET", f"/domains/{domain.pk}/certificates?limit=2&cursor={listed['next']}").json()
    assert [item["id"] for item in rest["items"]] == [str(rows[0].pk)]
    one = call(cast, "GET", f"/certificates/{rows[0].pk}").json()
    assert one["fingerprint_sha256"] == rows[0].fingerprint_sha256
    assert (one["source"], one["serving"], one["has_private_key"]) == ("acme", [], True)
    assert "PRIVATE" not in json.dumps(one)


def test_members_may_look_only(cast: Cast, issuance: Issuance, store: Callable[..., Certificate]) -> None:
    certificate = store()
    assert call(cast, "GET", f"/issuances/{issuance.pk}", role="member").status_code == 200
    for method, path in (
        ("POST", f"/issuances/{issuance.pk}/issue"),
        ("POST", f"/issuances/{issuance.pk}/cancel"),
        ("POST", f"/domains/{issuance.domain_id}/issuances"),
        ("DELETE", f"/certificates/{certificate.pk}"),
        ("GET", f"/certificates/{certificate.pk}/bundle.zip"),
    ):
        answer = call(cast, method, path, role="member")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_too_low")


def test_strangers_find_nothing(cast: Cast, issuance: Issuance, store: Callable[..., Certificate]) -> None:
    certificate = store()
    for method, path in (
        ("GET", f"/issuances/{issuance.pk}"),
        ("POST", f"/issuances/{issuance.pk}/issue"),
        ("GET", f"/domains/{issuance.domain_id}/certificates"),
        ("GET", f"/certificates/{certificate.pk}"),
        ("GET", f"/certificates/{certificate.pk}/bundle.zip"),
        ("DELETE", f"/certificates/{certificate.pk}"),
    ):
        assert call(cast, method, path, user="outsider").status_code == 404

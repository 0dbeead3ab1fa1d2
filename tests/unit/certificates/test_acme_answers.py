"""What a CA may send, and what becomes of it."""

from datetime import UTC, datetime, timedelta

import pytest
import requests

from certificates import acme
from certificates.acme.facts import Problem, read_authorization, read_directory, read_order, read_problem
from certificates.acme.kept import Kept
from certificates.acme.network import EXCHANGE_SECONDS, NONCE_TRIES, Network, retry_at
from certificates.acme.refusals import request_refusal
from certificates.keys import new_key
from certificates.line import LEASE_SECONDS
from config.lib import clock
from config.lib.errors import NeedsUser, Permanent, Transient, describe

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
THUMBPRINT = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ"


def challenge(token: str, **more: object) -> dict[str, object]:
    return {"type": "dns-01", "url": "https://ca.test/c/1", "status": "pending", "token": token, **more}


def authorization(*challenges: dict[str, object], **more: object) -> dict[str, object]:
    identifier = {"type": "dns", "value": "shop.example.com"}
    return {"identifier": identifier, "status": "pending", "challenges": list(challenges), **more}


def refusal(kind: str, **more: object) -> Problem:
    return read_problem({"type": f"urn:ietf:params:acme:error:{kind}", "detail": "Because.", **more}, 403)


def test_the_txt_value_is_the_digest_of_the_key_authorization() -> None:
    # Token and thumbprint of RFC 8555, section 8, digested with OpenSSL.
    body = authorization(challenge("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"))
    found = read_authorization("https://ca.test/a/1", body, THUMBPRINT, None)
    wanted = found.challenge("dns-01")
    assert wanted is not None
    assert wanted.key_authorization == f"evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.{THUMBPRINT}"
    assert wanted.txt_value == "xdGyW3wkNEjzUzdQf0VhJcAm_td9cXRd0t2VODwDsec"
    assert found.txt_name == "_acme-challenge.shop.example.com"


def test_a_wildcard_is_proven_at_its_base() -> None:
    body = authorization(challenge("x" * 43), wildcard=True)
    found = read_authorization("https://ca.test/a/1", body, THUMBPRINT, None)
    assert found.wildcard
    assert found.txt_name == "_acme-challenge.shop.example.com"


@pytest.mark.parametrize(
    "token",
    ["../../../../etc/cron.d/x", "a/b" + "x" * 40, "short", "x" * 129, "white space" * 3, "x" * 40 + "\n", "ä" * 30],
)
def test_a_token_that_could_be_a_path_is_refused(token: str) -> None:
    with pytest.raises(Permanent) as caught:
        read_authorization("https://ca.test/a/1", authorization(challenge(token)), THUMBPRINT, None)
    assert caught.value.code == "acme_bad_answer"


def test_challenges_without_a_token_are_passed_over() -> None:
    persistent: dict[str, object] = {
        "type": "dns-persist-01",
        "url": "https://ca.test/c/2",
        "issuer-domain-names": ["ca.test"],
    }
    found = read_authorization("u", authorization(persistent, challenge("x" * 43)), THUMBPRINT, None)
    assert [item.kind for item in found.challenges] == ["dns-01"]


@pytest.mark.parametrize("body", [{}, {"status": "pending"}, {"status": "pending", "identifiers": "x"}])
def test_half_an_order_is_worth_another_try(body: dict[str, object]) -> None:
    with pytest.raises(Transient) as caught:
        read_order("https://ca.test/o/1", body, None)
    assert caught.value.code == "acme_bad_answer"


def test_a_directory_without_its_doors_is_named() -> None:
    with pytest.raises(Transient) as caught:
        read_directory("https://ca.test/dir", {"newOrder": "https://ca.test/o", "meta": {}})
    assert "newAccount, newNonce" in caught.value.params["detail"]


@pytest.mark.parametrize(
    ("kind", "error", "code"),
    [
        ("serverInternal", Transient, "acme_server_error"),
        ("rateLimited", Transient, "acme_rate_limited"),
        ("accountDoesNotExist", Transient, "acme_account_gone"),
        ("orderNotReady", Transient, "acme_order_not_ready"),
        ("caa", NeedsUser, "acme_caa"),
        ("userActionRequired", NeedsUser, "acme_terms_changed"),
        ("externalAccountRequired", NeedsUser, "acme_external_account_required"),
        ("rejectedIdentifier", Permanent, "acme_rejected_identifier"),
        ("badCSR", Permanent, "acme_bad_csr"),
        ("invalidProfile", Permanent, "acme_invalid_profile"),
        ("malformed", Permanent, "acme_refused"),
        ("somethingNew", Permanent, "acme_refused"),
    ],
)
def test_each_problem_says_whether_to_wait_to_ask_or_to_stop(kind: str, error: type[Exception], code: str) -> None:
    found = request_refusal(refusal(kind), None)
    assert type(found) is error
    assert found.code == code
    assert "Because." in found.params["detail"]


def test_a_failing_server_is_waited_for_whatever_it_says() -> None:
    found = request_refusal(Problem("malformed", status=503), NOW)
    assert isinstance(found, Transient)
    assert found.retry_at == NOW


def test_a_rate_limit_without_a_time_waits_an_hour() -> None:
    with clock.frozen(NOW):
        found = request_refusal(refusal("rateLimited"), None)
    assert isinstance(found, Transient)
    assert found.retry_at == NOW + timedelta(hours=1)
    assert found.params["until"] == "2026-11-23 13:00 UTC"


def test_subproblems_name_their_names() -> None:
    parts = [
        {"type": "urn:ietf:params:acme:error:caa", "detail": "No.", "identifier": {"type": "dns", "value": "a.test"}}
    ]
    found = request_refusal(refusal("caa", subproblems=parts), None)
    assert found.params["name"] == "a.test"
    assert found.params["detail"] == "Because. a.test: No."


def test_a_refused_challenge_names_the_wildcard_and_the_record() -> None:
    error = {"type": "urn:ietf:params:acme:error:dns", "detail": "SERVFAIL"}
    body = authorization(challenge("x" * 43, status="invalid", error=error), wildcard=True, status="invalid")
    found = acme.challenge_refusal(read_authorization("u", body, THUMBPRINT, None))
    assert isinstance(found, NeedsUser)
    assert found.code == "acme_dns"
    assert found.params["name"] == "*.shop.example.com"
    assert found.params["record"] == "_acme-challenge.shop.example.com"


@pytest.mark.parametrize(
    ("kind", "code", "title"),
    [
        ("connection", "acme_http_unreachable", "Let's Encrypt could not reach port 80 of shop.example.com"),
        ("unauthorized", "acme_http_unauthorized", "The CA did not get the right token from shop.example.com"),
        ("dns", "acme_dns", "The CA's look-up for shop.example.com failed"),
    ],
)
def test_over_http_it_speaks_of_port_80(kind: str, code: str, title: str) -> None:
    error = {"type": f"urn:ietf:params:acme:error:{kind}", "detail": "Fetching: no"}
    body = authorization({**challenge("x" * 43, status="invalid", error=error), "type": "http-01"}, status="invalid")
    found = acme.challenge_refusal(read_authorization("u", body, THUMBPRINT, None))
    assert (found.code, describe(found.code, found.params).title) == (code, title)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", None),
        ("soon", None),
        ("120", NOW + timedelta(seconds=120)),
        ("-5", None),
        ("99999999", NOW + timedelta(days=7)),
        ("Mon, 23 Nov 2026 12:05:00 GMT", NOW + timedelta(minutes=5)),
        ("Mon, 23 Nov 2020 12:05:00 GMT", NOW),
    ],
)
def test_retry_after_is_aware_and_bounded(header: str, wanted: datetime | None) -> None:
    response = requests.Response()
    response.headers["Retry-After"] = header
    with clock.frozen(NOW):
        assert retry_at(response) == wanted


class NonceRefuser(requests.adapters.BaseAdapter):
    """A CA at the wire that refuses the first `refusals` nonces."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals
        self.posts = 0
        self.heads = 0

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        response = requests.Response()
        response.request = request
        response.url = request.url or ""
        response.headers["Replay-Nonce"] = f"bm9uY2U{self.posts:03d}w"
        response.status_code = 200
        response._content = b"{}"
        if request.method == "HEAD":
            self.heads += 1
            return response
        self.posts += 1
        if self.posts <= self.refusals:
            response.status_code = 400
            response._content = b'{"type": "urn:ietf:params:acme:error:badNonce", "detail": "Old."}'
        return response

    def close(self) -> None:
        pass


def network(wire: NonceRefuser) -> Network:
    session = requests.Session()
    session.mount("https://", wire)
    return Network(Kept(session), new_key().reveal(), "https://ca.test/account/1", "ca.test")


def test_refused_nonces_are_repeated_with_the_nonce_that_came_with_the_refusal() -> None:
    wire = NonceRefuser(refusals=5)
    assert network(wire).post("https://ca.test/x", None, new_nonce_url="https://ca.test/nonce").ok
    assert wire.posts == 6
    assert wire.heads == 1


def test_an_exchange_ends_before_the_lease_under_which_it_is_sent() -> None:
    assert EXCHANGE_SECONDS < LEASE_SECONDS
    wire = NonceRefuser(refusals=1000)
    talk = network(wire)
    with pytest.raises(Transient) as caught, talk.within(0.0), talk.within(30):
        talk.post("https://ca.test/x", None, new_nonce_url="https://ca.test/nonce")
    assert (caught.value.code, caught.value.params["detail"]) == ("acme_unreachable", "deadline_exceeded")
    assert wire.posts == 0


def test_refused_nonces_end_as_a_wait() -> None:
    wire = NonceRefuser(refusals=1000)
    with pytest.raises(Transient) as caught:
        network(wire).post("https://ca.test/x", None, new_nonce_url="https://ca.test/nonce")
    assert caught.value.code == "acme_server_error"
    assert wire.posts == NONCE_TRIES

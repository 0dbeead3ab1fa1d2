"""What one ID token proves: a table of tokens that are not quite right, none of which proves anything."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from accounts.google.token import Proof, verify_token
from config.lib.errors import NeedsUser, Transient
from tests.servers.google import CLIENT_ID, Signer, claims_for, encoded, segments
from tests.unit.accounts.google import ANN, ANNS_SUB

NONCE = "n" * 43


def verify(token: str, signer: Signer, nonce: str = NONCE) -> Proof:
    return verify_token(token, nonce=nonce, client_id=CLIENT_ID, keys=lambda _: signer.certs)


def code_of(token: str, signer: Signer) -> str:
    with pytest.raises(NeedsUser) as refused:
        verify(token, signer)
    return refused.value.code


@pytest.mark.parametrize("issuer", ["https://accounts.google.com", "accounts.google.com"])
def test_a_right_token_proves_sub_and_address(signer: Signer, issuer: str) -> None:
    token = signer.sign(claims_for(NONCE, iss=issuer, email="Ann@Example.org"))
    assert verify(token, signer) == Proof(sub=ANNS_SUB, email=ANN)


def test_clocks_may_differ_by_a_few_seconds(signer: Signer) -> None:
    now = int(time.time())
    assert verify(signer.sign(claims_for(NONCE, iat=now + 5, nbf=now + 5)), signer)
    assert verify(signer.sign(claims_for(NONCE, exp=now - 5)), signer)


@pytest.mark.parametrize("left_out", ["azp", "nbf"])
def test_what_google_may_leave_out_is_not_needed(signer: Signer, left_out: str) -> None:
    assert verify(signer.sign(claims_for(NONCE, **{left_out: None})), signer)


NOW = int(time.time())
WRONG_CLAIMS: dict[str, Mapping[str, Any]] = {
    "another audience": {"aud": "other.apps.googleusercontent.com"},
    "a list of audiences": {"aud": [CLIENT_ID]},
    "no audience": {"aud": None},
    "another party": {"azp": "other.apps.googleusercontent.com"},
    "another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "no issuer": {"iss": None},
    "expired": {"iat": NOW - 7200, "exp": NOW - 3600},
    "no end": {"exp": None},
    "issued in the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "not yet valid": {"nbf": NOW + 3600},
    "a begin that is no number": {"nbf": "0"},
    "an end that is no number": {"exp": "9999999999"},
    "no sub": {"sub": None},
    "an empty sub": {"sub": ""},
    "a sub of 256 characters": {"sub": "1" * 256},
    "a sub that is a number": {"sub": 110169484474386276334},
    "a sub with NUL": {"sub": "1\0"},
}


@pytest.mark.parametrize("nonce", [None, "m" * 43, [NONCE]])
def test_a_token_for_another_start_proves_nothing(signer: Signer, nonce: Any) -> None:
    assert code_of(signer.sign(claims_for(NONCE, nonce=nonce)), signer) == "google_started_elsewhere"


@pytest.mark.parametrize("changed", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_wrong_claim_proves_nothing(signer: Signer, changed: Mapping[str, Any]) -> None:
    assert code_of(signer.sign(claims_for(NONCE, **changed)), signer) == "google_token_refused"


@pytest.mark.parametrize(
    "changed",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": None},
        {"email": "ann"},
        {"email": f"{'a' * 250}@example.org"},
    ],
    ids=str,
)
def test_an_address_that_google_does_not_vouch_for_proves_nothing(signer: Signer, changed: dict[str, Any]) -> None:
    assert code_of(signer.sign(claims_for(NONCE, **changed)), signer) == "google_email_unverified"


def cut_off(token: str) -> str:
    return token.rpartition(".")[0] + "."


def with_another_payload(token: str) -> str:
    head, _, signature = token.split(".")
    payload = segments({}, claims_for(NONCE, sub="2")).split(".")[1]
    return f"{head}.{payload}.{signature}"


def unsigned(token: str) -> str:
    return segments({"alg": "none", "kid": "first"}, claims_for(NONCE)) + "."


def nested(token: str) -> str:
    deep = encoded(b"[" * 5_000)
    return f"{deep}.{deep}.{deep}"


BROKEN: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "two parts": lambda token: token.rpartition(".")[0],
    "no JSON": lambda _: "a.b.c",
    "no signature": cut_off,
    "another payload": with_another_payload,
    "alg none": unsigned,
    "deeply nested": nested,
    "far too long": lambda token: token + "a" * 9_000,
    "not ASCII": lambda token: token[:-1] + "ö",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_token_proves_nothing(signer: Signer, broken: Callable[[str], str]) -> None:
    assert code_of(broken(signer.sign(claims_for(NONCE))), signer) == "google_token_refused"


WRONG_HEADERS: list[dict[str, Any]] = [
    *({"kid": kid} for kid in ("second", None, "", ["first"])),
    *({"alg": algorithm} for algorithm in ("RS512", "ES256", "none", None)),
]


@pytest.mark.parametrize("header", WRONG_HEADERS, ids=str)
def test_a_wrong_header_proves_nothing(signer: Signer, header: dict[str, Any]) -> None:
    assert code_of(signer.sign(claims_for(NONCE), **header), signer) == "google_token_refused"


def test_a_strangers_key_under_googles_key_id_proves_nothing(signer: Signer) -> None:
    assert code_of(Signer("first").sign(claims_for(NONCE)), signer) == "google_token_refused"


def test_the_public_certificate_is_no_shared_secret(signer: Signer) -> None:
    assert code_of(signer.sign_as_secret(claims_for(NONCE)), signer) == "google_token_refused"


def test_keys_that_cannot_be_had_are_not_the_tokens_fault(signer: Signer) -> None:
    def out_of_reach(kid: str) -> Mapping[str, str]:
        raise Transient("google_unreachable")

    with pytest.raises(Transient):
        verify_token(signer.sign(claims_for(NONCE)), nonce=NONCE, client_id=CLIENT_ID, keys=out_of_reach)

"""Google is asked for its keys rarely, and what it answers is read with care."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from accounts.google.keys import find_keys
from config.lib.errors import Transient
from tests.servers.google import Signer
from tests.unit.accounts.google import Google

pytestmark = pytest.mark.django_db


def later(**ago: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**ago), tick=False)


def test_keys_are_fetched_once(google: Google) -> None:
    assert [find_keys("first") for _ in range(3)] == [google.signer.certs] * 3
    assert len(google.server.calls) == 1
    assert google.server.calls[0].startswith(b"GET /oauth2/v1/certs ")


@pytest.mark.parametrize(
    ("stated", "kept", "gone"),
    [
        ("public, max-age=19800", 19_700, 19_900),
        ("max-age=0", 290, 310),
        ("no-store", 290, 310),
        ("max-age=99999999", 86_300, 86_500),
    ],
)
def test_keys_are_kept_for_as_long_as_google_says_within_bounds(
    google: Google, stated: str, kept: int, gone: int
) -> None:
    google.server.serve(google.signer.certs, cache_control=stated)
    find_keys("first")
    with later(seconds=kept):
        find_keys("first")
    assert len(google.server.calls) == 1
    with later(seconds=gone):
        find_keys("first")
    assert len(google.server.calls) == 2


def test_a_new_key_is_found_when_it_is_first_used(google: Google) -> None:
    find_keys("first")
    second = Signer("second")
    google.server.serve(second.certs)
    assert find_keys("second") == second.certs


def test_made_up_key_ids_do_not_make_us_ask_google_at_will(google: Google) -> None:
    find_keys("first")
    for number in range(5):
        find_keys(f"made-up-{number}")
    assert len(google.server.calls) == 2
    with later(seconds=62):
        find_keys("made-up-again")
    assert len(google.server.calls) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 200),
        ([], 200),
        (None, 200),
        ({"keys": [{"kty": "RSA", "kid": "first"}]}, 200),
        ({"first": "no certificate"}, 200),
        ({"error": "unavailable"}, 503),
        ({"error": "elsewhere"}, 302),
        ({"first": "x" * 70_000}, 200),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_answer_that_makes_no_sense_is_not_kept(google: Google, body: Any, status: int) -> None:
    google.server.serve(body, status=status)
    with pytest.raises(Transient) as refused:
        find_keys("first")
    assert refused.value.code == "google_unreachable"
    google.server.serve(google.signer.certs)
    with later(seconds=12):
        assert find_keys("first") == google.signer.certs


def test_while_google_is_away_it_is_not_asked_by_everybody(google: Google) -> None:
    google.server.serve({}, status=503)
    for _ in range(3):
        with pytest.raises(Transient):
            find_keys("first")
    assert len(google.server.calls) == 1


def test_keys_come_only_through_the_one_door(google: Google, settings: Any) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    with pytest.raises(Transient):
        find_keys("first")
    assert google.server.calls == []
    assert cache.get("google:keys") is None

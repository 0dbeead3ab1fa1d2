"""How long an answer takes tells nobody who has an account: measured with the hashing that ships."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from config import settings as shipped
from tests.cast import PASSWORD, make_user
from tests.proof.scorecard import score

pytestmark = [pytest.mark.proof, pytest.mark.django_db, pytest.mark.timeout(600)]

ROUNDS = 200
# The chance to tell which of two answers is the known address's, by time alone; 0.5 is a coin.
HIGHEST = 0.6
# A known address is asked for a few times only: the limits of one account must not answer instead.
PER_ADDRESS = 4

type Ask = Callable[[Client, str], Any]


def try_to_sign_in(client: Client, email: str) -> Any:
    return client.post("/account/login/", {"login": email, "password": "wrong " + PASSWORD})


def ask_for_reset(client: Client, email: str) -> Any:
    return client.post("/account/password/reset/", {"email": email})


def sign_up(client: Client, email: str) -> Any:
    return client.post("/account/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD})


def seconds_of(ask: Ask, email: str, address: str) -> float:
    client = Client(REMOTE_ADDR=address)
    begun = time.perf_counter()
    answer = ask(client, email)
    assert answer.status_code in (200, 302)
    return time.perf_counter() - begun


def advantage(known: list[float], unknown: list[float]) -> float:
    """Area under the curve: how often a known address's answer is the slower one, mirrored above 0.5."""
    slower = sum((one > other) + (one == other) / 2 for one, other in itertools.product(known, unknown))
    share = slower / (len(known) * len(unknown))
    return max(share, 1 - share)


@pytest.mark.parametrize("ask", [try_to_sign_in, ask_for_reset, sign_up], ids=lambda ask: ask.__name__)
def test_time_tells_nobody_who_has_an_account(ask: Ask, settings: Any) -> None:
    settings.PASSWORD_HASHERS = shipped.PASSWORD_HASHERS
    cache.clear()
    for number in range(ROUNDS // PER_ADDRESS):
        make_user(f"known{number}@example.org")
    known: list[float] = []
    unknown: list[float] = []
    for number in range(ROUNDS):
        # In turn, so that whatever else the machine does falls on both alike.
        known.append(
            seconds_of(ask, f"known{number // PER_ADDRESS}@example.org", f"198.51.{number // 250}.{number % 250}")
        )
        unknown.append(seconds_of(ask, f"nobody{number}@example.org", f"203.0.{number // 250}.{number % 250}"))
    value = advantage(known, unknown)
    score(
        f"enumeration-{ask.__name__}",
        name=f"Telling a known address from an unknown one by time ({ask.__name__}), area under the curve",
        value=round(value, 3),
        target=f"below {HIGHEST}",
        passed=value < HIGHEST,
        how="tests/proof/test_enumeration.py",
    )
    assert value < HIGHEST

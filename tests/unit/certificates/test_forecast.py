"""The forecast: how often, by hand or not, and what breaks, at each of the four dates."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from django.test import Client

from certificates.forecast.forecasting import (
    BREAKS,
    MILESTONES,
    Forecast,
    Holding,
    Kind,
    Rule,
    first_renewal_after,
    forecast,
    lifetime_after,
    renewals_per_year,
)
from certificates.forecast.holdings import holdings_of
from certificates.models import Certificate
from config.lib import clock
from notifications.models import Channel
from notifications.models import Rule as AlertRule
from tests.cast import Cast
from tests.unit.certificates.conftest import HOST

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def holding(kind: Kind, days: float, *, manual: bool = False, upload: bool = False) -> Holding:
    start = NOW - timedelta(days=5)
    return Holding("x", kind, start, start + timedelta(days=days) - timedelta(seconds=1), manual, upload)


def at(key: str, *holdings: Holding, rules: tuple[Rule, ...] = ()) -> Forecast:
    return next(one for one in forecast(holdings, rules, NOW) if one.milestone.key == key)


def test_the_four_dates() -> None:
    told = [(f"{one.at:%Y-%m-%d}", one.days) for one in MILESTONES]
    assert told == [("2027-02-10", 64), ("2027-03-15", 100), ("2028-02-16", 45), ("2029-03-15", 47)]


@pytest.mark.parametrize(
    ("days", "per_year"), [(90, 7), (64, 9), (45, 13), (47, 12), (100, 6), (200, 3), (365, 2), (160 / 24, 110)]
)
def test_how_often_each_lifetime_renews(days: float, per_year: int) -> None:
    assert renewals_per_year(timedelta(days=days)) == per_year


@pytest.mark.parametrize(
    ("kind", "days", "after"),
    [
        ("letsencrypt", 90, (64, 64, 45, 45)),
        ("letsencrypt", 45, (45, 45, 45, 45)),
        ("letsencrypt", 6, (6, 6, 6, 6)),
        ("public", 199, (199, 100, 100, 47)),
        ("public", 90, (90, 90, 90, 47)),
        ("private", 825, (825, 825, 825, 825)),
    ],
)
def test_what_lives_how_long_after_each_date(kind: Kind, days: int, after: tuple[int, ...]) -> None:
    found = [lifetime_after(holding(kind, days), milestone) for milestone in MILESTONES]
    assert found == [timedelta(days=number) for number in after]


def test_what_is_done_by_hand_is_counted() -> None:
    mine = (holding("letsencrypt", 90, manual=True), holding("letsencrypt", 90), holding("public", 199, upload=True,
                                                                                         manual=True))  # fmt: skip
    found = at("ca47", *mine)
    assert (found.by_hand, found.by_hand_per_year, found.per_year) == (2, 13 + 12, 13 + 13 + 12)


def test_what_will_break() -> None:
    by_hand = holding("letsencrypt", 90, manual=True)
    upload = holding("public", 199, manual=True, upload=True)
    assert at("le64", by_hand).futures[0].breaks == ("by_hand_often",)
    assert at("le45", by_hand).futures[0].breaks == ("by_hand_often", "dns_by_hand")
    assert at("le64", upload).futures[0].breaks == ()
    assert at("ca100", upload).futures[0].breaks == ("term_too_long", "upload_often")
    assert at("le45", holding("letsencrypt", 90)).futures[0].breaks == ()
    assert at("ca47", holding("private", 825, manual=True, upload=True)).futures[0].breaks == ()
    told = {code for one in forecast((by_hand, upload), (), NOW) for future in one.futures for code in future.breaks}
    assert told == set(BREAKS)


def test_rules_that_would_speak_at_every_renewal_are_named() -> None:
    rules = (Rule("thirty", 30), Rule("fourteen", 14))
    mine = holding("letsencrypt", 90)
    assert at("le64", mine, rules=rules).rules == ("thirty",)
    assert at("le45", mine, rules=rules).rules == ("thirty",)
    assert at("le45", holding("letsencrypt", 90, manual=True), rules=rules).rules == ()
    assert at("le45", holding("letsencrypt", 6), rules=rules).rules == ("thirty", "fourteen")


def test_the_first_renewal_under_a_new_rule() -> None:
    mine = holding("letsencrypt", 90)
    at_first = mine.not_before + timedelta(days=60)
    assert first_renewal_after(mine, NOW) == at_first
    assert first_renewal_after(mine, at_first + timedelta(seconds=1)) == at_first + timedelta(days=60)
    for milestone in MILESTONES:
        assert milestone.at <= first_renewal_after(mine, milestone.at) < milestone.at + timedelta(days=60)


def test_nothing_on_file_and_nothing_to_fear() -> None:
    assert [(one.per_year, one.by_hand, one.rules) for one in forecast((), (Rule("x", 30),), NOW)] == [(0, 0, ())] * 4


@pytest.mark.django_db
def test_a_ca_is_public_where_its_chain_leads_to_a_public_root(cast: Cast, store: Callable[..., Certificate]) -> None:
    """Whatever its directory is called."""
    store()
    assert [one.kind for one in holdings_of(cast.acme)[0]] == ["private"]
    public_root = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
    pem = "-----BEGIN CERTIFICATE-----" + public_root[0].partition("-----BEGIN CERTIFICATE-----")[2] + public_root[1]
    public = store([f"www.{HOST}"])
    Certificate.unscoped.filter(pk=public.pk).update(directory_url="https://acme.new-ca.net/dir", leaf_pem=pem)
    assert {one.key: one.kind for one in holdings_of(cast.acme)[0]}[str(public.pk)] == "public"


@pytest.mark.django_db
def test_the_page(cast: Cast, store: Callable[..., Certificate]) -> None:
    browser = Client()
    browser.force_login(cast.member)
    path = f"/w/{cast.acme.pk}/certificates/forecast/"
    assert "Nothing to look ahead for yet" in browser.get(path).content.decode()
    old, mine, automatic = store(), store(), store([f"www.{HOST}"])
    directory = "https://acme-v02.api.letsencrypt.org/directory"
    Certificate.unscoped.update(directory_url=directory)
    Certificate.unscoped.filter(pk=automatic.pk).update(renew_at=clock.now() + timedelta(days=50))
    AlertRule.objects.create(
        workspace=cast.acme, name="A month before", channel=Channel.EMAIL, trigger="expiry", days_before_expiry=30
    )
    text = browser.get(f"{path}?at=le45").content.decode()
    for words in ("2027-02-10", "2027-03-15", "2028-02-16", "2029-03-15", "45 days", "now 90", "By hand", "By itself",
                  "renew it by hand 13 times a year", "remembers a proof for 7 hours", "A month before"):  # fmt: skip
        assert words in text
    assert str(mine.pk) in text
    assert str(old.pk) not in text, "its successor is on file"

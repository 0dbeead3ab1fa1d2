"""The Site uptime tab and its API, without a script and without a worker."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import api_limits
from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.models import Domain
from domains.tls import FrontPage
from tests.cast import Cast, make_cast
from tests.unit.domains.seen import ANSWERED, probe

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, 10, 5, tzinfo=UTC)


@pytest.fixture
def cast() -> Cast:
    api_limits.forget_counts()
    return make_cast()


def add(cast: Cast, *, port: int = 443, verified: bool = True) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org", port=port)
    if verified:
        Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def probe_every_quarter(domain: Domain, *pages: FrontPage | None) -> None:
    """The last of them at NOON."""
    for place, page in enumerate(reversed(pages)):
        with clock.frozen(NOON - timedelta(minutes=15 * place)):
            probe(domain, page)


def tab(cast: Cast, domain: Domain, query: str = "") -> str:
    client = Client()
    client.force_login(cast.member)
    with clock.frozen(NOON + timedelta(minutes=1)):
        answer = client.get(reverse("domains:domain-uptime", args=[cast.acme.pk, domain.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def ask(cast: Cast, domain: Domain, query: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {cast.token(cast.member, 'read', role='member')}"}
    with clock.frozen(NOON + timedelta(minutes=1)):
        answer = Client().get(f"/api/domains/{domain.pk}/uptime{query}", headers=headers)
    return answer.status_code, json.loads(answer.content)


def test_before_ownership_the_tab_says_what_unlocks_it(cast: Cast) -> None:
    html = tab(cast, add(cast, verified=False))
    assert "Uptime starts with the ownership record" in html
    assert "#ownership" in html
    assert "Site uptime" in html


def test_a_port_without_a_website_says_so(cast: Cast) -> None:
    html = tab(cast, add(cast, port=465))
    assert "No website on this port" in html
    assert "Port 465 speaks another protocol" in html


def test_before_the_first_probe_the_tab_says_when_it_comes(cast: Cast) -> None:
    assert "The first look is still to come" in tab(cast, add(cast))


def test_the_tab_shows_shares_times_and_bars(cast: Cast) -> None:
    domain = add(cast)
    probe_every_quarter(domain, ANSWERED, FrontPage("http", 200, 90), None, FrontPage("https", 503, 5), ANSWERED)
    html = tab(cast, domain)
    assert "60\N{NO-BREAK SPACE}%" in html
    assert "Wed 25 Nov 2026, 12:10:05 UTC · Up · HTTP 200 · 34 ms · HTTPS" in html
    assert "Down · no answer over HTTPS or HTTP" in html
    assert "25 November, 11:40" in html
    assert "30 minutes" in html
    assert "no answer, 2 looks" in html


@pytest.mark.parametrize(("query", "words"), [("", "24 hours"), ("?period=7d", "7 days"), ("?period=30d", "30 days")])
def test_periods_are_plain_links(cast: Cast, query: str, words: str) -> None:
    domain = add(cast)
    probe_every_quarter(domain, ANSWERED)
    html = tab(cast, domain, query)
    assert f"1 look in the last {words}" in html
    assert all(f'href="?period={key}"' in html for key in ("24h", "7d", "30d"))
    period = re.search(r'<a href="\?period=(\w+)" aria-current="true">', html)
    assert period is not None
    assert period[1] == (query.removeprefix("?period=") or "24h")


def test_a_nonsense_period_shows_the_usual_one(cast: Cast) -> None:
    domain = add(cast)
    probe_every_quarter(domain, ANSWERED)
    assert "in the last 24 hours" in tab(cast, domain, "?period=%00nonsense")


def test_a_period_in_which_nobody_looked_is_no_outage(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOON - timedelta(days=3)):
        probe(domain)
    html = tab(cast, domain)
    assert "Nobody looked in the last 24 hours" in html
    assert "100\N{NO-BREAK SPACE}%" in html  # of the longer periods


def test_times_are_those_of_the_workspace(cast: Cast) -> None:
    cast.acme.time_zone = "Asia/Kathmandu"
    cast.acme.save(update_fields=["time_zone"])
    domain = add(cast)
    probe_every_quarter(domain, ANSWERED)
    assert "Wed 25 Nov 2026, 17:55:05 +0545" in tab(cast, domain)


def test_more_probes_cost_no_more_queries(cast: Cast) -> None:
    domain = add(cast)
    probe_every_quarter(domain, ANSWERED)
    with CaptureQueriesContext(connection) as few:
        tab(cast, domain, "?period=30d")
    for days in range(1, 15):
        with clock.frozen(NOON - timedelta(days=days)):
            probe(domain, None)
    with CaptureQueriesContext(connection) as many:
        tab(cast, domain, "?period=30d")
    assert len(many) == len(few)


def test_the_api_gives_every_probe_newest_first(cast: Cast) -> None:
    domain = add(cast)
    probe_every_quarter(domain, FrontPage("http", 301, 90), None, FrontPage("https", 503, 5), ANSWERED)
    status, shown = ask(cast, domain)
    assert status == 200
    assert (shown["percent"], shown["median_milliseconds"], shown["p95_milliseconds"]) == (50.0, 34, 90)
    assert shown["probes"][0] == {
        "at": "2026-11-25T12:10:05Z",
        "status": 200,
        "milliseconds": 34,
        "scheme": "https",
        "up": True,
    }
    assert [(one["status"], one["scheme"], one["up"]) for one in shown["probes"][1:]] == [
        (503, "https", False),
        (None, None, False),
        (301, "http", True),
    ]
    assert shown["probes"][2]["milliseconds"] is None
    (outage,) = shown["outages"]
    assert (outage["started_at"], outage["ended_at"]) == ("2026-11-25T11:40:05Z", "2026-11-25T12:10:05Z")


def test_the_api_takes_the_periods_of_the_page(cast: Cast) -> None:
    domain = add(cast)
    for days in (20, 5, 0):
        with clock.frozen(NOON - timedelta(days=days)):
            probe(domain)
    assert [len(ask(cast, domain, f"?period={key}")[1]["probes"]) for key in ("24h", "7d", "30d")] == [1, 2, 3]
    status, problem = ask(cast, domain, "?period=1y")
    assert (status, list(problem["fields"])) == (422, ["period"])


def test_the_api_knows_nothing_before_the_first_probe(cast: Cast) -> None:
    status, shown = ask(cast, add(cast, verified=False))
    assert status == 200
    assert shown == {
        "percent": None,
        "median_milliseconds": None,
        "p95_milliseconds": None,
        "outages": [],
        "probes": [],
    }

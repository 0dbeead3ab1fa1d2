"""/metrics: whom it answers, that Prometheus can read it, and that it stays cheap."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from auditlog.events import SYSTEM
from config.due import OVERDUE
from config.lib import clock, jobs
from config.lib.metrics import Family, written
from config.metrics import FRESH_SECONDS, count_all
from config.models import Heartbeat, Pause
from domains.add import add_domain
from domains.findings import open_finding
from domains.models import Domain, State, Visit
from tests.cast import Cast, make_cast
from tests.unit.config.exposition import Metric, read_exposition
from tests.unit.domains.forge import leaf
from tests.unit.domains.seen import see

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

TOKEN = "s3cret-of-prometheus"


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def scrape(client: Client | None = None) -> dict[str, Metric]:
    answer = (client or Client()).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return read_exposition(answer.content.decode())


def count_now() -> dict[str, Metric]:
    return read_exposition(written(count_all()))


def statuses(*clients: Client) -> list[int]:
    return [client.get("/metrics").status_code for client in clients]


def test_without_a_token_only_this_machine_may_read(cast: Cast) -> None:
    assert statuses(Client(), Client(REMOTE_ADDR="::1")) == [200, 200]
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    proxied = Client(headers={"X-Forwarded-For": "192.0.2.7"})
    assert statuses(elsewhere, proxied, Client(REMOTE_ADDR="")) == [401, 401, 401]


def test_with_a_token_it_takes_the_token_from_anywhere(cast: Cast, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    right = Client(REMOTE_ADDR="192.0.2.7", headers={"Authorization": f"Bearer {TOKEN}"})
    wrong = Client(headers={"Authorization": "Bearer other"})
    basic = Client(headers={"Authorization": f"Basic {TOKEN}"})
    odd = Client(headers={"Authorization": "Bearer \xe4"})
    assert statuses(right, Client(), wrong, basic, odd) == [200, 401, 401, 401, 401]
    assert Client().get("/metrics").headers["WWW-Authenticate"] == "Bearer"


def test_a_signed_in_person_is_nobody_there(cast: Cast, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    client = Client()
    client.force_login(cast.admin)
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["Cache-Control"], bool(answer.cookies)) == (401, "no-store", False)


def test_everything_that_is_counted_can_be_read(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    see(domain, [leaf(["www.forge.org"], None)])
    see(domain, [])
    open_finding(domain=domain, source="test", code="site_down", params={}, severity="critical", needs_user=True)
    found = scrape()
    assert found["mmc_visits_total"].value(outcome="seen") == 1
    assert found["mmc_visits_total"].value(outcome="connect_refused") == 1
    assert abs(found["mmc_visit_last_timestamp_seconds"].value() - clock.now().timestamp()) < 60
    assert found["mmc_findings_open"].value(code="site_down", severity="critical") == 1
    assert {dict(labels)["state"] for labels in found["mmc_domains"].samples} == set(State.values)
    assert sum(found["mmc_domains"].samples.values()) == 1
    assert {dict(labels)["kind"] for labels in found["mmc_jobs_due"].samples} == set(jobs.kinds.keys())
    assert found["mmc_metrics_age_seconds"].value() < 60


def test_a_pause_and_the_heartbeats_are_told(cast: Cast) -> None:
    assert count_now()["mmc_paused"].value() == 0
    Pause.objects.create(reason="restored")
    at = clock.now()
    Heartbeat.objects.create(queue="work", at=at)
    found = count_now()
    assert found["mmc_paused"].value() == 1
    assert found["mmc_heartbeat_timestamp_seconds"].value(queue="work") == round(at.timestamp(), 3)


def test_no_host_and_no_workspace_is_named(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
    text = Client().get("/metrics").content.decode()
    assert not [word for word in ("forge", "Acme", "example", str(cast.acme.pk)) if word in text]


def test_due_and_overdue_jobs_and_the_oldest_of_them(cast: Cast) -> None:
    late = [timedelta(hours=-1), timedelta(), OVERDUE - timedelta(seconds=1), OVERDUE * 2]
    now = clock.now()
    for number, lateness in enumerate(late):
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"www{number}.forge.org")
        Visit.unscoped.filter(domain=domain).update(run_after=now - lateness, priority=number % 2 * jobs.BACKGROUND)
    with clock.frozen(now):
        found = count_now()
    assert found["mmc_jobs_due"].value(kind="visit") == 3
    assert found["mmc_jobs_overdue"].value(kind="visit") == 1
    assert found["mmc_jobs_oldest_due_seconds"].value(kind="visit") == 2 * OVERDUE.total_seconds()
    assert found["mmc_jobs_oldest_due_seconds"].value(kind="issuance") == 0


def test_it_is_counted_once_in_a_while_whoever_scrapes(cast: Cast) -> None:
    began = clock.now()
    with clock.frozen(began):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
        assert scrape()["mmc_domains"].value(state="unverified") == 1
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="api.forge.org")
    with clock.frozen(began + timedelta(seconds=FRESH_SECONDS - 1)), CaptureQueriesContext(connection) as seen:
        found = scrape()
    assert found["mmc_domains"].value(state="unverified") == 1
    assert found["mmc_metrics_age_seconds"].value() == FRESH_SECONDS - 1
    assert not [query for query in seen.captured_queries if "domains_" in query["sql"]]
    with clock.frozen(began + timedelta(seconds=FRESH_SECONDS + 1)):
        assert scrape()["mmc_domains"].value(state="unverified") == 2


def test_while_one_counts_the_others_show_the_figures_before(cast: Cast) -> None:
    began = clock.now()
    with clock.frozen(began):
        scrape()
    cache.add("metrics:counting", 1, timeout=60)
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="www.forge.org")
    with clock.frozen(began + timedelta(seconds=2 * FRESH_SECONDS)):
        found = scrape()
    assert found["mmc_domains"].value(state="unverified") == 0
    assert found["mmc_metrics_age_seconds"].value() == 2 * FRESH_SECONDS


def test_the_queries_do_not_grow(cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            count_now()
        return len(seen)

    few = queries()
    for number in range(20):
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"www{number}.forge.org")
        open_finding(domain=domain, source="test", code="site_down", params={}, severity="critical", needs_user=True)
    assert queries() == few <= 6 + len(jobs.kinds.keys())


# The format


def test_what_is_special_in_the_format_comes_back() -> None:
    odd = 'back\\slash, "quotes"\nand a line'
    family = Family("mmc_odd", "gauge", "HELP with \\ and\na line.", [({"code": odd}, 1.5), ({"code": "x"}, 10**12)])
    found = read_exposition(written([family]))["mmc_odd"]
    assert found.value(code=odd) == 1.5
    assert found.value(code="x") == 10**12
    assert written([Family("mmc_none", "gauge", "No sample.", [])]).count("\n") == 2


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan"), 0.1234, -3.0])
def test_numbers_are_written_as_prometheus_reads_them(value: float) -> None:
    line = written([Family("mmc_number", "gauge", "A number.", [({}, value)])]).splitlines()[-1]
    assert line in {f"mmc_number {word}" for word in ("+Inf", "-Inf", "NaN", "0.123", "-3")}


@pytest.mark.parametrize(("name", "kind"), [("domains", "gauge"), ("mmc_Done", "gauge"), ("mmc_done", "counter")])
def test_a_name_against_the_conventions_is_a_bug(name: str, kind: str) -> None:
    make: Callable[..., Family] = Family
    with pytest.raises(ValueError, match="no name"):
        make(name, kind, "x", [])


@pytest.mark.parametrize(
    "text",
    [
        "mmc_x 1\n",
        "# HELP mmc_x x\n# TYPE mmc_x gauge\nmmc_x 1",
        "# HELP mmc_x x\n# TYPE mmc_x gauge\nmmc_x 1\nmmc_x 2\n",
        '# HELP mmc_x x\n# TYPE mmc_x gauge\nmmc_x{a="b\\x"} 1\n',
        "# HELP mmc_x x\n# TYPE mmc_x counter\nmmc_x 1\n",
        "# HELP mmc_x_hours x\n# TYPE mmc_x_hours gauge\nmmc_x_hours 1\n",
    ],
)
def test_the_reader_is_strict(text: str) -> None:
    with pytest.raises(AssertionError):
        read_exposition(text)

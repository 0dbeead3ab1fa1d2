"""What whoever runs the portal sees of renewals that are late: /metrics, the doctor, and the staff page."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.charging import UNPAID
from certificates.metrics import count_renewals
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.lateness import (
    THEIRS,
    THEIRS_BY_HEAD,
    due_renewals,
    gate_of,
    held_by_portal,
    next_try,
)
from config.doctor.findings import Level
from config.doctor.work import check_renewals
from config.lib import clock
from config.lib.errors import catalogue
from domains.models import Domain
from tests.cast import Cast, make_staff
from tests.unit.certificates.conftest import DIRECTORY, HOST, make_domain

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NOW = datetime.fromisoformat("2026-11-28T12:00:00+00:00")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _still() -> Any:
    with clock.frozen(NOW):
        yield


def due(domain: Domain, hours: float, **facts: Any) -> Renewal:
    """Its moment came so many hours ago, and somebody will look at it in an hour."""
    given: dict[str, Any] = {"renew_at": NOW - timedelta(hours=hours), "run_after": NOW + HOUR}
    told = {"names": [domain.host], "names_key": domain.host, "directory_url": DIRECTORY, **given, **facts}
    return Renewal.unscoped.create(workspace=domain.workspace, domain=domain, **told)


def under_way(renewal: Renewal, **facts: Any) -> Renewal:
    told = {"names": renewal.names, "names_key": renewal.names_key, "directory_url": DIRECTORY, **facts}
    renewal.issuance = Issuance.unscoped.create(workspace=renewal.workspace, domain=renewal.domain, **told)
    renewal.save(update_fields=["issuance"])
    return renewal


def figures() -> dict[str, tuple[float, float]]:
    """Of the portal, and of the workspaces."""
    return {
        family.name: (family.samples[0][1], family.samples[1][1])
        for family in count_renewals()
        if [labels["held_by"] for labels, _ in family.samples] == ["portal", "workspace"]
    }


def test_what_is_due_is_counted_and_what_is_not_is_not(cast: Cast, domain: Domain) -> None:
    assert figures() == {"mmc_renewals_due": (0, 0), "mmc_renewals_oldest_due_seconds": (0, 0)}
    due(domain, -1)
    due(make_domain(cast, "a.acme-tools.net"), 2)
    due(make_domain(cast, "b.acme-tools.net"), 30)
    due(make_domain(cast, "c.acme-tools.net"), 0, renew_at=None)
    due(make_domain(cast, "d.acme-tools.net"), 99, error_code=UNPAID)
    due(make_domain(cast, "e.acme-tools.net"), 50, error_code="http01_redirected")
    assert figures() == {"mmc_renewals_due": (2, 2), "mmc_renewals_oldest_due_seconds": (30 * 3600, 99 * 3600)}


@pytest.mark.parametrize(
    ("facts", "holder"),
    [
        ({}, "portal"),
        ({"error_code": UNPAID}, "workspace"),
        ({"error_code": UNPAID, "run_after": NOW - HOUR}, "portal"),
        ({"error_code": UNPAID, "run_after": None}, "portal"),
        ({"error_code": "ownership_missing"}, "workspace"),
        ({"error_code": "ssh_auth_failed"}, "workspace"),
        ({"error_code": "http01_not_found"}, "workspace"),
        ({"error_code": "dns_provider_refused"}, "workspace"),
        ({"error_code": "acme_unauthorized"}, "workspace"),
        ({"error_code": "acme_unreachable"}, "portal"),
        ({"error_code": "ca_limit"}, "portal"),
        ({"error_code": "job_quarantined"}, "portal"),
        ({"error_code": "never_heard_of"}, "portal"),
    ],
)
def test_who_can_help(domain: Domain, facts: dict[str, Any], holder: str) -> None:
    due(domain, 1, **facts)
    assert is_held_by() == holder


def test_every_code_that_is_a_workspaces_has_words() -> None:
    assert [code for code in THEIRS if code not in catalogue] == []
    assert all(any(code.startswith(head) for code in catalogue.keys()) for head in THEIRS_BY_HEAD)  # noqa: SIM118


def is_held_by() -> str:
    return "portal" if due_renewals(NOW).filter(held_by_portal(NOW)).exists() else "workspace"


@pytest.mark.parametrize(
    ("before", "facts", "holder"),
    [
        ("http01_not_found", {"run_after": NOW}, "workspace"),
        ("http01_not_found", {"run_after": NOW, "error_code": "acme_unreachable"}, "portal"),
        ("acme_unreachable", {"run_after": NOW, "error_code": "dns_txt_not_found"}, "workspace"),
        ("", {"run_after": NOW}, "portal"),
        ("http01_not_found", {"run_after": NOW - HOUR}, "portal"),
        (
            "http01_not_found",
            {"run_after": NOW - HOUR, "state": "failed", "error_code": "acme_unreachable"},
            "workspace",
        ),
    ],
)
def test_while_an_attempt_is_under_way_the_one_before_stands(
    domain: Domain, before: str, facts: dict[str, Any], holder: str
) -> None:
    under_way(due(domain, 1, error_code=before), step="order", **facts)
    assert is_held_by() == holder


def test_what_a_deleted_workspace_leaves_due_rings_nothing(domain: Domain) -> None:
    due(domain, 1)
    type(domain.workspace).objects.update(closing_at=NOW)
    assert is_held_by() == "workspace"


@pytest.mark.parametrize(
    ("facts", "gate"),
    [
        ({}, "about to start"),
        ({"run_after": NOW - HOUR}, "queue"),
        ({"run_after": None}, "queue"),
        ({"error_code": UNPAID}, "balance"),
        ({"error_code": "ca_limit"}, "rate limit of the CA"),
        ({"error_code": "ownership_missing"}, "ownership"),
        ({"error_code": "acme_unreachable"}, "CA out of reach"),
        ({"error_code": "acme_unauthorized"}, "its last attempt was refused"),
    ],
)
def test_what_holds_it_is_named(domain: Domain, facts: dict[str, Any], gate: str) -> None:
    assert gate_of(due(domain, 1, **facts), NOW) == gate


def test_one_that_is_under_way_says_where_and_what_is_in_its_way(domain: Domain) -> None:
    waits = {"step": "order", "error_code": "acme_unreachable", "run_after": NOW + timedelta(minutes=5)}
    renewal = under_way(due(domain, 1), **waits)
    assert (gate_of(renewal, NOW), next_try(renewal)) == (
        "under way: Order, CA out of reach",
        NOW + timedelta(minutes=5),
    )


def test_a_workspace_that_is_being_deleted_renews_nothing(domain: Domain) -> None:
    domain.workspace.closing_at = NOW
    assert gate_of(due(domain, 1), NOW) == "deletion"


def test_the_doctor_names_the_oldest_and_what_holds_it(cast: Cast, domain: Domain) -> None:
    renewal = due(domain, 0.5)
    (found,) = check_renewals()
    assert (found.level, found.what) == (Level.OK, "no renewal is late by the portal (1 due)")
    due(make_domain(cast, "b.acme-tools.net"), 2, error_code="ownership_missing")
    Renewal.unscoped.filter(pk=renewal.pk).update(renew_at=NOW - 3 * HOUR, error_code="ca_limit")
    (found,) = check_renewals()
    assert found.level is Level.WARNING
    assert found.what == (
        "1 renewals have been due for more than an hour; for longest that of shop.acme-tools.net (Acme), "
        "since 2026-11-28 09:00 UTC, held by: rate limit of the CA (ca_limit); 1 more wait for what their workspaces "
        "alone can mend"
    )
    Renewal.unscoped.filter(pk=renewal.pk).update(error_code=UNPAID)
    (found,) = check_renewals()
    assert (found.level, found.what) == (
        Level.OK,
        "no renewal is late by the portal (2 due; 2 more wait for what their workspaces alone can mend)",
    )


@pytest.mark.parametrize(
    ("code", "level", "wanted"),
    [
        ("acme_unreachable", 3, Level.BROKEN),
        ("acme_unreachable", 2, Level.WARNING),
        ("ca_limit", 2, Level.WARNING),
        ("ownership_missing", 3, Level.OK),
    ],
)
def test_only_what_the_portal_itself_holds_is_broken(domain: Domain, code: str, level: int, wanted: Level) -> None:
    due(domain, 200, error_code=code, level=level)
    assert [finding.level for finding in check_renewals()] == [wanted]


def test_the_staff_page_says_what_is_late_and_why(
    cast: Cast, domain: Domain, store: Callable[..., Certificate]
) -> None:
    until = {"retry_at": NOW + HOUR, "certificate": store()}
    due(domain, 50, error_code="ca_limit", error_params={"ca": "the CA", "until": "later"}, **until)
    due(make_domain(cast, "later.acme-tools.net"), -5)
    client = Client()
    client.force_login(make_staff())
    text = client.get("/admin/certificates/renewal/").content.decode()
    for told in (HOST, "Acme", "2 days", "rate limit of the CA", "ca_limit: ", "Nov. 28, 2026, 1 p.m."):
        assert told in text, told
    assert "later.acme-tools.net" not in text
    due(make_domain(cast, "unpaid.acme-tools.net"), 60, error_code=UNPAID)
    assert "unpaid.acme-tools.net" in client.get("/admin/certificates/renewal/").content.decode()
    ours = client.get("/admin/certificates/renewal/?moment=portal").content.decode()
    assert HOST in ours
    assert "unpaid.acme-tools.net" not in ours
    everything = client.get("/admin/certificates/renewal/?moment=all").content.decode()
    assert "later.acme-tools.net" in everything
    assert "its moment" in everything


def test_the_staff_page_costs_the_same_for_many(cast: Cast, domain: Domain, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        under_way(due(make_domain(cast, f"h{number}.acme-tools.net"), number + 1), step="order")
    client = Client()
    client.force_login(make_staff())
    with django_assert_max_num_queries(12):
        client.get("/admin/certificates/renewal/")

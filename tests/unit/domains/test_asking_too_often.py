"""One host is looked at twenty times a minute by hand; the next one is refused in words, and told when to ask."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import api_limits
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from domains.add import add_domain, delete_domain
from domains.hosting.detecting import ask_for_detection
from domains.models import AddressCheck, BatchLine, Domain, Visit
from domains.turns import ASKED_AT_MOST
from domains.visit import ask_for_visit
from tests.cast import Cast, make_cast
from tests.unit.domains.forge import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast(settings: Settings) -> Cast:
    settings.ANSWER_WITHIN_SECONDS = 0
    api_limits.forget_counts()
    return make_cast()


def add(cast: Cast, host: str = "www.forge.org", port: int = 443) -> Domain:
    return add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host, port=port)


def inspect(cast: Cast, domain: Domain) -> tuple[int, str]:
    """The status, and how long to wait."""
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    answer = client.post(f"/api/domains/{domain.pk}/inspect", content_type="application/json")
    return answer.status_code, answer.headers.get("Retry-After", "")


def test_the_twenty_first_within_a_minute_is_refused(cast: Cast) -> None:
    domain = add(cast)
    for second in range(ASKED_AT_MOST):
        with clock.frozen(NOW + timedelta(seconds=second)):
            assert inspect(cast, domain) == (202, "")
    asked = Visit.unscoped.get(domain=domain).asked_at
    with clock.frozen(NOW + timedelta(seconds=30)):
        assert inspect(cast, domain) == (429, "30")
    assert Visit.unscoped.get(domain=domain).asked_at == asked, "nothing was made due"
    with clock.frozen(NOW + timedelta(seconds=60)):
        assert inspect(cast, domain) == (202, "")
        assert inspect(cast, domain) == (429, "1")


def test_ports_and_detections_of_a_host_count_together_and_other_hosts_do_not(cast: Cast) -> None:
    with clock.frozen(NOW):
        ports = [add(cast, port=port) for port in range(8000, 8010)]
        for domain in ports:
            assert inspect(cast, domain) == (202, "")
            url = reverse("domains:domain-detect", args=[cast.acme.pk, domain.pk])
            as_admin(cast).post(url)
        assert inspect(cast, ports[0]) == (429, "60")
        assert inspect(cast, add(cast, "api.forge.org")) == (202, "")


def test_a_look_at_every_address_counts_as_well(cast: Cast) -> None:
    domain = add(cast)
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    url = f"/api/domains/{domain.pk}/addresses"
    with clock.frozen(NOW):
        answers = [client.post(url, content_type="application/json").status_code for _ in range(ASKED_AT_MOST + 1)]
    assert answers == [202] * ASKED_AT_MOST + [429]


def as_admin(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


def test_the_page_says_so_in_words(cast: Cast) -> None:
    domain = add(cast)
    client = as_admin(cast)
    with clock.frozen(NOW):
        for name in ("domain-inspect", "domain-detect"):
            for _ in range(ASKED_AT_MOST // 2):
                client.post(reverse(f"domains:{name}", args=[cast.acme.pk, domain.pk]))
        for name in ("domain-inspect", "domain-detect", "domain-addresses"):
            answer = client.post(reverse(f"domains:{name}", args=[cast.acme.pk, domain.pk]), follow=True)
            assert "www.forge.org was looked at often enough for now" in answer.content.decode()


def test_the_limit_is_the_workspaces_own(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOW):
        for _ in range(ASKED_AT_MOST):
            inspect(cast, domain)
        own = add_domain(workspace=cast.other, actor=SYSTEM, hostname="www.forge.org")
        client = Client(headers={"Authorization": f"Bearer {cast.token(cast.outsider)}"})
        answer = client.post(f"/api/domains/{own.pk}/inspect", content_type="application/json")
    assert answer.status_code == 202


def test_what_the_operator_opened_is_free(cast: Cast, settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("10.0.0.0/8"),)
    domain = add(cast)
    Visit.unscoped.filter(domain=domain).update(address="10.1.2.3")
    with clock.frozen(NOW):
        assert {inspect(cast, domain) for _ in range(ASKED_AT_MOST + 5)} == {(202, "")}


def test_adding_it_again_starts_no_new_count(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOW):
        for _ in range(ASKED_AT_MOST):
            inspect(cast, domain)
        delete_domain(domain=domain, actor=SYSTEM)
        assert inspect(cast, add(cast)) == (429, "60")


def test_the_portal_itself_is_never_refused(cast: Cast) -> None:
    domain = add(cast)
    with clock.frozen(NOW):
        for _ in range(ASKED_AT_MOST + 5):
            ask_for_visit(domain=domain)
            ask_for_detection(domain=domain)
        assert inspect(cast, domain) == (202, "")


def test_every_address_counts_as_well(cast: Cast) -> None:
    domain = add(cast)
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})
    url = f"/api/domains/{domain.pk}/addresses"
    with clock.frozen(NOW):
        answers = [client.post(url, content_type="application/json").status_code for _ in range(ASKED_AT_MOST + 1)]
        assert answers == [202] * ASKED_AT_MOST + [429]
        page = reverse("domains:domain-addresses", args=[cast.acme.pk, domain.pk])
        told = as_admin(cast).post(page, follow=True).content.decode()
        assert "www.forge.org was looked at often enough for now" in told
        assert inspect(cast, domain) == (429, "60")
    assert AddressCheck.unscoped.get(domain=domain).asked_at == NOW


def check_many(cast: Cast, *domains: Domain) -> dict[str, str]:
    """By the list's bulk action; what became of each line."""
    Visit.unscoped.filter(domain__in=domains).update(run_after=None)
    url = reverse("domains:batch-check", args=[cast.acme.pk])
    answer = as_admin(cast).post(url, {"id": [str(one.pk) for one in domains]})
    jobs.run_due("batch", interactive=True)
    lines = BatchLine.unscoped.filter(batch_id=answer.headers["Location"].split("/")[-2])
    return {line.label: line.code or line.state for line in lines}


def test_the_bulk_action_is_no_way_around(cast: Cast) -> None:
    domain, other = add(cast), add(cast, "api.forge.org")
    with clock.frozen(NOW):
        for _ in range(ASKED_AT_MOST):
            assert check_many(cast, domain) == {"www.forge.org": "done"}
        assert check_many(cast, domain, other) == {"www.forge.org": "checked_too_often", "api.forge.org": "done"}
        assert Visit.unscoped.get(domain=domain).run_after is None, "nothing was made due"
    with clock.frozen(NOW + timedelta(seconds=60)):
        assert check_many(cast, domain) == {"www.forge.org": "done"}


def test_the_ports_of_one_bulk_action_count_together(cast: Cast, settings: Settings) -> None:
    ports = [add(cast, port=port) for port in range(8000, 8000 + ASKED_AT_MOST + 2)]
    with clock.frozen(NOW):
        assert sorted(check_many(cast, *ports).values()) == ["checked_too_often"] * 2 + ["done"] * ASKED_AT_MOST
    settings.EGRESS_ALLOW_CIDRS = (ip_network("10.0.0.0/8"),)
    Visit.unscoped.filter(domain=ports[0]).update(address="10.1.2.3")
    with clock.frozen(NOW):
        assert set(check_many(cast, *ports).values()) == {"done"}


def test_adding_and_deleting_in_turn_is_no_way_around(cast: Cast) -> None:
    client = Client(headers={"Authorization": f"Bearer {cast.token(cast.admin)}"})

    def add_and_delete() -> int:
        answer = client.post("/api/domains", {"hostname": "www.forge.org"}, content_type="application/json")
        for domain in Domain.objects.for_workspace(cast.acme):
            delete_domain(domain=domain, actor=SYSTEM)
        return answer.status_code

    with clock.frozen(NOW):
        assert [add_and_delete() for _ in range(ASKED_AT_MOST + 1)] == [201] * ASKED_AT_MOST + [429]
        page = as_admin(cast).post(reverse("domains:domain-add", args=[cast.acme.pk]), {"hostname": "www.forge.org"})
        assert "www.forge.org was looked at often enough for now" in page.content.decode()
    with clock.frozen(NOW + timedelta(seconds=60)):
        assert add_and_delete() == 201

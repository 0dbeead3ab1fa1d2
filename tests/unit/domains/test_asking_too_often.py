"""One host is looked at twenty times a minute by hand; the next one is refused in words, and told when to ask."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import api_limits
from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain, delete_domain
from domains.hosting.detecting import ask_for_detection
from domains.models import Domain, Visit
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

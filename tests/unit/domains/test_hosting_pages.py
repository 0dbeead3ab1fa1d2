"""What was detected on the review page and the Overview, and in the API."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from auditlog.events import SYSTEM
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.add import add_domain
from domains.hosting.detecting import Site, file_site
from domains.hosting.evidence import facts_of_page
from domains.hosting.looking import Look
from domains.models import Domain, Hosting
from tests.cast import Cast, make_cast
from tests.unit.domains.front_pages import HOST, hop
from tests.unit.domains.seen import see

pytestmark = pytest.mark.django_db

SHOP = ("powered-by: Shopify", "Server: cloudflare", "CF-RAY: 1")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return see(add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST), [])


def detect(domain: Domain, *headers: str, page: str = "", status: int = 200, error: NeedsUser | None = None) -> Domain:
    """File what a front page like this amounts to, by the real writer."""
    jobs.start_now(Hosting.unscoped.get(domain=domain), asked_at=clock.now())
    (row,) = jobs.claim(jobs.kinds.get("hosting"))
    hops = [hop(*headers, page=page, status=status)]
    look = Look(error=error) if error else Look(facts_of_page(hops, HOST), status, hops[0].url)
    file_site(row, Site(HOST, 443, is_proven=False, page=look, facts=look.facts), clock.now())
    return Domain.unscoped.get(pk=domain.pk)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def card(cast: Cast, domain: Domain, user: Any = None) -> str:
    """The words of the Hosting card."""
    answer = client_of(user or cast.admin).get(reverse("domains:domain-overview", args=[cast.acme.pk, domain.pk]))
    section = answer.content.decode().split('id="hosting"')[1].split("</section>")[0]
    words = re.sub(r"<[^>]+>", " ", section)
    return " ".join(words.replace("&#x27;", "'").replace("&amp;", "&").split())


def press(cast: Cast, domain: Domain, name: str) -> None:
    url = reverse(f"domains:{name}", args=[cast.acme.pk, domain.pk])
    answer = client_of(cast.admin).post(url)
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"{domain.pk}/#hosting")


def test_badges_hints_and_reasons_are_there_before_ownership_is_proven(cast: Cast, domain: Domain) -> None:
    words = card(cast, detect(domain, *SHOP))
    assert not domain.is_verified
    assert "Shopify made with" in words
    assert "Cloudflare in front of it" in words
    assert "Shopify issues and renews the certificate itself; nothing has to be installed." in words
    assert "because … why we think that it is Shopify the header Powered-By names it" in words
    assert "Recommended path Monitor only for Shopify" in words
    assert "The Cloudflare in front of www.forge.org belongs to the site's vendor" in words
    assert "SSH deploy" not in words


def test_the_recommended_path_leads_to_its_tab(cast: Cast, domain: Domain) -> None:
    for headers, label, tab in (
        (["Server: cloudflare", "CF-RAY: 1"], "Let's Encrypt (DNS) + panel API", "certificates:domain-issue"),
        (["Server: Microsoft-IIS/10.0"], "DNS + ZIP", "certificates:domain-issue"),
        (["Server: nginx"], "SSH deploy", "deploy:domain-deploy"),
        (["Server: Squarespace"], "Monitor only", "deploy:domain-deploy"),
    ):
        detect(domain, *headers)
        url = reverse("domains:domain-overview", args=[cast.acme.pk, domain.pk])
        html = client_of(cast.admin).get(url).content.decode().split('id="hosting"')[1].split("</section>")[0]
        link = f'<a href="{reverse(tab, args=[cast.acme.pk, domain.pk])}">{label}</a>'
        assert link in html.replace("&#x27;", "'")
        assert html.count("<a href") == 1


def test_a_doubted_detection_reveals_what_was_hidden(cast: Cast, domain: Domain) -> None:
    Domain.unscoped.update(verified_at=clock.now())
    detect(domain, *SHOP, "Expires: Sun, 19 Nov 1978 05:00:00 GMT")
    url = reverse("domains:domain-overview", args=[cast.acme.pk, domain.pk])
    page = client_of(cast.admin).get(url).content.decode()
    assert "Shopify renews it; we watch that it does." in page
    assert "Get a free certificate" not in page
    assert "Drupal" not in page
    press(cast, domain, "domain-doubt")
    words = card(cast, domain)
    for path in ("Monitor only", "Let's Encrypt (DNS) + panel API", "DNS + ZIP", "SSH deploy"):
        assert path in words
    assert "Drupal made with · not sure enough to count: 50 of 100" in words
    assert "Recommended path" not in words
    assert "Get a free certificate" in client_of(cast.admin).get(url).content.decode()
    press(cast, domain, "domain-trust")
    assert "Recommended path Monitor only" in card(cast, domain)


def test_detect_again_makes_the_look_due_and_shows_that_it_runs(cast: Cast, domain: Domain) -> None:
    press(cast, domain, "domain-detect")
    assert Hosting.unscoped.get().is_under_way
    assert "Looking at the front page" in card(cast, domain)
    url = reverse("domains:domain-live", args=[cast.acme.pk, domain.pk])
    client = client_of(cast.admin)
    assert 'hx-trigger="every 2s"' in client.get(url, headers={"HX-Request": "true"}).content.decode()
    detect(domain, "Server: nginx")
    assert "hx-trigger" not in client.get(url, headers={"HX-Request": "true"}).content.decode()


def test_a_wall_an_outage_and_a_blank_page_say_so(cast: Cast, domain: Domain) -> None:
    words = card(cast, detect(domain, "Server: nginx", status=403))
    assert "www.forge.org does not show its page to robots It answered with HTTP 403" in words
    assert "Possible paths" in words
    words = card(cast, detect(domain, error=NeedsUser("egress_refused", host=HOST)))
    assert "The portal does not connect to www.forge.org" in words
    words = card(cast, detect(domain, page="<p>hello"))
    assert "Nothing that we know left its marks on the front page." in words


def test_a_member_sees_it_and_presses_nothing(cast: Cast, domain: Domain) -> None:
    words = card(cast, detect(domain, *SHOP), cast.member)
    assert "Shopify" in words
    assert "Detect again" not in words
    assert "This detection is wrong" not in words


def test_a_domain_from_before_gets_its_row_with_the_first_look_at_its_page(cast: Cast, domain: Domain) -> None:
    Hosting.unscoped.all().delete()
    assert "Not looked at yet." in card(cast, domain)
    assert len(jobs.claim(jobs.kinds.get("hosting"))) == 1


def test_a_stored_platform_that_the_table_no_longer_knows_breaks_no_page(cast: Cast, domain: Domain) -> None:
    badge = {"platform": "gone", "layer": "edge", "confidence": 100, "because": ["x"]}
    gone = {"outcome": "site", "badges": [badge], "path": "gone", "because_of": "gone", "vendor": "gone"}
    Hosting.unscoped.update(results=gone)
    assert "Possible paths" in card(cast, domain)


def test_the_api_shows_platforms_with_confidence_and_reasons(cast: Cast, domain: Domain) -> None:
    client = client_of(cast.admin)
    assert client.get(f"/api/domains/{domain.pk}").json()["hosting"] == []
    detect(domain, *SHOP, "Expires: Sun, 19 Nov 1978 05:00:00 GMT")
    expected = [
        {
            "platform": "cloudflare",
            "confidence": 100,
            "because": ["the header Cf-Ray is there", "the header Server names it"],
        },
        {"platform": "shopify", "confidence": 100, "because": ["the header Powered-By names it"]},
    ]
    assert client.get(f"/api/domains/{domain.pk}").json()["hosting"] == expected
    assert client.get("/api/domains").json()["items"][0]["hosting"] == expected
    Hosting.unscoped.all().delete()
    assert client.get(f"/api/domains/{domain.pk}").json()["hosting"] == []


def test_the_api_asks_no_more_for_many_than_for_one(cast: Cast, domain: Domain) -> None:
    client = client_of(cast.admin)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/api/domains").status_code == 200
        return len(captured)

    queries()
    few = queries()
    for number in range(10):
        add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"h{number}.forge.org")
    assert queries() == few

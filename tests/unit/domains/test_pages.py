"""The room's pages, without a script and without a worker."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from auditlog.events import SYSTEM
from config.lib import clock
from domains.add import add_domain
from domains.findings import open_finding
from domains.models import Domain, Inspection, Ownership, Visit
from tests.cast import Cast, make_cast
from tests.unit.domains.forge import World, leaf
from tests.unit.domains.seen import see

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: Any, query: str = "", **more: Any) -> str:
    answer = client.get(reverse(f"domains:{name}", args=args) + query, **more)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_empty_list_teaches_the_first_step(cast: Cast) -> None:
    html = page(client_of(cast.admin), "domain-list", cast.acme.pk)
    assert "Watch your first certificate" in html
    assert "+ Add domain" in html
    assert "+ Add domain" not in page(client_of(cast.member), "domain-list", cast.acme.pk)


def test_searching_keeps_what_the_list_is_narrowed_to(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org", tags=["shop"])
    html = page(client_of(cast.admin), "domain-list", cast.acme.pk, query="?state=unverified&tag=shop&show=unverified")
    search = html[html.index('role="search"') : html.index("</form>", html.index('role="search"'))]
    for name, value in (("show", "unverified"), ("tag", "shop"), ("state", "unverified")):
        assert f'name="{name}" value="{value}"' in search


def test_the_page_says_when_resolvers_decide_about_the_proof(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    told = "could not be found, so the resolvers of this portal decide"
    for server, is_told in (("ns1.forge.org", False), ("192.0.2.53:53", True)):
        seen = [{"server": server, "values": [], "error": "nxdomain"}]
        check = {"method": "txt", "name": "_managemycert-verify.forge.org", "expected": "mmc-x", "seen": seen}
        Ownership.unscoped.update(checks=[check], checked_at=clock.now())
        for name in ("domain-overview", "domain-prove"):
            assert (told in page(client_of(cast.admin), name, cast.acme.pk, domain.pk)) is is_told


def test_adding_leads_to_the_rows_own_page(cast: Cast) -> None:
    client = client_of(cast.admin)
    answer = client.post(reverse("domains:domain-add", args=[cast.acme.pk]), {"hostname": "forge.org", "tags": "a, b"})
    domain = Domain.unscoped.get()
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("domains:domain-review", args=[cast.acme.pk, domain.pk])
    review = client.get(answer.headers["Location"]).content.decode()
    assert "Looking at the certificate that is served" in review
    assert 'hx-trigger="every 2s"' in review
    assert '<noscript><meta http-equiv="refresh"' in review
    assert "Discard" in review
    prove = reverse("domains:domain-prove", args=[cast.acme.pk, domain.pk])
    assert f'href="{prove}">Confirm</a>' in review
    html = client.get(prove).content.decode()
    assert f"_managemycert-verify.{domain.host}" in html
    assert "I&#x27;ve added it" in html or "I've added it" in html


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("192.0.2.1", "is an IP address"),
        ("localhost", "is a reserved name"),
        ("co.uk", "belongs to everybody"),
        ("intranet", "has no domain"),
        ("forge.org/x", "is not a host name"),
        ("", "This field is required"),
    ],
)
def test_each_refusal_is_told_at_the_field(cast: Cast, typed: str, words: str) -> None:
    url = reverse("domains:domain-add", args=[cast.acme.pk])
    answer = client_of(cast.admin).post(url, {"hostname": typed})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Domain.unscoped.exists()


def test_a_duplicate_is_told_at_the_field(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    url = reverse("domains:domain-add", args=[cast.acme.pk])
    assert "is here already" in client_of(cast.admin).post(url, {"hostname": "forge.org"}).content.decode()


def domain_with(cast: Cast, ders: list[bytes], **changed: Any) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=changed.pop("hostname", "www.forge.org"))
    Domain.unscoped.filter(pk=domain.pk).update(**changed)
    return see(domain, ders)


def test_the_overview_shows_the_certificate_in_full(cast: Cast) -> None:
    world = World()
    domain = domain_with(cast, [leaf(["www.forge.org", "forge.org"], world.intermediate), world.intermediate.der])
    html = page(client_of(cast.member), "domain-overview", cast.acme.pk, domain.pk)
    for words in (
        "www.forge.org, forge.org",
        "ECDSA P-256",
        "TLS 1.3",
        "The issuer is not trusted",
        "Forge Intermediate",
    ):
        assert words in html
    assert "hx-trigger" not in html
    assert "Check now" not in html  # a member looks


def test_text_of_a_hostile_certificate_is_escaped(cast: Cast) -> None:
    der = leaf(["www.forge.org"], None, common_name="<script>alert(1)</script>")
    html = page(client_of(cast.admin), "domain-overview", cast.acme.pk, domain_with(cast, [der]).pk)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_no_certificate_yet_is_a_state_and_not_an_error(cast: Cast) -> None:
    domain = domain_with(cast, [])
    html = page(client_of(cast.admin), "domain-overview", cast.acme.pk, domain.pk)
    assert "No certificate is served yet" in html
    assert "refused the connection on port 443" in html


def test_a_running_visit_is_polled_as_a_fragment_and_ends_by_itself(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    client = client_of(cast.admin)
    running = page(client, "domain-live", cast.acme.pk, domain.pk, headers={"HX-Request": "true"})
    assert "<html" not in running
    assert 'hx-trigger="every 2s"' in running
    see(domain, [])
    done = page(client, "domain-live", cast.acme.pk, domain.pk, headers={"HX-Request": "true"})
    assert "hx-trigger" not in done


def test_deleting_asks_once(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    client = client_of(cast.admin)
    assert "Delete forge.org?" in page(client, "domain-delete", cast.acme.pk, domain.pk)
    client.post(reverse("domains:domain-delete", args=[cast.acme.pk, domain.pk]))
    assert not Domain.unscoped.exists()


def test_buttons_make_the_rows_due_and_redirect(cast: Cast) -> None:
    domain = see(add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org"), [])
    client = client_of(cast.admin)
    answer = client.post(reverse("domains:domain-inspect", args=[cast.acme.pk, domain.pk]))
    assert answer.status_code == 302
    assert Visit.unscoped.get().is_under_way
    client.post(reverse("domains:domain-verify", args=[cast.acme.pk, domain.pk]))
    html = page(client, "domain-overview", cast.acme.pk, domain.pk)
    assert "Asking the name servers" in html


def test_the_totals_are_filters(cast: Cast) -> None:
    now = clock.now()
    for name, state in (("a", "ok"), ("b", "expiring"), ("c", "expired"), ("d", "unverified")):
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"{name}.forge.org")
        see(domain, [])
        Domain.unscoped.filter(pk=domain.pk).update(state=state, verified_at=now)
    client = client_of(cast.admin)
    html = page(client, "domain-list", cast.acme.pk)
    assert re.findall(r"<b>(\d+)</b>(\w[\w ]*)<", html) == [
        ("4", "All"), ("0", "Needs action"), ("1", "Expiring"), ("1", "Failing"), ("1", "Unverified"),
    ]  # fmt: skip
    assert names_in(page(client, "domain-list", cast.acme.pk, query="?show=failing")) == ["c.forge.org"]
    assert names_in(page(client, "domain-list", cast.acme.pk, query="?q=B.")) == ["b.forge.org"]


def names_in(html: str) -> list[str]:
    return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', html.replace("<wbr>", ""))


def test_the_list_pages_by_cursor_in_every_order(cast: Cast) -> None:
    for number in range(120):
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"h{number:03}.forge.org")
        if number % 3:
            Domain.unscoped.filter(pk=domain.pk).update(expires_at=clock.now() + timedelta(days=number % 7))
    client = client_of(cast.admin)
    for sort in ("urgency", "name", "expires", "newest"):
        collected, query = list[str](), f"?sort={sort}"
        while query:
            html = page(client, "domain-list", cast.acme.pk, query=query)
            collected += names_in(html)
            following = re.search(r'rel="next" href="(\?[^"]+)"', html)
            query = following[1].replace("&amp;", "&") if following else ""
        assert len(collected) == len(set(collected)) == 120


def test_a_foreign_cursor_starts_the_list_anew(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    # The last one: half of a surrogate pair where the host should be, which JSON can write and no database takes.
    half = "WzEsIlx1ZDgwMCIsIjVmZjU2ZGQwLWFlMjMtNGY4YS04YWNmLTdlMjA1NzljOTZkNyJd"
    for cursor in ("x", "!!!", "W10", "eyJhIjoxfQ", "WzEsMiwzXQ", "WzEsImEiLCJiIl0", "W1tdLFtdLFtdXQ", half):
        assert names_in(page(client_of(cast.admin), "domain-list", cast.acme.pk, query=f"?cursor={cursor}")) in (
            ["forge.org"],
            [],
        )


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["q", "tag", "state", "show", "cursor", "sort"])
def test_nul_in_the_query_is_nothing_special(cast: Cast, name: str) -> None:
    page(client_of(cast.admin), "domain-list", cast.acme.pk, query=f"?{name}=%00")


@pytest.mark.both_databases
def test_bad_input_to_the_api_names_its_field(cast: Cast) -> None:
    client = client_of(cast.admin)
    for given, field in (
        ({"hostname": "forge.org", "protocol": "gopher"}, "protocol"),
        ({"hostname": "forge.org\0"}, "hostname"),
        ({"hostname": "forge.org", "tags": ["a\0"]}, "tags.0"),
    ):
        answer = client.post("/api/domains", json.dumps(given), "application/json", headers={"X-CSRFToken": "x"})
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
    assert list(client.get("/api/domains?q=%00").json()["fields"]) == ["q"]


def test_the_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    cast: Cast,
) -> None:
    client = client_of(cast.admin)
    for number in range(50):
        domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=f"h{number}.forge.org", tags=["x"])
        open_finding(domain=domain, source="deploy", code="partial_deploy")
        if number == 0:
            count = queries_of(client, cast)
    assert queries_of(client, cast) == count
    assert count <= 10


def queries_of(client: Client, cast: Cast) -> int:

    with CaptureQueriesContext(connection) as captured:
        page(client, "domain-list", cast.acme.pk)
    return len(captured)


def test_another_workspaces_domain_does_not_exist(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    stranger = client_of(cast.outsider)
    for name in ("domain-overview", "domain-live", "domain-delete"):
        assert stranger.get(reverse(f"domains:{name}", args=[cast.other.pk, domain.pk])).status_code == 404
        assert stranger.get(reverse(f"domains:{name}", args=[cast.acme.pk, domain.pk])).status_code == 404
    assert Inspection.unscoped.count() == 0

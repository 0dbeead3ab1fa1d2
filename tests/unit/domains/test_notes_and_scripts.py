"""Notes on a domain, and names in other scripts: shown both ways, found both ways."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.events import SYSTEM
from auditlog.models import Event
from domains.add import add_domain
from domains.models import Domain, readable_name
from tests.cast import Cast, make_cast
from tests.unit.domains.test_pages import client_of, names_in, page

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def api(cast: Cast, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    ask = getattr(Client(), method)
    return (
        ask(f"/api{path}", body, "application/json", headers=headers) if body else ask(f"/api{path}", headers=headers)
    )


@pytest.mark.parametrize("query", ["bücher", "BÜCHER", "xn--bcher", "cher.de", "bu\u0308cher"])
def test_a_name_in_another_script_is_found_either_way(cast: Cast, query: str) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="bücher.de")
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    html = page(client_of(cast.admin), "domain-list", cast.acme.pk, query=f"?q={query}")
    assert names_in(html) == ["xn--bcher-kva.de"]
    assert '<bdi class="soft small">bücher.de</bdi>' in html


def test_a_lookalike_always_shows_the_name_that_the_dns_knows(cast: Cast) -> None:
    """The first letter is Cyrillic."""
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="\u0430pple.com")
    client = client_of(cast.admin)
    for name, args in (
        ("domain-list", []),
        *((f"domain-{one}", [domain.pk]) for one in ("review", "prove", "overview")),
    ):
        html = page(client, name, cast.acme.pk, *args).replace("<wbr>", "")
        assert html.index("xn--pple-43d.com") < html.index("\u0430pple.com")


def test_what_idna_refuses_is_shown_as_it_is() -> None:
    assert readable_name("xn--a.org") == readable_name("forge.org") == ""


def test_the_api_names_a_host_both_ways(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="bücher.de")
    shown = api(cast, "get", f"/domains/{domain.pk}").json()
    assert (shown["hostname"], shown["hostname_readable"]) == ("xn--bcher-kva.de", "bücher.de")
    assert len(api(cast, "get", "/domains?q=bücher").json()["items"]) == 1


def test_notes_come_with_the_form_and_are_changed_on_the_overview(cast: Cast) -> None:
    client = client_of(cast.admin)
    client.post(
        reverse("domains:domain-add", args=[cast.acme.pk]), {"hostname": "forge.org", "notes": "<b>Ann</b>\r\nEve"}
    )
    domain = Domain.unscoped.get()
    assert domain.notes == "<b>Ann</b>\nEve"
    assert "&lt;b&gt;Ann&lt;/b&gt;<br>Eve" in page(client, "domain-overview", cast.acme.pk, domain.pk)
    url = reverse("domains:domain-notes", args=[cast.acme.pk, domain.pk])
    client.post(url, {"notes": "Bob"})
    refused = client.post(url, {"notes": "x" * 2001}, follow=True).content.decode()
    assert "The notes are too long" in refused
    domain.refresh_from_db()
    assert domain.notes == "Bob"
    assert Event.unscoped.get(kind="domain.changed").data == {
        "changes": "notes",
        "before": {"notes": "<b>Ann</b>\nEve"},
        "after": {"notes": "Bob"},
    }


def test_notes_by_api_and_their_limit(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org", notes="Ann")
    assert api(cast, "get", f"/domains/{domain.pk}").json()["notes"] == "Ann"
    changed = api(cast, "patch", f"/domains/{domain.pk}", {"notes": "Bob", "tags": ["x"]}).json()
    assert (changed["notes"], changed["tags"]) == ("Bob", ["x"])
    assert Event.unscoped.get(kind="domain.changed").data == {
        "changes": "tags and notes",
        "before": {"tags": [], "notes": "Ann"},
        "after": {"tags": ["x"], "notes": "Bob"},
    }
    answer = api(cast, "patch", f"/domains/{domain.pk}", {"notes": "x" * 2001, "tags": []})
    assert (answer.status_code, list(answer.json()["fields"])) == (422, ["notes"])
    assert api(cast, "get", f"/domains/{domain.pk}").json()["tags"] == ["x"]


def test_a_tag_in_the_list_leads_to_its_domains(cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org", tags=["eu west"])
    html = page(client_of(cast.admin), "domain-list", cast.acme.pk, query="?sort=name")
    assert '<a class="tag" href="?sort=name&amp;tag=eu+west">eu west</a>' in html


def test_buttons_on_a_step_of_adding_lead_back_to_it(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    client = client_of(cast.admin)
    for name, step, place in (("detect", "review", "review/#hosting"), ("verify", "prove", "prove/#ownership")):
        url = reverse(f"domains:domain-{name}", args=[cast.acme.pk, domain.pk])
        assert client.post(f"{url}?step={step}").headers["Location"].endswith(place)
        assert "/review/" not in client.post(f"{url}?step=elsewhere").headers["Location"]


def test_a_verified_name_needs_no_proof_on_its_way(cast: Cast) -> None:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname="forge.org")
    Domain.unscoped.update(verified_at="2026-11-01T00:00:00Z")
    html = page(client_of(cast.admin), "domain-review", cast.acme.pk, domain.pk)
    overview = reverse("domains:domain-overview", args=[cast.acme.pk, domain.pk])
    assert f'href="{overview}">Confirm</a>' in html

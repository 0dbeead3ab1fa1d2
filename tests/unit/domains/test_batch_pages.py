"""The pages of work over many domains, without a script and without a worker that runs by itself."""

import csv
import io
import re
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from auditlog.events import SYSTEM
from config.lib import jobs
from domains.add import add_domain
from domains.models import Batch, Domain, DomainTag, Visit
from tests.cast import Cast, make_cast
from tests.unit.domains.seen import see
from tests.unit.domains.test_pages import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return client_of(cast.admin)


def post(client: Client, cast: Cast, name: str, *args: Any, **data: Any) -> str:
    """The page that the person ends on."""
    answer = client.post(reverse(f"domains:{name}", args=[cast.acme.pk, *args]), data, follow=True)
    return " ".join(answer.content.decode().split())


def only_batch() -> Batch:
    return Batch.unscoped.get()


def preview(client: Client, cast: Cast, *hosts: str) -> str:
    return post(client, cast, "domain-add-many", lines="\n".join(hosts))


def run() -> None:
    jobs.run_due("batch", interactive=True)
    jobs.run_due("batch")


def test_the_preview_says_what_is_spoken_where_it_is_not_plain_tls(client: Client, cast: Cast) -> None:
    html = preview(client, cast, "web.org", "mail.org:25", "ldap.org,3890,ldap", "x:y", "imap.org:993", "db.org:99999")
    cells = re.findall(r'<th scope="row">(.*?)</th>', html)
    words = [re.sub(r"<[^>]*>", "", cell).strip() for cell in cells]
    assert words == ["web.org", "mail.org:25 SMTP", "ldap.org:3890 LDAP", "x:y", "imap.org:993", "db.org:99999"]


def test_a_pasted_list_is_previewed_confirmed_and_done(client: Client, cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="here.org")
    html = preview(client, cast, "here.org", "new.org", "NEW.org", "10.0.0.1", "bücher.de")
    assert re.findall(r"<b>(\d+)</b>([\w ]+)<", html) == [
        ("5", "All"), ("2", "Will be added"), ("1", "Already watched"), ("1", "Twice in this list"), ("1", "Refused"),
    ]  # fmt: skip
    assert "is an IP address" in html
    assert "Line 2 names it already" in html
    assert "xn--bcher-kva.<wbr>de" in html
    assert "<bdi" in html
    assert "bücher.de" in html
    assert Domain.unscoped.count() == 1
    html = post(client, cast, "batch-begin-import", only_batch().pk)
    assert "0 of" not in html
    assert 'hx-trigger="every 1s"' in html
    assert '<noscript><meta http-equiv="refresh"' in html
    run()
    page = client.get(reverse("domains:batch-show", args=[cast.acme.pk, only_batch().pk])).content.decode()
    assert "2 domains added" in page
    assert "hx-trigger" not in page
    assert Domain.unscoped.count() == 3


def test_a_running_batch_is_polled_as_a_fragment_of_the_page_that_is_open(client: Client, cast: Cast) -> None:
    preview(client, cast, *(f"h{number}.org" for number in range(120)))
    post(client, cast, "batch-begin-import", only_batch().pk)
    url = reverse("domains:batch-show", args=[cast.acme.pk, only_batch().pk])
    fragment = client.get(f"{url}?page=2", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment
    assert f'hx-get="{url}?page=2"' in fragment
    assert "51–100 of 120" in fragment  # noqa: RUF001
    listed = client.get(reverse("domains:domain-list", args=[cast.acme.pk])).content.decode()
    assert "See how far it is" not in listed or url in listed


def test_a_list_says_what_waits_and_what_runs(client: Client, cast: Cast) -> None:
    add_domain(workspace=cast.acme, actor=SYSTEM, hostname="here.org")
    preview(client, cast, "a.org")
    url = reverse("domains:domain-list", args=[cast.acme.pk])
    assert "Waits for you" in client.get(url).content.decode()
    post(client, cast, "batch-begin-import", only_batch().pk)
    assert "See how far it is" in client.get(url).content.decode()
    run()
    assert "See how far it is" not in client.get(url).content.decode()


@pytest.mark.parametrize(
    ("lines", "blob", "words"),
    [
        ("", None, "There is nothing in this list"),
        ("a.org", b"b.org", "Two lists at once"),
        ("", "bücher.de".encode("latin-1"), "The file is not UTF-8"),
        ("", b"", "There is nothing in this list"),
        ("a.org\n" * 5001, None, "The list is too long"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_at_the_field(
    client: Client, cast: Cast, lines: str, blob: bytes | None, words: str
) -> None:
    data = {"lines": lines} | ({"file": SimpleUploadedFile("hosts.csv", blob)} if blob is not None else {})
    answer = client.post(reverse("domains:domain-add-many", args=[cast.acme.pk]), data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Batch.unscoped.exists()


def test_a_file_is_taken_with_its_columns(client: Client, cast: Cast) -> None:
    blob = "\ufeffhostname;tags;notes\r\nbücher.de;shop,eu;Ann\r\n".encode()
    post(client, cast, "domain-add-many", lines="", file=SimpleUploadedFile("hosts.csv", blob))
    batch = only_batch()
    assert batch.source == "hosts.csv"
    assert batch.lines.get().given == ["bücher.de", "", "", "shop,eu", "Ann"]


def test_the_preview_of_a_long_list_is_filtered_and_paged_with_a_constant_number_of_queries(
    client: Client, cast: Cast
) -> None:
    preview(client, cast, *(f"h{number}.org" for number in range(60)), *(f"10.0.0.{number}" for number in range(30)))
    url = reverse("domains:batch-show", args=[cast.acme.pk, only_batch().pk])
    refused = client.get(f"{url}?show=refused").content.decode()
    assert refused.count('<th scope="row">') == 30
    with CaptureQueriesContext(connection) as few:
        client.get(f"{url}?show=refused")
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) <= len(few)
    for odd in ("?show=x", "?page=x", "?page=99", "?show=%00"):
        assert client.get(url + odd).status_code == 200


def test_refused_lines_are_downloaded_with_their_reasons_and_without_formulas(client: Client, cast: Cast) -> None:
    post(client, cast, "domain-add-many", lines='hostname,notes\n=cmd|x,"@sum"\nok.org,\n10.0.0.1,\uff1d1')
    answer = client.get(reverse("domains:batch-refused", args=[cast.acme.pk, only_batch().pk]))
    text = b"".join(answer.streaming_content).decode("utf-8")  # type: ignore[attr-defined]
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [(row["hostname"], row["notes"], row["line"]) for row in rows] == [
        ("'=cmd|x", "'@sum", "2"),
        ("10.0.0.1", "'\uff1d1", "4"),
    ]
    assert "is an IP address" in rows[1]["reason"]
    assert answer["Content-Disposition"].startswith("attachment")


def test_discarding_leads_back_and_leaves_nothing(client: Client, cast: Cast) -> None:
    preview(client, cast, "a.org")
    assert "Nothing was changed" in post(client, cast, "batch-discard", only_batch().pk)
    assert not Batch.unscoped.exists()


def test_the_address_that_asks_for_one_right_begins_nothing_that_needs_another(client: Client, cast: Cast) -> None:
    preview(client, cast, "a.org")
    assert "This waits for no confirmation" in post(client, cast, "batch-begin-delete", only_batch().pk)
    assert only_batch().state == "draft"


# Bulk actions


def listed(cast: Cast, *hosts: str) -> list[Domain]:
    return [see(add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host), []) for host in hosts]


def test_ticked_domains_are_tagged(client: Client, cast: Cast) -> None:
    a, b, _ = listed(cast, "a.org", "b.org", "c.org")
    html = post(client, cast, "batch-tag", id=[str(a.pk), str(b.pk), "nonsense"], new_tag="Shop", back="?q=org")
    assert "Add tag" in html
    run()
    assert set(DomainTag.unscoped.values_list("domain__host", "name")) == {("a.org", "shop"), ("b.org", "shop")}
    page = client.get(reverse("domains:batch-show", args=[cast.acme.pk, only_batch().pk])).content.decode()
    assert "2 domains tagged “shop”" in page
    assert f'href="{reverse("domains:domain-list", args=[cast.acme.pk])}?q=org">Back to the domains' in page


def test_all_that_match_are_those_of_the_lists_filters(client: Client, cast: Cast) -> None:
    listed(cast, "a.org", "b.org", "other.net")
    Domain.unscoped.filter(host="b.org").update(state="expired")
    post(client, cast, "batch-check", all="yes", q=".org", show="failing")
    assert list(only_batch().lines.values_list("label", flat=True)) == ["b.org"]
    run()
    assert [visit.domain.host for visit in Visit.unscoped.all() if visit.is_under_way] == ["b.org"]


def test_deleting_many_names_them_and_asks_once(client: Client, cast: Cast) -> None:
    a, b = listed(cast, "a.org", "b.org")
    html = post(client, cast, "batch-delete", id=[str(a.pk), str(b.pk)])
    assert "Delete 2 domains?" in html
    assert "What your servers serve stays as it is" in html
    assert Domain.unscoped.count() == 2
    run()
    assert Domain.unscoped.count() == 2
    post(client, cast, "batch-begin-delete", only_batch().pk)
    run()
    assert not Domain.unscoped.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "No domain is chosen"),
        ({"id": [str(uuid.uuid4())]}, "No domain is chosen"),
        ({"all": "yes", "new_tag": ""}, "Which tag?"),
        ({"all": "yes", "new_tag": "<b>"}, "cannot be a tag"),
    ],
)
def test_what_is_missing_is_told_on_the_list(client: Client, cast: Cast, data: dict[str, Any], words: str) -> None:
    listed(cast, "a.org")
    assert words in post(client, cast, "batch-tag", **({"new_tag": "x"} | data))
    assert not Batch.unscoped.exists()


def test_another_workspaces_domains_cannot_be_chosen(client: Client, cast: Cast) -> None:
    theirs = add_domain(workspace=cast.other, actor=SYSTEM, hostname="theirs.org")
    assert "No domain is chosen" in post(client, cast, "batch-delete", id=[str(theirs.pk)])


def test_where_one_goes_back_to_is_never_elsewhere(client: Client, cast: Cast) -> None:
    answer = client.post(reverse("domains:batch-check", args=[cast.acme.pk]), {"back": "https://evil.example/"})
    assert answer.headers["Location"] == reverse("domains:domain-list", args=[cast.acme.pk])


def test_without_a_script_all_on_the_page_are_ticked_by_a_link(client: Client, cast: Cast) -> None:
    listed(cast, "a.org", "b.org")
    url = reverse("domains:domain-list", args=[cast.acme.pk])
    assert len(re.findall(r'name="id"[^>]* checked', client.get(url).content.decode())) == 0
    assert len(re.findall(r'name="id"[^>]* checked', client.get(f"{url}?choose=page").content.decode())) == 2


def test_a_member_sees_no_boxes_and_no_buttons(cast: Cast) -> None:
    listed(cast, "a.org")
    html = client_of(cast.member).get(reverse("domains:domain-list", args=[cast.acme.pk])).content.decode()
    assert 'type="checkbox"' not in html
    assert "Add many" not in html


# By API


def test_an_import_by_api_begins_at_once_and_tells_how_far_it_is(cast: Cast) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    body = {"lines": ["a.org", "mail.a.org:465", "10.0.0.1", 'quoted "name"']}
    answer = Client().post("/api/domains/import", body, "application/json", headers=headers)
    assert answer.status_code == 202
    run()
    batch = Client().get(answer.json()["url"], headers=headers).json()
    assert (batch["state"], batch["kind"], batch["total"]) == ("done", "import", 4)
    assert batch["counts"] == {"waiting": 0, "done": 2, "watched": 0, "twice": 0, "refused": 2, "failed": 0}
    assert [(one["line"], one["code"]) for one in batch["refused"]] == [(3, "host_is_ip"), (4, "host_malformed")]
    assert batch["refused"][1]["hostname"] == 'quoted "name"'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "batch_empty"),
        ({"lines": []}, "batch_empty"),
        ({"csv": "hostname\n"}, "batch_empty"),
        ({"lines": ["a.org"], "csv": "b.org"}, "batch_both"),
        ({"csv": "a.org\n" * 5001}, "batch_too_long"),
    ],
)
def test_an_import_that_cannot_be_read_names_its_field(cast: Cast, body: dict[str, Any], code: str) -> None:
    headers = {"Authorization": f"Bearer {cast.token(cast.admin)}"}
    answer = Client().post("/api/domains/import", body, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["fields"]
    assert not Batch.unscoped.exists()

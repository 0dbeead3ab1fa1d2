"""The Audit logs page and its exports: for admins, of their workspace, by every filter."""

import io
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from auditlog.events import Actor, record
from auditlog.kinds import KINDS
from auditlog.models import Event
from auditlog.pages import exports
from auditlog.pages.search import VIEWS, Search, events_of, kinds_of, page_before
from config.lib import clock
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.django_db

ANN = Actor("user", uuid.uuid4(), "ann@example.org", "203.0.113.9")


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def admin(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.admin)
    return client


@pytest.fixture
def happened(cast: Cast) -> None:
    """Three things in this workspace, one in another."""
    domain: dict[str, Any] = {"domain_id": uuid.uuid4(), "domain_label": "shop.example.org", "run_id": uuid.uuid4()}
    record("token.created", workspace_id=cast.acme.pk, actor=ANN, data={"name": "=cmd()", "prefix": "mmc_1"})
    record("deployment.failed", workspace_id=cast.acme.pk, data={"names": "shop", "summary": "1 failed"}, **domain)
    record("user.signed_in", workspace_id=cast.acme.pk, actor=ANN)
    record("token.created", workspace_id=cast.other.pk, actor=ANN, data={"name": "foreign", "prefix": "mmc_2"})


def page(cast: Cast, path: str = "") -> str:
    return f"/w/{cast.acme.pk}/audit-logs/{path}"


def test_everything_stands_there_with_who_and_from_where(cast: Cast, admin: Client, happened: None) -> None:
    text = admin.get(page(cast)).content.decode()
    assert "made the API token =cmd() (mmc_1…)" in text
    assert "203.0.113.9" in text
    assert "foreign" not in text
    assert "?open=" in text, "a run's event leads to its run"


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("view=security", {"token.created", "user.signed_in"}),
        ("view=runs", {"deployment.failed"}),
        ("kind=token.created", {"token.created"}),
        ("severity=critical", {"deployment.failed"}),
        ("person=ann%40example.org", {"token.created", "user.signed_in"}),
        ("domain=shop.example.org", {"deployment.failed"}),
        ("start=2999-01-01", set()),
        ("end=2001-01-01", set()),
    ],
)
def test_filters_hold_for_the_page_and_the_exports(
    cast: Cast, admin: Client, happened: None, query: str, kinds: set[str]
) -> None:
    known = ("token.created", "user.signed_in", "deployment.failed")
    text = admin.get(page(cast, f"?{query}")).content.decode().split("<tbody>")[-1]
    lines = admin.get(page(cast, f"export.csv?{query}")).getvalue().decode()
    body = lines.split("\r\n", 1)[1]
    found = {kind for kind in known if kind in text and "No event matches" not in text}
    assert found == kinds
    assert {kind for kind in known if f",{kind}," in body} == kinds


@pytest.mark.parametrize("wrong", ["start=yesterday", "kind=nothing", "start=2026-12-02&end=2026-12-01", "view=x"])
def test_filters_that_cannot_be_are_told_and_nothing_is_exported(cast: Cast, admin: Client, wrong: str) -> None:
    for path in ("", "export.csv", "export.pdf"):
        answer = admin.get(page(cast, f"{path}?{wrong}"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (422, "text/html; charset=utf-8")


def test_members_and_strangers_get_none_of_it(cast: Cast, happened: None) -> None:
    for user, status in ((cast.member, 403), (cast.outsider, 404)):
        client = Client()
        client.force_login(user)
        for path in ("", "export.csv", "export.pdf"):
            assert client.get(page(cast, path)).status_code == status
    client = Client()
    client.force_login(cast.member)
    assert "Audit logs" not in client.get(f"/w/{cast.acme.pk}/domains/").content.decode()
    for form in ("csv", "pdf"):
        answer = client.get(f"/api/logs/export.{form}", headers={"X-Workspace": str(cast.acme.pk)})
        assert answer.status_code == 403


def test_no_cell_is_a_formula_and_the_export_is_an_event(cast: Cast, admin: Client, happened: None) -> None:
    text = admin.get(page(cast, "export.csv")).getvalue().decode()
    assert "'=cmd()" not in text, "inside of a sentence and of JSON it is none"
    assert not [cell for line in text.splitlines() for cell in line.split(",") if cell.startswith(("=", "+", "@"))]
    event = Event.unscoped.get(kind="log.exported")
    assert (event.actor_label, event.data) == ("admin@example.org", {"form": "CSV", "filters": "everything"})


def test_a_page_goes_on_where_the_last_one_ended(cast: Cast) -> None:
    now = clock.now()
    Event.unscoped.bulk_create(
        Event(workspace_id=cast.acme.pk, kind="user.signed_in", severity="info", at=now - timedelta(seconds=n // 3))
        for n in range(100)
    )
    rows, seen, cursor = events_of(cast.acme, Search(kind="user.signed_in")), [], ""
    while True:
        found = page_before(rows, cursor, 7)
        seen += [event.pk for event in found.events]
        cursor = found.older
        if not cursor:
            break
    assert len(seen) == len(set(seen)) == 100
    assert page_before(rows, "nonsense~x", 7).events == page_before(rows, "", 7).events


def text_of(content: bytes) -> list[str]:
    return [sheet.extract_text() for sheet in PdfReader(io.BytesIO(content)).pages]


def test_the_pdf_has_head_filters_totals_and_numbers(cast: Cast, admin: Client, happened: None) -> None:
    content = admin.get(page(cast, "export.pdf?person=ann%40example.org")).getvalue()
    (sheet,) = text_of(content)
    for words in ("Audit log of Acme", "person: ann@example.org", "2 events: 1 info, 1 warning", "Page 1"):
        assert words in sheet
    assert "deployment" not in sheet


HOSTILE = ["<b>unclosed", "<img src='x'>", "(close) Tj ET", "日本語", "a" * 5000, "\0\r\n\u202e", "&lt;", "\\"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_breaks_the_pdf(cast: Cast, admin: Client, name: str) -> None:
    record("token.created", workspace_id=cast.acme.pk, actor=ANN, data={"name": name, "prefix": "mmc_1"})
    sheets = text_of(admin.get(page(cast, "export.pdf?kind=token.created")).getvalue())
    assert "1 events: 1 warning" in sheets[-1]
    if name == "日本語":
        assert "\\u65e5\\u672c\\u8a9e" in sheets[0]


def test_a_pdf_that_does_not_hold_all_says_so(
    cast: Cast, admin: Client, happened: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PDF_ROWS", 2)
    (sheet,) = text_of(admin.get(page(cast, "export.pdf")).getvalue())
    assert "There are more: a PDF holds the newest 2. The CSV has all of them." in sheet


def test_every_quick_filter_finds_kinds_there_are() -> None:
    for view, (_, prefixes) in VIEWS.items():
        found = kinds_of(view)
        for prefix in prefixes:
            assert [kind for kind in found if kind.startswith(prefix)], (view, prefix)
    assert set(kinds_of("security")).isdisjoint(kinds_of("runs"))
    assert set(kinds_of("runs")) < set(KINDS)

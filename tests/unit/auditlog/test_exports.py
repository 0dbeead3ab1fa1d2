"""Exports: for admins alone, the page's filters, no formula, no markup, no deceit, a bound that is told."""

import base64
import csv
import io
import json
import re
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from auditlog.chain import head_of, seal_settled
from auditlog.events import record
from auditlog.models import Event
from auditlog.pages.feed import each_line
from auditlog.pages.pdf import write_pdf
from auditlog.pages.typesetting import PLAIN, SIZE, printable, set_lines
from auditlog.pages.wanted import Wanted
from config.lib import clock
from domains.models import Domain
from tests.cast import Cast, make_cast
from tests.unit.auditlog.test_activity import deploy, happen
from tests.unit.auditlog.test_audit_page import ANN

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
FORMATS = ("csv", "pdf")
type Export = Callable[..., bytes]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    return Domain.unscoped.create(workspace=cast.acme, host="shop.acme-widgets.com")


@pytest.fixture
def export(cast: Cast) -> Export:
    secret = cast.token(cast.admin, "read")

    def call(form: str, **query: str) -> bytes:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = Client().get(f"/api/logs/export.{form}", query, headers=headers)
        assert answer.status_code == 200
        assert answer["Content-Disposition"].startswith("attachment")
        return b"".join(answer)

    return call


def rows_of(told: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(told.decode("utf-8-sig"))))


def text_of(told: bytes) -> str:
    """What is drawn, in order; the embedded font numbers ASCII as ASCII does, and the rest from there on."""
    pieces = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", told, re.DOTALL):
        try:
            content = zlib.decompress(_ascii85(stream))
        except (zlib.error, ValueError):
            continue
        pieces += re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", content)
    return "\n".join(_unescaped(piece) for piece in pieces)


def _ascii85(stream: bytes) -> bytes:
    return base64.a85decode(stream.strip().removesuffix(b"~>"))


def _unescaped(piece: bytes) -> str:
    plain = re.sub(rb"\\([0-7]{3}|.)", lambda found: _escaped(found[1]), piece)
    return plain.decode("latin-1")


def _escaped(code: bytes) -> bytes:
    return bytes([int(code, 8)]) if len(code) == 3 else code


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_is_for_admins_of_the_workspace(cast: Cast, form: str) -> None:
    path = f"/api/logs/export.{form}"
    member = cast.token(cast.member, "read", role="member")
    assert Client().get(path).status_code == 401
    assert Client().get(path, headers={"Authorization": f"Bearer {member}"}).status_code == 403
    client = Client()
    client.force_login(cast.member)
    assert client.get(path, {"workspace": str(cast.acme.pk)}).status_code == 403
    client.force_login(cast.outsider)
    assert client.get(path, {"workspace": str(cast.acme.pk)}).status_code == 404
    assert not Event.unscoped.filter(kind="log.exported").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_the_page_s_buttons_lead_to_exports_with_its_filters(cast: Cast, form: str) -> None:
    client = Client()
    client.force_login(cast.admin)
    record("token.revoked", workspace_id=cast.acme.pk, actor=ANN, data={"name": "ci"})
    shown = client.get(f"/w/{cast.acme.pk}/audit-logs/", {"show": "security", "person": ANN.label}).content.decode()
    found = re.search(rf'href="(/api/logs/export.{form}[^"]*)"', shown)
    assert found
    told = b"".join(client.get(found[1].replace("&amp;", "&")))
    text = told.decode() if form == "csv" else text_of(told)
    assert "revoked the API token ci" in text
    assert "made the workspace" not in text


def test_an_export_is_itself_written_down(export: Export, cast: Cast) -> None:
    export("csv", severity="critical", person="ann@example.net")
    event = Event.unscoped.get(kind="log.exported")
    assert event.data == {"form": "CSV", "filters": "person: ann@example.net, severity: critical"}
    assert event.workspace_id == cast.acme.pk
    assert event.actor_kind == "token"


def test_csv_has_every_line_and_step_newest_first(export: Export, domain: Domain) -> None:
    deploy(domain)
    happen(domain, "domain.added", actor=ANN, data={"x": 1})
    newest, step = rows_of(export("csv", domain_id=str(domain.pk)))
    assert newest["what"] == "ann@example.net added shop.acme-widgets.com"
    assert (newest["who"], newest["from"], newest["domain"]) == (ANN.label, ANN.ip, domain.host)
    assert json.loads(newest["data"]) == {"x": "1"}
    assert step["kind"] == "run.step"
    assert step["what"] == "web-00: sudo -n systemctl reload nginx · succeeded"


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", " =1", "\t=1", "\uff1d1"])
def test_csv_holds_no_formula(export: Export, cast: Cast, name: str) -> None:
    who = ANN.__class__("user", label=name)
    data = {"email": "x", "role": name, "before": name}
    record("member.role_changed", workspace_id=cast.acme.pk, actor=who, data=data)
    (row,) = rows_of(export("csv", kind="member.role_changed"))
    assert row["who"] == f"'{name}"
    assert [cell for cell in row.values() if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\uff1d"))] == []


def test_both_tell_the_daily_heads_of_the_chain(export: Export, cast: Cast, domain: Domain) -> None:
    with clock.frozen(clock.now() - timedelta(minutes=5)):
        happen(domain, "domain.verified")
    assert not seal_settled()
    head = head_of(cast.acme.pk)
    lines = rows_of(export("csv", kind="domain."))
    assert (lines[0]["kind"], lines[0]["hash"]) == ("domain.verified", head.hash)
    assert (lines[-1]["kind"], lines[-1]["number"], lines[-1]["hash"]) == ("chain.head", "1", head.hash)
    text = text_of(export("pdf", kind="domain."))
    assert "Daily heads of the chain" in text
    assert head.hash in text


def test_pdf_has_head_filters_lines_and_totals(export: Export, domain: Domain) -> None:
    deploy(domain)
    data = {"before": {"webroot": "/old"}, "after": {"webroot": "/new"}, "server": "web-01"}
    happen(domain, "target.saved", actor=ANN, data=data)
    told = export("pdf", hostname=domain.host)
    assert told.startswith(b"%PDF-")
    text = text_of(told)
    for part in (
        "Audit log of Acme",
        "Filters: hostname: shop.acme-widgets.com",
        "Lines: 2, the newest first.",
        "203.0.113.9",
        "webroot: /old -> /new",
        "Totals",
        "Severity warning",
        "Page 1",
    ):
        assert part in text


def test_hostile_text_neither_breaks_the_pdf_nor_is_markup(export: Export, cast: Cast) -> None:
    name = "<b>x</b> &amp; (un\\balanced \u202egpj.exe Жук 漢字 \u0000\x07 " + "w" * 3000
    record("token.revoked", workspace_id=cast.acme.pk, actor=ANN, data={"name": name.replace("\0", "")})
    text = re.sub(r"\s", "", text_of(export("pdf", kind="token.revoked")))
    assert "<b>x</b>&amp;(un\\balanced<U+202E>gpj.exe<U+0416>" in text
    assert "\u202e" not in text


def test_text_is_set_in_lines_that_fit_and_loses_nothing() -> None:
    text = "one two-three shop.example.net/" + "w" * 200
    lines = set_lines(text, PLAIN, SIZE, 80)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines[0] == "one two-three shop."
    assert len(set_lines(text, PLAIN, SIZE, 80, 3)) == 3
    assert set_lines(text, PLAIN, SIZE, 80, 3)[-1].endswith("…")
    assert set_lines("w", PLAIN, SIZE, 0.1) == ["w"]


@pytest.mark.parametrize("text", ["\ud800", "\u200b", "\u2066", "\x1b[31m", "\r"])
def test_what_deceives_the_eye_is_shown_by_its_number(text: str) -> None:
    assert printable(text).startswith(f"<U+{ord(text[0]):04X}>")


def test_a_long_pdf_is_cut_and_says_so(cast: Cast, domain: Domain) -> None:
    for _ in range(71):
        happen(domain, "domain.verified")
    wanted = Wanted(kind="domain.verified")
    text = text_of(write_pdf(cast.acme, wanted, "kind", "ann", most=70).read())
    assert "More than 70 lines match. This document holds the newest 70 of them" in text
    assert text.count("is proven") == 70
    assert "Page 3" in text


def test_an_export_reads_in_pieces(
    cast: Cast, domain: Domain, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(25):
        happen(domain, "domain.verified")
    with django_assert_num_queries(4):  # 10, 10, 5, and none.
        assert len(list(each_line(cast.acme, Wanted(kind="domain."), piece=10))) == 25
    assert len(list(each_line(cast.acme, Wanted(), 12, piece=10))) == 12


def test_the_api_pages_steps_among_events(cast: Cast, domain: Domain) -> None:
    deploy(domain, runs=3)
    for _ in range(3):
        happen(domain, "domain.verified")
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'read')}"}
    query, seen = {"domain_id": str(domain.pk), "limit": "2"}, []
    while True:
        answer = Client().get("/api/logs", query, headers=headers).json()
        seen += [item["id"] for item in answer["items"]]
        if not answer["next"]:
            break
        query["cursor"] = answer["next"]
    assert len(seen) == len(set(seen)) == 6


def test_a_member_reads_in_the_api_what_the_activity_logs_show(cast: Cast, domain: Domain) -> None:
    told = {"changes": "tags", "before": {"tags": ["blue"]}, "after": {"tags": ["red"]}}
    happen(domain, "domain.changed", actor=ANN, data=told)
    deploy(domain)
    gone = Domain.unscoped.create(workspace=cast.acme, host="gone.acme-widgets.com")
    happen(gone, "domain.deleted", actor=ANN)
    gone_id = str(gone.pk)
    gone.delete()
    record("token.revoked", workspace_id=cast.acme.pk, actor=ANN, data={"name": "ci"})
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        seal_settled()

    def ask(token: str, **query: str) -> dict[str, Any]:
        answer: Any = Client().get("/api/logs", query, headers={"Authorization": f"Bearer {token}"}).json()
        return {item["kind"]: item for item in answer["items"]}

    member = cast.token(cast.member, "read", role="member")
    seen = ask(member)
    assert set(seen) == {"domain.changed", "run.step"}
    assert set(ask(member, domain_id=gone_id)) == set()
    hidden: dict[str, Any] = {"data": {}, "ip": None, "number": None, "hash": None}
    for line in seen.values():
        assert {name: line[name] for name in hidden} == hidden
    activity = Client()
    activity.force_login(cast.member)
    page = activity.get(f"/w/{cast.acme.pk}/domains/{domain.pk}/activity/").content.decode()
    assert seen["domain.changed"]["sentence"] in page
    assert "blue" not in page + str(seen)
    shown = ask(cast.token(cast.admin, "read"))["domain.changed"]
    assert (shown["data"], shown["ip"]) == (told, "203.0.113.9")
    assert shown["number"] >= 1
    assert len(shown["hash"]) == 64


def test_the_api_takes_the_page_s_filters_and_refuses_unknown_ones(cast: Cast, domain: Domain) -> None:
    happen(domain, "domain.added", actor=ANN)
    headers = {"Authorization": f"Bearer {cast.token(cast.admin, 'read')}"}
    query = {"person": ANN.label, "hostname": domain.host, "kind": "domain.", "severity": "info"}
    answer = Client().get("/api/logs", {**query, "start": f"{clock.now():%Y}-01-01"}, headers=headers).json()
    assert [item["kind"] for item in answer["items"]] == ["domain.added"]
    refused = Client().get("/api/logs", {"severity": "loud"}, headers=headers)
    assert (refused.status_code, list(refused.json()["fields"])) == (422, ["severity"])

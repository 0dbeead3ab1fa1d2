"""Each request can be followed through the logs by an id, and its line tells nothing of who asked for what."""

import json
import logging
import re
from collections.abc import Iterator
from io import StringIO

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import PlatformMail
from accounts.outbox import queue_mail
from config.lib import jobs
from config.lib.redact import JsonFormatter, Redactor
from tests.cast import Cast, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def written() -> Iterator[StringIO]:
    """What the portal's handler writes, in JSON."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Redactor())
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def lines(stream: StringIO, event: str) -> list[dict[str, object]]:
    return [line for text in stream.getvalue().splitlines() if (line := json.loads(text))["event"] == event]


def test_an_answer_and_its_line_have_one_id(cast: Cast, written: StringIO) -> None:
    client = Client()
    client.force_login(cast.admin)
    page = f"/w/{cast.acme.pk}/domains/"
    answers = [client.get(page), client.get(page)]
    names = [answer.headers["X-Request-ID"] for answer in answers]
    told = lines(written, "request.answered")
    assert [line["request"] for line in told] == names
    assert len(set(names)) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", name) for name in names)
    assert (told[0]["method"], told[0]["status"], told[0]["level"]) == ("GET", 200, "info")


def test_the_line_has_the_pattern_and_not_the_path(written: StringIO) -> None:
    Client().get("/account/invitation/geheimes-Wort-in-der-Adresse/", {"q": "gesucht"})
    assert [line["route"] for line in lines(written, "request.answered")] == ["account/invitation/<str:token>/"]
    assert "geheim" not in written.getvalue()
    assert "gesucht" not in written.getvalue()


def test_only_a_proxy_may_name_a_request(settings: Settings) -> None:
    client = Client(headers={"X-Request-ID": "from-the-proxy-1"})
    assert client.get("/healthz").headers["X-Request-ID"] != "from-the-proxy-1"
    settings.TRUSTED_PROXY_COUNT = 1
    assert client.get("/healthz").headers["X-Request-ID"] == "from-the-proxy-1"
    for wrong in ("short", "x" * 65, "two\nlines-of-text", "qu\"ote-qu'ote"):
        assert Client(headers={"X-Request-ID": wrong}).get("/healthz").headers["X-Request-ID"] != wrong


def test_what_machines_ask_all_the_time_has_no_line(written: StringIO) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        Client().get(path)
    assert lines(written, "request.answered") == []


def test_a_refused_request_has_its_id_on_djangos_line(written: StringIO) -> None:
    name = Client().get("/nothing-here/").headers["X-Request-ID"]
    assert [line["request"] for line in lines(written, "Not Found: /nothing-here/")] == [name]


def test_lines_of_a_job_have_its_kind_row_and_claim(written: StringIO) -> None:
    mail = queue_mail(to="ann@acme.test", template="account_exists", context={})
    jobs.run_due("platform_mail")
    assert PlatformMail.objects.get(pk=mail.pk).state == "sent"
    (sent,) = lines(written, "mail.written")
    (worked,) = lines(written, "job.worked")
    assert (sent["job"], sent["job_kind"]) == (str(mail.pk), "platform_mail")
    assert (worked["claim"], worked["rows"]) == (sent["claim"], 1)

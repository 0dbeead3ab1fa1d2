"""The mail of an alert rule: one frame for all of them, with the life as text, and nothing of a message is markup."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Workspace
from config.lib import clock
from domains.models import Domain
from notifications.alert_mail import mail_of
from notifications.message import Message
from notifications.rules.moments import life_of
from notifications.rules.telling import tell_expiring
from notifications.wordings.composing import compose
from tests.cast import make_cast
from tests.unit.notifications.watched import watched

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)
WORKSPACE = Workspace(name="Acme <Ltd>", time_zone="Europe/Berlin")


def message(**given: Any) -> Message:
    told = {"type": "certificate.expiring", "subject": "shop.example.org: it ends", "body": "First.\n\nSecond."}
    return Message(**{**told, "url": "https://certs.example/w/1/", "dedup_key": "k", **given})


def test_text_and_html_say_the_same() -> None:
    told = mail_of(message(facts=(("Issued by", "Test CA"),)), WORKSPACE)
    assert told.subject == "shop.example.org: it ends"
    for text in (told.text, told.html):
        for part in ("First.", "Second.", "Issued by", "Test CA", "https://certs.example/w/1/", "Open in the portal"):
            assert part in text
    assert "by an alert rule of the workspace Acme <Ltd>." in told.text
    assert "by an alert rule of the workspace Acme &lt;Ltd&gt;." in told.html
    assert "\n\n\n" not in told.text


def test_the_life_is_drawn_and_its_end_not_told_twice() -> None:
    life = {"not_before": "2026-01-01T00:00:00+00:00", "not_after": "2026-04-09T00:00:00+00:00", "renew_at": None}
    facts = (("Domain", "shop.example.org"), ("Expires", "9 April 2026"))
    with clock.frozen(NOW):
        told = mail_of(message(data=life, facts=facts), WORKSPACE)
        plain = mail_of(message(data={**life, "not_before": None}, facts=facts), WORKSPACE)
    assert "] 11 days left, expires 9 April" in told.text
    assert "]\n11 days left, expires 9 April" in told.html
    assert "Expires:" not in told.text
    assert "Expires: 9 April 2026" in plain.text
    assert "[=" not in plain.text


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "{{settings.SECRET_KEY}}", "{% debug %}", "a\r\nBcc: x"]
)
def test_nothing_of_a_message_is_markup_or_a_header(text: str) -> None:
    told = mail_of(message(subject=text, body=text, facts=((text, text),)), WORKSPACE)
    assert len(told.subject.splitlines()) == 1
    assert "<img" not in told.html
    if "\n" not in text:
        assert text in told.text


def test_a_fact_that_the_body_tells_is_not_told_again() -> None:
    told = mail_of(message(body="Status: failed", facts=(("Status", "failed"), ("Files written", "4"))), WORKSPACE)
    assert told.text.count("Status: failed") == 1
    assert "Files written: 4" in told.text


def test_without_a_url_there_is_no_button() -> None:
    told = mail_of(message(url=""), WORKSPACE)
    assert "Open in the portal" not in told.text + told.html


@pytest.mark.django_db
def test_a_composed_message_carries_both_ends_of_the_life() -> None:
    cast = make_cast()
    made = watched(cast.acme, "shop.example.org", days=12.5)
    Domain.unscoped.filter(pk=made.pk).update(renew_at=clock.now() + timedelta(days=3))
    domain = Domain.unscoped.select_related("workspace", "visit__inspection").get()
    life = life_of(domain)
    assert life
    composed = compose(tell_expiring(domain, life, clock.now()), channel="email", template=None, dedup_key="k")
    told = mail_of(Message.thawed(composed.frozen()), cast.acme)
    assert "] 12 days left, renews" in told.text
    assert "expires in 12 days" in told.text
    assert "Test CA" in told.text

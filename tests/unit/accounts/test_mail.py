"""The outbox: every mail renders, is sent at least once under one id, and ends."""

import re
from datetime import timedelta
from pathlib import Path

import allauth
import pytest
from django.template.loader import get_template
from pytest_django import Settings

from accounts.mail import compose, render_mail
from accounts.models import PlatformMail
from accounts.notices import BY_PREFIX, mail_for
from accounts.outbox import queue_mail
from config.lib import clock, jobs

LINK = "http://elsewhere.example/account/some/link/"
# allauth sends these only with settings that we do not use: codes instead of links.
BY_CODE = {"account/email/login_code", "account/email/password_reset_code"}
# Sent by a part of allauth that is not installed: Google's accounts are our own rows.
BY_OTHERS = {"socialaccount/email/account_connected", "socialaccount/email/account_disconnected"}
BASES = {"account/email/base_message", "account/email/base_notification"}


def shipped() -> set[str]:
    """Every mail that the installed allauth has a template for."""
    folder = Path(allauth.__file__).parent / "templates"
    found = {str(path.relative_to(folder)) for path in folder.glob("*/email/*_subject.txt")}
    return {name.removesuffix("_subject.txt") for name in found}


def test_every_mail_of_allauth_has_our_words() -> None:
    assert shipped() - BY_CODE - BY_OTHERS - BASES <= set(BY_PREFIX)


@pytest.mark.parametrize("prefix", BY_PREFIX)
def test_every_mail_renders_with_one_action_on_our_own_site(prefix: str, settings: Settings) -> None:
    settings.SITE_URL = "https://portal.example"
    names = ("activate_url", "password_reset_url", "signup_url")
    given = dict.fromkeys(names, LINK) | {"ip": "192.0.2.1", "user_agent": "<b>Browser</b>", "key": "canary"}
    template, context = mail_for(prefix, given)
    subject, text, html = render_mail(template, context)
    assert subject
    assert "\n" not in subject
    actions = set(re.findall(r"https?://[^\s\"<]+/account[^\s\"<]*", text))
    assert len(actions) == 1
    assert actions.pop().startswith("https://portal.example/account/")
    for body in (text, html):
        assert "elsewhere.example" not in body
        assert "You get this because" in body
        assert "canary" not in body
    assert "<b>Browser" not in html


OWN = {
    "invitation": {"inviter": "a@example.org", "workspace": "<b>Acme", "role": "Admin", "email": "b@example.org"},
    "team_notice": {
        "happened": "You no longer belong to <b>Acme",
        "meaning": "x",
        "action_label": "Open",
        "why_you": "y",
    },
}


@pytest.mark.parametrize("template", OWN)
def test_mails_about_the_team_have_one_action_and_escape_names(template: str) -> None:
    subject, text, html = render_mail(template, {**OWN[template], "action_url": LINK})
    assert subject
    assert text.count(LINK) == 1
    assert "<b>Acme" not in html
    assert html.count("<a href") == 2  # the action and the portal's own address at the foot
    for body in (text, html):
        assert "You get this because" in body


def test_a_subject_cannot_start_a_header() -> None:
    message = compose(to="a@example.org", subject="Hi\r\nBcc: eve@example.org", text="t", html="h", message_id="1")
    assert message["Bcc"] is None
    assert message["Subject"] == "Hi Bcc: eve@example.org"


@pytest.mark.django_db
@pytest.mark.both_databases
def test_a_server_that_is_away_is_tried_again_for_a_day(settings: Settings) -> None:
    settings.EMAIL_URL = "smtp://127.0.0.1:9/?tls=none"  # nothing listens there
    mail = queue_mail(to="a@example.org", template="reset_password", context={"action_url": LINK})
    jobs.run_due("platform_mail")
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == ("waiting", 1)
    assert mail.run_after
    assert mail.run_after > clock.now()
    assert mail.error_code
    with clock.shifted(timedelta(hours=25)):
        jobs.run_due("platform_mail")
    mail = PlatformMail.objects.get()
    assert (mail.state, mail.run_after) == ("failed", None)
    assert not mail.sealed_context


@pytest.mark.django_db
@pytest.mark.both_databases
def test_only_the_portals_user_may_read_a_written_mail(settings: Settings) -> None:
    queue_mail(to="a@example.org", template="reset_password", context={"action_url": LINK})
    jobs.run_due("platform_mail")
    [path] = (settings.VAR_DIR / "mail").glob("*.eml")
    assert path.stat().st_mode & 0o777 == 0o600
    assert not list(path.parent.glob("*.part"))
    path.unlink()
    assert PlatformMail.objects.get().state == "sent"


def test_our_templates_come_in_threes() -> None:
    for template in {mail.template for mail in BY_PREFIX.values()} | set(OWN):
        for suffix in ("_subject.txt", ".txt", ".html"):
            assert get_template(f"accounts/mail/{template}{suffix}")


HELD = ["2 domains", "the access of 1 person"]


@pytest.mark.parametrize(
    ("template", "context"),
    [
        ("workspace_closing", {"asked_by": "<b>ann</b>", "is_you": True, "contents": HELD}),
        ("workspace_closing", {"asked_by": "<b>ann</b>", "is_you": False, "contents": HELD}),
        ("workspace_closed", {"removed": HELD, "left": ["<b>One</b> thing."]}),
        ("account_deleted", {"closed": ["<b>Ann's</b>"]}),
    ],
)
def test_mails_about_endings_have_one_action_and_escape_what_people_typed(
    template: str, context: dict[str, object]
) -> None:
    link = "https://portal.example/there/"
    subject, text, html = render_mail(template, {**context, "workspace": "<b>Acme</b> & Ann's", "action_url": link})
    assert subject in (
        "<b>Acme</b> & Ann's is being deleted",
        "<b>Acme</b> & Ann's is deleted",
        "Your account was deleted",
    )
    assert re.findall(r"https://\S+", text) == [link]
    assert "You get this because" in text
    assert "<b>" in text, "plain text stays as it is"
    assert "&lt;b&gt;" in html
    assert "<b>ann" not in html
    assert "<b>One" not in html
    assert "Ann's</b>" not in html

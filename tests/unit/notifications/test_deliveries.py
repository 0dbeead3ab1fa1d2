"""From an alerting event to one mail per admin, once, however often the steps are repeated."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from pytest_django import Settings

from accounts.models import Membership, Role, Workspace
from auditlog.events import SYSTEM, record
from auditlog.models import Event, PendingReaction
from config.lib import clock, jobs
from notifications.models import Delivery
from notifications.reactions import react_to_events
from tests.cast import Cast, make_cast, make_user
from tests.mails import Mails, text_of
from tests.servers.ports import free_port

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

CERTIFICATE = {
    "names": "shop.acme-widgets.com, www.acme-widgets.com",
    "issuer": "Let's Encrypt YE1",
    "not_before": "2026-11-20T00:00:00+00:00",
    "not_after": "2027-02-18T00:00:00+00:00",
    "fingerprint_sha256": "4f1a9c" * 10 + "e207",
}
GOOD = {"server": "web-01", "state": "serving", "files": ["/a"] * 4, "commands": [{"command": "x", "exit_code": 0}]}
BAD = {"server": "web-02", "state": "failed", "files": [], "commands": [], "code": "connect_refused"}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def mails(settings: Settings, tmp_path: Path) -> Mails:
    settings.VAR_DIR = tmp_path
    settings.EMAIL_URL = ""
    return Mails(tmp_path / "mail")


def happen(workspace: Workspace, kind: str = "deployment.succeeded", **data: Any) -> Event:
    outcome = {
        "summary": "1 of 1 targets serves it",
        "targets": [GOOD],
        "requested_by": "ann@acme-widgets.com",
        **CERTIFICATE,
    }
    return record(
        kind,
        workspace_id=workspace.pk,
        actor=SYSTEM,
        domain_id=workspace.pk,
        domain_label="shop.acme-widgets.com",
        data={**outcome, **data},
    )


def drain() -> None:
    jobs.run_due("reaction")
    jobs.run_due("delivery")


def test_an_outcome_reaches_every_admin_and_nobody_else(cast: Cast, mails: Mails) -> None:
    second = make_user("second@example.org")
    Membership.objects.create(user=second, workspace=cast.acme, role=Role.ADMIN)
    happen(cast.acme)
    drain()
    assert {mail["To"] for mail in mails.all()} == {"admin@example.org", "second@example.org"}
    assert set(Delivery.unscoped.values_list("state", flat=True)) == {"sent"}


def test_an_event_that_alerts_nobody_sends_nothing(cast: Cast, mails: Mails) -> None:
    record("workspace.changed", workspace_id=cast.acme.pk, data={"changes": "x"})
    drain()
    assert mails.all() == []


def test_an_unproven_address_gets_nothing(cast: Cast, mails: Mails) -> None:
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    happen(cast.acme)
    drain()
    assert mails.all() == []


def test_a_reaction_that_is_repeated_adds_no_delivery(cast: Cast, mails: Mails) -> None:
    event = happen(cast.acme)
    drain()
    PendingReaction.objects.filter(pk=event.pk).update(run_after=clock.now(), is_done=False)
    drain()
    assert Delivery.unscoped.count() == 1
    assert len(mails.all()) == 1


def test_a_reaction_whose_lease_was_lost_writes_nothing(cast: Cast) -> None:
    event = happen(cast.acme)
    (mine,) = jobs.claim(jobs.kinds.get("reaction"))
    PendingReaction.objects.filter(pk=event.pk).update(lease_token=cast.acme.pk)
    react_to_events([mine])
    assert Delivery.unscoped.count() == 0


@pytest.mark.parametrize(("requested_by", "told"), [("API token ci", "by API token ci"), ("", "by itself")])
def test_the_mail_names_who_started_and_not_who_noticed_the_end(
    cast: Cast, mails: Mails, requested_by: str, told: str
) -> None:
    happen(cast.acme, requested_by=requested_by)
    drain()
    assert f"Started {told}, ended" in text_of(mails.all()[0])
    assert f"Started {told}, ended" in text_of(mails.all()[0], "html")


def test_success_says_where_what_and_how_long(cast: Cast, mails: Mails) -> None:
    happen(cast.acme)
    drain()
    mail = mails.to("admin@example.org")
    assert mail["Subject"] == "shop.acme-widgets.com: new certificate deployed"
    text = text_of(mail)
    for part in (
        "web-01: Serving (4 files written, 1 command run)",
        "1 of 1 targets serves it",
        "ann@acme-widgets.com",
    ):
        assert part in text
    assert f"/w/{cast.acme.pk}/domains/" in text
    assert "admin of the workspace Acme" in text
    assert "web-01" in text_of(mail, "html")


def test_the_link_unfolds_the_run_it_is_about(cast: Cast, mails: Mails) -> None:
    happen(cast.acme, deployment="4be5")
    drain()
    assert "/activity/?open=4be5#run-4be5" in text_of(mails.to("admin@example.org"))


def test_failure_says_why_and_what_to_do(cast: Cast, mails: Mails) -> None:
    params = {"host": "web-02.acme-widgets.com", "port": 22}
    happen(cast.acme, "deployment.failed", summary="0 of 1 targets serves it", targets=[{**BAD, "params": params}])
    drain()
    mail = mails.to("admin@example.org")
    assert mail["Subject"] == "shop.acme-widgets.com: deployment failed"
    for kind in ("plain", "html"):
        told = text_of(mail, kind)
        assert "web-02.acme-widgets.com refused the connection on port 22" in told
        assert "Start the service, or correct the port." in told


def test_the_life_of_the_certificate_is_drawn_in_text(cast: Cast, mails: Mails) -> None:
    with clock.frozen(datetime(2026, 12, 20, tzinfo=UTC)):
        happen(cast.acme)
        drain()
    assert "] 60 days left" in text_of(mails.to("admin@example.org"))


def test_names_from_outside_are_shown_and_not_obeyed(cast: Cast, mails: Mails) -> None:
    evil = {**GOOD, "server": "<script>x</script>\r\nBcc: a@b.c"}
    happen(cast.acme, targets=[evil], issuer="<img src=x>\r\nX: y")
    drain()
    mail = mails.to("admin@example.org")
    assert "<script>" not in text_of(mail, "html")
    assert "<img" not in text_of(mail, "html")
    assert mail["Bcc"] is None
    assert len(mails.all()) == 1


def test_other_alerts_are_told_in_one_sentence(cast: Cast, mails: Mails) -> None:
    happen(cast.acme, "certificate.downloaded")
    drain()
    assert "downloaded the certificate" in mails.to("admin@example.org")["Subject"]


def test_whoever_left_before_the_mail_went_out_gets_none(cast: Cast, mails: Mails) -> None:
    happen(cast.acme)
    jobs.run_due("reaction")
    Membership.objects.filter(user=cast.admin).update(role=Role.MEMBER)
    jobs.run_due("delivery")
    assert mails.all() == []
    assert Delivery.unscoped.get().error_code == "recipient_gone"


def test_a_server_that_is_down_is_tried_again_by_the_workspace_s_settings(cast: Cast, settings: Settings) -> None:
    settings.EMAIL_URL = f"smtp://127.0.0.1:{free_port()}/?tls=none"
    Workspace.objects.filter(pk=cast.acme.pk).update(delivery_retries=1, retry_delay_minutes=7)
    with clock.frozen(clock.now()):
        happen(cast.acme)
        drain()
        row = Delivery.unscoped.get()
        assert (row.state, row.attempts, row.error_code) == ("waiting", 1, "connect_refused")
        assert row.run_after == clock.now() + timedelta(minutes=7)
    with clock.shifted(timedelta(minutes=7)):
        jobs.run_due("delivery")
    row = Delivery.unscoped.get()
    assert (row.state, row.attempts) == ("failed", 2)
    assert row.run_after is None
    failure = Event.unscoped.get(kind="delivery.failed")
    assert failure.data["to"] == "admin@example.org"
    assert not PendingReaction.objects.filter(pk=failure.pk).exists()

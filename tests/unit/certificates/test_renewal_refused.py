"""A renewal that is refused before anything is ordered: recorded once for each reason, told, and in the log."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from auditlog.events import SYSTEM
from auditlog.models import Event
from auditlog.pages.activity import load_timeline
from billing.models import Account
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.now import renew_now
from certificates.renewal.requirements import requirements
from config.lib import clock, jobs
from domains.models import Domain, Mode
from notifications.models import Delivery, Gateway
from notifications.renewing.boxes import choose_boxes
from tests.cast import Cast
from tests.mails import Mails, text_of
from tests.unit.certificates.conftest import DIRECTORY, HOST, renewal_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Store = Callable[..., Certificate]


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the settings of Auto-renew (SSH) lack, in place of the rooms above."""
    found = ["Trust the host key of web-01"]
    monkeypatch.setattr(requirements, "_items", {"tests": lambda _domain: list(found)})
    return found


@pytest.fixture
def renewal(store: Store, domain: Domain) -> Renewal:
    """Due, in a mode whose settings are incomplete."""
    last = store(age_days=61)
    Domain.unscoped.filter(pk=domain.pk).update(mode=Mode.ACME_AUTO)
    with clock.frozen(last.created_at):
        return renewal_of(last)


def tried(renewal: Renewal, times: int = 1) -> list[Event]:
    """The events of refusals after as many looks."""
    for _ in range(times):
        Renewal.unscoped.filter(pk=renewal.pk).update(run_after=clock.now(), retry_at=None)
        jobs.run_due("renewal")
    return list(Event.unscoped.filter(kind="renewal.refused").order_by("at"))


def test_it_is_recorded_once_however_often_it_is_retried(renewal: Renewal, missing: list[str]) -> None:
    (event,) = tried(renewal, times=10)
    assert Renewal.unscoped.get().failures == 10
    assert (event.severity, event.run_id, event.domain_id) == ("warning", None, renewal.domain_id)
    assert event.data == {
        "names": HOST,
        "code": "auto_renew_incomplete",
        "params": {"missing": ["Trust the host key of web-01"]},
        "error": "Auto-renew (SSH) is not ready yet",
    }


def test_another_reason_is_told_again(renewal: Renewal, missing: list[str]) -> None:
    tried(renewal, times=2)
    missing[:] = ["Webroot"]
    assert [event.data["params"]["missing"] for event in tried(renewal, times=2)] == [
        ["Trust the host key of web-01"],
        ["Webroot"],
    ]


def test_after_an_order_the_same_reason_is_news(renewal: Renewal, missing: list[str]) -> None:
    tried(renewal, times=2)
    Issuance.objects.create(
        workspace=renewal.workspace,
        domain=renewal.domain,
        names=[HOST],
        names_key=renewal.names_key,
        directory_url=DIRECTORY,
        state=Issuance.State.FAILED,
        step=Issuance.Step.DONE,
        is_renewal=True,
        error_code="acme_unauthorized",
        ended_at=clock.now(),
    )
    assert len(tried(renewal, times=2)) == 2


def test_too_low_a_balance_is_recorded_once_though_the_amount_changes(
    renewal: Renewal, settings: Any, hands_free: None
) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    Domain.unscoped.filter(pk=renewal.domain_id).update(mode=Mode.DNS)
    (first,) = tried(renewal)
    assert first.data["code"] == "balance_too_low"
    Account.unscoped.filter(workspace=renewal.workspace_id).update(balance_cents=1)
    assert [event.pk for event in tried(renewal, times=3)] == [first.pk]


def test_without_a_box_the_admins_have_one_mail_with_the_reason(
    renewal: Renewal, missing: list[str], cast: Cast, settings: Any, tmp_path: Path
) -> None:
    settings.VAR_DIR, settings.EMAIL_URL = tmp_path, ""
    tried(renewal, times=10)
    jobs.run_due("reaction")
    jobs.run_due("delivery")
    (sent,) = Mails(tmp_path / "mail").all()
    assert (sent["Subject"], sent["To"]) == (f"{HOST}: the renewal could not be begun", cast.admin.email)
    said = " ".join(text_of(sent).split())
    for words in ("Auto-renew (SSH) is not ready yet", "Trust the host key of web-01", "press Enable auto-renew"):
        assert words in said


def test_with_a_box_its_gateway_hears_of_it_and_nobody_else(renewal: Renewal, missing: list[str], cast: Cast) -> None:
    ops = Gateway(workspace=cast.acme, channel="webhook", name="Ops", config={"url": "https://hook.example/"})
    ops.save(force_insert=True)
    choose_boxes(domain=renewal.domain, actor=SYSTEM, ticked=[str(ops.pk)], numbers={})
    tried(renewal, times=10)
    jobs.run_due("reaction")
    (told,) = Delivery.unscoped.filter(event_kind="renewal.failed")
    assert (told.channel, told.gateway) == ("webhook", ops)
    assert "Trust the host key of web-01" in json.dumps(told.message)
    assert not Delivery.unscoped.exclude(pk=told.pk).filter(channel="email").exists()


def test_the_log_shows_it_with_its_error_and_hint(renewal: Renewal, missing: list[str], cast: Cast) -> None:
    (event,) = tried(renewal)
    for shown in ({"show": "renewals"}, {"show": "issuing"}, {"problems": True}):
        entries = [entry for entry in load_timeline(renewal.domain, **shown).entries if entry.is_run]
        assert [(entry.key, entry.title, entry.state) for entry in entries] == [
            (event.pk, f"Renewal for {HOST}", "failed")
        ]
    others = load_timeline(renewal.domain, show="events").entries
    assert event.pk not in {entry.key for entry in others}
    client = Client()
    client.force_login(cast.admin)
    page = client.get(f"/w/{cast.acme.pk}/domains/{renewal.domain_id}/activity/").content.decode()
    for words in ("could not be begun", "Trust the host key of web-01", "press Enable auto-renew then"):
        assert words in page


def test_the_run_that_somebody_asked_for_is_there_until_it_is_begun(
    renewal: Renewal, missing: list[str], cast: Cast
) -> None:
    tried(renewal)
    (needed, missing[:]) = (list(missing), [])
    asked = renew_now(domain=renewal.domain, force=True, actor=SYSTEM)
    missing[:] = needed
    assert [event.run_id for event in tried(renewal, times=3)] == [None, asked]
    missing[:] = ["Webroot"]
    tried(renewal)
    found = load_timeline(renewal.domain, opened=asked, show="renewals").entries
    (run,) = (entry for entry in found if entry.key == asked)
    assert [step.state for part in run.parts for step in part.steps] == ["succeeded", "failed", "failed"]
    assert run.wording
    assert "Webroot" in run.wording.why
    _begin(renewal, asked)
    found = load_timeline(renewal.domain, opened=asked, show="renewals").entries
    (run,) = (entry for entry in found if entry.key == asked)
    assert run.state == "validating"
    assert [step.state for part in run.parts for step in part.steps][:3] == ["succeeded", "failed", "failed"]


def _begin(renewal: Renewal, key: uuid.UUID) -> None:
    Issuance.objects.create(
        pk=key,
        workspace=renewal.workspace,
        domain=renewal.domain,
        names=[HOST],
        names_key=renewal.names_key,
        directory_url=DIRECTORY,
        challenge="http-01",
        state=Issuance.State.PENDING_CHALLENGE,
        step=Issuance.Step.CHECK_RECORDS,
        is_renewal=True,
    )


def test_the_log_costs_the_same_however_many_were_refused(
    renewal: Renewal, missing: list[str], django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        missing[:] = [f"Thing {number}"]
        tried(renewal)
    with django_assert_max_num_queries(20):
        assert len(load_timeline(renewal.domain, show="renewals").entries) == 12

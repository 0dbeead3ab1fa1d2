"""The CA moves its suggested window into the past (RFC 9773): said until there is another certificate."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from auditlog.events import SYSTEM
from certificates.models import Certificate, Issuance, Renewal
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock, jobs
from config.lib.errors import describe
from domains.models import Domain, Finding
from notifications.models import Trigger
from notifications.rules.events import trigger_of
from tests.unit.certificates.conftest import HOST, renewal_of

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = timedelta(days=1)
WHY = "https://ca.example.net/incident"
type Store = Callable[..., Certificate]


def suggested(last: Certificate, end: timedelta) -> Renewal:
    """Due, with a window that was over `-end` ago, as the CA's last answer left it."""
    now = clock.now()
    return renewal_of(
        last,
        window_start=now + end - DAY,
        window_end=now + end,
        chosen_at=now + end - DAY / 2,
        is_past=end < timedelta(0),
        explanation_url=WHY,
        run_after=now,
    )


def told() -> list[str]:
    rows = Finding.unscoped.filter(code__startswith="ca_wants", closed_at=None)
    return list(rows.values_list("code", flat=True))


def look(renewal: Renewal) -> Renewal:
    Renewal.unscoped.filter(pk=renewal.pk).update(run_after=clock.now())
    jobs.run_due("renewal")
    return Renewal.unscoped.get(pk=renewal.pk)


def test_a_window_in_the_past_is_a_finding_with_the_explanation(store: Store, hands_free: None) -> None:
    renewal = look(suggested(store(age_days=10), -DAY))
    assert (renewal.why, renewal.issuance is not None) == ("ari_past", True)
    found = Finding.unscoped.get(closed_at=None)
    assert (found.code, found.severity, found.needs_user) == ("ca_wants_renewal", "warning", False)
    assert trigger_of(found) == Trigger.OVERDUE
    words = describe(found.code, found.params)
    assert words.title == f"The CA wants the certificate for {HOST} replaced now"
    assert WHY in words.why
    assert words.fix.startswith("There is nothing to do: the portal renews it now")


def test_it_is_told_once_and_over_with_the_next_certificate(store: Store, hands_free: None) -> None:
    renewal = suggested(store(age_days=10), -DAY)
    for _ in range(3):
        look(renewal)
    assert Finding.unscoped.filter(code="ca_wants_renewal").count() == 1
    Issuance.unscoped.update(state=Issuance.State.ISSUED, step=Issuance.Step.DONE, certificate=store())
    Renewal.unscoped.update(ask_at=clock.now() + DAY)
    look(renewal)
    assert told() == []


def test_where_a_person_has_to_prove_the_names_it_says_what_to_do(store: Store) -> None:
    look(suggested(store(age_days=10), -DAY))
    found = Finding.unscoped.get(code="ca_wants_renewal_by_hand", closed_at=None)
    assert found.needs_user
    assert "Replace everything that…" in describe(found.code, found.params).fix
    assert told() == ["ca_wants_renewal_by_hand"]


def test_a_ca_that_takes_its_word_back_ends_it(store: Store) -> None:
    renewal = look(suggested(store(age_days=10), -DAY))
    now = clock.now()
    later = {"window_start": now + 40 * DAY, "window_end": now + 41 * DAY, "chosen_at": now + 40 * DAY}
    Renewal.unscoped.filter(pk=renewal.pk).update(is_past=False, **later)
    look(renewal)
    assert told() == []


@pytest.mark.parametrize(("age_days", "end"), [(89, -DAY), (10, 2 * DAY)])
def test_one_that_is_due_by_itself_or_later_is_none(
    store: Store, hands_free: None, age_days: int, end: timedelta
) -> None:
    look(suggested(store(age_days=age_days), end))
    assert told() == []


def test_nobody_is_told_any_more_when_auto_renew_is_off(store: Store, domain: Domain, hands_free: None) -> None:
    look(suggested(store(age_days=10), -DAY))
    set_automation(domain=domain, actor=SYSTEM, wanted=Automation(None, False, None))
    assert told() == []

"""Gathered messages: at 08:00 by the workspace's clock, also on the days when it is moved; once a day."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Workspace
from accounts.workspaces import change_workspace
from auditlog.events import SYSTEM
from config.lib import clock, jobs
from notifications.models import Delivery, Digest, Rule
from notifications.rules import digests
from notifications.rules.digests import digest_message, gathered_by, next_gathering
from notifications.rules.saving import InvalidRule, Wish, change_rule, create_rule, wish_of
from notifications.rules.watching import domains_moved
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import watched

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture
def cast() -> Cast:
    made = make_cast()
    Workspace.objects.filter(pk=made.acme.pk).update(time_zone="Europe/Berlin")
    made.acme.refresh_from_db()
    Rule.objects.for_workspace(made.acme).delete()
    return made


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("every", ["daily", "weekly"])
def test_each_day_or_monday_of_a_year_has_one_at_eight(zone: str, every: str) -> None:
    where, at, days = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC), []
    while at < datetime(2027, 1, 1, tzinfo=UTC):
        at = next_gathering(every, where, at)
        local = at.astimezone(where)
        assert (local.hour, local.minute) == (8, 0)
        assert every == "daily" or local.weekday() == 0
        days.append(local.date())
    step = timedelta(days=1 if every == "daily" else 7)
    assert {after - before for before, after in pairwise(days)} == {step}


@pytest.mark.django_db
@pytest.mark.both_databases
def test_one_message_a_day_across_the_change_to_summer_time(cast: Cast) -> None:
    began = datetime(2026, 3, 27, 12, tzinfo=UTC)
    with clock.frozen(began):
        domains = [watched(cast.acme, f"h{n}.example.org", days=9 + n) for n in range(3)]
        watched(cast.acme, "later.example.org", days=80)
        wish = Wish("Daily", "email", days_before_expiry=30, digest="daily", recipients=("ops@example.net",))
        create_rule(workspace=cast.acme, actor=SYSTEM, wish=wish)
        domains_moved([domain.pk for domain in domains])
    for hours in range(4 * 24):
        for _ in range(2):
            with clock.frozen(began + hours * HOUR):
                jobs.run_due("watch")
                jobs.run_due("digest")
    rows = Delivery.unscoped.order_by("run_after")
    assert [row.run_after.astimezone(UTC).hour for row in rows if row.run_after] == [7, 6, 6, 6]
    first = rows[0]
    assert first.message["subject"] == "3 certificates have expired or expire within 30 days"
    assert "h0.example.org expires in 8 days (2026-04-05, Test CA)" in first.message["body"]
    assert "later" not in first.message["body"]
    assert Digest.unscoped.get().run_after == datetime(2026, 4, 1, 6, tzinfo=UTC)


@pytest.mark.django_db
def test_another_zone_moves_it_and_the_same_day_is_not_told_twice(cast: Cast) -> None:
    morning = datetime(2026, 1, 5, 7, tzinfo=UTC)
    with clock.frozen(morning - HOUR):
        watched(cast.acme, "shop.example.org", days=5)
        wish = Wish("Daily", "email", days_before_expiry=30, digest="daily", recipients=("ops@example.net",))
        rule = create_rule(workspace=cast.acme, actor=SYSTEM, wish=wish)
    with clock.frozen(morning):
        jobs.run_due("digest")
        change_workspace(workspace=cast.acme, actor=SYSTEM, changes={"time_zone": "Europe/London"})
    assert Digest.unscoped.get().run_after == morning + HOUR
    with clock.frozen(morning + HOUR):
        jobs.run_due("digest")
    assert Delivery.unscoped.count() == 1
    with clock.frozen(morning + 2 * HOUR):
        change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, digest=""))
    assert not Digest.unscoped.exists()


@pytest.mark.django_db
@pytest.mark.both_databases
def test_of_many_that_expire_only_those_it_lists_are_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "LISTED_AT_MOST", 2)
    wish = Wish("Daily", "email", days_before_expiry=30, digest="daily", recipients=("ops@example.net",))
    with clock.frozen(datetime(2026, 1, 5, 6, tzinfo=UTC)):
        for n in range(5):
            watched(cast.acme, f"h{n}.example.org", days=5 + n)
        rule = create_rule(workspace=cast.acme, actor=SYSTEM, wish=wish)
        with CaptureQueriesContext(connection) as asked:
            found = gathered_by(rule, clock.now())
            message = digest_message(rule, found, clock.now())
    assert [domain.host for domain in found.listed] == ["h0.example.org", "h1.example.org"]
    assert message.subject == "5 certificates have expired or expire within 30 days"
    assert message.body.endswith("… and 3 more")
    assert ["COUNT(" in query["sql"] or "LIMIT 2" in query["sql"] for query in asked] == [True, True]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "field", "code"),
    [
        (Wish(" ", "email", days_before_expiry=1), "name", "rule_name_missing"),
        (Wish("x", "email"), "days_before_expiry", "rule_days_missing"),
        (Wish("x", "email", days_before_expiry=-1), "days_before_expiry", "rule_days_missing"),
        (Wish("x", "email", days_before_expiry=1, recipients=("no",)), "recipients", "rule_address_malformed"),
        (Wish("x", "webhook", days_before_expiry=1), "channel", "rule_without_gateway"),
        (Wish("x", "email", trigger="problem", digest="daily"), "digest", "rule_digest_of_events"),
        (Wish("x", "email", days_before_expiry=1, tag="<b>"), "tag", "tag_malformed"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(cast: Cast, wish: Wish, field: str, code: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        create_rule(workspace=cast.acme, actor=SYSTEM, wish=wish)
    assert (caught.value.field_name, caught.value.code) == (field, code)

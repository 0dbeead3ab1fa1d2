"""The sweep: each round is told once, whoever sweeps, whatever the clock does, and whatever changes meanwhile."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Workspace
from accounts.workspaces import change_workspace, create_workspace
from auditlog.events import SYSTEM, record
from config.lib import clock, jobs
from domains.findings import close_finding, open_finding
from domains.models import Domain, DomainTag, Finding
from notifications.models import Alarm, Delivery, Gateway, Rule, Trigger, Watch
from notifications.rules.saving import Wish, change_rule, create_rule, delete_rule, pause_rule, wish_of
from notifications.rules.upcoming import upcoming
from notifications.rules.watching import create_missing_watches, domains_moved, make_due, watch_due, watches_of
from tests.cast import Cast, make_cast
from tests.unit.notifications.watched import make_rule, only, serve, watched

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def _at_noon() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def sweep(at: datetime = NOW) -> None:
    with clock.frozen(at):
        jobs.run_due("reaction")
        jobs.run_due("watch")


def told() -> list[Delivery]:
    return list(Delivery.unscoped.exclude(message={}).order_by("created_at", "to"))


def begin(*domains: Domain) -> None:
    domains_moved([domain.pk for domain in domains])


def loaded(domain: Domain) -> Domain:
    return Domain.unscoped.select_related("workspace", "visit__inspection").get(pk=domain.pk)


def test_a_new_workspace_has_the_three_rules_and_one_about_its_next_renewals(cast: Cast) -> None:
    made = create_workspace(user=cast.admin, name="New", actor=SYSTEM)
    rules = Rule.objects.for_workspace(made)
    assert set(rules.values_list("trigger", "days_before_expiry", "channel", "is_default")) == {
        ("expiry", 30, "email", True),
        ("expiry", 14, "email", True),
        ("expiry", 7, "email", True),
        ("readiness", None, "email", False),
    }


def test_what_the_next_renewal_will_fail_of_is_told_to_the_admins_of_a_new_workspace(cast: Cast) -> None:
    domain = watched(cast.acme, "far.org", days=80)
    begin(domain)
    sweep()
    assert told() == []
    said = {"because": "CAA forbids it", "why": "", "fix": "", "paste": "", "planned": "2026-04-01 12:00 UTC"}
    open_finding(domain=domain, source="readiness", code="will_fail_caa", params=said, needs_user=True)
    sweep()
    (mail,) = told()
    assert (mail.to, mail.rule and mail.rule.trigger) == (cast.admin.email, "readiness")
    assert "The next renewal will fail, by CAA: CAA forbids it" in str(mail.message)
    close_finding(domain=domain, source="readiness", code="will_fail_caa")
    sweep(NOW + 30 * DAY)
    assert [row.pk for row in told()] == [mail.pk]


def test_of_the_three_rules_only_the_closest_to_the_end_speaks(cast: Cast) -> None:
    near, far = watched(cast.acme, "near.org", days=5), watched(cast.acme, "far.org", days=20)
    begin(near, far)
    days = {rule.pk: rule.days_before_expiry for rule in Rule.objects.for_workspace(cast.acme)}
    told_at: list[tuple[float, str, int | None]] = []
    for hour in range(0, 21 * 24, 6):
        before = Delivery.unscoped.count()
        sweep(NOW + hour * HOUR)
        rows = Delivery.unscoped.exclude(message={}).order_by("created_at")[before:]
        told_at += [(hour / 24, row.domain_label, days[row.rule_id]) for row in rows if row.rule_id]
    assert {rule for _, host, rule in told_at if host == "near.org"} == {7}
    far_told = [(day, rule) for day, host, rule in told_at if host == "far.org"]
    assert [rule for day, rule in far_told if day < 6] == [30, 30, 30]
    assert {rule for day, rule in far_told if 6 <= day < 13} == {14}
    assert {rule for day, rule in far_told if day >= 13} == {7}
    assert (6, 14) in far_told
    assert (13, 7) in far_told


def test_a_paused_or_rewritten_rule_takes_nothing_over(cast: Cast) -> None:
    domain = watched(cast.acme, "near.org", days=5)
    rules = Rule.objects.for_workspace(cast.acme)
    rules.filter(days_before_expiry=7).update(paused_at=NOW)
    rules.filter(days_before_expiry=14).update(is_default=False)
    begin(domain)
    sweep()
    assert {row.rule and row.rule.days_before_expiry for row in told()} == {30, 14}
    silent = {one.rule.days_before_expiry: one.why for one in upcoming(loaded(domain), NOW)}
    assert silent[7] == "paused"


def test_the_page_says_why_a_rule_is_silent_when_another_has_taken_over(cast: Cast) -> None:
    domain = watched(cast.acme, "near.org", days=5)
    found = {one.rule.days_before_expiry: (one.at is not None, one.why) for one in upcoming(loaded(domain), NOW)}
    closer = "a rule closer to the end speaks now"
    calm = (False, "nothing of the kind is wrong")
    assert found == {30: (False, closer), 14: (False, closer), 7: (True, ""), None: calm}


def test_a_round_is_told_once_to_each_admin(cast: Cast) -> None:
    only(cast.acme)
    begin(watched(cast.acme, "shop.example.org"))
    for _ in range(3):
        sweep()
    (row,) = told()
    assert (row.to, row.channel, row.event_kind) == ("admin@example.org", "email", "certificate.expiring")
    assert row.message["subject"] == "shop.example.org: the certificate expires in 20 days"
    alarm = Alarm.unscoped.get()
    assert (alarm.round, alarm.fired_at) == (0, NOW)
    assert Watch.unscoped.get().run_after == NOW + DAY, "the net, since the next round is 60 hours away"


def test_rounds_follow_the_cooldown_until_another_certificate_is_served(cast: Cast) -> None:
    only(cast.acme)
    domain = watched(cast.acme, "shop.example.org", days=4)
    begin(domain)
    for hours in range(0, 73, 12):
        sweep(NOW + hours * HOUR)
    assert len(told()) == 4
    assert Alarm.unscoped.get().round == 3
    serve(domain, "next", NOW + 90 * DAY)
    begin(domain)
    for hours in range(73, 24 * 60, 24):
        sweep(NOW + hours * HOUR)
    assert len(told()) == 4
    sweep(NOW + 61 * DAY)
    assert len(told()) == 5
    assert len({row.dedup_key for row in told()}) == 5


def test_two_sweepers_with_the_same_rows_write_once(cast: Cast) -> None:
    only(cast.acme)
    begin(watched(cast.acme, "shop.example.org"))
    kind = jobs.kinds.get("watch")
    first = jobs.claim(kind)
    assert jobs.claim(kind) == []
    Watch.unscoped.update(lease_until=NOW - DAY)
    second = jobs.claim(kind)
    watch_due(first)
    assert told() == []
    watch_due(second)
    watch_due(first)
    assert len(told()) == 1


def test_what_changes_while_a_worker_looks_is_looked_at_again(cast: Cast) -> None:
    rule = only(cast.acme)
    domain = watched(cast.acme, "shop.example.org")
    begin(domain)
    held = jobs.claim(jobs.kinds.get("watch"))
    change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, days_before_expiry=10))
    watch_due(held)
    assert told() == []
    sweep()
    assert told() == []
    assert Watch.unscoped.get().run_after == NOW + DAY


def test_a_changed_rule_speaks_anew_and_a_renamed_one_does_not(cast: Cast) -> None:
    rule = only(cast.acme)
    begin(watched(cast.acme, "shop.example.org"))
    sweep()
    rule = change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, name="Other"))
    sweep()
    assert len(told()) == 1
    change_rule(rule=rule, actor=SYSTEM, wish=wish_of(rule, days_before_expiry=25))
    sweep()
    assert len(told()) == 2


def test_a_new_rule_speaks_at_once_and_a_deleted_one_no_more(cast: Cast) -> None:
    Rule.objects.for_workspace(cast.acme).delete()
    begin(watched(cast.acme, "shop.example.org", days=4))
    sweep()
    assert told() == []
    rule = create_rule(workspace=cast.acme, actor=SYSTEM, wish=Wish("New", "email", days_before_expiry=5))
    sweep()
    assert len(told()) == 1
    pause_rule(rule=rule, actor=SYSTEM, is_paused=True)
    sweep(NOW + DAY)
    assert len(told()) == 1
    pause_rule(rule=rule, actor=SYSTEM, is_paused=False)
    sweep(NOW + DAY)
    assert len(told()) == 2
    delete_rule(rule=rule, actor=SYSTEM)
    sweep(NOW + 3 * DAY)
    assert len(told()) == 2


def test_the_default_rules_are_silent_about_what_renews_itself_until_it_is_overdue(cast: Cast) -> None:
    domain = watched(cast.acme, "auto.example.org", days=29, renew_at=NOW - DAY)
    begin(domain)
    sweep()
    assert told() == []
    assert {one.why for one in upcoming(loaded(domain), NOW)} >= {
        "the certificate renews by itself; quiet unless that is overdue"
    }
    sweep(NOW + DAY)
    sweep(NOW + 2 * DAY + HOUR)
    assert len(told()) == 1


def test_rules_speak_of_their_domain_their_tag_or_all(cast: Cast) -> None:
    Rule.objects.for_workspace(cast.acme).delete()
    shop, mail = watched(cast.acme, "shop.example.org"), watched(cast.acme, "mail.example.org")
    other = watched(cast.other, "else.example.org", days=80)
    DomainTag.objects.create(workspace=cast.acme, domain=mail, name="mail")
    make_rule(cast.acme, name="one", domain=shop)
    make_rule(cast.acme, name="tag", tag="mail")
    make_rule(cast.acme, name="all")
    begin(shop, mail, other)
    sweep()
    found = {(row.rule.name, row.domain_label) for row in told() if row.rule}
    assert found == {
        ("one", "shop.example.org"),
        ("tag", "mail.example.org"),
        ("all", "shop.example.org"),
        ("all", "mail.example.org"),
    }


def test_a_problem_is_told_reminded_of_and_over(cast: Cast) -> None:
    only(cast.acme, trigger=Trigger.PROBLEM)
    domain = watched(cast.acme, "shop.example.org", days=80)
    begin(domain)
    sweep()
    open_finding(domain=domain, source="visit", code="name_mismatch", params={"host": "x", "names": "y"})
    open_finding(domain=domain, source="visit", code="expiring", params={}, severity="warning")
    sweep()
    assert [row.event_kind for row in told()] == ["incident.opened"]
    sweep(NOW + DAY)
    assert [row.event_kind for row in told()] == ["incident.opened", "incident.reminder"]
    Finding.unscoped.filter(code="name_mismatch").update(acknowledged_at=NOW + DAY)
    sweep(NOW + 2 * DAY)
    close_finding(domain=domain, source="visit", code="name_mismatch")
    sweep(NOW + 3 * DAY)
    assert len(told()) == 2


def test_a_site_is_told_down_and_up_again(cast: Cast) -> None:
    only(cast.acme, trigger=Trigger.SITE)
    domain = watched(cast.acme, "shop.example.org", days=80)
    open_finding(domain=domain, source="uptime", code="site_down", params={"host": "x", "answer": "HTTP 502"})
    sweep()
    close_finding(domain=domain, source="uptime", code="site_down")
    sweep(NOW + HOUR)
    assert sorted(row.event_kind for row in told()) == ["incident.opened", "site.up"]
    assert len({row.message["dedup_key"] for row in told()}) == 1


def test_acknowledging_the_expiry_ends_its_reminders(cast: Cast) -> None:
    only(cast.acme)
    domain = watched(cast.acme, "shop.example.org", days=4)
    begin(domain)
    sweep()
    open_finding(domain=domain, source="visit", code="expiring", params={})
    Finding.unscoped.update(acknowledged_at=NOW)
    sweep(NOW + DAY)
    assert len(told()) == 1


def renew(cast: Cast, domain: Domain, kind: str) -> None:
    record(
        kind,
        workspace_id=cast.acme.pk,
        domain_id=domain.pk,
        domain_label=domain.label,
        data={"names": "shop.example.org", "issuer": "CA", "until": "2027-01-01", "code": "connect_refused"},
    )


def test_renewals_go_by_rules_and_without_any_by_platform_mail(cast: Cast) -> None:
    domain = watched(cast.acme, "shop.example.org", days=80)
    renew(cast, domain, "certificate.issued")
    sweep()
    assert [row.message for row in Delivery.unscoped.all()] == [{}]
    only(cast.acme, trigger=Trigger.RENEWAL, domain=domain, recipients=["ops@example.net"])
    renew(cast, domain, "issuance.failed")
    sweep()
    (row,) = told()
    assert (row.to, row.event_kind, row.recipient) == ("ops@example.net", "renewal.failed", None)
    assert Delivery.unscoped.count() == 2


def test_a_failed_renewal_is_told_once_by_its_event_and_not_by_its_finding(cast: Cast) -> None:
    domain = watched(cast.acme, "shop.example.org", days=80)
    only(cast.acme, trigger=Trigger.RENEWAL_FAILED)
    make_rule(cast.acme, name="Problems", trigger=Trigger.PROBLEM)
    open_finding(domain=domain, source="renewal", code="renewal_failed", params={}, severity="critical")
    renew(cast, domain, "issuance.failed")
    for days in range(3):
        sweep(NOW + days * DAY)
    assert [row.event_kind for row in told()] == ["renewal.failed"]
    assert {one.why for one in upcoming(loaded(domain), NOW)} == {"when it happens", "nothing of the kind is wrong"}


def test_gateways_are_used_and_nothing_is_lost_without_one(cast: Cast) -> None:
    only(cast.acme, channel="webhook")
    domain = watched(cast.acme, "shop.example.org")
    begin(domain)
    sweep()
    (lost,) = told()
    assert (lost.channel, lost.to) == ("email", "admin@example.org")
    assert "for which no gateway is connected" in lost.message["body"]
    for name in ("one", "two", "paused"):
        Gateway.objects.create(
            workspace=cast.acme, channel="webhook", name=name, paused_at=NOW if name == "paused" else None
        )
    sweep(NOW + 3 * DAY)
    assert {row.gateway.name for row in told() if row.gateway} == {"one", "two"}


def test_a_shorter_cooldown_counts_at_once(cast: Cast) -> None:
    only(cast.acme)
    begin(watched(cast.acme, "shop.example.org", days=1))
    sweep()
    change_workspace(workspace=cast.acme, actor=SYSTEM, changes={"alert_cooldown_hours": 4})
    sweep(NOW + 4 * HOUR)
    assert len(told()) == 2


def test_missing_rows_are_made_by_the_chore_and_unverified_domains_sleep(cast: Cast) -> None:
    domain = watched(cast.acme, "shop.example.org")
    assert create_missing_watches() is False
    assert create_missing_watches() is False
    assert Watch.unscoped.count() == 1
    Domain.unscoped.update(verified_at=None)
    sweep()
    assert Watch.unscoped.get(domain=domain).run_after is None
    assert told() == []


def test_many_that_are_due_at_once_are_spread_over_a_minute(cast: Cast) -> None:
    domains = Domain.unscoped.bulk_create(
        Domain(workspace=cast.acme, host=f"h{n}.example.org", verified_at=NOW) for n in range(600)
    )
    Watch.unscoped.bulk_create(
        Watch(workspace=cast.acme, domain=one, run_after=NOW + DAY, lease_token=one.pk) for one in domains
    )
    make_due(watches_of(Workspace.objects.get(pk=cast.acme.pk)))
    moments = list(Watch.unscoped.values_list("run_after", "lease_token"))
    assert {token for _, token in moments} == {None}
    assert NOW <= min(at for at, _ in moments if at) < max(at for at, _ in moments if at) <= NOW + timedelta(seconds=12)

"""The rehearsals of a domain: when they are asked for, the panel on the tab, the switch, the API."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Renewal
from certificates.renewal.checks import Check
from certificates.renewal.plan import Automation, set_automation
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Transient
from deploy.models import Readiness, Server, Target, TargetRun
from deploy.readiness.asking import MISSING_AT_ONCE, SETTLED_AFTER, make_missing
from deploy.readiness.judging import CA_COUNTS_WITHIN, conclude, is_to_be_confirmed
from deploy.readiness.keeping import keep_rehearsal
from deploy.readiness.telling import tell
from deploy.result import Result
from deploy.runs import work_runs
from deploy.server_lease import REHEARSALS_AT_ONCE
from deploy.servers import trust_server
from domains.findings import open_finding
from domains.models import Domain, Finding, Mode, Ownership
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.deploy.test_pages import row as typed

pytestmark = pytest.mark.both_databases
HOST_KEY = "SHA256:" + "a" * 43
type Committed = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Committed) -> Callable[[], AbstractContextManager[list[Any]]]:
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def admin(client: Client, cast: Cast) -> Client:
    client.force_login(cast.admin)
    return client


@pytest.fixture
def tab(domain: Domain) -> str:
    return reverse("deploy:domain-deploy", args=[domain.workspace_id, domain.pk])


def reread(row: Readiness) -> Readiness:
    return Readiness.unscoped.select_related("domain").get(pk=row.pk)


def is_asked_soon(row: Readiness) -> bool:
    row = reread(row)
    return row.is_asked and row.run_after is not None and row.run_after <= clock.now() + SETTLED_AFTER


class TestWhenItIsAskedFor:
    def test_with_the_automation_and_no_longer_when_only_monitored(
        self, domain: Domain, admin: Client, tab: str, key_pair: tuple[str, str], cast: Cast, commit: Any
    ) -> None:
        Ownership.objects.create(workspace=cast.acme, host=domain.host, proven_at=clock.now())
        admin.post(f"{tab}save/", typed(key_pair, webroot="/var/www/html"))
        Server.unscoped.update(host_key_fingerprint=HOST_KEY)
        assert not Readiness.unscoped.exists(), "nobody renews it"
        Domain.unscoped.update(host="shop.acme-tools.net")
        Ownership.unscoped.update(host="shop.acme-tools.net")
        domain.refresh_from_db()
        with commit():
            set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.ACME_AUTO, auto_renew=True))
        row = Readiness.unscoped.get()
        assert is_asked_soon(row)
        open_finding(domain=domain, source="readiness", code="will_fail_caa")
        with commit():
            set_automation(domain=domain, actor=SYSTEM, wanted=Automation(Mode.MONITOR))
        row.refresh_from_db()
        assert (row.run_after, row.is_asked) == (None, False)
        assert not Finding.unscoped.filter(closed_at=None, source="readiness").exists()

    def test_after_a_change_of_a_server(
        self, readiness: Readiness, admin: Client, tab: str, key_pair: tuple[str, str], commit: Any
    ) -> None:
        with commit():
            admin.post(f"{tab}save/", typed(key_pair, webroot="/var/www/html"))
        assert is_asked_soon(readiness)
        Readiness.unscoped.update(is_asked=False, run_after=clock.now() + timedelta(days=1))
        with commit():
            trust_server(server=Server.unscoped.get(), fingerprint=HOST_KEY, actor=SYSTEM)
        assert is_asked_soon(readiness)

    def test_what_renews_since_before_there_were_rehearsals(self, renewal: Renewal) -> None:
        assert make_missing() is False
        row = Readiness.unscoped.get()
        assert row.run_after
        assert row.run_after <= clock.now() + timedelta(days=1)
        assert not row.is_asked, "they may be hundreds on one server"
        assert MISSING_AT_ONCE > 1
        assert make_missing() is False
        assert Readiness.unscoped.count() == 1

    def test_of_those_that_nobody_waits_for_only_some_at_a_time(self, cast: Cast, readiness: Readiness) -> None:
        now = clock.now()
        for number in range(REHEARSALS_AT_ONCE + 1):
            domain = Domain.objects.create(workspace=cast.acme, host=f"d{number}.example.net", verified_at=now)
            Readiness.objects.create(workspace=cast.acme, domain=domain, run_after=now)
        kind = jobs.kinds.get("readiness")
        for _ in range(REHEARSALS_AT_ONCE):
            assert len(jobs.claim(kind)) == 1
        assert jobs.claim(kind) == []
        jobs.start_now(readiness)
        assert [row.pk for row in jobs.claim(kind)] == [readiness.pk], "somebody waits for it"


class TestWhatItMeans:
    def test_what_may_pass_by_itself_counts_from_the_second_time_on(self) -> None:
        away = [Check("login", error=Transient("ssh_refused", host="a"))]
        first = conclude(away, [])
        assert [one["state"] for one in first] == ["unclear"]
        assert [one["state"] for one in conclude(away, first)] == ["will_fail"]
        assert [one["state"] for one in conclude([Check("login")], first)] == ["ok"]
        refused = [Check("login", error=NeedsUser("ssh_login_refused"))]
        assert [one["state"] for one in conclude(refused, [])] == ["will_fail"]

    def test_a_ca_that_is_away_counts_only_near_the_renewal(self) -> None:
        away = [Check("ca", error=Transient("acme_unreachable", host="ca.example"))]
        first = conclude(away, [], left=CA_COUNTS_WITHIN * 2)
        far = conclude(away, first, left=CA_COUNTS_WITHIN + timedelta(minutes=1))
        assert [one["state"] for one in far] == ["unclear"]
        assert [one["state"] for one in conclude(away, far, left=CA_COUNTS_WITHIN)] == ["will_fail"]
        for due in (None, timedelta(0), -timedelta(hours=1)):
            assert [one["state"] for one in conclude(away, far, left=due)] == ["unclear"], "it is tried for real"
        refused = [Check("ca", error=NeedsUser("acme_account_gone"))]
        assert [one["state"] for one in conclude(refused, [], left=CA_COUNTS_WITHIN * 2)] == ["will_fail"]

    def test_a_ca_that_is_away_is_asked_again_within_the_hour_only_near_the_renewal(self) -> None:
        away = conclude([Check("ca", error=Transient("acme_unreachable", host="ca.example"))], [])
        assert is_to_be_confirmed(away, left=CA_COUNTS_WITHIN)
        assert not is_to_be_confirmed(away, left=CA_COUNTS_WITHIN * 2)
        assert not is_to_be_confirmed(away, left=None)
        unclear = conclude([Check("caa", error=Transient("caa_unclear", name="a", at="b", found="c"))], [])
        assert is_to_be_confirmed(away + unclear, left=None)

    def test_a_finding_has_its_cause_in_words_and_closes_by_itself(
        self, readiness: Readiness, renewal: Renewal
    ) -> None:
        refusal = NeedsUser("caa_forbids", name="shop.example.net", at="example.net", found='issue "x"', paste="p")
        readiness.checks = conclude([Check("caa", error=refusal)], [])
        tell(readiness, renewal)
        finding = Finding.unscoped.get()
        assert (finding.code, finding.severity, finding.needs_user) == ("will_fail_caa", "warning", True)
        assert finding.params["cause"] == "caa_forbids"
        assert "example.net" in finding.params["because"]
        readiness.checks = conclude([Check("caa", error=Transient("caa_unclear", name="a", at="b", found="c"))], [])
        tell(readiness, renewal)
        assert Finding.unscoped.filter(closed_at=None).exists(), "what could not be looked at stays as it was"
        readiness.checks = conclude([Check("caa")], readiness.checks)
        tell(readiness, renewal)
        assert not Finding.unscoped.filter(closed_at=None).exists()
        told = Event.unscoped.filter(kind__startswith="finding.").order_by("at").values_list("kind", flat=True)
        assert list(told) == ["finding.opened", "finding.closed"]

    def test_a_run_that_comes_too_late_says_nothing_and_signs_in_nowhere(
        self, readiness: Readiness, renewal: Renewal, cast: Cast
    ) -> None:
        server = Server.objects.create(
            workspace=cast.acme, host="web-01.example.net", username="a", host_key_fingerprint=HOST_KEY
        )
        target = Target.objects.create(workspace=cast.acme, domain=renewal.domain, server=server, is_draft=False)
        run = TargetRun.objects.create(
            workspace=cast.acme, kind="rehearse", domain=renewal.domain, target=target, server=server, label="web-01",
            run_after=clock.now(),
        )  # fmt: skip
        Renewal.unscoped.all().delete()
        work_runs(jobs.claim(jobs.kinds.get("target_run")))
        run.refresh_from_db()
        assert (run.state, run.error_code, run.steps.count()) == ("failed", "rehearsals_are_off", 0)
        assert reread(readiness).places == {}

    def test_places_are_kept_apart(self, readiness: Readiness, renewal: Renewal, cast: Cast) -> None:
        for name in ("a", "b"):
            server = Server.objects.create(workspace=cast.acme, host=f"{name}.example.net", username="a")
            target = Target.objects.create(workspace=cast.acme, domain=renewal.domain, server=server, is_draft=False)
            run = TargetRun.objects.create(
                workspace=cast.acme, kind="rehearse", domain=renewal.domain, target=target, server=server, label=name
            )
            error = NeedsUser("disk_full", path="/srv", directory="/srv", host=name, username="a")
            keep_rehearsal(run, Result(TargetRun.State.PARTIAL, error=error, checks=[Check("disk", error=error)]))
        finding = Finding.unscoped.get()
        assert finding.params["because"] == "The disk of a is full (and 1 more)"
        assert sorted(place["label"] for place in reread(readiness).places.values()) == ["a", "b"]

    def test_what_nobody_looked_at_stays_until_somebody_does(
        self, readiness: Readiness, renewal: Renewal, cast: Cast
    ) -> None:
        server = Server.objects.create(workspace=cast.acme, host="a.example.net", username="a")
        target = Target.objects.create(workspace=cast.acme, domain=renewal.domain, server=server, is_draft=False)
        full = NeedsUser("disk_full", path="/srv", directory="/srv", host="a", username="a")
        away = Transient("ssh_refused", host="a", port=22)
        refused = NeedsUser("ssh_auth_failed", host="a", username="a")

        def opened_by(state: TargetRun.State, *checks: Check) -> list[str]:
            run = TargetRun.objects.create(
                workspace=cast.acme, kind="rehearse", domain=renewal.domain, target=target, server=server, label="a"
            )
            error = next((check.error for check in checks if check.error), away)
            keep_rehearsal(run, Result(state, error=error, checks=checks))
            return sorted(Finding.unscoped.filter(closed_at=None).values_list("code", flat=True))

        state = TargetRun.State
        assert opened_by(state.PARTIAL, Check("login"), Check("disk", error=full)) == ["will_fail_disk"]
        assert opened_by(state.FAILED, Check("login", error=away)) == ["will_fail_disk"]
        assert opened_by(state.FAILED) == ["will_fail_disk", "will_fail_login"], "given up, and away a second time"
        assert opened_by(state.PARTIAL, Check("login"), Check("token", error=away)) == ["will_fail_disk"], "cut there"
        assert opened_by(state.FAILED, Check("login", error=refused)) == ["will_fail_disk", "will_fail_login"]
        assert opened_by(state.SUCCEEDED, Check("login"), Check("token"), Check("disk")) == []
        assert Finding.unscoped.filter(code="will_fail_disk").count() == 1, "it was not told anew"

    def test_a_refused_login_is_not_tried_every_hour_for_what_was_unclear_before(
        self, readiness: Readiness, renewal: Renewal, cast: Cast
    ) -> None:
        server = Server.objects.create(workspace=cast.acme, host="a.example.net", username="a")
        target = Target.objects.create(workspace=cast.acme, domain=renewal.domain, server=server, is_draft=False)
        refused = NeedsUser("ssh_auth_failed", host="a", username="a")
        unclear = conclude([Check("token", error=Transient("http01_timeout", name="a"))], [])
        Readiness.unscoped.update(places={str(target.pk): {"label": "a", "run": "", "at": "", "checks": unclear}})
        run = TargetRun.objects.create(
            workspace=cast.acme, kind="rehearse", domain=renewal.domain, target=target, server=server, label="a"
        )
        keep_rehearsal(run, Result(TargetRun.State.FAILED, error=refused, checks=[Check("login", error=refused)]))
        row = reread(readiness)
        assert (row.is_asked, row.run_after) == (False, readiness.run_after)
        (place,) = row.places.values()
        assert [(one["key"], one["state"]) for one in place["checks"]] == [("login", "will_fail"), ("token", "unclear")]


class TestThePage:
    def test_the_panel_teaches_while_it_is_empty(self, admin: Client, tab: str, readiness: Readiness) -> None:
        page = unescape(admin.get(tab).content.decode())
        assert "Readiness for the next renewal" in page
        assert "does all of the next renewal but order, install and reload" in page
        assert "Not rehearsed yet" in page

    def test_there_is_none_where_nobody_renews(self, admin: Client, tab: str, domain: Domain) -> None:
        assert "Readiness for the next renewal" not in admin.get(tab).content.decode()

    def test_each_check_is_shown_with_what_to_do(self, admin: Client, tab: str, readiness: Readiness) -> None:
        error = NeedsUser("disk_full", path="/srv", directory="/srv", host="web-01", username="a")
        wait = Transient("caa_unclear", name="shop.example.net", at="example.net", found="SERVFAIL")
        Readiness.unscoped.update(
            looked_at=clock.now(),
            rehearsed_at=clock.now(),
            checks=conclude([Check("dnssec", "all is well"), Check("caa", error=wait)], []),
            places={"x": {"label": "web-01", "run": "", "at": clock.now().isoformat(),
                          "checks": conclude([Check("disk", error=error)], [])}},
        )  # fmt: skip
        page = unescape(admin.get(tab).content.decode())
        for words in (
            *("The next renewal will fail", "all is well", "could not be looked at", "The disk of web-01 is full"),
            *("will fail because of this", "df -h /srv", "Last rehearsal"),
        ):
            assert words in page

    def test_rehearse_now_and_the_switch(self, admin: Client, tab: str, readiness: Readiness) -> None:
        answer = admin.post(f"{tab}readiness/rehearse/")
        assert answer.headers["Location"] == f"{tab}#readiness"
        row = reread(readiness)
        assert (row.is_asked, row.priority, row.requested_by) == (True, 0, "admin@example.org")
        page = admin.get(tab).content.decode()
        assert "Being rehearsed now" in page
        assert 'hx-trigger="every 2s"' in page
        live = admin.get(f"{tab}readiness/live/", headers={"HX-Request": "true"}).content.decode()
        assert live.strip().startswith("<section")
        open_finding(domain=readiness.domain, source="readiness", code="will_fail_caa")
        admin.post(f"{tab}readiness/switch/")
        jobs.run_due("readiness")
        row = reread(readiness)
        assert (row.is_off, row.run_after) == (True, None)
        assert not Finding.unscoped.filter(closed_at=None).exists()
        assert "Rehearsals are off: nobody looks beforehand" in admin.get(tab).content.decode()
        refused = admin.post(f"{tab}readiness/rehearse/", follow=True).content.decode()
        assert "has no rehearsals" in refused
        admin.post(f"{tab}readiness/switch/", {"on": "1"})
        row = reread(readiness)
        assert (row.is_off, row.is_asked) == (False, True)
        kinds = Event.unscoped.filter(kind__startswith="readiness.").order_by("at").values_list("kind", flat=True)
        assert list(kinds) == ["readiness.asked", "readiness.switched", "readiness.switched"]


class TestTheApi:
    def test_where_nobody_renews(self, cast: Cast, domain: Domain) -> None:
        api = Api(Client(), cast)
        status, shown = api("GET", f"/domains/{domain.pk}/readiness")
        assert (status, shown["enabled"], shown["state"], shown["places"]) == (200, False, None, [])
        assert api("POST", f"/domains/{domain.pk}/readiness")[1]["code"] == "renewal_is_off"
        assert api("PATCH", f"/domains/{domain.pk}/readiness", {"enabled": False})[0] == 409

    def test_what_was_found_is_answered_and_the_switch(
        self, cast: Cast, domain: Domain, readiness: Readiness, settings: Any
    ) -> None:
        settings.ANSWER_WITHIN_SECONDS = 0.1
        api = Api(Client(), cast)
        error = NeedsUser("disk_full", path="/srv", directory="/srv", host="web-01", username="a")
        Readiness.unscoped.update(checks=conclude([Check("disk", error=error), Check("caa", "fine")], []))
        status, shown = api("GET", f"/domains/{domain.pk}/readiness")
        assert (status, shown["enabled"], shown["running"], shown["state"]) == (200, True, False, "will_fail")
        (place,) = shown["places"]
        assert [(one["check"], one["state"], one["detail"]) for one in place["checks"]] == [
            ("disk", "will_fail", ""),
            ("caa", "ok", "fine"),
        ]
        assert place["checks"][0]["error"]["code"] == "disk_full"
        assert api("POST", f"/domains/{domain.pk}/readiness")[0] == 202
        assert api("PATCH", f"/domains/{domain.pk}/readiness", {"enabled": False})[1]["enabled"] is False
        assert api("POST", f"/domains/{domain.pk}/readiness")[1]["code"] == "rehearsals_are_off"
        assert api("PATCH", f"/domains/{domain.pk}/readiness", {"enabled": True})[1]["enabled"] is True

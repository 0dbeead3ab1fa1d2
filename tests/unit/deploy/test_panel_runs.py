"""Panels in the shared machinery: one list of targets, one run at a time, their price, what begins by itself."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from auditlog.events import SYSTEM
from auditlog.models import Event
from billing.models import Charge
from certificates.models import Certificate
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Permanent, Transient
from config.lib.sealed import Sealed
from deploy import server_lease
from deploy.arriving import deploy_arrival
from deploy.deployments import require_deployable, start_deployment
from deploy.models import Deployment, PanelAccount, PanelTarget, Target, TargetRun
from deploy.panels.panel import LoginRefused
from deploy.paying import require_paid
from deploy.result import Result
from deploy.runs import end_run, give_up
from deploy.shapes import show_deployment
from deploy.undoing import can_undo, start_undo
from domains.models import Domain, Mode
from tests.cast import Cast
from tests.unit.billing.paying import balance, give
from tests.unit.deploy.test_runs import make_certificate, make_server, make_target

pytestmark = pytest.mark.both_databases

State, Outcome = TargetRun.State, TargetRun.Outcome
SITE = {"site": "shop.example.net", "state": "installed", "detail": "installed", "code": "", "params": {}}
REFUSED_SITE = {**SITE, "site": "blog.example.net", "state": "failed"}
OK = Result(State.SUCCEEDED, Outcome.SERVING, sites=[SITE])
BUSY = Result(State.FAILED, Outcome.FAILED, error=Transient("panel_busy", panel="cPanel", answer="later"))
REFUSED = Result(State.FAILED, Outcome.FAILED, error=LoginRefused("panel_login_refused", panel="cPanel", answer="no"))


@pytest.fixture
def panel(domain: Domain) -> PanelTarget:
    return make_panel(domain)


def make_panel(domain: Domain, account: PanelAccount | None = None) -> PanelTarget:
    account = account or PanelAccount.objects.create(
        workspace=domain.workspace, kind="cpanel", config={"host": "panel.test"}, sealed_secret=Sealed.of("token")
    )
    return PanelTarget.objects.create(workspace=domain.workspace, domain=domain, account=account, is_draft=False)


def deploy(domain: Domain, certificate: Certificate | None = None) -> Deployment:
    return start_deployment(domain=domain, certificate=certificate, actor=SYSTEM)[0]


def claim(panel: PanelTarget) -> TargetRun:
    """The panel's open run as a worker has it."""
    open_runs = TargetRun.unscoped.filter(panel_target=panel, state__in=TargetRun.OPEN_STATES)
    wanted = open_runs.latest("created_at")
    TargetRun.unscoped.update(lease_token=None, lease_until=None)
    TargetRun.unscoped.filter(pk=wanted.pk).update(run_after=clock.now() - timedelta(days=1), priority=0)
    found: TargetRun = jobs.claim(jobs.kinds.get("target_run"), interactive=True)[0]
    assert found.pk == wanted.pk
    return found


def end(panel: PanelTarget, result: Result) -> TargetRun:
    run = claim(panel)
    token = run.lease_token
    assert server_lease.take(run)
    end_run(run, result)
    server_lease.give_back(run, token)
    run.refresh_from_db()
    return run


@pytest.mark.django_db(transaction=True)
class TestAsATarget:
    def test_servers_and_panels_stand_in_one_list(self, domain: Domain, panel: PanelTarget) -> None:
        target = make_target(domain, make_server(domain, "web-01"))
        make_certificate(domain)
        deployment = deploy(domain)
        end(panel, OK)
        told = show_deployment(Deployment.unscoped.get(pk=deployment.pk))["targets"]
        assert isinstance(told, list)
        assert [(one["target"], one["panel"], one["server"]) for one in told] == [
            (target.pk, None, "web-01.example.net"),
            (None, panel.pk, "cPanel panel.test"),
        ]
        assert told[1]["sites"] == [
            {"site": "shop.example.net", "state": "installed", "detail": "installed", "error": None}
        ]
        assert Deployment.unscoped.get(pk=deployment.pk).state == "running", "the server is not done"

    def test_what_is_kept_of_it(self, domain: Domain, panel: PanelTarget) -> None:
        certificate = make_certificate(domain)
        deployment = deploy(domain)
        end(panel, OK)
        panel.refresh_from_db()
        assert (panel.installed_certificate_id, panel.last_status, panel.sites) == (certificate.pk, "ok", [SITE])
        assert Deployment.unscoped.get(pk=deployment.pk).state == "deployed"

    def test_a_draft_is_no_place_to_deploy_to(self, domain: Domain, panel: PanelTarget) -> None:
        make_certificate(domain)
        PanelTarget.unscoped.update(is_draft=True)
        with pytest.raises(NeedsUser, match="deploy_no_target"):
            require_deployable(domain)

    def test_one_run_at_a_time_is_at_an_account(self, domain: Domain, panel: PanelTarget) -> None:
        other = Domain.objects.create(workspace=domain.workspace, host="other.example.net")
        twin = make_panel(other, panel.account)
        for one in (domain, other):
            make_certificate(one, f"{one.host:x<64}")
            deploy(one)
        first = claim(panel)
        assert server_lease.take(first)
        assert not server_lease.leave_busy_out(TargetRun.unscoped.filter(panel_target=twin), clock.now()).exists()
        server_lease.give_back(first, first.lease_token)
        assert server_lease.leave_busy_out(TargetRun.unscoped.filter(panel_target=twin), clock.now()).exists()

    def test_what_time_may_help_is_tried_again_and_a_refused_login_is_not(
        self, domain: Domain, panel: PanelTarget
    ) -> None:
        make_certificate(domain)
        deploy(domain)
        end(panel, BUSY)
        retry = TargetRun.unscoped.get(state=State.WAITING)
        assert retry.panel_target_id == panel.pk
        end(panel, REFUSED)
        assert not TargetRun.unscoped.filter(state__in=TargetRun.OPEN_STATES).exists()
        panel.refresh_from_db()
        assert (panel.failures, panel.last_status) == (2, "failed")

    def test_the_time_that_a_panel_named_is_kept(self, domain: Domain, panel: PanelTarget) -> None:
        make_certificate(domain)
        deploy(domain)
        named = clock.now() + timedelta(hours=5)
        busy = Transient("panel_busy", retry_at=named, panel="cPanel", answer="later")
        end(panel, Result(State.FAILED, Outcome.FAILED, error=busy))
        assert TargetRun.unscoped.get(state=State.WAITING).run_after == named

    def test_a_waiting_retry_is_answered_by_the_next_deployment(self, domain: Domain, panel: PanelTarget) -> None:
        make_certificate(domain)
        first = deploy(domain)
        end(panel, BUSY)
        assert TargetRun.unscoped.filter(deployment=first, state=State.WAITING).exists()
        make_certificate(domain, "cd" * 32)
        deploy(domain)
        assert not TargetRun.unscoped.filter(deployment=first, state=State.WAITING).exists()
        assert Deployment.unscoped.get(pk=first.pk).state == "failed"

    def test_a_run_that_kills_its_workers_ends(self, domain: Domain, panel: PanelTarget) -> None:
        make_certificate(domain)
        deployment = deploy(domain)
        give_up(claim(panel), Permanent("job_quarantined", claims=6))
        assert Deployment.unscoped.get(pk=deployment.pk).state == "failed"

    def test_a_run_whose_panel_is_gone_says_so(self, domain: Domain, panel: PanelTarget) -> None:
        make_certificate(domain)
        deployment = deploy(domain)
        panel.delete()
        jobs.run_due("target_run")
        run = TargetRun.unscoped.get(deployment=deployment)
        assert (run.state, run.error_code) == ("failed", "deploy_nothing_left")

    def test_undo_installs_what_was_there_before(self, domain: Domain, panel: PanelTarget) -> None:
        target = make_target(domain, make_server(domain, "web-01"))
        make_certificate(domain)
        first = deploy(domain)
        end(panel, OK)
        make_certificate(domain, "cd" * 32)
        second = deploy(domain)
        end(panel, OK)
        TargetRun.unscoped.filter(target=target).update(state=State.SUCCEEDED, ended_at=clock.now())
        previous = {"deployment": str(second.pk), "token": "t", "names": [], "kept": {}, "before": {}}
        Target.unscoped.filter(pk=target.pk).update(previous=previous)
        Deployment.unscoped.update(state=Deployment.State.DEPLOYED)
        start_undo(deployment=Deployment.unscoped.get(pk=second.pk), actor=SYSTEM)
        again = TargetRun.unscoped.filter(panel_target=panel).latest("created_at")
        assert (again.deployment_id, again.state) == (first.pk, "waiting")

    def test_files_of_a_revoked_certificate_do_not_come_back(self, domain: Domain) -> None:
        target = make_target(domain, make_server(domain, "web-01"))
        old = make_certificate(domain)
        deployment = deploy(domain, make_certificate(domain, "cd" * 32))
        kept = {"token": "t", "names": [], "kept": {}, "before": {}, "certificate": str(old.pk)}
        Target.unscoped.filter(pk=target.pk).update(previous={**kept, "deployment": str(deployment.pk)})
        Deployment.unscoped.update(state=Deployment.State.DEPLOYED)
        deployment.refresh_from_db()
        assert can_undo(deployment)
        Certificate.unscoped.filter(pk=old.pk).update(revoked_at=clock.now())
        assert not can_undo(deployment)
        with pytest.raises(NeedsUser, match="undo_revoked"):
            start_undo(deployment=deployment, actor=SYSTEM)
        assert not TargetRun.unscoped.filter(kind="undo").exists()


@pytest.mark.django_db(transaction=True)
class TestUndoWithPanelsAlone:
    def deployed(self, panel: PanelTarget, fingerprint: str) -> Deployment:
        deployment = deploy(panel.domain, make_certificate(panel.domain, fingerprint))
        end(panel, OK)
        return Deployment.unscoped.get(pk=deployment.pk)

    def test_the_certificate_before_it_is_installed_again(self, domain: Domain, panel: PanelTarget) -> None:
        first = self.deployed(panel, "ab" * 32)
        assert not can_undo(first), "there is nothing before it"
        second = self.deployed(panel, "cd" * 32)
        assert (can_undo(first), can_undo(second)) == (False, True)
        (run,) = start_undo(deployment=second, actor=SYSTEM)
        assert (run.panel_target_id, run.deployment_id, run.certificate_id) == (
            panel.pk,
            first.pk,
            first.certificate_id,
        )
        assert Event.unscoped.get(kind="deployment.undone").data["targets"] == ["cPanel panel.test"]
        end(panel, OK)
        panel.refresh_from_db()
        assert panel.installed_certificate_id == first.certificate_id
        assert not can_undo(Deployment.unscoped.get(pk=second.pk)), "once"

    def test_one_that_is_not_valid_any_more_does_not_come_back(self, domain: Domain, panel: PanelTarget) -> None:
        self.deployed(panel, "ab" * 32)
        Certificate.unscoped.update(not_after=clock.now())
        second = self.deployed(panel, "cd" * 32)
        assert not can_undo(second)
        with pytest.raises(NeedsUser, match="undo_nothing_kept"):
            start_undo(deployment=second, actor=SYSTEM)
        assert Deployment.unscoped.get(pk=second.pk).undone_at is None

    def test_a_revoked_one_does_not_come_back(self, domain: Domain, panel: PanelTarget) -> None:
        self.deployed(panel, "ab" * 32)
        second = self.deployed(panel, "cd" * 32)
        assert can_undo(second)
        Certificate.unscoped.filter(fingerprint_sha256="ab" * 32).update(revoked_at=clock.now())
        assert not can_undo(second)
        with pytest.raises(NeedsUser, match="undo_revoked"):
            start_undo(deployment=second, actor=SYSTEM)
        assert Deployment.unscoped.get(pk=second.pk).undone_at is None

    def test_the_page_offers_it(self, domain: Domain, panel: PanelTarget, client: Client, cast: Cast) -> None:
        first, second = self.deployed(panel, "ab" * 32), self.deployed(panel, "cd" * 32)
        client.force_login(cast.admin)
        pages = {one.pk: reverse("deploy:deployment-show", args=[cast.acme.pk, one.pk]) for one in (first, second)}
        assert "Undo last deploy" not in client.get(pages[first.pk]).content.decode()
        assert "Undo last deploy" in client.get(pages[second.pk]).content.decode()
        text = client.post(f"{pages[second.pk]}undo/", follow=True).content.decode()
        assert TargetRun.unscoped.get(state=State.WAITING).deployment_id == first.pk
        assert f'href="{pages[first.pk]}"' in text
        assert "Undo last deploy" not in text


@pytest.mark.django_db(transaction=True)
class TestByItself:
    @pytest.mark.parametrize(
        ("source", "mode", "is_begun"),
        [
            (Certificate.Source.UPLOAD, Mode.MONITOR, True),
            (Certificate.Source.ACME, Mode.MONITOR, False),
            (Certificate.Source.ACME, Mode.DNS, True),
        ],
    )
    def test_an_arrival_goes_to_the_panel(
        self, domain: Domain, panel: PanelTarget, source: str, mode: str, is_begun: bool
    ) -> None:
        Domain.unscoped.update(mode=mode)
        certificate = make_certificate(domain)
        certificate.source = source
        certificate.domain.mode = mode
        deploy_arrival(certificate, SYSTEM)
        assert TargetRun.unscoped.filter(panel_target=panel).exists() is is_begun


@pytest.mark.django_db(transaction=True)
def test_a_panels_price_is_taken_once_for_all_its_sites(domain: Domain, panel: PanelTarget, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"
    settings.BILLING_PRICE_PANEL_CENTS = 7
    give(domain.workspace, 1000)
    make_certificate(domain)
    deploy(domain)
    run = claim(panel)
    assert server_lease.take(run)
    require_paid(run)
    held = Charge.unscoped.get()
    assert (held.work, held.cents, held.state, held.subject) == ("panel", 7, "held", run.billed_as)
    end_run(run, Result(State.PARTIAL, Outcome.INSTALLED, sites=[SITE, REFUSED_SITE]))
    assert balance(domain.workspace) == 993


@pytest.mark.django_db(transaction=True)
def test_where_no_site_took_it_nothing_is_taken(domain: Domain, panel: PanelTarget, settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"
    give(domain.workspace, 1000)
    make_certificate(domain)
    deploy(domain)
    run = claim(panel)
    assert server_lease.take(run)
    require_paid(run)
    end_run(run, Result(State.SUCCEEDED, Outcome.SERVING, sites=[{**SITE, "state": "unchanged"}]))
    assert (balance(domain.workspace), Charge.unscoped.get().state) == (1000, "released")

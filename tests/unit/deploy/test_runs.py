"""Runs and their server: one at a time, retries by themselves, and how a deployment adds up."""

import uuid
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.models import Certificate, PrivateKey
from config.lib import clock, jobs
from config.lib.errors import NeedsUser, Transient
from config.lib.sealed import Sealed
from deploy import server_lease
from deploy.deployments import start_deployment
from deploy.models import Deployment, RunStep, Server, Target, TargetRun
from deploy.reconcile import RETRIES, reconcile_target
from deploy.result import Result
from deploy.runs import end_run
from deploy.shapes import DeploymentOut, show_deployment
from deploy.targets import Placement, save_target
from deploy.trail import Trail
from domains.models import Domain, Finding, Mode

pytestmark = pytest.mark.both_databases

State, Outcome = TargetRun.State, TargetRun.Outcome
OK = Result(State.SUCCEEDED, Outcome.SERVING, is_clean=True)
DEAD = Result(State.FAILED, Outcome.FAILED, error=Transient("ssh_refused", host="x", port=22))
DENIED = Result(State.FAILED, Outcome.FAILED, error=NeedsUser("ssh_auth_failed", host="x", username="y"))
ELSEWHERE = Result(State.PARTIAL, Outcome.INSTALLED, error=NeedsUser("installed_other_served"), is_clean=True)


def make_server(domain: Domain, name: str) -> Server:
    return Server.objects.create(
        workspace=domain.workspace,
        host=f"{name}.example.net",
        username="mmc",
        sealed_private_key=Sealed.of("a key"),
        public_key="ssh-ed25519 AAAA",
        host_key_fingerprint="SHA256:x",
    )


def make_target(domain: Domain, server: Server, directory: str = "/srv/tls") -> Target:
    return save_target(domain=domain, server=server, chosen=Placement([directory], {}, ["true"], None), actor=SYSTEM)


def make_certificate(domain: Domain, fingerprint: str = "ab" * 32) -> Certificate:
    key = PrivateKey.objects.create(workspace=domain.workspace, domain=domain, sealed_pem=Sealed.of("pem"))
    return Certificate.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[domain.host],
        names_key="x",
        leaf_pem="x",
        fingerprint_sha256=fingerprint,
        serial="1",
        issuer="CA",
        not_before=clock.now(),
        not_after=clock.now() + timedelta(days=90),
        private_key=key,
    )


def deploy(domain: Domain, certificate: Certificate | None = None) -> Deployment:
    return start_deployment(domain=domain, certificate=certificate, actor=SYSTEM)[0]


def claim(target: Target) -> TargetRun:
    """The target's open run as a worker has it."""
    run = TargetRun.unscoped.filter(target=target, state__in=TargetRun.OPEN_STATES).latest("created_at")
    TargetRun.unscoped.update(lease_token=None, lease_until=None)
    TargetRun.unscoped.filter(pk=run.pk).update(run_after=clock.now(), priority=0)
    claimed = jobs.claim(jobs.kinds.get("target_run"), interactive=True)
    while claimed and claimed[0].pk != run.pk:
        claimed = jobs.claim(jobs.kinds.get("target_run"), interactive=True)
    found: TargetRun = claimed[0]
    return found


def end(target: Target, result: Result) -> TargetRun:
    run = claim(target)
    token = run.lease_token
    assert server_lease.take(run)
    end_run(run, result)
    server_lease.give_back(run, token)
    return TargetRun.unscoped.filter(target=target).latest("created_at")


@pytest.fixture
def target(domain: Domain) -> Target:
    make_certificate(domain)
    return make_target(domain, make_server(domain, "web-01"))


def state_of(deployment: Deployment) -> str:
    return Deployment.unscoped.get(pk=deployment.pk).state


@pytest.mark.django_db(transaction=True)
class TestServerLease:
    def test_one_run_at_a_time_has_a_server(self, domain: Domain) -> None:
        make_certificate(domain)
        server = make_server(domain, "web-01")
        one, two = make_target(domain, server), make_target(domain, server, "/srv/other")
        deploy(domain)
        first, second = claim(one), claim(two)
        assert server_lease.take(first)
        assert server_lease.take(first), "repeatable"
        assert not server_lease.take(second)
        assert not server_lease.leave_busy_out(TargetRun.unscoped.all(), clock.now()).exists()
        server_lease.give_back(second, second.lease_token)
        assert not server_lease.take(second), "only who has it gives it back"
        server_lease.give_back(first, first.lease_token)
        assert server_lease.take(second)

    def test_a_stalled_worker_keeps_its_hands_off_the_server_of_the_next_claim(
        self, domain: Domain, target: Target
    ) -> None:
        deploy(domain)
        stalled = claim(target)
        assert server_lease.take(stalled)
        Server.unscoped.update(lease_until=Now() - timedelta(seconds=1))
        current = claim(target)
        assert server_lease.take(current)
        end_run(stalled, OK)
        assert Server.unscoped.get().lease_token == current.lease_token
        TargetRun.unscoped.update(lease_token=stalled.lease_token)
        with pytest.raises(jobs.LeaseLost), Trail(stalled).step("Too late"):
            pytest.fail("the step must not begin")

    def test_a_half_done_run_keeps_its_server_while_it_waits(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        assert server_lease.take(run)
        server_lease.reserve(run, run.lease_token, timedelta(seconds=5))
        other = make_target(domain, target.server, "/srv/other")
        stranger = TargetRun.objects.create(
            workspace=domain.workspace, kind="deploy", domain=domain, target=other, server=target.server,
            lease_token=domain.pk,
        )  # fmt: skip
        assert not server_lease.take(stranger)
        assert server_lease.take(claim(target))

    def test_a_run_whose_server_is_gone_ends_with_the_reason(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        TargetRun.unscoped.update(server=None, target=None)
        jobs.run_due("target_run")
        run = TargetRun.unscoped.get()
        assert (run.state, run.error_code) == ("failed", "deploy_nothing_left")

    def test_a_run_that_waited_does_not_undo_a_later_deployment(self, domain: Domain, target: Target) -> None:
        older = deploy(domain)
        newer = deploy(domain, make_certificate(domain, "cd" * 32))
        TargetRun.unscoped.filter(deployment=newer).update(state=State.SUCCEEDED, run_after=None)
        Target.unscoped.update(last_status="ok")
        jobs.run_due("target_run")
        run = TargetRun.unscoped.get(deployment=older)
        assert (run.state, run.error_code) == ("failed", "deploy_superseded")
        assert Target.unscoped.get().last_status == "ok"

    def test_a_lease_that_ran_out_is_free(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        assert server_lease.take(run)
        Server.unscoped.update(lease_until=Now() - timedelta(seconds=1), lease_token=domain.pk)
        assert server_lease.take(run)

    def test_a_run_that_crashes_at_the_same_place_every_time_is_quarantined(
        self, domain: Domain, target: Target
    ) -> None:
        """The stored certificate is no certificate: that is a bug, which ends no run by itself."""
        deployment = deploy(domain)
        for _ in range(jobs.MAX_CLAIMS + 1):
            TargetRun.unscoped.filter(lease_until__isnull=False).update(lease_until=clock.now() - timedelta(days=1))
            Server.unscoped.update(lease_until=None)
            jobs.run_due("target_run")
        run = TargetRun.unscoped.get()
        assert (run.state, run.error_code) == ("failed", "job_quarantined")
        assert state_of(deployment) == "failed"
        assert not RunStep.unscoped.filter(state="running").exists()

    def test_a_step_holds_both_leases(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        assert server_lease.take(run)
        with Trail(run).step("Something long", seconds=500) as note:
            note.detail = "done"
        server = Server.unscoped.get()
        assert server.lease_until
        assert server.lease_until > clock.now() + timedelta(seconds=400)
        held = TargetRun.unscoped.get().lease_until
        assert held
        assert held > clock.now() + timedelta(seconds=400)
        assert RunStep.unscoped.get().state == "succeeded"

    def test_a_short_step_of_one_run_shortens_no_lease_of_another_of_the_claim(self, domain: Domain) -> None:
        """Each remembers how long it has asked for; what it then does not ask for again must still be there."""
        make_certificate(domain)
        server = make_server(domain, "web-01")
        targets = [make_target(domain, server, directory) for directory in ("/srv/tls", "/srv/other")]
        deploy(domain)
        token = uuid.uuid4()
        TargetRun.unscoped.update(lease_token=token, lease_until=clock.now())
        one, other = (TargetRun.unscoped.get(target=target) for target in targets)
        assert server_lease.take(one)
        long, short = Trail(one, beside=[other.pk]), Trail(other, beside=[one.pk])
        long.hold(240)
        short.hold(60)
        long.hold(160)
        soon = clock.now() + timedelta(seconds=230)
        assert Server.unscoped.filter(lease_until__gt=soon).exists()
        assert TargetRun.unscoped.filter(lease_until__gt=soon).count() == 2

    def test_a_worker_that_lost_its_run_begins_no_step(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        TargetRun.unscoped.update(lease_token=domain.pk)
        with pytest.raises(jobs.LeaseLost), Trail(run).step("Too late"):
            pytest.fail("the step must not begin")
        assert not RunStep.unscoped.exists()


@pytest.mark.django_db
class TestDeployments:
    def test_pressing_twice_is_one_deployment(self, domain: Domain, target: Target) -> None:
        first, is_new = start_deployment(domain=domain, certificate=None, actor=SYSTEM)
        again, is_newer = start_deployment(domain=domain, certificate=None, actor=SYSTEM)
        assert (first.pk, is_new, is_newer) == (again.pk, True, False)
        assert TargetRun.unscoped.count() == 1

    def test_another_certificate_follows_the_running_one(self, domain: Domain, target: Target) -> None:
        first = deploy(domain)
        second = deploy(domain, make_certificate(domain, "cd" * 32))
        assert first.pk != second.pk
        assert TargetRun.unscoped.filter(target=target, state="waiting").count() == 2

    def test_all_served_is_deployed(self, domain: Domain, target: Target) -> None:
        deployment = deploy(domain)
        end(target, OK)
        assert state_of(deployment) == "deployed"
        assert not Finding.unscoped.filter(closed_at=None).exists()

    def test_one_of_two_is_partial_until_a_later_run_makes_all_succeed(self, domain: Domain, target: Target) -> None:
        other = make_target(domain, make_server(domain, "web-02"))
        deployment = deploy(domain)
        end(target, OK)
        assert state_of(deployment) == "running"
        end(other, DEAD)
        assert state_of(deployment) == "partial"
        assert Finding.unscoped.get(closed_at=None).code == "partial_deploy"
        assert Domain.unscoped.get().reported_state == "partial_deploy"
        end(other, OK)
        assert state_of(deployment) == "deployed"
        assert not Finding.unscoped.filter(closed_at=None).exists()
        kinds = Event.unscoped.filter(kind__startswith="deployment.").order_by("at").values_list("kind", flat=True)
        assert list(kinds) == ["deployment.started", "deployment.partial", "deployment.succeeded"]

    def test_files_in_place_with_something_else_served_is_partial(self, domain: Domain, target: Target) -> None:
        deployment = deploy(domain)
        end(target, ELSEWHERE)
        assert state_of(deployment) == "partial"
        assert Target.unscoped.get().last_status == "partial"

    def test_the_outcome_tells_what_its_mail_needs(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, DENIED)
        data = Event.unscoped.get(kind="deployment.failed").data
        assert data["summary"] == "0 of 1 target serve it, 1 failed"
        assert data["targets"][0]["code"] == "ssh_auth_failed"
        assert data["names"] == domain.host

    def test_a_later_deployment_silences_the_earlier_one(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        later = deploy(domain, make_certificate(domain, "cd" * 32))
        end_run(run, DENIED)
        assert not Event.unscoped.filter(kind="deployment.failed").exists()
        assert state_of(later) == "running"


@pytest.mark.django_db
class TestRetries:
    def test_what_time_may_mend_is_tried_again_later_each_time(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        for pause in RETRIES[:3]:
            run = end(target, DEAD)
            assert run.state == "waiting"
            assert run.run_after
            assert abs(run.run_after - clock.now() - pause) < timedelta(seconds=30)
        assert Event.unscoped.filter(kind="deployment.failed").count() == 1, "one alert, not one per try"

    def test_a_waiting_retry_hides_nothing_of_the_failure(self, domain: Domain, target: Target) -> None:
        deployment = deploy(domain)
        TargetRun.unscoped.update(started_at=clock.now())
        end(target, DEAD)
        shown = show_deployment(Deployment.unscoped.get(pk=deployment.pk))
        (entry,) = DeploymentOut.model_validate(shown).targets
        assert (entry.state, entry.error and entry.error.code) == ("failed", "ssh_refused")
        assert entry.next_try_at

    def test_a_revoked_certificate_is_not_wanted_any_more(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        Certificate.unscoped.update(revoked_at=clock.now())
        end(target, DEAD)
        assert not TargetRun.unscoped.filter(state__in=TargetRun.OPEN_STATES).exists()
        assert reconcile_target(Target.unscoped.get(pk=target.pk)) is None

    def test_a_target_deleted_meanwhile_is_not_tried_again(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        run = claim(target)
        Target.unscoped.all().delete()
        end_run(run, DEAD)
        assert TargetRun.unscoped.get().state == "failed"

    def test_what_a_person_must_change_waits_for_that_person(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, DENIED)
        assert not TargetRun.unscoped.filter(state="waiting").exists()

    def test_a_new_deployment_answers_the_waiting_retry(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, DEAD)
        deploy(domain)
        assert TargetRun.unscoped.filter(state="waiting").count() == 1

    def test_a_changed_directory_is_deployed_to_by_itself(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, OK)
        target.refresh_from_db()
        save_target(
            domain=domain, server=target.server, chosen=Placement(["/srv/new"], {}, ["true"], None), actor=SYSTEM,
            target=target,
        )  # fmt: skip
        assert TargetRun.unscoped.filter(target=target, state="waiting").count() == 1

    def test_an_unchanged_one_is_not(self, domain: Domain, target: Target) -> None:
        deploy(domain)
        end(target, OK)
        target.refresh_from_db()
        assert reconcile_target(target) is None

    @pytest.mark.parametrize(("mode", "runs"), [(Mode.MONITOR, 0), (Mode.DNS, 1)])
    def test_a_target_added_later_gets_it_unless_the_domain_is_only_monitored(
        self, domain: Domain, target: Target, mode: Mode, runs: int
    ) -> None:
        deploy(domain)
        end(target, OK)
        domain.mode = mode
        domain.save(update_fields=["mode"])
        added = make_target(domain, make_server(domain, "web-02"))
        assert TargetRun.unscoped.filter(target=added).count() == runs

    def test_a_draft_never_deploys(self, domain: Domain, target: Target) -> None:
        draft = save_target(
            domain=domain, server=make_server(domain, "web-02"), chosen=Placement(), actor=SYSTEM, draft=True
        )
        deploy(domain)
        assert not TargetRun.unscoped.filter(target=draft).exists()


@pytest.mark.django_db
def test_a_workspace_goes_with_its_servers_and_targets(domain: Domain, target: Target) -> None:
    """A target keeps its server from being deleted, but not both of them from going together."""
    deploy(domain)
    domain.workspace.delete()
    assert not Server.unscoped.exists()
    assert not Target.unscoped.exists()

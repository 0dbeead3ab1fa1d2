"""Deployments that wait for the balance: open, said so, and woken by the payment."""

import json
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from billing.charging import UNPAID, gate, settle
from billing.ledger import account_of
from billing.models import Charge
from billing.stale import release_stale_holds
from certificates.models import Certificate, PrivateKey
from certificates.unpaid import close_left_over, tell_paid
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.deployments import ready_places
from deploy.models import Deployment, Server, Target, TargetRun
from deploy.paying import require_affordable, require_paid, settle_payment, wait_for_balance
from deploy.result import SUPERSEDED, Result
from deploy.runs import end_run, work_runs
from domains.models import Finding, Visit
from notifications.models import Trigger
from notifications.rules.events import trigger_of
from tests.cast import Cast
from tests.rows import Rows
from tests.unit.billing.paying import AnyRun, balance, give

pytestmark = pytest.mark.django_db

DONE = Result(TargetRun.State.SUCCEEDED, "serving", files=["/etc/tls/key.pem"])


@pytest.fixture
def run(cast: Cast, billing_on: None) -> TargetRun:
    rows = Rows(cast.acme, cast.admin)
    row: TargetRun = rows.of(TargetRun)
    row.kind, row.server = TargetRun.Kind.DEPLOY, rows.of(Server)
    Target.unscoped.filter(pk=rows.of(Target).pk).update(is_draft=False)
    row.target, row.deployment, row.certificate = rows.of(Target), rows.of(Deployment), rows.of(Certificate)
    row.save()
    return claimed(row)


def claimed(run: TargetRun) -> TargetRun:
    """As a worker has it."""
    lease = {"lease_token": uuid.uuid4(), "lease_until": clock.now() + timedelta(minutes=5)}
    TargetRun.unscoped.filter(pk=run.pk).update(run_after=clock.now(), **lease)
    run.refresh_from_db()
    return run


def test_it_waits_says_so_and_goes_on_with_the_payment(cast: Cast, run: TargetRun) -> None:
    with pytest.raises(NeedsUser, match=UNPAID) as refusal:
        require_paid(run)
    wait_for_balance(run, refusal.value)
    run.refresh_from_db()
    assert (run.state, run.started_at, run.error_code) == ("waiting", None, UNPAID)
    assert run.run_after
    assert run.run_after > clock.now() + timedelta(minutes=50)
    assert Finding.unscoped.get(code=UNPAID).closed_at is None
    give(cast.acme, 100)
    run.refresh_from_db()
    assert run.run_after > clock.now() + timedelta(minutes=50), "not enough yet"
    give(cast.acme, 200)
    run.refresh_from_db()
    assert run.run_after <= clock.now()
    require_paid(claimed(run))
    run.refresh_from_db()
    assert run.error_code == "", "nothing is said of it while it runs"
    assert Finding.unscoped.get(code=UNPAID).closed_at
    settle_payment(run, DONE)
    assert balance(cast.acme) == 295


def test_the_server_is_free_while_a_run_waits(cast: Cast, run: TargetRun) -> None:
    work_runs([run])
    run.refresh_from_db()
    assert (run.state, run.error_code) == ("waiting", UNPAID)
    assert run.server
    run.server.refresh_from_db()
    assert (run.server.lease_token, run.server.lease_until) == (None, None)


def test_the_rule_about_the_balance_speaks_of_it(cast: Cast, run: TargetRun) -> None:
    work_runs([run])
    assert trigger_of(Finding.unscoped.get(code=UNPAID)) == Trigger.BALANCE


def test_what_is_given_back_wakes_what_waits_for_it(cast: Cast, run: TargetRun, settings: Settings) -> None:
    settings.BILLING_PRICE_SSH_CENTS = 200
    give(cast.acme, 300)
    other = AnyRun(cast.acme.pk)
    gate(other, "ssh")
    work_runs([run])
    run.refresh_from_db()
    assert (run.error_code, run.error_params["missing"]) == (UNPAID, "$1.00"), "the minimum is there, the price is not"
    settle(other, did_its_work=False)
    run.refresh_from_db()
    assert run.run_after
    assert run.run_after <= clock.now()


def test_a_finding_stays_while_anything_of_the_domain_waits_and_no_longer(cast: Cast, run: TargetRun) -> None:
    work_runs([run])
    tell_paid(run.domain)
    assert Finding.unscoped.get(code=UNPAID).closed_at is None, "the run still waits"
    close_left_over()
    assert Finding.unscoped.get(code=UNPAID).closed_at is None
    run.domain.targets.all().delete()
    TargetRun.unscoped.filter(pk=run.pk).update(state="failed")
    close_left_over()
    assert Finding.unscoped.get(code=UNPAID).closed_at


def test_a_run_that_was_overtaken_gives_back_what_it_held(cast: Cast, run: TargetRun) -> None:
    give(cast.acme, 300)
    gate(run, "ssh")
    end_run(run, Result(TargetRun.State.FAILED, "failed", error=NeedsUser(SUPERSEDED)))
    assert account_of(cast.acme.pk).held_cents == 0
    assert balance(cast.acme) == 300


@pytest.mark.parametrize(
    ("state", "outcome", "files", "left"),
    [
        ("succeeded", "serving", ["/etc/tls/key.pem"], 295),
        ("partial", "installed", ["/etc/tls/key.pem"], 295),
        ("succeeded", "serving", [], 300),
        ("partial", "installed", [], 300),
        ("failed", "failed", [], 300),
        ("failed", "failed", ["/etc/tls/key.pem"], 300),
    ],
)
def test_paid_is_what_was_put_in_place_and_stays(
    cast: Cast, run: TargetRun, state: str, outcome: str, files: list[str], left: int
) -> None:
    give(cast.acme, 300)
    require_paid(run)
    settle_payment(run, Result(TargetRun.State(state), outcome, files=files))
    assert balance(cast.acme) == left


def test_what_is_half_done_is_completed_whatever_the_balance(cast: Cast, run: TargetRun) -> None:
    assert run.target
    run.target.journal = {"phase": "swapping"}
    require_paid(run)
    settle_payment(run, DONE)
    assert balance(cast.acme) == -5, "and paid like any other"


def test_money_of_a_run_that_is_gone_comes_back(cast: Cast, run: TargetRun) -> None:
    give(cast.acme, 300)
    gate(run, "ssh")
    Charge.unscoped.update(created_at=clock.now() - timedelta(hours=3))
    release_stale_holds()
    assert Charge.unscoped.get().state == "held", "it is still under way"
    TargetRun.unscoped.update(state="failed")
    release_stale_holds()
    assert Charge.unscoped.get().state == "released"


@pytest.fixture
def deployable(cast: Cast, run: TargetRun) -> TargetRun:
    """Of a domain with a good certificate and a saved target, whose last deployment is over."""
    run.domain.targets.update(is_draft=False)
    key = PrivateKey.objects.create(workspace=cast.acme, domain=run.domain, sealed_pem=Sealed.of("pem"))
    good = {"not_after": clock.now() + timedelta(days=60), "revoked_at": None}
    Certificate.unscoped.update(private_key=key, domain=run.domain, **good)
    Deployment.unscoped.update(state=Deployment.State.FAILED)
    return run


def deploy_now(cast: Cast, run: TargetRun, body: str = "{}") -> tuple[int, str]:
    client = Client()
    client.force_login(cast.admin)
    answer = client.post(
        f"/api/domains/{run.domain_id}/deployments",
        body,
        content_type="application/json",
        headers={"X-Workspace": str(cast.acme.pk)},
    )
    return answer.status_code, json.loads(answer.content).get("code", "")


def test_deploy_now_is_refused_with_what_is_missing(cast: Cast, deployable: TargetRun) -> None:
    assert deploy_now(cast, deployable) == (402, UNPAID)
    assert deploy_now(cast, deployable, '{"certificate": 5}') == (402, UNPAID), "money before details"


def test_deploy_now_goes_on_credit_where_a_site_would_go_down(
    cast: Cast, deployable: TargetRun, settings: Settings
) -> None:
    soon = {"not_before": clock.now() - timedelta(days=88), "not_after": clock.now() + timedelta(days=2)}
    Visit.unscoped.update_or_create(domain=deployable.domain, workspace=cast.acme, defaults=soon)
    certificate = Certificate.unscoped.get()
    require_affordable(deployable.domain, certificate, ready_places(deployable.domain))
    settings.BILLING_RENEW_WHEN_LATE = False
    with pytest.raises(NeedsUser, match=UNPAID):
        require_affordable(deployable.domain, certificate, ready_places(deployable.domain))

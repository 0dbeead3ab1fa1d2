"""Deployments that wait for the balance: open, said so, and woken by the payment."""

import json
import uuid
from datetime import timedelta

import pytest
from django.test import Client

from billing.charging import UNPAID, gate
from billing.models import Charge
from billing.stale import release_stale_holds
from certificates.models import Certificate, PrivateKey
from config.lib import clock
from config.lib.errors import NeedsUser
from config.lib.sealed import Sealed
from deploy.models import Deployment, Target, TargetRun
from deploy.paying import require_paid, settle_payment, wait_for_balance
from deploy.result import Result
from domains.models import Finding
from tests.cast import Cast
from tests.rows import Rows
from tests.unit.billing.paying import balance, give

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(cast: Cast, billing_on: None) -> TargetRun:
    rows = Rows(cast.acme, cast.admin)
    row: TargetRun = rows.of(TargetRun)
    row.kind, row.run_after = TargetRun.Kind.DEPLOY, clock.now()
    row.target, row.deployment, row.certificate = rows.of(Target), rows.of(Deployment), rows.of(Certificate)
    row.lease_token = uuid.uuid4()
    row.lease_until = clock.now() + timedelta(minutes=5)
    row.save()
    return row


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
    require_paid(run)
    assert Finding.unscoped.get(code=UNPAID).closed_at
    settle_payment(run, Result(TargetRun.State.SUCCEEDED, "serving"))
    assert balance(cast.acme) == 295


@pytest.mark.parametrize("state", ["partial", "failed"])
def test_what_is_not_fine_costs_nothing(cast: Cast, run: TargetRun, state: str) -> None:
    give(cast.acme, 300)
    require_paid(run)
    settle_payment(run, Result(TargetRun.State(state), ""))
    assert balance(cast.acme) == 300


def test_what_is_half_done_is_completed_whatever_the_balance(cast: Cast, run: TargetRun) -> None:
    assert run.target
    run.target.journal = {"phase": "swapping"}
    require_paid(run)
    settle_payment(run, Result(TargetRun.State.SUCCEEDED, "serving"))
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


def test_deploy_now_is_refused_with_what_is_missing(cast: Cast, run: TargetRun) -> None:
    client = Client()
    client.force_login(cast.admin)
    run.domain.targets.update(is_draft=False)
    key = PrivateKey.objects.create(workspace=cast.acme, domain=run.domain, sealed_pem=Sealed.of("pem"))
    good = {"not_after": clock.now() + timedelta(days=60), "revoked_at": None}
    Certificate.unscoped.update(private_key=key, domain=run.domain, **good)
    answer = client.post(
        f"/api/domains/{run.domain_id}/deployments",
        "{}",
        content_type="application/json",
        headers={"X-Workspace": str(cast.acme.pk)},
    )
    told = json.loads(answer.content)
    assert (answer.status_code, told.get("code")) == (402, UNPAID), told

"""How runs that end side by side, or that somebody else ends, add up to their deployment."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction

from config.lib import clock
from deploy.models import TargetRun
from deploy.runs import end_run
from domains.models import Domain
from tests.unit.deploy.test_runs import OK, claim, deploy, make_certificate, make_server, make_target, state_of

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

A_WHILE = 2.0


def beside(act: Callable[[], object]) -> threading.Thread:
    """`act` in a worker of its own, begun."""

    def work() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_two_runs_that_end_at_once_settle_their_deployment(domain: Domain) -> None:
    make_certificate(domain)
    targets = [make_target(domain, make_server(domain, name)) for name in ("web-01", "web-02")]
    deployment = deploy(domain)
    first = claim(targets[0])
    second = claim(targets[1])
    TargetRun.unscoped.filter(pk=first.pk).update(lease_token=first.lease_token)
    with transaction.atomic():
        end_run(first, OK)
        other = beside(lambda: end_run(TargetRun.unscoped.get(pk=second.pk), OK))
        other.join(A_WHILE)  # It ends within this transaction's time, or waits for its end.
    other.join()
    assert state_of(deployment) == "deployed"


def test_a_new_deployment_ends_the_first_run_that_waits_for_its_server(domain: Domain) -> None:
    """The server was busy, so the run waits two seconds: it must not vanish and leave its deployment running."""
    make_certificate(domain)
    target = make_target(domain, make_server(domain, "web-01"))
    earlier = deploy(domain)
    TargetRun.unscoped.update(run_after=clock.now() + timedelta(seconds=2))
    deploy(domain, make_certificate(domain, "cd" * 32))
    run = TargetRun.unscoped.get(deployment=earlier)
    assert (run.state, run.error_code, run.run_after) == ("failed", "deploy_superseded", None)
    assert state_of(earlier) == "failed"
    target.refresh_from_db()
    assert target.last_status == "", "nothing was found out about the target"

"""How runs that end side by side, or that somebody else ends, add up to their deployment."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connections, transaction

from auditlog.events import SYSTEM
from config.lib import clock
from deploy.models import Target, TargetRun
from deploy.panels.accounts import delete_panel
from deploy.runs import end_run
from deploy.targets import delete_target
from domains.models import Domain, Finding
from tests.unit.deploy import test_panel_runs as at_panels
from tests.unit.deploy.test_runs import (
    DENIED,
    OK,
    claim,
    deploy,
    end,
    make_certificate,
    make_server,
    make_target,
    state_of,
)

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


def found(domain: Domain) -> list[str]:
    """The servers that the open finding names."""
    finding = Finding.unscoped.filter(domain=domain, closed_at=None).first()
    return finding.params["servers"] if finding else []


class TestWhatTheFindingNames:
    @pytest.fixture
    def targets(self, domain: Domain) -> list[Target]:
        make_certificate(domain)
        return [make_target(domain, make_server(domain, f"web-{number}")) for number in range(3)]

    def test_a_server_that_is_mended_is_named_no_more(self, domain: Domain, targets: list[Target]) -> None:
        deployment = deploy(domain)
        for target, result in zip(targets, (OK, DENIED, DENIED), strict=True):
            end(target, result)
        assert found(domain) == ["web-1.example.net", "web-2.example.net"]
        TargetRun.unscoped.filter(target=targets[1]).update(state="waiting", ended_at=None)
        end(targets[1], OK)
        assert state_of(deployment) == "partial"
        assert found(domain) == ["web-2.example.net"]
        assert Finding.unscoped.get().params["summary"] == "2 of 3 targets serve it, 1 failed"

    def test_nor_is_one_that_was_removed(self, domain: Domain, targets: list[Target]) -> None:
        deployment = deploy(domain)
        for target, result in zip(targets, (OK, OK, DENIED), strict=True):
            end(target, result)
        assert found(domain) == ["web-2.example.net"]
        delete_target(target=targets[2], actor=SYSTEM)
        assert found(domain) == []
        assert state_of(deployment) == "deployed"
        assert Domain.unscoped.get().reported_state == ""

    def test_without_any_server_left_nothing_is_told(self, domain: Domain) -> None:
        make_certificate(domain)
        target = make_target(domain, make_server(domain, "web-01"))
        deployment = deploy(domain)
        end(target, DENIED)
        delete_target(target=target, actor=SYSTEM)
        assert found(domain) == []
        assert state_of(deployment) == "failed", "as it was"

    def test_one_that_is_removed_while_it_waits_for_its_first_run(self, domain: Domain, targets: list[Target]) -> None:
        deployment = deploy(domain)
        for target in targets[:2]:
            end(target, OK)
        run = claim(targets[2])
        delete_target(target=targets[2], actor=SYSTEM)
        assert state_of(deployment) == "running"
        end_run(TargetRun.unscoped.get(pk=run.pk), DENIED)
        assert (state_of(deployment), found(domain)) == ("deployed", [])

    def test_a_panel_that_was_removed(self, domain: Domain) -> None:
        make_certificate(domain)
        target, panel = make_target(domain, make_server(domain, "web-01")), at_panels.make_panel(domain)
        deployment = deploy(domain)
        end(target, OK)
        at_panels.end(panel, at_panels.REFUSED)
        assert found(domain) == ["cPanel panel.test"]
        delete_panel(place=panel, actor=SYSTEM)
        assert (state_of(deployment), found(domain)) == ("deployed", [])

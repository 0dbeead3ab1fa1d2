"""Whoever asks for a rehearsal gets one, whatever is under way; and nobody's rehearsal is in the way of a renewal."""

from datetime import timedelta
from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.cas.outages import WAITS
from certificates.keys import new_key
from certificates.models import AcmeAccount, CaOutage, Renewal
from certificates.renewal.rehearsing import Order, _look_at_ca
from certificates.renewal.sweep import wish_of
from config.lib import clock, jobs
from config.lib.errors import Transient
from deploy.models import Readiness, Server, Target, TargetRun
from deploy.readiness.asking import ask_after_change, ask_now, make_missing
from deploy.readiness.work import _start_at
from tests.cast import Cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_what_is_asked_for_during_a_look_is_not_lost(readiness: Readiness) -> None:
    Readiness.unscoped.update(run_after=clock.now(), priority=jobs.BACKGROUND)
    (held,) = jobs.claim(jobs.kinds.get("readiness"))
    ask_now(domain=readiness.domain, actor=SYSTEM)
    assert not held.finish(run_after=clock.now() + timedelta(days=1), is_asked=False)
    readiness.refresh_from_db()
    assert readiness.is_asked
    assert readiness.run_after
    assert readiness.run_after <= clock.now()


def test_a_look_takes_no_place_in_the_line_of_renewals(readiness: Readiness, renewal: Renewal) -> None:
    AcmeAccount.objects.create(
        workspace=renewal.workspace, directory_url=renewal.directory_url, sealed_key=new_key(), uri="x"
    )
    CaOutage.objects.create(
        directory_url=renewal.directory_url, roots="", since=clock.now(), failures=3,
        probe_at=clock.now() + timedelta(minutes=10),
    )  # fmt: skip
    order = Order(renewal, wish_of(renewal), lambda: None)
    with pytest.raises(Transient, match=WAITS):
        _look_at_ca(order)
    assert CaOutage.objects.get().line_ends_at is None


@pytest.mark.parametrize("by", ["chore", "change"])
def test_what_nobody_looks_at_any_more_is_looked_at_again(
    readiness: Readiness, renewal: Renewal, by: str, django_capture_on_commit_callbacks: Any
) -> None:
    """Auto-renew went off and on again, and the process died before it could say so."""
    Readiness.unscoped.update(run_after=None)
    with django_capture_on_commit_callbacks(execute=True):
        make_missing() if by == "chore" else ask_after_change(renewal.domain)
    readiness.refresh_from_db()
    assert readiness.run_after
    assert readiness.run_after <= clock.now() + timedelta(days=1)


def test_a_person_does_not_wait_behind_those_that_nobody_waits_for(readiness: Readiness, cast: Cast) -> None:
    server = Server.objects.create(workspace=cast.acme, host="a.example.net", username="a")
    target = Target.objects.create(workspace=cast.acme, domain=readiness.domain, server=server, is_draft=False)
    waiting = TargetRun.objects.create(
        workspace=cast.acme, kind="rehearse", domain=target.domain, target=target, server=server, label="a"
    )
    _start_at(readiness, [target], jobs.INTERACTIVE)
    waiting.refresh_from_db()
    assert waiting.priority == jobs.INTERACTIVE
    assert TargetRun.unscoped.count() == 1

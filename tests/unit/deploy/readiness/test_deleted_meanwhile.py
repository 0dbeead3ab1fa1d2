"""A domain that is deleted while a worker ends what it does for it: neither waits for the other for ever."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connections, transaction

from auditlog.events import SYSTEM
from certificates.models import Renewal
from certificates.renewal.telling import tell_level
from config.lib import clock, jobs
from deploy.models import Readiness
from deploy.readiness.telling import tell
from domains.add import delete_domain
from domains.batches.actions import delete_lines
from domains.models import Batch, BatchLine, Domain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

A_WHILE = 1.5
WRONG = [{"key": "caa", "state": "will_fail", "detail": "", "code": "rehearsals_are_off", "params": {"host": "a"}}]


def delete(domain: Domain) -> None:
    delete_domain(domain=domain, actor=SYSTEM)


def delete_in_a_batch(domain: Domain) -> None:
    batch = Batch.objects.create(workspace=domain.workspace, kind="delete", total=1)
    line = BatchLine.objects.create(workspace=domain.workspace, batch=batch, number=1, domain_id=domain.pk, label="a")
    with transaction.atomic():
        delete_lines(batch, [line])


class Beside:
    """`act` in a thread of its own, and what it ended with."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=[act])

    def _work(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  (whatever it is, the test says it)
            self.error = error
        finally:
            connections.close_all()

    def begin(self) -> None:
        """It ends within this time, or waits for whoever called."""
        self._thread.start()
        self._thread.join(A_WHILE)

    def end(self) -> None:
        self._thread.join()
        assert self.error is None


@pytest.mark.parametrize("deletes", [delete, delete_in_a_batch])
def test_a_look_ends_while_its_domain_is_deleted(
    readiness: Readiness, renewal: Renewal, deletes: Callable[[Domain], None]
) -> None:
    Readiness.unscoped.update(run_after=clock.now())
    (held,) = jobs.claim(jobs.kinds.get("readiness"))
    beside = Beside(partial(deletes, readiness.domain))

    def told() -> None:
        beside.begin()
        tell(held, renewal)

    assert held.finish(checks=WRONG, also=told)
    beside.end()
    assert not Domain.unscoped.filter(pk=readiness.domain_id).exists()


def test_a_renewal_ends_while_its_domain_is_deleted(renewal: Renewal) -> None:
    Renewal.unscoped.update(run_after=clock.now())
    (held,) = jobs.claim(jobs.kinds.get("renewal"))
    beside = Beside(partial(delete, renewal.domain))
    held.failures = 1

    def told() -> None:
        beside.begin()
        tell_level(held, 0)

    assert held.finish(also=told)
    beside.end()
    assert not Domain.unscoped.filter(pk=renewal.domain_id).exists()

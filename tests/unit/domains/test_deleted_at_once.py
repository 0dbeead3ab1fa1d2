"""One domain deleted by many at once."""

import threading

import pytest
from django.db import connections

from auditlog.events import SYSTEM
from auditlog.models import Event
from domains.add import add_domain, delete_domain
from domains.models import Domain
from tests.cast import make_cast

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]

AT_ONCE = 8


def delete_at_once(domain: Domain) -> None:
    """As that many requests do it that have all found the domain before the first of them deletes it."""
    found = [Domain.unscoped.get(pk=domain.pk) for _ in range(AT_ONCE)]
    start = threading.Barrier(AT_ONCE)

    def delete(row: Domain) -> None:
        try:
            start.wait()
            delete_domain(domain=row, actor=SYSTEM)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=delete, args=[row]) for row in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_domain_that_is_deleted_at_once_by_many_is_deleted_once() -> None:
    delete_at_once(add_domain(workspace=make_cast().acme, actor=SYSTEM, hostname="forge.org"))
    assert not Domain.unscoped.exists()
    assert Event.unscoped.filter(kind="domain.deleted").count() == 1

"""Starting an issuance when others start or delete at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import IntegrityError, connection

from auditlog.events import SYSTEM
from certificates.gates import read_wish
from certificates.issuance import start_issuance
from certificates.models import Issuance
from domains.models import Domain
from tests.unit.certificates.conftest import HOST

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

STARTERS = 4


def test_starts_at_once_leave_one_open_issuance(domain: Domain) -> None:
    together = Barrier(STARTERS)

    def start(number: int) -> tuple[object, bool]:
        names = [HOST, f"*.{HOST}"] if number % 2 else [f"*.{HOST}", HOST]
        try:
            mine = Domain.objects.for_workspace(domain.workspace_id).select_related("workspace").get()
            together.wait(timeout=20)
            issuance, is_new = start_issuance(domain=mine, wish=read_wish(names), actor=SYSTEM)
        finally:
            connection.close()
        return issuance.pk, is_new

    for _ in range(5):
        with ThreadPoolExecutor(STARTERS) as pool:
            answers = list(pool.map(start, range(STARTERS)))
        [row] = Issuance.unscoped.filter(state__in=Issuance.OPEN_STATES)
        assert {key for key, _ in answers} == {row.pk}
        assert [is_new for _, is_new in answers].count(True) == 1
        Issuance.unscoped.update(state="cancelled")


def test_a_start_for_a_domain_that_is_gone_ends(domain: Domain) -> None:
    wish = read_wish([HOST])
    Domain.unscoped.filter(pk=domain.pk).delete()
    with pytest.raises(IntegrityError):
        start_issuance(domain=domain, wish=wish, actor=SYSTEM)

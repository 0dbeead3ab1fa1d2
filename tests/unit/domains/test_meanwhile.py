"""A look takes its time: what others do to the same rows meanwhile is neither lost nor undone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from auditlog.events import SYSTEM
from config.lib import clock, jobs, x509
from config.lib.errors import Permanent
from domains import ownership, visit
from domains.add import add_domain
from domains.conclusion import conclude
from domains.models import Domain, Finding, State, Visit
from domains.tls import Observation, Target
from tests.cast import Cast, make_cast
from tests.unit.domains.forge import NOW, World, leaf

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

world = World()
ROOTS = x509.roots_of([world.root.der])


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def claimed(cast: Cast, host: str = "www.forge.org") -> Visit:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host)
    (row,) = (one for one in jobs.claim(jobs.kinds.get("visit")) if one.domain_id == domain.pk)
    return Visit.unscoped.select_related("domain__workspace", "inspection").get(pk=row.pk)


def file(row: Visit, ders: Sequence[bytes] = ()) -> Visit:
    """Conclude from rows read before the network was asked."""
    began = clock.now()
    seen = Observation(Target(row.domain.host, row.domain.port), "" if ders else "connect_refused", ders=tuple(ders))
    concluded = conclude(row, seen, began, ROOTS)
    visit.file_conclusions([concluded], began=began)
    return Visit.unscoped.select_related("domain").get(pk=row.pk)


def test_a_verification_during_the_visit_survives_it(cast: Cast) -> None:
    row = claimed(cast)
    proof = ownership.ownership_of(row.domain)
    jobs.start_now(proof)
    (held,) = jobs.claim(jobs.kinds.get("ownership"))
    wanted = ownership.records_of(held)[0]
    seen = [{"server": "ns1", "values": [wanted.value], "error": ""}]
    look = {"method": "txt", "name": wanted.name, "expected": wanted.value, "seen": seen}
    ownership._file_proof(held, ownership.Look(clock.now(), [look]))
    filed = file(row, [leaf(["www.forge.org"], world.intermediate), world.intermediate.der])
    assert (filed.domain.is_verified, filed.domain.state) == (True, State.OK)
    assert filed.run_after is not None
    assert filed.run_after <= clock.now() + timedelta(days=1)


def test_a_visit_that_is_asked_for_during_a_visit_is_another_one(cast: Cast) -> None:
    row = claimed(cast)
    began = clock.now()
    visit.ask_for_visit(domain=row.domain)
    seen = Observation(Target(row.domain.host, row.domain.port), "connect_refused")
    visit.file_conclusions([conclude(row, seen, clock.now(), ROOTS)], began=began)
    again = Visit.unscoped.get(pk=row.pk)
    assert again.is_under_way
    assert [one.pk for one in jobs.claim(jobs.kinds.get("visit"), interactive=True)] == [row.pk]


def test_a_check_that_is_asked_for_during_a_check_is_another_one(cast: Cast) -> None:
    domain = claimed(cast).domain
    proof = ownership.ask_for_check(domain=domain)
    (held,) = jobs.claim(jobs.kinds.get("ownership"))
    look = ownership.Look(clock.now(), [{"method": "txt", "name": "", "expected": "", "seen": []}])
    ownership.ask_for_check(domain=domain)
    ownership._file_nothing(held, look)
    proof.refresh_from_db()
    assert proof.is_under_way
    assert [one.pk for one in jobs.claim(jobs.kinds.get("ownership"), interactive=True)] == [proof.pk]


def test_a_certificate_without_an_end_is_filed(cast: Cast) -> None:
    row = claimed(cast)
    endless = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW
    ders = [leaf(["www.forge.org"], world.intermediate, lasts=(timedelta(days=-1), endless))]
    assert file(row, ders).error_code == ""


def test_the_next_visit_closes_what_quarantine_had_opened(cast: Cast) -> None:
    row = claimed(cast)
    Domain.unscoped.filter(pk=row.domain_id).update(verified_at=clock.now())
    file(row)
    for ends in (True, False):
        jobs.start_now(row)
        (held,) = jobs.claim(jobs.kinds.get("visit"))
        if ends:
            visit.give_up(held, Permanent("job_quarantined", claims=6))
    assert Finding.unscoped.filter(domain=row.domain, source="visit_job", closed_at=None).exists()
    file(Visit.unscoped.select_related("domain__workspace", "inspection").get(pk=row.pk))
    assert not Finding.unscoped.filter(domain=row.domain, source="visit_job", closed_at=None).exists()


def test_silence_about_one_record_is_no_miss_of_the_other() -> None:
    gone = {"expected": "x", "seen": [{"server": "ns1", "values": [], "error": "nxdomain"}]}
    silent = {"expected": "y", "seen": [{"server": "ns1", "values": None, "error": "servfail"}]}
    assert ownership.is_miss([gone, gone])
    assert not ownership.is_miss([gone, silent])

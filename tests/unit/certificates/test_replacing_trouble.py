"""A replacement when one certificate of it is in trouble: the others go on, and it says what it waits for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.cas import known, ledger
from certificates.cas.known import Ca, Counted, Limit
from certificates.cas.ledger import Ordered
from certificates.keys import new_key
from certificates.models import (
    AcmeAccount,
    CaOutage,
    Certificate,
    Issuance,
    ReplacedCertificate,
    Replacement,
    Revocation,
)
from certificates.replacing.choosing import Choice
from certificates.replacing.planning import FINDINGS_AT_ONCE, PER_MINUTE, try_again
from certificates.replacing.working import LATER, SOON
from config.lib import clock
from domains.models import Domain, Finding
from tests.cast import Cast
from tests.unit.certificates.conftest import DIRECTORY, HOST
from tests.unit.certificates.replacements import begin, look, serve, states

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Store = Callable[..., Certificate]
HOUR = timedelta(hours=1)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA that takes one failed proof of a name in an hour."""
    limits = (Limit(Counted.FAILURES, 1, HOUR),)
    monkeypatch.setitem(known._BY_URL, DIRECTORY, Ca("Limited CA", DIRECTORY, limits=limits))


def ordered() -> list[str]:
    """The first names of what was ordered."""
    return sorted(row.names[0] for row in Issuance.unscoped.all())


def entry_of(certificate: Certificate) -> ReplacedCertificate:
    return ReplacedCertificate.unscoped.get(certificate=certificate)


# What one waits for


def test_the_limit_of_one_name_keeps_nobody_else_back(
    cast: Cast, store: Store, hands_free: None, limited: None
) -> None:
    older, kept = store([f"a.{HOST}"]), store([f"b.{HOST}"])
    ledger.note_failure(Ordered(cast.acme.pk, DIRECTORY, kept.names), kept.names[0])
    begin(cast)
    look()
    assert (ordered(), states()) == ([f"a.{HOST}"], {older.pk: "replacing", kept.pk: "waiting"})
    assert (entry_of(kept).error_code, Replacement.unscoped.get().error_code) == ("ca_limit", "")
    asked_at = entry_of(kept).changed_at
    with clock.shifted(HOUR / 2):
        look()
        assert entry_of(kept).changed_at == asked_at, "not asked again before its time"
    with clock.shifted(HOUR + timedelta(minutes=1)):
        look()
    assert (ordered(), entry_of(kept).state) == ([f"a.{HOST}", f"b.{HOST}"], "replacing")
    assert (entry_of(kept).error_code, entry_of(kept).error_params) == ("", {})


def test_a_ca_out_of_reach_makes_all_of_them_wait(cast: Cast, store: Store, hands_free: None) -> None:
    AcmeAccount.unscoped.create(workspace=cast.acme, directory_url=DIRECTORY, sealed_key=new_key())
    store()
    probe_at = clock.now() + timedelta(minutes=5)
    CaOutage.objects.create(directory_url=DIRECTORY, failures=1, probe_at=probe_at)
    begin(cast)
    look()
    row = Replacement.unscoped.get()
    assert (row.error_code, row.starts_at, Issuance.unscoped.count()) == ("acme_waits", probe_at, 0)


def test_orders_that_take_long_take_nobodys_place(cast: Cast, store: Store, hands_free: None) -> None:
    for number in range(PER_MINUTE + 1):
        store([f"h{number}.{HOST}"])
    begin(cast)
    look()
    with clock.shifted(timedelta(seconds=61)):
        look()
    assert list(states().values()) == ["replacing"] * (PER_MINUTE + 1)


# Who can order it


def test_older_ones_that_nobody_can_order_are_not_ordered(cast: Cast, store: Store, hands_free: None) -> None:
    older, newer = store(), store()
    Certificate.unscoped.update(source="upload", leaf_pem=newer.leaf_pem)
    begin(cast, Choice("key", certificate=newer.pk))
    look()
    assert (states(), ordered()) == ({older.pk: "waiting", newer.pk: "person"}, [])


def test_one_whose_newer_one_turns_out_unfit_needs_a_person(cast: Cast, store: Store) -> None:
    older, newer = store(), store()
    begin(cast)
    newer.delete()
    look()
    assert (states(), ordered()) == ({older.pk: "person"}, []), "nobody proves these names without hands"


def test_the_older_one_waits_while_the_newer_one_failed(cast: Cast, store: Store, hands_free: None) -> None:
    older, newer = store(), store()
    begin(cast)
    look()
    Issuance.unscoped.update(state="failed", error_code="acme_unauthorized", ended_at=clock.now())
    look()
    Replacement.unscoped.update(starts_at=None)
    look()
    assert (states(), Issuance.unscoped.count()) == ({older.pk: "waiting", newer.pk: "failed"}, 1)


def test_what_was_issued_and_deleted_is_ordered_anew(cast: Cast, store: Store, hands_free: None) -> None:
    old = store()
    begin(cast)
    look()
    Issuance.unscoped.update(state="issued", ended_at=clock.now())
    look()
    assert (states(), entry_of(old).issuance) == ({old.pk: "waiting"}, None)
    with clock.shifted(timedelta(seconds=61)):
        look()
    assert (states(), Issuance.unscoped.count()) == ({old.pk: "replacing"}, 2)


# Revoking


@pytest.fixture
def proven(cast: Cast, domain: Domain, store: Store, hands_free: None) -> Replacement:
    """With one certificate, to be revoked, whose successor is served; not looked at yet."""
    old, replacement = store(), begin(cast, revokes=True)
    look()
    serve(domain, store())
    assert states() == {old.pk: "replacing"}
    return replacement


def fail_revocation() -> None:
    trouble = {"error_code": "acme_gave_up", "error_params": {"attempts": 30, "last": "Silence"}}
    Revocation.unscoped.update(ended_at=clock.now(), run_after=None, **trouble)


def test_a_revocation_that_failed_is_asked_for_again_by_try_again(proven: Replacement) -> None:
    look()
    fail_revocation()
    look()
    assert list(states().values()) == ["failed"]
    try_again(replacement=proven, actor=SYSTEM)
    look()
    assert (list(states().values()), Revocation.unscoped.get().is_open) == (["revoking"], True)


def test_a_revocation_that_failed_before_is_asked_for_once(proven: Replacement, cast: Cast) -> None:
    long_ago = clock.now() - timedelta(days=3)
    old = ReplacedCertificate.unscoped.get().certificate
    Revocation.unscoped.create(workspace=cast.acme, certificate=old, created_at=long_ago, ended_at=long_ago)
    look()
    assert (list(states().values()), Revocation.unscoped.get().is_open) == (["revoking"], True)
    fail_revocation()
    for _ in range(2):
        look()
    assert (list(states().values()), Revocation.unscoped.get().is_open) == (["failed"], False)
    assert Event.unscoped.filter(kind="certificate.revocation_asked").count() == 1


def test_the_portals_own_ca_takes_the_place_of_one_that_is_gone(cast: Cast, store: Store, hands_free: None) -> None:
    old = store()
    Certificate.unscoped.filter(pk=old.pk).update(directory_url="https://gone.acme-tools.net/dir", profile="short")
    begin(cast)
    look()
    issuance = Issuance.unscoped.get()
    assert (issuance.directory_url, issuance.profile, issuance.replaces) == (DIRECTORY, "", "")


# Many


def test_a_look_opens_the_findings_of_some_and_the_next_those_of_the_others(cast: Cast, store: Store) -> None:
    more, rows = 2, []
    for number in range(FINDINGS_AT_ONCE + more):
        host = f"h{number}.acme-tools.net"
        rows.append(Domain(workspace=cast.acme, host=host, verified_at=clock.now(), state="ok"))
    Domain.unscoped.bulk_create(rows)
    for certificate, domain in zip([store([row.host]) for row in rows], rows, strict=True):
        Certificate.unscoped.filter(pk=certificate.pk).update(domain=domain)
    begin(cast)
    opened = Finding.unscoped.filter(code="certificate_to_replace", closed_at=None)
    assert opened.count() == 0
    for count, pause in ((FINDINGS_AT_ONCE, SOON), (FINDINGS_AT_ONCE + more, LATER), (FINDINGS_AT_ONCE + more, LATER)):
        began = clock.now()
        look()
        assert opened.count() == count
        run_after = Replacement.unscoped.get().run_after
        assert run_after
        assert began + pause <= run_after <= clock.now() + pause


def test_a_key_that_others_know_makes_the_finding_of_a_milder_one_critical(
    cast: Cast, store: Store, hands_free: None
) -> None:
    store()
    for reason, severity in ((4, "warning"), (1, "critical"), (4, "critical")):
        begin(cast, reason=reason)
        look()
        assert Finding.unscoped.get(code="certificate_to_replace").severity == severity


def test_those_that_wait_for_hands_cost_no_query_each(cast: Cast, store: Store) -> None:
    def queries_of(count: int) -> int:
        for number in range(count):
            store([f"q{count}-{number}.{HOST}"])
        begin(cast)
        look()
        with CaptureQueriesContext(connection) as asked:
            look()
        Replacement.unscoped.update(ended_at=clock.now(), run_after=None)
        return len(asked)

    assert queries_of(1) == queries_of(9)


def test_a_look_reads_no_certificate_that_it_does_not_order(cast: Cast, store: Store, hands_free: None) -> None:
    """Some thousands are looked at every few seconds."""
    for number in range(PER_MINUTE + 2):
        store([f"r{number}.{HOST}"])
    begin(cast)
    look()
    with CaptureQueriesContext(connection) as asked:
        look()
    assert sorted(states().values()) == ["replacing"] * PER_MINUTE + ["waiting"] * 2
    # Those that look for a successor find none.
    read = [query["sql"] for query in asked if '"leaf_pem"' in query["sql"] and "LIMIT 5" not in query["sql"]]
    assert read == []

"""The chain: sealed in order, late rows too, by one sealer or two; whoever alters, removes or adds a row is found."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.chores import chores
from auditlog import chain
from auditlog.chain import NO_WORKSPACE, head_of, link, seal_next, seal_settled
from auditlog.events import Actor, record
from auditlog.models import Event, Seal
from auditlog.verifying import list_chains, verify_chain
from config.lib import clock

add_seals = import_module("auditlog.migrations.0008_seals_append_only").add_seals

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ACME, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ANN = Actor("user", id=uuid.UUID(int=5), label="ann@example.net", ip="2001:db8::1")


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def happen(seconds_ago: float, workspace_id: uuid.UUID | None = ACME, name: str = "ci") -> Event:
    with clock.frozen(NOW - timedelta(seconds=seconds_ago)):
        data = {"name": name, "prefix": "mmc_Жук", "rate": 1.5, "list": [{"b": 1, "a": None}]}
        return record("token.created", workspace_id=workspace_id, actor=ANN, data=data)


def sealed(workspace_id: uuid.UUID | None = ACME) -> list[uuid.UUID]:
    rows = Event.unscoped.filter(workspace_id=workspace_id, seq__isnull=False).order_by("seq")
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    return [row.pk for row in rows]


def fault(workspace_id: uuid.UUID = ACME) -> str:
    return verify_chain(workspace_id).fault


@pytest.fixture
def unguarded() -> Callable[..., None]:
    """SQL by somebody who may also drop the triggers."""

    def run(statement: str, *params: Any) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                for table in ("event", "seal"):
                    cursor.execute(f"ALTER TABLE auditlog_{table} DISABLE TRIGGER auditlog_{table}_guard")
            else:
                for trigger in ("event_no_update", "event_no_delete", "seal_no_update", "seal_no_delete"):
                    cursor.execute(f"DROP TRIGGER IF EXISTS auditlog_{trigger}")
            cursor.execute(statement, params)

    return run


@pytest.fixture
def three() -> list[Event]:
    rows = [happen(300), happen(200), happen(100)]
    assert not seal_settled()
    assert fault() == ""
    return rows


def key(event: Event) -> Any:
    return Event._meta.pk.get_db_prep_value(event.pk, connection)


def test_what_is_older_than_a_minute_is_sealed_in_its_order() -> None:
    later, earlier, fresh = happen(61), happen(90), happen(59)
    assert not seal_settled()
    assert sealed() == [earlier.pk, later.pk]
    assert Event.unscoped.get(pk=fresh.pk).hash is None
    seal = Seal.objects.get()
    assert (seal.first, seal.last, seal.hash) == (1, 2, Event.unscoped.get(pk=later.pk).hash)
    assert seal.sealed_at == NOW


def test_sealing_twice_is_harmless(three: list[Event]) -> None:
    assert not seal_settled()
    assert Seal.objects.count() == 1
    assert head_of(ACME).number == 3


def test_a_late_commit_is_sealed_next_and_the_chain_stays_whole(three: list[Event]) -> None:
    """Its time lies before rows that are sealed already."""
    late = happen(250)
    assert not seal_settled()
    assert sealed() == [*(row.pk for row in three), late.pk]
    assert fault() == ""


def test_each_workspace_has_a_chain_and_so_has_what_belongs_to_none() -> None:
    for owner in (ACME, OTHER, None):
        happen(100, owner)
    assert not seal_settled()
    assert list_chains() == [NO_WORKSPACE, ACME, OTHER]
    assert [verify_chain(owner).head.number for owner in list_chains()] == [1, 1, 1]
    assert len({verify_chain(owner).head.hash for owner in list_chains()}) == 3


def test_a_sealer_that_dies_half_way_has_sealed_nothing() -> None:
    happen(100)
    with transaction.atomic():
        assert seal_next(ACME, NOW) == 1
        transaction.set_rollback(True)
    assert (head_of(ACME).number, sealed()) == (0, [])
    assert not seal_settled()
    assert fault() == ""


def test_a_long_past_is_sealed_piece_by_piece() -> None:
    with clock.frozen(NOW - timedelta(hours=1)):
        rows = [Event(workspace_id=ACME, kind="domain.verified", at=clock.now()) for _ in range(chain.BATCH + 1)]
    Event.unscoped.bulk_create(rows)
    assert seal_next(ACME, NOW) == chain.BATCH
    assert seal_next(ACME, NOW) == 1
    assert fault() == ""
    assert head_of(ACME).number == chain.BATCH + 1


def test_the_hash_is_the_same_on_every_database_and_in_every_release() -> None:
    """Were it not, all chains that are there would be broken by an upgrade."""
    key = uuid.UUID(int=1)
    at = datetime(2026, 11, 27, 11, 0, 0, 5, tzinfo=UTC)
    values = (key, ACME, at, "token.created", "warning", "user", None, "ann", "::1", None, "", None, {"b": 1, "a": "Ж"})
    assert link("", 1, values) == "89c276125a27b3961266c10e7b8ade6ee074f3b79806d2e18228a052c9b91cde"
    assert link("", 2, values) != link("", 1, values) != link("0", 1, values)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "token.revoked"),
        ("actor_label", "bob@example.net"),
        ("actor_ip", "203.0.113.1"),
        ("severity", "info"),
        ("data", '{"name": "other"}'),
        ("at", "2026-11-27 11:00:00"),
        ("hash", "f" * 64),
        ("domain_label", "x"),
    ],
)
def test_an_altered_row_is_named(three: list[Event], unguarded: Callable[..., None], column: str, value: str) -> None:
    unguarded(f"UPDATE auditlog_event SET {column} = %s WHERE id = %s", value, key(three[1]))  # noqa: S608
    assert fault().startswith("event 2 (")
    assert str(three[1].pk) in fault()
    assert fault().endswith(") is altered")
    assert verify_chain(ACME).head.number == 1


def test_an_altered_row_whose_hash_was_made_anew_breaks_the_next(
    three: list[Event], unguarded: Callable[..., None]
) -> None:
    forged = Event.unscoped.filter(pk=three[1].pk).values_list(*chain.COVERED)[0]
    first = Event.unscoped.get(pk=three[0].pk)
    changed = [*forged[:7], "bob@example.net", *forged[8:]]
    digest = link(first.hash or "", 2, changed)
    unguarded(
        "UPDATE auditlog_event SET actor_label = %s, hash = %s WHERE id = %s", "bob@example.net", digest, key(three[1])
    )
    assert fault().startswith("event 3 (")


def test_a_removed_row_is_named(three: list[Event], unguarded: Callable[..., None]) -> None:
    unguarded("DELETE FROM auditlog_event WHERE id = %s", key(three[1]))
    assert fault().startswith("event 2 is missing, before token.created")
    assert str(three[2].pk) in fault()


def test_a_removed_end_is_named(three: list[Event], unguarded: Callable[..., None]) -> None:
    unguarded("DELETE FROM auditlog_event WHERE id = %s", key(three[2]))
    assert fault() == "event 3 is missing, and all after it up to 3"


def test_rows_that_changed_places_are_named(three: list[Event], unguarded: Callable[..., None]) -> None:
    for event, number in ((three[0], 9), (three[1], 1), (three[0], 2)):
        unguarded("UPDATE auditlog_event SET seq = %s WHERE id = %s", number, key(event))
    assert fault().startswith("event 1 (")


def test_a_row_that_was_put_in_is_named(three: list[Event], unguarded: Callable[..., None]) -> None:
    forged = happen(150)
    with pytest.raises(IntegrityError), transaction.atomic():
        unguarded("UPDATE auditlog_event SET seq = 2, hash = %s WHERE id = %s", "a" * 64, key(forged))
    unguarded("UPDATE auditlog_event SET seq = 4, hash = %s WHERE id = %s", "a" * 64, key(forged))
    assert fault().startswith("event 4 (")
    assert fault().endswith("bears a number that was never sealed")


def test_a_removed_seal_is_named(three: list[Event], unguarded: Callable[..., None]) -> None:
    happen(90)
    assert not seal_settled()
    unguarded("DELETE FROM auditlog_seal WHERE first = 1")
    assert fault() == "the seal of event 1 is missing"


def test_seals_are_append_only(three: list[Event]) -> None:
    for change in (lambda: Seal.objects.update(hash="a" * 64), lambda: Seal.objects.all().delete()):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_the_command_ends_with_0_when_all_is_whole(three: list[Event], capsys: pytest.CaptureFixture[str]) -> None:
    happen(90, OTHER)
    call_command("verify_audit")
    told = capsys.readouterr().out.splitlines()
    assert f"Workspace {ACME}: whole, head 3:{head_of(ACME).hash}" in told
    assert f"Workspace {OTHER}: whole, head 0:-; 1 wait for their seal" in told


def test_the_command_ends_with_1_and_names_the_row(
    three: list[Event], unguarded: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    unguarded("UPDATE auditlog_event SET kind = %s WHERE id = %s", "token.revoked", key(three[2]))
    with pytest.raises(CommandError) as ended:
        call_command("verify_audit")
    assert ended.value.returncode == 1
    assert f"BROKEN after 2: event 3 (token.revoked, {three[2].pk}" in capsys.readouterr().out


def test_a_head_that_was_kept_tells_that_the_whole_chain_was_made_anew(
    three: list[Event], unguarded: Callable[..., None]
) -> None:
    kept = head_of(ACME)
    call_command("verify_audit", workspace=ACME, head=f"{kept.number}:{kept.hash}")
    unguarded("DELETE FROM auditlog_seal")
    unguarded("UPDATE auditlog_event SET kind = 'token.revoked', seq = NULL, hash = NULL")
    assert not seal_settled()
    assert fault() == ""
    with pytest.raises(CommandError, match="the chain is another one"):
        call_command("verify_audit", workspace=ACME, head=f"{kept.number}:{kept.hash}")


def test_sealing_is_a_chore() -> None:
    assert chores.get("sealing of the audit log").every == timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_seal_each_row_once() -> None:
    for number in range(200):
        happen(1000 - number)
    together = threading.Barrier(2)

    def seal() -> None:
        together.wait(timeout=10)
        try:
            seal_settled()
        finally:
            connection.close()

    sealers = [threading.Thread(target=seal) for _ in range(2)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join(timeout=60)
    assert len(sealed()) == 200
    assert fault() == ""


def test_a_chain_from_before_there_were_seals_gets_one(three: list[Event], unguarded: Callable[..., None]) -> None:
    """As an upgrade finds it: sealed rows and no seal beside them."""
    unguarded("DELETE FROM auditlog_seal")
    add_seals(apps, None)
    assert fault() == ""
    assert (Seal.objects.get().first, head_of(ACME).number) == (1, 3)

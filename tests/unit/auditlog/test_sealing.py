"""The chain of events: sealed in order, late ones later, and whatever was altered or taken out is named."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from auditlog.events import record
from auditlog.models import Event
from auditlog.pages import sealing
from auditlog.pages.sealing import head_of, seal, sealed, verify
from config.lib import clock
from tests.cast import Cast, make_cast

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def happened(workspace_id: uuid.UUID | None, count: int = 5, *, ago: int = 120) -> list[Event]:
    at = clock.now() - timedelta(seconds=ago)
    rows = [
        Event(
            workspace_id=workspace_id,
            kind="token.created",
            severity="warning",
            at=at + timedelta(milliseconds=number),
            actor_kind="user",
            actor_label="ann@example.org",
            actor_ip="203.0.113.9",
            data={"name": f"key {number}", "prefix": "x", "nested": {"b": [1, 2.5, None], "a": "ü\\"}},
        )
        for number in range(count)
    ]
    return Event.unscoped.bulk_create(rows)


def seal_all() -> None:
    while seal():
        continue


def without_guard(sql: str, parameters: list[Any]) -> None:
    """What somebody may do who owns the database."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ALTER TABLE auditlog_event DISABLE TRIGGER auditlog_event_guard")
            cursor.execute(sql, parameters)
            cursor.execute("ALTER TABLE auditlog_event ENABLE TRIGGER auditlog_event_guard")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'auditlog_event'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute(sql, parameters)
        for _, text in triggers:
            cursor.execute(text)


def key(event: Event) -> str:
    return str(event.pk) if connection.vendor == "postgresql" else event.pk.hex


def test_each_workspace_has_its_chain_and_all_of_it_holds(cast: Cast) -> None:
    for workspace_id in (cast.acme.pk, cast.other.pk, None):
        happened(workspace_id)
    seal_all()
    for workspace_id in (cast.acme.pk, cast.other.pk, None):
        assert list(sealed(workspace_id).order_by("seq").values_list("seq", flat=True))[:5] == [1, 2, 3, 4, 5]
    assert list(verify()) == []
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "The audit log is whole" in out.getvalue()


def test_what_is_young_waits_and_what_commits_late_comes_later(cast: Cast) -> None:
    first = happened(cast.acme.pk, 2, ago=120)
    record("workspace.changed", workspace_id=cast.acme.pk, data={"changes": "x"})
    seal_all()
    assert set(sealed(cast.acme.pk).values_list("pk", flat=True)) == {event.pk for event in first}
    (late,) = happened(cast.acme.pk, 1, ago=600)
    seal_all()
    late.refresh_from_db()
    assert late.seq == 3, "older than what is sealed, and not passed over"
    assert list(verify()) == []


CHANGES: list[tuple[str, Callable[[Event], list[Any]]]] = [
    ("UPDATE auditlog_event SET actor_label = 'bob@example.org' WHERE id = %s", lambda event: [key(event)]),
    ("UPDATE auditlog_event SET at = %s WHERE id = %s", lambda event: [event.at - timedelta(days=1), key(event)]),
    ("UPDATE auditlog_event SET data = '{}' WHERE id = %s", lambda event: [key(event)]),
    ("UPDATE auditlog_event SET severity = 'info' WHERE id = %s", lambda event: [key(event)]),
]


@pytest.mark.parametrize(("sql", "parameters"), CHANGES, ids=["who", "when", "what", "severity"])
def test_the_first_altered_row_is_named(cast: Cast, sql: str, parameters: Callable[[Event], list[Any]]) -> None:
    events = happened(cast.acme.pk)
    happened(cast.other.pk)
    seal_all()
    without_guard(sql, parameters(events[2]))
    (broken,) = verify()
    assert (broken.workspace_id, broken.seq, broken.event_id) == (cast.acme.pk, 3, events[2].pk)
    with pytest.raises(CommandError, match=f"entry 3, the event {events[2].pk}, was altered"):
        call_command("verify_audit")


def test_a_row_that_was_taken_out_is_named(cast: Cast) -> None:
    events = happened(cast.acme.pk)
    seal_all()
    without_guard("DELETE FROM auditlog_event WHERE id = %s", [key(events[1])])
    with pytest.raises(CommandError, match=f"entry 2 is missing, before the event {events[2].pk}"):
        call_command("verify_audit")


def test_a_row_whose_own_hash_was_made_anew_breaks_the_next_one(cast: Cast) -> None:
    events = happened(cast.acme.pk)
    seal_all()
    events[1].refresh_from_db()
    events[1].actor_label = "bob@example.org"
    forged = sealing.hash_of(events[1], 2, sealed(cast.acme.pk).get(seq=1).hash or "")
    change = "UPDATE auditlog_event SET actor_label = 'bob@example.org', hash = %s WHERE id = %s"
    without_guard(change, [forged, key(events[1])])
    (broken,) = verify()
    assert (broken.seq, broken.event_id) == (3, events[2].pk)


def test_the_head_moves_with_every_seal(cast: Cast) -> None:
    assert head_of(cast.acme.pk) == (0, "")
    happened(cast.acme.pk, 3)
    seal_all()
    seq, before = head_of(cast.acme.pk)
    happened(cast.acme.pk, 1)
    seal_all()
    assert seq == 3
    assert head_of(cast.acme.pk)[0] == 4
    assert head_of(cast.acme.pk)[1] != before


@pytest.mark.django_db(transaction=True)
def test_two_at_once_make_one_chain(cast: Cast) -> None:
    happened(cast.acme.pk, 300)

    def work(_: int) -> None:
        try:
            seal_all()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    seal_all()
    assert sealed(cast.acme.pk).filter(kind="token.created").count() == 300
    assert list(verify()) == []

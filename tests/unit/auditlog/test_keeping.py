"""Old events leave for an archive: those alone, whole, once; the chain stays whole and the guard shut."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.test import Client

from auditlog.chain import COVERED, head_of, link, seal_settled
from auditlog.events import SYSTEM, record
from auditlog.keeping import archive_old, forget_archives, keep_for
from auditlog.models import Archive, Event, PendingReaction, Retention
from auditlog.verifying import verify_chain
from config.lib import clock
from tests.cast import Cast, make_cast
from tests.unit.auditlog.test_chain import unguarded  # noqa: F401  (a fixture)

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
ACME = uuid.UUID(int=7)
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def happen(days_ago: float, workspace_id: uuid.UUID = ACME) -> Event:
    """Sealed two minutes later."""
    at = NOW - timedelta(days=days_ago)
    with clock.frozen(at):
        event = record("domain.verified", workspace_id=workspace_id, domain_label="shop.example.com", data={"a": "Ж"})
    with clock.frozen(at + timedelta(minutes=2)):
        seal_settled()
    return event


def numbers() -> list[int | None]:
    rows = Event.unscoped.filter(workspace_id=ACME, seq__isnull=False)
    return list(rows.order_by("seq").values_list("seq", flat=True))


@pytest.fixture
def old_and_new() -> list[Event]:
    rows = [happen(days) for days in (200, 150, 100, 80, 1)]
    keep_for(workspace_id=ACME, days=90, actor=SYSTEM)
    return rows


def test_without_a_setting_everything_stays() -> None:
    happen(5000)
    assert not archive_old()
    assert Archive.objects.count() == 0


def test_only_what_is_old_leaves_and_the_chain_stays_whole(old_and_new: list[Event]) -> None:
    before = head_of(ACME)
    assert archive_old()
    assert not archive_old()
    archive = Archive.objects.get()
    assert (archive.first, archive.last) == (1, 3)
    assert numbers() == [4, 5]
    assert verify_chain(ACME).fault == ""
    assert verify_chain(ACME).head == before
    told = Event.unscoped.get(kind="log.archived")
    assert (told.data["first"], told.data["last"], told.workspace_id) == (1, 3, ACME)


def test_a_head_that_somebody_kept_is_found_after_its_events_have_left(old_and_new: list[Event]) -> None:
    kept = Event.unscoped.get(workspace_id=ACME, seq=2)
    head = f"2:{kept.hash}"
    archive_old()
    call_command("verify_audit", workspace=ACME, head=head)
    with pytest.raises(CommandError, match="the chain is another one"):
        call_command("verify_audit", workspace=ACME, head=f"2:{'ab' * 32}")


def test_an_archive_tells_everything_that_its_hashes_cover(old_and_new: list[Event]) -> None:
    values = list(Event.unscoped.filter(seq__lte=3).order_by("seq").values_list(*COVERED))
    archive_old()
    archive = Archive.objects.get()
    lines = [json.loads(line) for line in gzip.decompress(bytes(archive.content)).decode().splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3]
    assert [line["id"] for line in lines] == [str(event.pk) for event in old_and_new[:3]]
    before = ""
    for line, row in zip(lines, values, strict=True):
        before = link(before, line["number"], [line[name] for name in COVERED])
        assert before == line["hash"] == link(_hash_before(lines, line), line["number"], row)
    assert before == archive.hash


def _hash_before(lines: list[dict[str, Any]], line: dict[str, Any]) -> str:
    at = lines.index(line)
    return str(lines[at - 1]["hash"]) if at else ""


def test_a_late_event_holds_back_nothing_younger_than_itself(old_and_new: list[Event]) -> None:
    """An old time under a high number: it leaves when its number's turn comes."""
    late = happen(300)
    archive_old()
    assert Event.unscoped.filter(pk=late.pk).exists()
    assert verify_chain(ACME).fault == ""


def test_the_guard_is_shut_again(old_and_new: list[Event]) -> None:
    archive_old()
    assert not Retention.objects.exists()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Event.unscoped.filter(pk=old_and_new[3].pk).delete()


def test_archives_follow_one_another(old_and_new: list[Event]) -> None:
    archive_old()
    with clock.frozen(NOW + timedelta(days=30)):
        assert archive_old()
    assert list(Archive.objects.order_by("first").values_list("first", "last")) == [(1, 3), (4, 4)]
    assert verify_chain(ACME).fault == ""


def test_other_workspaces_keep_theirs(old_and_new: list[Event]) -> None:
    theirs = happen(500, uuid.UUID(int=8))
    archive_old()
    assert Event.unscoped.filter(pk=theirs.pk).exists()


def test_what_was_still_to_be_told_goes_too(old_and_new: list[Event]) -> None:
    assert PendingReaction.objects.filter(event=old_and_new[0]).exists()
    archive_old()
    assert not PendingReaction.objects.filter(event_id=old_and_new[0].pk).exists()
    assert PendingReaction.objects.filter(event_id=old_and_new[4].pk).exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE auditlog_event SET kind = 'domain.added' WHERE seq = 2",
        "DELETE FROM auditlog_event WHERE seq = 2",
        "DELETE FROM auditlog_event WHERE seq = 3",
    ],
)
def test_what_was_altered_does_not_leave_and_is_still_named(
    old_and_new: list[Event],
    unguarded: Callable[..., None],  # noqa: F811
    statement: str,
) -> None:
    unguarded(statement)
    named = verify_chain(ACME).fault
    assert named
    assert not archive_old()
    assert Archive.objects.count() == 0
    assert verify_chain(ACME).fault == named


def test_an_archive_that_was_put_there_to_hide_events_is_named(
    old_and_new: list[Event],
    unguarded: Callable[..., None],  # noqa: F811
) -> None:
    Archive.objects.create(workspace_id=ACME, first=1, last=4, hash="a" * 64, begins_at=NOW, ends_at=NOW, content=b"x")
    unguarded("DELETE FROM auditlog_event WHERE seq <= 4")
    assert verify_chain(ACME).fault == "the archive from 1 to 4 is not what was sealed"


def test_an_archive_is_there_for_30_days(old_and_new: list[Event]) -> None:
    archive_old()
    forget_archives()
    assert Archive.objects.get().content
    with clock.frozen(NOW + timedelta(days=31)):
        forget_archives()
        assert not bytes(Archive.objects.get().content)
    assert verify_chain(ACME).fault == ""


def test_setting_it_is_written_down_once() -> None:
    for _ in range(2):
        keep_for(workspace_id=ACME, days=365, actor=SYSTEM)
    keep_for(workspace_id=ACME, days=0, actor=SYSTEM)
    told = Event.unscoped.filter(kind="log.keeping_changed").order_by("at", "seq")
    assert sorted((row.data["before"], row.data["after"]) for row in told) == [
        ("1 year", "for ever"),
        ("for ever", "1 year"),
    ]


# The pages


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_an_admin_sets_it_and_downloads_what_left(cast: Cast) -> None:
    for days in (200, 1):
        happen(days, cast.acme.pk)
    client = Client()
    client.force_login(cast.admin)
    keep_for(workspace_id=cast.acme.pk, days=90, actor=SYSTEM)
    archive_old()
    base = f"/w/{cast.acme.pk}/audit-logs/"
    shown = client.get(f"{base}keeping/").content.decode()
    assert "<strong>90 days</strong>" in shown
    assert "until 27 December" in shown
    answer = client.get(f"{base}archive/?first=1")
    assert json.loads(gzip.decompress(answer.content).splitlines()[0])["number"] == 1
    assert Event.unscoped.get(kind="log.exported").data["filters"] == "events 1 to 1"
    for wrong in ("2", "x", "9" * 30):
        assert client.get(f"{base}archive/?first={wrong}").status_code == 302
    assert "/account/reauthenticate/" in client.post(f"{base}keeping/edit/", {"days": "365"}).headers["Location"]


def test_archives_of_others_are_nobody_s(cast: Cast) -> None:
    happen(200, cast.acme.pk)
    keep_for(workspace_id=cast.acme.pk, days=90, actor=SYSTEM)
    archive_old()
    client = Client()
    client.force_login(cast.outsider)
    assert client.get(f"/w/{cast.acme.pk}/audit-logs/archive/?first=1").status_code == 404
    assert client.get(f"/w/{cast.other.pk}/audit-logs/archive/?first=1").status_code == 302
    client.force_login(cast.member)
    assert client.get(f"/w/{cast.acme.pk}/audit-logs/archive/?first=1").status_code == 403

"""Events cannot be changed or removed, but for two narrow holes."""

import uuid
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from auditlog.events import Actor, record, sentence
from auditlog.models import Event, PendingReaction, Retention
from config.lib import clock

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
WORKSPACE = uuid.UUID(int=7)


def one_event() -> Event:
    return record("workspace.created", workspace_id=WORKSPACE, actor=Actor("user", label="ann"), data={"name": "Acme"})


def refuses(change: object) -> None:
    assert callable(change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "critical"},
        {"data": {"name": "Evil"}},
        {"workspace_id": uuid.UUID(int=8)},
        {"seq": 1},
        {"hash": "ab"},
        {"seq": 1, "hash": "ab", "kind": "user.signed_in"},
    ],
)
def test_an_event_cannot_be_changed(change: dict[str, object]) -> None:
    event = one_event()
    refuses(lambda: Event.unscoped.filter(pk=event.pk).update(**change))


def test_the_chain_may_be_filled_in_once() -> None:
    event = one_event()
    assert Event.unscoped.filter(pk=event.pk).update(seq=1, hash="a" * 64) == 1
    refuses(lambda: Event.unscoped.filter(pk=event.pk).update(seq=2, hash="b" * 64))


def test_an_event_cannot_be_deleted() -> None:
    event = one_event()
    refuses(lambda: Event.unscoped.filter(pk=event.pk).delete())


def test_retention_opens_the_past_of_its_own_workspace_only() -> None:
    event = one_event()
    Retention.objects.create(workspace_id=uuid.UUID(int=8), before=clock.now() + timedelta(days=1))
    refuses(lambda: Event.unscoped.filter(pk=event.pk).delete())
    Retention.objects.create(workspace_id=WORKSPACE, before=event.at)
    refuses(lambda: Event.unscoped.filter(pk=event.pk).delete())
    Retention.objects.filter(workspace_id=WORKSPACE).update(before=event.at + timedelta(seconds=1))
    assert Event.unscoped.filter(pk=event.pk).delete()[0] == 1


def test_an_event_reads_as_a_sentence() -> None:
    assert sentence(one_event()) == "ann made the workspace Acme"


@pytest.mark.parametrize("not_after", ["2027-02-21T18:29:14Z", "2027-02-21T18:29:14.5+00:00", "2027-02-21"])
def test_a_sentence_tells_a_moment_as_its_day(not_after: str) -> None:
    event = record(
        "domain.certificate_changed",
        workspace_id=WORKSPACE,
        domain_label="shop.example.com",
        data={"issuer": "YE1", "not_after": not_after},
    )
    assert sentence(event) == "shop.example.com serves another certificate: YE1, until 21 February 2027"


def test_a_quiet_kind_queues_no_reaction() -> None:
    one_event()
    assert not PendingReaction.objects.exists()


def test_an_unknown_kind_is_a_bug() -> None:
    with pytest.raises(KeyError):
        record("nobody.declared_this", workspace_id=WORKSPACE)

"""Work over many domains: previewed, confirmed, done in chunks, stopped, and told line by line."""

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from auditlog.events import SYSTEM, Actor
from auditlog.models import Event
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from domains.add import add_domain
from domains.batches import working
from domains.batches.reading import read_rows
from domains.batches.shown import counts_of
from domains.batches.starting import (
    DRAFT_KEPT,
    ENDED_KEPT,
    ENDED_KEPT_FOR,
    OPEN_AT_MOST,
    begin_batch,
    discard_batch,
    draft_action,
    draft_import,
    stop_batch,
)
from domains.models import Batch, BatchLine, Domain, Hosting, Ownership, Visit
from domains.turns import ASKED_AT_MOST
from tests.cast import Cast, make_cast
from tests.unit.domains.seen import see

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def actor_of(cast: Cast) -> Actor:
    return Actor("user", id=cast.admin.pk, label=cast.admin.email)


def draft(cast: Cast, *hosts: str, text: str = "") -> Batch:
    text = text or "\n".join(hosts)
    return draft_import(workspace=cast.acme, actor=actor_of(cast), user=cast.admin, rows=read_rows(text))


def begin(cast: Cast, batch: Batch) -> Batch:
    begin_batch(batch=batch, actor=actor_of(cast), user=cast.admin)
    return batch


def act(cast: Cast, kind: str, hosts: list[str] | None = None, tag: str = "") -> Batch:
    chosen = Domain.objects.for_workspace(cast.acme)
    chosen = chosen if hosts is None else chosen.filter(host__in=hosts)
    return draft_action(kind=kind, workspace=cast.acme, actor=actor_of(cast), user=cast.admin, chosen=chosen, tag=tag)


def work(batch: Batch) -> Batch:
    """Let workers have their turns until nothing is due."""
    jobs.run_due("batch", interactive=True)
    jobs.run_due("batch")
    batch.refresh_from_db()
    return batch


def add(cast: Cast, *hosts: str, **fields: Any) -> list[Domain]:
    return [add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host, **fields) for host in hosts]


def states(batch: Batch) -> dict[str, str]:
    return dict(batch.lines.order_by("number").values_list("label", "state"))


# Importing


def test_a_preview_writes_no_domain_and_judges_every_line(cast: Cast) -> None:
    add(cast, "here.org")
    batch = draft(cast, "here.org", "new.org", "new.org:443", "10.0.0.1", "bücher.de")
    assert Domain.unscoped.count() == 1
    assert (batch.state, batch.total) == ("draft", 5)
    assert states(batch) == {
        "here.org": "watched",
        "new.org": "twice",
        "10.0.0.1": "refused",
        "xn--bcher-kva.de": "waiting",
    }
    assert work(batch).state == "draft"
    assert Domain.unscoped.count() == 1


def test_a_confirmed_list_is_added_with_everything_that_a_domain_has(cast: Cast) -> None:
    batch = work(begin(cast, draft(cast, text="hostname,port,tags,notes\nbücher.de,8443,shop;eu,Ann\na.org,,,")))
    assert batch.state == "done"
    assert counts_of(batch)["done"] == 2
    domain = Domain.unscoped.get(port=8443)
    assert (domain.host, domain.readable, domain.notes) == ("xn--bcher-kva.de", "bücher.de", "Ann")
    assert sorted(domain.tag_rows.values_list("name", flat=True)) == ["eu", "shop"]
    assert (domain.created_by, domain.state) == (cast.admin, "unverified")
    assert Visit.unscoped.count() == Hosting.unscoped.count() == Ownership.unscoped.count() == 2
    assert batch.lines.get(label="xn--bcher-kva.de:8443").domain_id == domain.pk
    kinds = list(
        Event.unscoped.filter(kind__in=["domain.added", "batch.begun", "batch.ended"]).values_list("kind", flat=True)
    )
    assert sorted(kinds) == ["batch.begun", "batch.ended", "domain.added", "domain.added"]
    assert set(Event.unscoped.filter(kind="domain.added").values_list("actor_id", flat=True)) == {cast.admin.pk}


def test_first_looks_of_many_are_spread_and_leave_people_who_wait_in_front(cast: Cast) -> None:
    before = clock.now()
    work(begin(cast, draft(cast, *(f"h{number}.org" for number in range(300)))))
    due = sorted(one for one in Visit.unscoped.values_list("run_after", flat=True) if one)
    assert set(Visit.unscoped.values_list("priority", "asked_at")) == {(jobs.BACKGROUND, None)}
    seconds = [(one - before).total_seconds() for one in due]
    assert 20 < seconds[-1] < 40  # 300 at 10 a second
    assert max(sum(1 for one in seconds if start <= one < start + 3) for start in range(0, 30, 3)) < 80
    detections = [one for one in Hosting.unscoped.values_list("run_after", flat=True) if one]
    assert (max(detections) - before).total_seconds() > 100  # 300 at 2 a second


def test_a_name_below_a_proven_host_is_verified_from_the_start(cast: Cast) -> None:
    add(cast, "forge.org")
    Ownership.unscoped.update(proven_at=clock.now())
    work(begin(cast, draft(cast, "www.forge.org", "other.org")))
    assert Domain.unscoped.get(host="www.forge.org").is_verified
    assert not Domain.unscoped.get(host="other.org").is_verified
    assert set(Ownership.unscoped.values_list("host", flat=True)) == {"forge.org", "other.org"}


def test_what_changed_since_the_preview_is_told_and_stops_nothing(cast: Cast) -> None:
    batch = draft(cast, "a.org", "b.org", "c.org")
    add(cast, "b.org")
    work(begin(cast, batch))
    assert states(batch) == {"a.org": "done", "b.org": "failed", "c.org": "done"}
    assert batch.lines.get(label="b.org").code == "domain_exists"
    assert Domain.unscoped.count() == 3


def test_two_imports_of_the_same_list_add_everything_once(cast: Cast) -> None:
    first, second = (begin(cast, draft(cast, "a.org", "b.org")) for _ in range(2))
    work(first)
    work(second)
    assert Domain.unscoped.count() == 2
    assert {counts_of(first)["done"], counts_of(second)["done"]} == {0, 2}


def test_a_chunk_costs_a_constant_number_of_statements_but_for_the_events(cast: Cast) -> None:
    def statements(*hosts: str) -> int:
        begin(cast, draft(cast, *hosts))
        with CaptureQueriesContext(connection) as seen:
            jobs.run_due("batch", interactive=True)
        return len([one for one in seen if 'INSERT INTO "auditlog_event"' not in one["sql"]])

    few = statements("a.org")
    assert statements(*(f"h{number}.org" for number in range(90))) <= few + 1


def test_an_unproven_address_imports_no_more_than_it_may_add(cast: Cast) -> None:
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    add_domain(workspace=cast.acme, actor=actor_of(cast), hostname="one.org", user=cast.admin)
    hosts = [f"h{number}.org" for number in range(8)]
    first, second = draft(cast, *hosts), draft(cast, *(f"x{host}" for host in hosts))
    assert counts_of(first)["waiting"] == counts_of(second)["waiting"] == 4
    assert first.lines.filter(state="refused").first().code == "confirm_address_first"  # type: ignore[union-attr]
    work(begin(cast, first))
    work(begin(cast, second))
    assert Domain.unscoped.count() == 5
    assert set(second.lines.exclude(state="refused").values_list("state", "code")) == {
        ("failed", "confirm_address_first")
    }


def test_the_preview_of_5000_lines_is_quick(cast: Cast) -> None:
    text = "\n".join(f"host-{number}.forge-{number % 50}.org,,tls,shop,note {number}" for number in range(5_000))
    began = time.process_time()
    batch = draft(cast, text=text)
    assert time.process_time() - began < 3.0  # about 0.6 s; the rest is for a busy machine
    assert counts_of(batch)["waiting"] == 5_000


# Confirming, stopping, discarding


def test_a_draft_is_confirmed_once(cast: Cast) -> None:
    batch = begin(cast, draft(cast, "a.org"))
    with pytest.raises(NeedsUser, match="batch_not_waiting"):
        begin(cast, batch)
    assert not discard_batch(batch=batch)
    work(batch)
    with pytest.raises(NeedsUser, match="batch_not_running"):
        stop_batch(batch=batch, actor=SYSTEM)


def test_a_discarded_draft_leaves_nothing(cast: Cast) -> None:
    assert discard_batch(batch=draft(cast, "a.org"))
    assert not Batch.unscoped.exists()
    assert not BatchLine.unscoped.exists()


def test_a_stopped_batch_is_done_as_far_as_it_was(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = begin(cast, draft(cast, *(f"h{number}.org" for number in range(250))))
    monkeypatch.setattr(working, "TURN_SECONDS", 0.0001)
    jobs.run_due("batch", interactive=True)
    stop_batch(batch=batch, actor=actor_of(cast))
    work(batch)
    assert batch.state == "stopped"
    assert counts_of(batch) == {"waiting": 150, "done": 100, "watched": 0, "twice": 0, "refused": 0, "failed": 0}
    assert Domain.unscoped.count() == 100
    assert Event.unscoped.get(kind="batch.stopped").data["left"] == 150


def test_a_worker_whose_batch_was_stopped_drops_what_it_holds(cast: Cast) -> None:
    batch = begin(cast, draft(cast, "a.org"))
    (held,) = jobs.claim(jobs.kinds.get("batch"))
    stop_batch(batch=batch, actor=SYSTEM)
    with pytest.raises(jobs.LeaseLost):
        working.work_batches([held])
    assert not Domain.unscoped.exists()


def test_many_batches_take_turns(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one does not wait for the end of a large one."""
    monkeypatch.setattr(working, "TURN_SECONDS", 0.0001)
    large = begin(cast, draft(cast, *(f"h{number}.org" for number in range(500))))
    jobs.run_due("batch", interactive=True)
    small = begin(cast, draft(cast, "small.org"))
    for _ in range(4):
        jobs.work_once(jobs.kinds.get("batch"))
    small.refresh_from_db()
    assert small.state == "done"
    assert counts_of(large)["waiting"] > 0


def test_whoever_lost_the_right_has_no_more_done(cast: Cast) -> None:
    batch = begin(cast, draft(cast, "a.org"))
    Membership.objects.filter(user=cast.admin).update(role="member")
    work(batch)
    assert (batch.state, batch.error_code) == ("stopped", "batch_not_allowed")
    assert not Domain.unscoped.exists()


def test_a_deleted_persons_batch_stops(cast: Cast) -> None:
    batch = begin(cast, draft(cast, "a.org"))
    Batch.unscoped.update(made_by=None)
    assert (work(batch).state, batch.error_code) == ("stopped", "batch_not_allowed")


def test_only_so_many_wait_or_run_at_once(cast: Cast) -> None:
    for number in range(OPEN_AT_MOST):
        draft(cast, f"h{number}.org")
    with pytest.raises(NeedsUser, match="batches_full"):
        draft(cast, "more.org")


def test_old_batches_go_away_by_themselves(cast: Cast) -> None:
    waiting = draft(cast, "a.org")
    ended = work(begin(cast, draft(cast, "b.org")))
    with clock.shifted(DRAFT_KEPT + timedelta(minutes=1)):
        jobs.run_due("batch")
    assert not Batch.unscoped.filter(pk=waiting.pk).exists()
    assert Batch.unscoped.filter(pk=ended.pk).exists()
    with clock.shifted(ENDED_KEPT_FOR + timedelta(minutes=1)):
        jobs.run_due("batch")
    assert not Batch.unscoped.exists()
    assert Domain.unscoped.count() == 1


def test_a_draft_that_is_confirmed_in_its_last_moment_stays(cast: Cast) -> None:
    batch = draft(cast, "www.forge.org")
    with clock.shifted(DRAFT_KEPT + timedelta(minutes=1)):
        (held,) = jobs.claim(jobs.kinds.get("batch"))
        begin(cast, batch)
        working.work_batches([held])
        Batch.unscoped.update(lease_until=None, lease_token=None)
        assert work(batch).state == "done"
    assert Domain.unscoped.get().host == "www.forge.org"


def test_of_those_that_ended_a_few_are_kept(cast: Cast) -> None:
    for number in range(ENDED_KEPT + 3):
        work(begin(cast, draft(cast, f"h{number}.org")))
    assert Batch.unscoped.count() == ENDED_KEPT + 1


# Bulk actions


def test_check_now_asks_for_visits_without_pushing_ahead_of_anybody(cast: Cast) -> None:
    domains = [see(one, []) for one in add(cast, "a.org", "b.org", "c.org")]
    Visit.unscoped.update(run_after=clock.now() + timedelta(days=3))
    sooner = clock.now() - timedelta(minutes=1)
    Visit.unscoped.filter(domain=domains[1]).update(run_after=sooner)
    work(begin(cast, act(cast, "check", ["a.org", "b.org"])))
    a, b, c = (Visit.unscoped.get(domain=one) for one in domains)
    assert a.is_under_way
    assert b.is_under_way
    assert a.priority == jobs.BACKGROUND
    assert a.run_after is not None
    assert a.run_after < clock.now() + timedelta(seconds=2)
    assert b.run_after == sooner
    assert not c.is_under_way
    assert Event.unscoped.filter(kind="domain.inspection_asked").count() == 2


def test_check_now_of_many_presses_no_host_more_often_than_its_own_button(cast: Cast) -> None:
    for port in range(8000, 8000 + ASKED_AT_MOST + 2):
        add(cast, "www.forge.org", port=port)
    add(cast, "api.forge.org")
    Visit.unscoped.update(asked_at=None)
    batch = work(begin(cast, act(cast, "check")))
    assert counts_of(batch) | {"done": ASKED_AT_MOST + 1, "failed": 2} == counts_of(batch)
    assert set(batch.lines.filter(state="failed").values_list("code", flat=True)) == {"checked_too_often"}
    assert Visit.unscoped.filter(asked_at=None).count() == 2
    again = work(begin(cast, act(cast, "check", ["www.forge.org"])))
    assert counts_of(again)["done"] == 0


def test_a_tag_is_added_and_removed_where_it_changes_something(cast: Cast) -> None:
    add(cast, "a.org", tags=["shop"])
    add(cast, "b.org")
    add(cast, "full.org", tags=[f"t{number}" for number in range(10)])
    batch = work(begin(cast, act(cast, "tag", tag=" Shop ")))
    assert states(batch) == {"a.org": "done", "b.org": "done", "full.org": "failed"}
    assert batch.lines.get(label="full.org").code == "too_many_tags"
    assert set(Domain.unscoped.filter(tag_rows__name="shop").values_list("host", flat=True)) == {"a.org", "b.org"}
    assert Event.unscoped.filter(kind="domain.changed").count() == 1
    work(begin(cast, act(cast, "untag", tag="shop")))
    assert not Domain.unscoped.filter(tag_rows__name="shop").exists()
    assert Event.unscoped.filter(kind="domain.changed").count() == 3


def test_deleting_many_takes_everything_along_and_tells_each(cast: Cast) -> None:
    add(cast, "a.org", "b.org", "c.org")
    batch = begin(cast, act(cast, "delete", ["a.org", "b.org"]))
    Domain.unscoped.filter(host="b.org").delete()
    work(batch)
    assert states(batch) == {"a.org": "done", "b.org": "failed"}
    assert batch.lines.get(label="b.org").code == "domain_gone"
    assert set(Domain.unscoped.values_list("host", flat=True)) == {"c.org"}
    assert Event.unscoped.filter(kind="domain.deleted").count() == 1


def test_what_is_chosen_belongs_to_the_workspace(cast: Cast) -> None:
    add_domain(workspace=cast.other, actor=SYSTEM, hostname="theirs.org")
    with pytest.raises(NeedsUser, match="nothing_chosen"):
        act(cast, "delete")


@pytest.mark.parametrize(("tag", "code"), [("", "tag_missing"), ("<b>", "tag_malformed")])
def test_a_tag_must_be_one(cast: Cast, tag: str, code: str) -> None:
    add(cast, "a.org")
    with pytest.raises(NeedsUser, match=code):
        act(cast, "tag", tag=tag)

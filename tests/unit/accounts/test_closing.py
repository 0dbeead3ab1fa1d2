"""Deleting a workspace: it is there for nobody at once, and then every row of it goes."""

import contextlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Now
from django.test import Client

from accounts.closing import GRACE, KIND, close_workspace
from accounts.models import Membership, PlatformMail, Workspace, WorkspaceClosing
from accounts.taking_apart import TRIED_FOR, WAITED_FOR, deletion_order
from accounts.workspaces import ensure_workspace
from auditlog.events import SYSTEM, Actor, record
from auditlog.models import Event
from certificates.keys import new_key
from certificates.models import AcmeAccount
from config.lib import clock, jobs, resting
from config.lib.jobs import Kind
from config.lib.scoping import OwnedModel
from deploy.models import Target, TargetRun
from domains.models import Domain, Visit
from notifications.models import Delivery
from tests.cast import PASSWORD, Cast, make_cast, make_user
from tests.rows import Rows, owned_models
from tests.unit.deploy.test_settling import A_WHILE, beside

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

OWNED_KINDS = [kind for kind in jobs.kinds if issubclass(kind.model, OwnedModel)]
# The egress refuses it before any socket: a CA that cannot be asked.
NOWHERE = "https://127.0.0.1:9/directory"


@pytest.fixture
def cast() -> Cast:
    cache.clear()
    return make_cast()


def fresh(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def close(cast: Cast) -> WorkspaceClosing:
    close_workspace(workspace=cast.acme, actor=Actor("user", id=cast.admin.pk, label=cast.admin.email))
    return WorkspaceClosing.objects.get(workspace_id=cast.acme.pk)


def work(after: timedelta = GRACE) -> WorkspaceClosing:
    """What the workers do at that time after the workspace was closed."""
    with clock.shifted(after):
        jobs.run_due(KIND)
    return WorkspaceClosing.objects.get()


def fill(workspace: Workspace, user: Any) -> Rows:
    """A row of every owned model; the account's key is one, since it is used."""
    account = AcmeAccount.objects.create(workspace=workspace, directory_url=NOWHERE, sealed_key=new_key())
    rows = Rows(workspace, user, shared=[account])
    for model in owned_models():
        rows.of(model)
    return rows


def rows_left(workspace_id: uuid.UUID) -> dict[str, int]:
    counts = {model._meta.label: model.unscoped.filter(workspace_id=workspace_id).count() for model in owned_models()}
    counts["membership"] = Membership.objects.filter(workspace_id=workspace_id).count()
    counts["workspace"] = Workspace.objects.filter(pk=workspace_id).count()
    return {label: count for label, count in counts.items() if count}


def test_every_row_of_it_goes_and_no_row_of_another_workspace(cast: Cast) -> None:
    fill(cast.acme, cast.admin)
    fill(cast.other, cast.outsider)
    whole, other = rows_left(cast.acme.pk), rows_left(cast.other.pk)
    assert set(whole) == {*(model._meta.label for model in owned_models()), "membership", "workspace"}
    close(cast)
    closing = work(TRIED_FOR)
    assert closing.finished_at
    assert closing.run_after is None
    assert rows_left(cast.acme.pk) == {}
    assert rows_left(cast.other.pk) == other
    assert closing.removed == {model._meta.label: whole[model._meta.label] for model in owned_models()}


def test_the_record_stays_and_says_what_went(cast: Cast) -> None:
    fill(cast.acme, cast.admin)
    record("domain.added", workspace_id=cast.acme.pk, domain_label="shop")
    before = Event.unscoped.filter(workspace_id=cast.acme.pk).count()
    close(cast)
    work(TRIED_FOR)
    events = Event.unscoped.filter(workspace_id=cast.acme.pk)
    assert events.count() == before + 2
    assert events.get(kind="workspace.closing").actor_label == cast.admin.email
    closed = events.get(kind="workspace.closed").data
    assert closed["removed"] == (
        "1 domain, 1 certificate with its private key, 1 server with its SSH key, "
        "1 hosting panel with its credential, the prepaid balance (it is not paid back by itself), "
        "1 entry of the balance, 1 API token, "
        "the access of 2 people"
    )
    assert "127.0.0.1 could not be closed there" in closed["left"]


def test_from_the_first_moment_it_is_there_for_nobody(cast: Cast) -> None:
    domain = Rows(cast.acme, cast.admin).of(Domain)
    token = cast.token(cast.admin)
    clients = [fresh(cast.admin), fresh(cast.member)]
    close(cast)
    for client in clients:
        for page in ("settings/", "settings/delete/", "domains/", f"domains/{domain.pk}/"):
            assert client.get(f"/w/{cast.acme.pk}/{page}").status_code == 404
        assert client.get(f"/api/workspace?workspace={cast.acme.pk}").status_code == 404
        assert client.get(f"/api/domains/{domain.pk}?workspace={cast.acme.pk}").status_code == 404
        home = client.get("/", follow=True).content.decode()
        assert f"/w/{cast.acme.pk}/" not in home
        assert client.get("/api/workspace").json()["name"] != "Acme"
    assert Client().get("/api/workspace", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert ensure_workspace(user=cast.admin, actor=SYSTEM).pk != cast.acme.pk
    call_command("bootstrap_workspace", cast.admin.email, "--workspace", "Acme")
    assert Workspace.objects.filter(name="Acme").count() == 2


def test_the_page_says_what_goes_and_wants_the_name(cast: Cast) -> None:
    fill(cast.acme, cast.admin)
    client = fresh(cast.admin)
    page = f"/w/{cast.acme.pk}/settings/delete/"
    shown = client.get(page).content.decode()
    for held in (
        "1 domain",
        "1 certificate with its private key",
        "1 server with its SSH key",
        "the access of 2 people",
    ):
        assert f"<li>{held}</li>" in shown
    for wrong in ("", "acme", "Acme Inc"):
        answer = client.post(page, {"typed": wrong})
        assert answer.status_code == 200
        assert "field__errors" in answer.content.decode()
    assert not WorkspaceClosing.objects.exists()
    answer = client.post(page, {"typed": "  Acme "}, follow=True)
    assert "Acme is gone" in answer.content.decode()
    assert WorkspaceClosing.objects.get().asked_by == cast.admin.email


@pytest.mark.parametrize(("name", "typed"), [("A  B", "A B"), ("Mu\N{COMBINING DIAERESIS}ller", "Müller")])
def test_a_name_is_known_again_however_it_was_typed(cast: Cast, name: str, typed: str) -> None:
    Workspace.objects.filter(pk=cast.acme.pk).update(name=name)
    fresh(cast.admin).post(f"/w/{cast.acme.pk}/settings/delete/", {"typed": typed})
    assert WorkspaceClosing.objects.exists()


def test_an_admin_without_a_proven_address_may_delete(cast: Cast) -> None:
    squatter = make_user("squatter@example.org", verified=False)
    own = ensure_workspace(user=squatter, actor=SYSTEM)
    assert fresh(squatter).post(f"/w/{own.pk}/settings/delete/", {"typed": own.name}).status_code == 302
    assert WorkspaceClosing.objects.get().workspace_id == own.pk
    work()
    assert not PlatformMail.objects.exists(), "whose address this is nobody knows"


def test_admins_are_told_when_it_is_asked_for_and_when_it_is_done(cast: Cast) -> None:
    second = make_user("second@example.org")
    Membership.objects.create(user=second, workspace=cast.acme, role="admin")
    close(cast)
    asked = PlatformMail.objects.filter(template="workspace_closing")
    assert set(asked.values_list("to", flat=True)) == {cast.admin.email, second.email}
    work()
    done = PlatformMail.objects.filter(template="workspace_closed")
    assert set(done.values_list("to", flat=True)) == {cast.admin.email, second.email}
    with clock.shifted(GRACE):
        jobs.run_due("platform_mail")
    texts = [path.read_text() for path in (settings.VAR_DIR / "mail").glob("*.eml")]
    for path in (settings.VAR_DIR / "mail").glob("*.eml"):
        path.unlink()
    assert len([text for text in texts if "admin@example.org asked to delete the workspace Acme" in text]) == 2
    assert len([text for text in texts if "The workspace Acme is deleted" in text]) == 2
    assert not PlatformMail.objects.exclude(state="sent").exists()


def test_asking_twice_is_asking_once(cast: Cast) -> None:
    close(cast)
    close(cast)
    assert WorkspaceClosing.objects.count() == 1
    assert Event.unscoped.filter(kind="workspace.closing").count() == 1
    work()
    close_workspace(workspace=cast.acme, actor=SYSTEM)
    assert WorkspaceClosing.objects.count() == 1


def due_row(kind: Kind, rows: Rows) -> Any:
    rows.of(Domain)  # and its visit
    row = rows.of(kind.model)
    jobs.rows_of(kind.model).filter(pk=row.pk).update(run_after=clock.now())
    return row


@pytest.mark.parametrize("kind", OWNED_KINDS, ids=lambda kind: kind.name)
def test_nothing_of_it_is_worked_any_more(cast: Cast, kind: Kind) -> None:
    due_row(kind, Rows(cast.acme, cast.admin))
    other = due_row(kind, Rows(cast.other, cast.outsider))
    Workspace.objects.filter(pk=cast.acme.pk).update(closing_at=clock.now())
    assert [row.pk for row in jobs.due(kind)] == [other.pk]
    assert [row.pk for row in jobs.claim(kind)] == [other.pk]
    assert jobs.claim(kind) == []


@pytest.mark.parametrize("kind", OWNED_KINDS, ids=lambda kind: kind.name)
def test_what_is_due_is_taken_off_the_queues(cast: Cast, kind: Kind) -> None:
    row, other = due_row(kind, Rows(cast.acme, cast.admin)), due_row(kind, Rows(cast.other, cast.outsider))
    resting.rest_workspace(cast.acme.pk)
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.run_after is None
    assert other.run_after is not None


def test_alerts_of_it_go_to_nobody(cast: Cast) -> None:
    record("certificate.downloaded", workspace_id=cast.acme.pk, domain_label="shop", data={"names": "shop"})
    close(cast)
    jobs.run_due("reaction")
    assert not Delivery.unscoped.exists()


def visit_of(cast: Cast) -> Visit:
    rows = Rows(cast.acme, cast.admin)
    return Visit.unscoped.get(domain=rows.of(Domain))


def hold(row: models.Model, *, minutes: int) -> None:
    until = Now() + timedelta(minutes=minutes)
    jobs.rows_of(type(row)).filter(pk=row.pk).update(lease_token=uuid.uuid4(), lease_until=until)


def test_a_worker_that_is_at_it_is_waited_for(cast: Cast) -> None:
    visit = visit_of(cast)
    hold(visit, minutes=3)
    close(cast)
    closing = work()
    assert closing.finished_at is None
    assert closing.run_after
    assert timedelta(0) < closing.run_after - clock.now() - GRACE <= timedelta(seconds=5)
    assert Visit.unscoped.filter(pk=visit.pk).exists()
    hold(visit, minutes=-1)
    assert work(GRACE + timedelta(seconds=6)).finished_at
    assert rows_left(cast.acme.pk) == {}


def test_a_worker_that_never_ends_is_cut_off_and_that_is_said(cast: Cast) -> None:
    hold(visit_of(cast), minutes=300)
    close(cast)
    assert work(WAITED_FOR).finished_at
    assert "It was still running and was cut off: visit" in Event.unscoped.get(kind="workspace.closed").data["left"]


def half_done(cast: Cast) -> TargetRun:
    rows = Rows(cast.acme, cast.admin)
    target = rows.of(Target)
    Target.unscoped.filter(pk=target.pk).update(journal={"phase": "swapping"})
    run = rows.of(TargetRun)
    TargetRun.unscoped.filter(pk=run.pk).update(kind="deploy", state="running", target=target, run_after=clock.now())
    return TargetRun.unscoped.get(pk=run.pk)


def test_a_swap_that_is_half_done_on_a_server_is_ended_first(cast: Cast) -> None:
    run = half_done(cast)
    close(cast)
    assert work().finished_at is None
    kind = jobs.kinds.get("target_run")
    [claimed] = jobs.claim(kind)
    assert claimed.pk == run.pk
    assert work(GRACE + timedelta(seconds=6)).finished_at is None
    Target.unscoped.update(journal=None)
    claimed.finish(state="succeeded")
    assert work(GRACE + timedelta(seconds=12)).finished_at


def test_a_swap_that_cannot_be_ended_holds_it_up_for_two_hours(cast: Cast) -> None:
    run = half_done(cast)
    close(cast)
    assert work(WAITED_FOR).finished_at
    assert f"target run {run}" in Event.unscoped.get(kind="workspace.closed").data["left"]


def test_a_ca_that_is_away_is_asked_again_for_three_days(cast: Cast) -> None:
    AcmeAccount.objects.create(workspace=cast.acme, directory_url=NOWHERE, sealed_key=new_key(), uri=f"{NOWHERE}/1")
    close(cast)
    for attempt, after in enumerate((GRACE, timedelta(hours=1), TRIED_FOR - timedelta(minutes=1)), 1):
        closing = work(after)
        assert (closing.finished_at, closing.attempts, closing.error_code) == (None, attempt, "acme_unreachable")
        assert closing.run_after
        assert timedelta(0) < closing.run_after - clock.now() - after <= timedelta(hours=1)
        assert AcmeAccount.unscoped.exists()
    closing = work(TRIED_FOR + timedelta(hours=1))
    assert closing.finished_at
    assert closing.error_code == ""
    assert f"{NOWHERE}/1" in Event.unscoped.get(kind="workspace.closed").data["left"]
    assert not AcmeAccount.unscoped.exists()


def test_a_deletion_that_kills_its_workers_stays_due_for_staff_to_see(cast: Cast) -> None:
    closing = close(cast)
    WorkspaceClosing.objects.filter(pk=closing.pk).update(claims=jobs.MAX_CLAIMS)
    closing = work()
    assert (closing.finished_at, closing.error_code) == (None, "job_quarantined")
    assert closing.run_after
    assert work(timedelta(hours=1)).finished_at


def test_many_rows_go_in_bounded_transactions(cast: Cast) -> None:
    hosts = [Domain(workspace=cast.acme, host=f"h{number}.example.org") for number in range(1201)]
    Domain.unscoped.bulk_create(hosts)
    Visit.unscoped.bulk_create([Visit(workspace=cast.acme, domain=domain) for domain in hosts])
    close(cast)
    closing = work()
    assert closing.finished_at
    assert closing.removed == {"domains.Visit": 1201, "domains.Domain": 1201, "notifications.Rule": 4}


def test_rows_are_removed_before_what_they_point_to() -> None:
    """A circle of foreign keys raises here, before a workspace meets it."""
    order = deletion_order()
    assert set(order) == set(owned_models())
    for model in order:
        for field in model._meta.concrete_fields:
            if field.related_model in order and field.related_model is not model:
                assert order.index(model) < order.index(field.related_model)


def test_a_worker_that_is_asked_to_stop_leaves_the_rest_for_the_next(cast: Cast) -> None:
    fill(cast.other, cast.outsider)
    AcmeAccount.unscoped.all().delete()
    close_workspace(workspace=cast.other, actor=SYSTEM)
    with clock.shifted(GRACE):
        [closing] = jobs.claim(jobs.kinds.get(KIND))
    jobs.stopping.set()
    try:
        jobs.kinds.get(KIND).work([closing])
    finally:
        jobs.stopping.clear()
    closing = WorkspaceClosing.objects.get()
    assert (closing.finished_at, closing.lease_token) == (None, None)
    assert work().finished_at
    assert rows_left(cast.other.pk) == {}


def run_due() -> None:
    jobs.run_due(KIND)


@pytest.mark.django_db(transaction=True)
def test_a_request_that_began_before_it_was_closed_leaves_no_row(cast: Cast) -> None:
    close(cast)
    WorkspaceClosing.objects.update(run_after=clock.now())
    with contextlib.suppress(IntegrityError), transaction.atomic():
        Domain.objects.create(workspace=cast.acme, host="late.example.org")
        worker = beside(run_due)
        worker.join(A_WHILE)  # It gets as far as it can while this transaction lasts.
    worker.join()
    assert work(timedelta(hours=1)).finished_at
    assert rows_left(cast.acme.pk) == {}

"""A server whose host or port changes is another machine: nothing of the old one may be believed of it."""

import pytest
from django.test import Client
from django.urls import reverse

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import jobs
from deploy import journal, server_lease
from deploy.models import Server, Target, TargetRun
from deploy.runs import end_run
from deploy.servers import Access, trust_server
from deploy.targets import Placement, delete_target, move_target, save_target
from domains.models import Domain
from tests.cast import Cast
from tests.unit.deploy.test_api import Api
from tests.unit.deploy.test_runs import OK, claim, deploy, end, make_certificate, make_server, make_target

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def target(domain: Domain) -> Target:
    make_certificate(domain)
    return make_target(domain, make_server(domain, "web-01"))


def move(target: Target, *, host: str = "web-09.example.net", username: str = "mmc") -> None:
    """As the form does it."""
    access = Access(host, 22, username)
    server = move_target(target=target, access=access, actor=SYSTEM)
    chosen = Placement(target.certificate_directories, {}, target.reload_commands, None)
    save_target(domain=target.domain, server=server, chosen=chosen, actor=SYSTEM, target=target)


def test_the_new_machine_has_nothing_half_done_and_nothing_installed(domain: Domain, target: Target) -> None:
    deploy(domain)
    end(target, OK)
    Target.unscoped.update(journal={"token": "x"})
    move(Target.unscoped.select_related("server", "domain").get())
    moved = Target.unscoped.get()
    assert (moved.journal, moved.installed_certificate, moved.last_status) == (None, None, "")
    assert Server.unscoped.get().host == "web-09.example.net"
    waiting = TargetRun.unscoped.filter(target=moved, state="waiting")
    assert not waiting.exists(), "nobody knows the host key of the new one yet"
    trust_server(server=Server.unscoped.get(), fingerprint="SHA256:" + "b" * 43, actor=SYSTEM)
    assert waiting.count() == 1


def test_the_trail_tells_where_it_was_before(domain: Domain, target: Target) -> None:
    move(target)
    data = Event.unscoped.filter(kind="target.saved").latest("at").data
    assert (data["before"]["server"], data["after"]["server"]) == ("mmc@web-01.example.net", "mmc@web-09.example.net")


def test_another_user_on_the_same_machine_keeps_what_is_half_done(domain: Domain, target: Target) -> None:
    Target.unscoped.update(journal={"token": "x"})
    move(target, host=target.server.host, username="other")
    assert Target.unscoped.get().journal == {"token": "x"}


def half_done(target: Target) -> TargetRun:
    """A run of the target between two sets of files, as its worker has it."""
    deploy(target.domain)
    run = claim(target)
    assert server_lease.take(run)
    TargetRun.unscoped.filter(pk=run.pk).update(state="running")
    journal.write(run, target, journal.Journal("x", "y", (), ()))
    return run


def test_what_is_half_done_is_completed_before_the_server_moves(
    domain: Domain, target: Target, client: Client, cast: Cast
) -> None:
    run, api = half_done(target), Api(client, cast)
    for path in (f"/servers/{target.server_id}", f"/targets/{target.pk}"):
        status, problem = api("PATCH", path, {"host": "web-09.example.net"})
        assert (status, problem["code"]) == (409, "target_half_done"), path
    assert api("PATCH", f"/servers/{target.server_id}", {"name": "the first"})[0] == 200
    end_run(run, OK)
    assert api("PATCH", f"/servers/{target.server_id}", {"host": "web-09.example.net"})[0] == 200


def test_what_is_half_done_is_completed_before_the_target_is_removed(
    domain: Domain, target: Target, client: Client, cast: Cast
) -> None:
    run, api = half_done(target), Api(client, cast)
    status, problem = api("DELETE", f"/targets/{target.pk}")
    assert (status, problem["code"]) == (409, "target_half_done")
    client.force_login(cast.admin)
    page = client.post(reverse("deploy:target-delete", args=[cast.acme.pk, target.pk]), follow=True)
    assert "is between two sets of files right now" in page.content.decode()
    delete_target(target=make_target(domain, make_server(domain, "web-02")), actor=SYSTEM)  # Others are free to go.
    end_run(run, OK)
    assert api("DELETE", f"/targets/{target.pk}")[0] == 204


def test_a_run_whose_target_is_removed_begins_nothing(domain: Domain, target: Target) -> None:
    """It was claimed before; what it did now would be known to nobody."""
    deploy(domain)
    run = claim(target)
    assert server_lease.take(run)
    delete_target(target=Target.unscoped.get(pk=target.pk), actor=SYSTEM)
    with pytest.raises(jobs.LeaseLost):
        journal.write(run, target, journal.Journal("x", "y", (), ()))


def test_a_run_that_is_still_on_the_old_machine_says_nothing_about_the_new_one(domain: Domain, target: Target) -> None:
    deploy(domain)
    run = claim(target)
    assert server_lease.take(run)
    move(Target.unscoped.select_related("server", "domain").get())
    with pytest.raises(jobs.LeaseLost):
        journal.write(run, target, journal.Journal("x", "y", (), ()))
    assert Target.unscoped.get().journal is None

"""A server whose host or port changes is another machine: nothing of the old one may be believed of it."""

import pytest

from auditlog.events import SYSTEM
from auditlog.models import Event
from config.lib import jobs
from deploy import journal, server_lease
from deploy.models import Server, Target, TargetRun
from deploy.servers import Access, trust_server
from deploy.targets import Placement, move_target, save_target
from domains.models import Domain
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


def test_a_run_that_is_still_on_the_old_machine_says_nothing_about_the_new_one(domain: Domain, target: Target) -> None:
    deploy(domain)
    run = claim(target)
    assert server_lease.take(run)
    move(Target.unscoped.select_related("server", "domain").get())
    with pytest.raises(jobs.LeaseLost):
        journal.write(run, target, journal.Journal("x", "y", (), ()))
    assert Target.unscoped.get().journal is None

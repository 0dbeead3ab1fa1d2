"""HTTP-01 over SSH: a real CA validates through nginx, Apache and our own listener; nothing stays behind."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from auditlog.events import SYSTEM, sentence
from auditlog.models import Event
from certificates.issuance import start_again
from certificates.models import Authorization, Issuance, Renewal
from certificates.renewal.now import renew_now
from config.lib import clock, jobs
from config.lib.errors import NeedsUser
from deploy.deployments import start_deployment
from deploy.http01.answering import Http01
from deploy.http01.reaching import reached
from deploy.http01.renewing import find_renewal_run
from deploy.http01.solver import _keep_or_remove, clean_up, look, present
from deploy.http01.webroot import make_folders, put_token
from deploy.models import Deployment, HttpAnswer, Server
from deploy.ssh.files import remote_files
from domains.models import Finding
from tests.cast import Cast, make_cast
from tests.integration.http01 import HttpScene
from tests.integration.issuing import work_out
from tests.servers.apache import apache
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble
from tests.servers.ports import free_port, wait_until
from tests.servers.sshd import Sshd, sshd

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def scene(settings: Any, cast: Cast, ca: Pebble, dns_server: ChallengeDns) -> HttpScene:
    return HttpScene(settings, cast.acme, ca, dns_server)


@pytest.fixture
def web(ssh_server: Sshd, ca: Pebble) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["any.example.net"], http_port=ca.http_port) as server:
        yield server


def tls(server: Sshd) -> Path:
    return server.user.home / "tls"


def tokens(webroot: Path) -> list[str]:
    return sorted(path.name for path in (webroot / ".well-known/acme-challenge").glob("*"))


def test_a_domain_without_certificate_gets_one_through_nginx_and_on_every_target(
    scene: HttpScene, ssh_server: Sshd, web: Nginx
) -> None:
    server = scene.server(ssh_server)
    scene.answering(server, Http01(str(web.document_root)), directories=[tls(ssh_server) / "a"])
    scene.answering(server, directories=[tls(ssh_server) / "b"])
    scene.enable()
    scene.run()
    (certificate,) = scene.certificates()
    issuance = scene.issuance()
    assert (issuance.challenge, issuance.solver, issuance.state) == ("http-01", "http01", "issued")
    assert (tls(ssh_server) / "a/cert.pem").read_text() == (tls(ssh_server) / "b/cert.pem").read_text()
    assert (tls(ssh_server) / "a/cert.pem").read_text().strip() == certificate.leaf_pem.strip()
    assert Deployment.unscoped.get(domain=scene.domain).state == "deployed"
    assert tokens(web.document_root) == []
    assert scene.left() == 0


def test_it_works_through_apache(scene: HttpScene, ssh_server: Sshd, ca: Pebble) -> None:
    with apache(ssh_server.user, [scene.host], http_port=ca.http_port) as web:
        chosen = Http01(str(web.document_root))
        scene.answering(scene.server(ssh_server), chosen, directories=[tls(ssh_server)])
        scene.enable()
        scene.run()
        assert tokens(web.document_root) == []
    assert len(scene.certificates()) == 1
    assert scene.left() == 0


def test_an_account_for_sftp_only_fills_a_webroot(scene: HttpScene, ca: Pebble) -> None:
    with (
        sshd(extra=["ForceCommand internal-sftp"]) as only_sftp,
        nginx(only_sftp.user, [scene.host], http_port=ca.http_port) as web,
    ):
        chosen = Http01(str(web.document_root))
        scene.answering(scene.server(only_sftp), chosen, directories=[tls(only_sftp)])
        scene.enable()
        scene.run()
        assert tokens(web.document_root) == []
    assert len(scene.certificates()) == 1


def test_what_an_earlier_worker_left_is_removed_by_the_chore(scene: HttpScene, ssh_server: Sshd, web: Nginx) -> None:
    folder = web.document_root / ".well-known/acme-challenge"
    folder.mkdir(parents=True)
    (folder / "tok_en-1").write_text("x")
    ssh_server.user.own(folder, folder.parent, folder / "tok_en-1")
    HttpAnswer.objects.create(
        workspace=scene.workspace, server=scene.server(ssh_server), tokens=["tok_en-1"], webroot=str(web.document_root)
    )
    HttpAnswer.unscoped.update(run_after=clock.now())
    assert jobs.run_due("http_answer") == 1
    assert (tokens(web.document_root), scene.left()) == ([], 0)


@pytest.mark.parametrize("trouble", ["gone", "refused"])
def test_a_server_that_has_gone_is_given_up_after_some_weeks(scene: HttpScene, ssh_server: Sshd, trouble: str) -> None:
    server = scene.server(ssh_server)
    # What may pass, and what needs a person.
    wrong = {"port": free_port()} if trouble == "gone" else {"username": "nobody-there"}
    Server.unscoped.filter(pk=server.pk).update(**wrong)
    HttpAnswer.objects.create(workspace=scene.workspace, server=server, tokens=["x", "y"], webroot="/srv/www")
    told = Event.objects.for_workspace(scene.workspace).filter(kind="server.token_left")
    for days, is_there in ((1, True), (27, True), (29, False)):
        with clock.shifted(timedelta(days=days)):
            HttpAnswer.unscoped.update(run_after=clock.now())
            assert jobs.run_due("http_answer") == 1
        assert (scene.left(), told.count()) == ((1, 0) if is_there else (0, 1))
    text = sentence(told.get())
    assert text.startswith(f"2 challenge files of ours stay in /srv/www/.well-known/acme-challenge on {server.label}")


def test_a_planted_link_leads_nothing_out_of_the_webroot(scene: HttpScene, ssh_server: Sshd, web: Nginx) -> None:
    outside = ssh_server.user.home / "outside"
    outside.mkdir()
    ssh_server.user.own(outside)
    (web.document_root / ".well-known").symlink_to(outside)
    code, params = scene.refused(ssh_server, Http01(str(web.document_root)))
    assert code == "webroot_led_away"
    assert params["path"].endswith("/.well-known")
    assert list(outside.iterdir()) == []
    assert (web.document_root / ".well-known").is_symlink()


def test_a_redirect_of_everything_never_costs_the_look_of_the_ca(
    scene: HttpScene, ssh_server: Sshd, web: Nginx
) -> None:
    web.redirect_everything()
    reload(web)
    scene.answering(scene.server(ssh_server), Http01(str(web.document_root)), directories=[tls(ssh_server)])
    scene.enable()
    renewal = scene.run()
    issuance = scene.issuance()
    assert issuance.error_code == "http01_redirected"
    assert "HTTP 301 from" in issuance.error_params["underlying"]
    assert "location ^~" in issuance.error_params["lines"]
    assert set(issuance.authorizations.values_list("status", flat=True)) == {"pending"}
    assert renewal.failures == 1
    assert Finding.unscoped.filter(domain=scene.domain, code="renewal_blocked", closed_at=None).exists()
    assert tokens(web.document_root) == []
    (web.place / "location.inc").write_text("")
    reload(web)
    Renewal.unscoped.update(retry_at=None, run_after=clock.now())
    assert scene.run().failures == 0
    assert len(scene.certificates()) == 1


def reload(web: Nginx) -> None:
    subprocess.run(web.reload_command.split(), check=True, capture_output=True)


@pytest.mark.both_databases
def test_renew_now_is_one_run_from_the_request_to_the_deployment(
    scene: HttpScene, ssh_server: Sshd, web: Nginx
) -> None:
    scene.answering(scene.server(ssh_server), Http01(str(web.document_root)), directories=[tls(ssh_server)])
    scene.enable()
    scene.run()
    with pytest.raises(NeedsUser, match="issuance_window"):
        renew_now(domain=scene.domain, force=False, actor=SYSTEM)
    key = renew_now(domain=scene.domain, force=True, actor=SYSTEM)
    assert find_renewal_run(scene.workspace, key).state == "waiting"
    jobs.run_due("renewal")
    assert find_renewal_run(scene.workspace, key).state == "running"
    assert renew_now(domain=scene.domain, force=True, actor=SYSTEM) == key
    renewal = scene.run()
    run = find_renewal_run(scene.workspace, key)
    assert run.deployment is not None
    assert (run.state, run.deployment.certificate) == ("succeeded", scene.certificates()[-1])
    assert len(scene.certificates()) == 2
    assert (renewal.asked_as, renewal.is_forced) == (None, False)
    assert jobs.run_due("renewal") == 0
    start_deployment(domain=scene.domain, certificate=run.deployment.certificate, actor=SYSTEM)
    assert find_renewal_run(scene.workspace, key).deployment == run.deployment, "what comes later is no part of it"


@pytest.mark.both_databases
def test_two_domains_never_want_the_port_at_once(
    scene: HttpScene, settings: Any, cast: Cast, ca: Pebble, dns_server: ChallengeDns, ssh_server: Sshd
) -> None:
    other = HttpScene(settings, cast.acme, ca, dns_server)
    for one in (scene, other):
        chosen = Http01(standalone=True, port=ca.http_port)
        one.answering(one.server(ssh_server), chosen, directories=[tls(ssh_server) / one.host])
        one.enable()
    third = Issuance.objects.create(
        workspace=cast.acme, domain=scene.domain, names=["x"], names_key="x", directory_url="x", state="validating"
    )
    somebody = HttpAnswer.objects.create(
        workspace=cast.acme,
        server=scene.server(ssh_server),
        issuance=third,
        tokens=["x"],
        port=ca.http_port,
        ends_at=clock.now() + timedelta(seconds=6),
    )
    with clock.frozen(clock.now()):
        jobs.run_due("renewal")
        jobs.run_due("issuance")
    waiting = {row.error_code for row in Issuance.unscoped.filter(solver="http01")}
    assert waiting == {"listener_busy"}
    HttpAnswer.unscoped.filter(pk=somebody.pk).update(ends_at=clock.now())
    wait_until(lambda: all(done(one) for one in (scene, other)), seconds=60, what="both certificates")
    assert scene.left() == 0


def done(scene: HttpScene) -> bool:
    jobs.run_due("issuance")
    return (
        Issuance.unscoped.get(domain=scene.domain, solver="http01").step == Issuance.Step.DONE
        and len(scene.certificates()) == 1
    )


def test_what_was_cancelled_while_it_was_put_there_is_taken_away(
    scene: HttpScene, ssh_server: Sshd, web: Nginx
) -> None:
    """The clean-up of the one who cancelled came first and found nothing."""
    scene.answering(scene.server(ssh_server), Http01(str(web.document_root)), directories=[tls(ssh_server)])
    scene.enable()
    jobs.run_due("renewal")
    (claimed,) = jobs.claim(jobs.kinds.get("issuance"))
    Issuance.unscoped.filter(pk=claimed.pk).update(lease_token=None, lease_until=None, step="done", state="cancelled")
    row = Authorization(issuance=claimed, token="t" * 43, key_authorization="t" * 43 + ".x", identifier=scene.host)
    answer = HttpAnswer.objects.create(
        workspace=scene.workspace, server=scene.server(ssh_server), tokens=[row.token], webroot=str(web.document_root)
    )
    with reached(answer.server, None) as line, remote_files(line) as files:
        put_token(files, make_folders(files, answer.webroot), row.token, row.key_authorization)
        assert tokens(web.document_root) == [row.token]
        with pytest.raises(jobs.LeaseLost):
            _keep_or_remove(line, claimed, answer)
    assert tokens(web.document_root) == []


class TestManyTokens:
    """Each one is several round trips to a server that may be slow: a lease for all of them would not do."""

    NAMES = 12

    @pytest.fixture
    def claimed(self, scene: HttpScene, ssh_server: Sshd, web: Nginx) -> Issuance:
        scene.answering(scene.server(ssh_server), Http01(str(web.document_root)), directories=[tls(ssh_server)])
        scene.enable()
        jobs.run_due("renewal")
        (claimed,) = jobs.claim(jobs.kinds.get("issuance"))
        assert isinstance(claimed, Issuance)
        return claimed

    def rows(self, issuance: Issuance) -> list[Authorization]:
        known = [f"token-{number:02}" for number in range(self.NAMES)]
        return [Authorization(issuance=issuance, token=one, key_authorization=f"{one}.x") for one in known]

    def test_the_lease_is_renewed_for_each_that_is_put_and_removed(self, claimed: Issuance, web: Nginx) -> None:
        with CaptureQueriesContext(connection) as put:
            present(claimed, self.rows(claimed))
        assert tokens(web.document_root) == [row.token for row in self.rows(claimed)]
        with CaptureQueriesContext(connection) as removed:
            clean_up(claimed, self.rows(claimed))
        assert tokens(web.document_root) == []
        assert min(renewals(put), renewals(removed)) >= self.NAMES

    def test_what_was_cancelled_half_way_is_taken_away(self, claimed: Issuance, web: Nginx) -> None:
        """The clean-up of the one who cancelled came first and left nothing that says what is there."""
        met: list[list[str]] = []

        def cancel_half_way(execute: Any, sql: str, *rest: Any) -> Any:
            if not met and len(tokens(web.document_root)) == self.NAMES // 2:
                met.append(tokens(web.document_root))
                Issuance.unscoped.update(lease_token=None, lease_until=None, step="done", state="cancelled")
                HttpAnswer.unscoped.all().delete()
            return execute(sql, *rest)

        with connection.execute_wrapper(cancel_half_way), pytest.raises(jobs.LeaseLost):
            present(claimed, self.rows(claimed))
        assert len(met[0]) == self.NAMES // 2
        assert tokens(web.document_root) == []


def renewals(seen: CaptureQueriesContext) -> int:
    wanted = 'UPDATE "certificates_issuance" SET "lease_until"'
    return sum(query["sql"].startswith(wanted) for query in seen.captured_queries)


def test_many_names_are_held_for_as_long_as_all_of_them_may_take(
    settings: Any, scene: HttpScene, ssh_server: Sshd, web: Nginx
) -> None:
    """Eight at a time, 25 seconds each: else another worker would begin anew before the reason is told."""
    scene.answering(scene.server(ssh_server), Http01(str(web.document_root)), directories=[tls(ssh_server)])
    scene.enable()
    jobs.run_due("renewal")
    (claimed,) = jobs.claim(jobs.kinds.get("issuance"))
    names = [f"n{number}.{scene.host}" for number in range(25)]
    rows = [Authorization(issuance=claimed, token="t", key_authorization="t.x", identifier=name) for name in names]
    settings.EGRESS_ALLOW_CIDRS = ()  # So that each look ends at once.
    problem = look(claimed, rows)
    assert problem is not None
    assert problem.code == "egress_refused"
    held = Issuance.unscoped.get(pk=claimed.pk).lease_until
    assert held is not None
    assert held - clock.now() > timedelta(seconds=4 * 25)


def test_a_fresh_challenge_goes_the_same_way(scene: HttpScene, ssh_server: Sshd, web: Nginx) -> None:
    web.redirect_everything()
    reload(web)
    scene.refused(ssh_server, Http01(str(web.document_root)))
    (web.place / "location.inc").write_text("")
    reload(web)
    again = work_out(start_again(issuance=scene.issuance(), actor=SYSTEM))
    assert (again.state, again.challenge, again.solver) == ("issued", "http-01", "http01")

"""Rehearsals of a renewal against real servers: every cause is planted, found weeks before, and closed when mended."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates.cas.known import Counted, ca_at
from certificates.models import AcmeAccount, CaEntry, Renewal
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from deploy.http01.answering import Http01
from deploy.models import HttpAnswer, PanelAccount, Readiness, RunStep, Server, Target, TargetRun
from deploy.panels.accounts import read_given, save_panel
from deploy.readiness.asking import ask_now
from deploy.readiness.work import CONFIRMED_AFTER
from deploy.reconcile import KIND
from domains.models import Finding, Visit
from tests.cast import make_cast
from tests.integration.deploying import told
from tests.integration.issuing import use_ca, verified_domain
from tests.integration.paneling import PANEL_HOST
from tests.integration.redirecting import redirect_everything, reload
from tests.integration.rehearsing import DIRECTORY, RehearsalScene, rehearse
from tests.integration.renewing import by_test_dns, turn_on
from tests.integration.renewing import work as renew
from tests.servers.ca import TestCa
from tests.servers.child import is_root
from tests.servers.disks import mounted
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.panels import cpanel
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.wire import panel_server
from tests.servers.pebble import Pebble
from tests.servers.people import new_ssh_key
from tests.servers.places import ROOT
from tests.servers.ports import accepts, free_port
from tests.servers.sshd import Sshd, sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]
DAILY_KEYS = ("proof", "ownership", "address", "dnssec", "ca", "caa", "budget")
WELL = dict.fromkeys(
    [
        *DAILY_KEYS,
        *("login", "token", "directory", "sudo", "configuration", "disk"),
    ],
    "",
)


@pytest.fixture
def web(ssh_server: Sshd) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["any.example.net"]) as server:
        yield server


@pytest.fixture
def scene(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, web: Nginx) -> RehearsalScene:
    return RehearsalScene(settings, make_cast().acme, pebble_server, dns_server, web)


def test_where_all_is_well_nothing_is_found_and_nothing_is_left(scene: RehearsalScene, ssh_server: Sshd) -> None:
    scene.answering(ssh_server)
    (ssh_server.user.home / DIRECTORY).mkdir()
    ssh_server.user.own(ssh_server.user.home / DIRECTORY)
    before = sorted(ssh_server.user.home.rglob("*"))
    configuration = scene.web.configuration.read_bytes()
    assert scene.rehearse() == WELL, told(scene.run())
    assert scene.findings() == []
    assert (scene.run().state, scene.run().commands, scene.run().files) == ("succeeded", [], [])
    assert (scene.tokens(), HttpAnswer.unscoped.count()) == ([], 0)
    assert sorted(ssh_server.user.home.rglob("*")) == before
    assert scene.web.configuration.read_bytes() == configuration
    names = list(RunStep.unscoped.filter(run=scene.run()).values_list("name", flat=True))
    assert scene.web.test_command in names
    assert scene.web.reload_command not in names
    row = scene.row()
    assert row.run_after is not None
    assert (row.is_asked, row.run_after > clock.now()) == (False, True)
    kinds = set(Event.unscoped.filter(domain_id=scene.domain.pk).values_list("kind", flat=True))
    assert {"readiness.asked", "target.rehearsed"} <= kinds


class TestPortEighty:
    def test_closed(self, scene: RehearsalScene, ssh_server: Sshd, settings: Any) -> None:
        scene.answering(ssh_server)
        settings.ACME_HTTP01_PORT = free_port()
        assert scene.rehearse() == WELL | {"token": "unclear http01_refused"}, told(scene.run())
        assert scene.findings() == [], "it may be over by the next look"
        assert scene.rehearse() == WELL | {"token": "will_fail http01_refused"}
        assert (scene.findings(), scene.tokens()) == (["will_fail_token"], [])
        finding = Finding.unscoped.get(code="will_fail_token")
        assert "Let's Encrypt could not reach port" in finding.params["because"]
        settings.ACME_HTTP01_PORT = scene.web.http_port
        assert scene.rehearse() == WELL
        assert scene.findings() == []

    def test_redirected_elsewhere(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        scene.answering(ssh_server)
        redirect_everything(scene.web, "nginx return")
        assert scene.rehearse() == WELL | {"token": "will_fail http01_redirected"}
        (scene.web.place / "before.inc").write_text("")
        reload(scene.web)
        assert scene.rehearse() == WELL

    def test_another_webroot_than_the_one_that_is_served(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        other = ssh_server.user.home / "elsewhere"
        scene.answering(ssh_server, webroot=other)
        assert scene.rehearse()["token"] == "will_fail http01_not_found"
        assert list(other.rglob("*.well-known/acme-challenge/*")) == []

    @pytest.mark.skipif(not is_root(), reason="a folder of root's is needed")
    def test_no_right_to_the_webroot(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        closed = ssh_server.user.home / "closed"
        closed.mkdir(mode=0o755)
        scene.answering(ssh_server, webroot=closed)
        assert scene.rehearse() == WELL | {"token": "will_fail mkdir_denied"}

    def test_the_standalone_listener_is_tried_and_gone(
        self, scene: RehearsalScene, ssh_server: Sshd, settings: Any
    ) -> None:
        port = free_port()
        scene.answering(ssh_server, http01=Http01(standalone=True, port=port))
        settings.ACME_HTTP01_PORT = port
        assert scene.rehearse() == WELL, told(scene.run())
        assert HttpAnswer.unscoped.count() == 0
        assert scene.rehearse() == WELL, "the port is free again"
        Target.unscoped.filter(domain=scene.domain).update(standalone_port=scene.web.http_port)
        assert scene.rehearse()["token"] == "will_fail listener_port_taken"


class TestTheServer:
    def test_a_configuration_that_its_own_test_refuses(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        scene.answering(ssh_server)
        scene.web.break_configuration()
        assert scene.rehearse() == WELL | {"configuration": "will_fail rehearsal_test_failed"}
        assert scene.run().state == "partial"
        finding = Finding.unscoped.get(code="will_fail_configuration")
        assert "no_such_directive" in finding.params["why"]
        scene.web.mend_configuration()
        assert scene.rehearse() == WELL
        assert scene.findings() == []

    def test_every_test_among_the_commands_is_run_and_nothing_else(
        self, scene: RehearsalScene, ssh_server: Sshd
    ) -> None:
        made = ssh_server.user.home / "reloaded"
        scene.answering(ssh_server, commands=[f"touch {made}", scene.web.test_command, scene.web.reload_command])
        assert scene.rehearse() == WELL
        assert scene.details()["configuration"] == f"successful: “{scene.web.test_command}”"
        scene.web.break_configuration()
        assert scene.rehearse() == WELL | {"configuration": "will_fail rehearsal_test_failed"}
        assert not made.exists()

    def test_what_an_account_for_sftp_only_cannot_try_is_said(self, scene: RehearsalScene) -> None:
        with sshd(extra=["Match all", "ForceCommand internal-sftp"]) as server:
            directory = server.user.home / "tls"
            target = scene.answering(server, webroot=server.user.home / "web", commands=[])
            scene.rehearse()
            told = scene.details()
            assert told["directory"] == f"{directory}; whether they can be written was not tried: it takes a shell"
            assert told["sudo"] == "not needed: there are no commands"
            Target.unscoped.filter(pk=target.pk).update(reload_commands=["sudo -n nginx -t"])
            assert scene.rehearse()["login"] == "will_fail ssh_no_shell"
            told = scene.details()
        assert {told["sudo"], told["configuration"]} == {"not tried: the account runs no commands"}

    def test_what_is_mended_without_a_word_to_the_portal_is_seen_the_next_day(
        self, scene: RehearsalScene, ssh_server: Sshd
    ) -> None:
        scene.answering(ssh_server)
        scene.web.break_configuration()
        scene.rehearse()
        assert scene.findings() == ["will_fail_configuration"]
        scene.web.mend_configuration()
        scene.look()
        jobs.run_due(KIND)
        assert (scene.found(), scene.findings()) == (WELL, [])
        runs = TargetRun.unscoped.filter(kind=TargetRun.Kind.REHEARSE).count()
        scene.look()
        assert TargetRun.unscoped.filter(kind=TargetRun.Kind.REHEARSE).count() == runs

    @pytest.mark.skipif(not is_root(), reason="a folder of root's is needed")
    def test_a_directory_that_cannot_be_written(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        closed = ssh_server.user.home / "closed"
        closed.mkdir(mode=0o755)
        scene.answering(ssh_server, directory=closed)
        assert scene.rehearse() == WELL | {"directory": "will_fail path_denied"}

    @pytest.mark.skipif(not is_root(), reason="sudo is set up")
    def test_a_sudo_rule_that_is_gone(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        scene.answering(ssh_server, commands=["sudo -n nginx -t", "sudo -n systemctl reload nginx"])
        found = scene.rehearse()
        assert found["sudo"] == "will_fail sudo_needs_rule"
        assert scene.findings() == ["will_fail_sudo"]

    def test_a_key_that_is_not_accepted_any_more(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        scene.answering(ssh_server)
        server = Server.unscoped.get(targets__domain=scene.domain)
        server.sealed_private_key = Sealed.of(new_ssh_key()[0])
        server.save(update_fields=["sealed_private_key"])
        found = scene.rehearse()
        assert found["login"].startswith("will_fail ssh_"), found
        assert "token" not in found, "nothing else could be looked at"
        assert scene.findings() == ["will_fail_login"]
        server.sealed_private_key = Sealed.of(ssh_server.user.private_key)
        server.save(update_fields=["sealed_private_key"])
        assert scene.rehearse() == WELL
        assert scene.findings() == []

    def test_a_server_that_is_away_counts_from_the_second_time_on(self, settings: Any, scene: RehearsalScene) -> None:
        with sshd() as away:
            scene.answering(away)
        assert scene.rehearse()["login"] == "unclear ssh_refused"
        assert scene.findings() == []
        row = scene.row()
        assert row.run_after is not None
        assert (row.is_asked, row.run_after <= clock.now() + CONFIRMED_AFTER) == (True, True)
        assert scene.rehearse()["login"] == "will_fail ssh_refused"
        assert scene.findings() == ["will_fail_login"]

    @pytest.mark.skipif(not is_root(), reason="a file system is mounted")
    def test_a_full_disk(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        disk = ssh_server.user.home / "disk"
        with mounted(disk, ssh_server.user) as is_there:
            if not is_there:
                pytest.skip("nothing may be mounted here")
            scene.answering(ssh_server, directory=disk / "tls")
            assert scene.rehearse() == WELL | {"disk": "will_fail disk_full"}
            assert list(disk.glob("tls*")) == []


class TestBesideTheRealThing:
    def test_a_test_that_fails_during_a_deployment_says_nothing(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        scene.answering(ssh_server)
        scene.web.break_configuration()
        ask_now(domain=scene.domain, actor=SYSTEM)
        jobs.run_due("readiness")
        deployment = TargetRun.objects.create(
            workspace=scene.workspace,
            domain=scene.domain,
            kind=TargetRun.Kind.DEPLOY,
            state=TargetRun.State.RUNNING,
            started_at=clock.now(),
            server=Server.unscoped.get(targets__domain=scene.domain),
        )
        for _ in range(2):
            jobs.run_due(KIND)
            assert scene.found()["configuration"] == "unclear rehearsal_disturbed"
            assert scene.findings() == [], "however often"
            ask_now(domain=scene.domain, actor=SYSTEM)
            jobs.run_due("readiness")
        assert deployment.pk

    def test_a_deployment_does_not_wait_for_it(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        """Its run is claimed and holds nothing on the server, which a deployment takes meanwhile."""
        target = scene.answering(ssh_server)
        ask_now(domain=scene.domain, actor=SYSTEM)
        jobs.run_due("readiness")
        (run,) = jobs.claim(jobs.kinds.get(KIND))
        assert run.kind == TargetRun.Kind.REHEARSE
        deployment = scene.deploy(scene.certificate())
        assert deployment.state == "deployed", list(TargetRun.unscoped.values("kind", "state", "error_code"))
        assert TargetRun.unscoped.get(pk=run.pk).state == "waiting"
        target.refresh_from_db()
        assert target.last_status == "ok"

    def test_a_background_rehearsal_waits_while_the_renewal_is_deployed(
        self, scene: RehearsalScene, ssh_server: Sshd
    ) -> None:
        scene.answering(ssh_server)
        TargetRun.objects.create(
            workspace=scene.workspace,
            domain=scene.domain,
            kind=TargetRun.Kind.DEPLOY,
            state=TargetRun.State.RUNNING,
            run_after=clock.now(),
        )
        scene.look()
        row = scene.row()
        assert (row.looked_at, row.checks) == (None, [])
        assert row.run_after is not None
        assert row.run_after > clock.now() + timedelta(minutes=9)


WORKER = """
import json, sys, django
django.setup()
from ipaddress import ip_network
from django.conf import settings
from django.db import connection
from config.lib import jobs
for name, value in json.loads(sys.argv[2]).items():
    setattr(settings, name, value)
settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
connection.settings_dict["NAME"] = sys.argv[1]
for kind in ("readiness", "target_run"):
    jobs.run_due(kind)
"""


@pytest.mark.parametrize("way", ["webroot", "listener"])
def test_a_worker_killed_in_the_middle_leaves_nothing_behind(
    scene: RehearsalScene, ssh_server: Sshd, settings: Any, way: str
) -> None:
    port = free_port() if way == "listener" else scene.web.http_port
    settings.ACME_HTTP01_PORT = port
    scene.answering(ssh_server, http01=Http01(standalone=True, port=port) if way == "listener" else None)
    ask_now(domain=scene.domain, actor=SYSTEM)
    names = ("DNS_RESOLVERS", "ACME_DIRECTORY_URL", "ACME_CA_BUNDLE", "ACME_HTTP01_PORT")
    given = json.dumps({name: getattr(settings, name) for name in names})
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), given]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": "rehearse.put"}, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (len(scene.tokens()) == 1) is (way == "webroot")
    assert accepts(port)
    left = HttpAnswer.unscoped.get()
    assert left.run_after is not None
    assert left.run_after < clock.now() + timedelta(minutes=11)
    HttpAnswer.unscoped.update(run_after=clock.now())
    jobs.run_due("http_answer")
    assert (scene.tokens(), HttpAnswer.unscoped.count()) == ([], 0)
    assert accepts(port) is (way == "webroot")
    TargetRun.unscoped.filter(pk=scene.run().pk).update(lease_until=clock.now().replace(year=2000))
    jobs.run_due(KIND)
    assert scene.run().state == "succeeded", told(scene.run())
    assert (scene.tokens(), HttpAnswer.unscoped.count()) == ([], 0)


class TestDnsAndCa:
    def test_caa_forbids(self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns) -> None:
        scene.answering(ssh_server)
        dns_server.add_caa(scene.host, [("issue", "other-ca.example")])
        assert scene.look()["caa"] == "will_fail caa_forbids"
        assert scene.findings() == ["will_fail_caa"]
        assert 'issue "other-ca.example"' in Finding.unscoped.get(code="will_fail_caa").params["why"]
        dns_server.clear_caa(scene.host)
        assert scene.look()["caa"] == ""
        assert scene.findings() == []

    def test_the_record_of_ownership_is_gone_for_long_at_the_time_of_the_renewal(
        self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns
    ) -> None:
        scene.answering(ssh_server)
        dns_server.clear_txt(f"_managemycert-verify.{scene.host}")
        assert scene.look()["ownership"] == "", "renewals go on for a month"
        scene.ownership.missing_since = clock.now() - timedelta(days=11)
        scene.ownership.save(update_fields=["missing_since"])
        assert scene.look()["ownership"] == "will_fail ownership_missing"
        assert scene.findings() == ["will_fail_ownership"]

    def test_a_name_without_address(self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns) -> None:
        scene.answering(ssh_server)
        dns_server.set_servfail(scene.host)
        assert scene.look()["address"] == "unclear dns_failed"
        assert "will_fail_address" not in scene.findings()
        dns_server.clear_servfail(scene.host)
        assert scene.look()["address"] == ""
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(names=["nowhere.invalid"])
        assert scene.look()["address"] == "will_fail dns_nxdomain"
        assert "will_fail_address" in scene.findings()

    def test_the_ca_is_away(self, scene: RehearsalScene, ssh_server: Sshd, settings: Any) -> None:
        scene.answering(ssh_server)
        away = f"https://127.0.0.1:{free_port()}/dir"
        settings.ACME_DIRECTORY_URL = away
        AcmeAccount.unscoped.filter(pk=scene.account.pk).update(directory_url=away)
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(directory_url=away)
        for _ in range(2):
            assert scene.look()["ca"].startswith("unclear acme_")
        assert scene.findings() == [], "it is back long before"
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(renew_at=clock.now() + timedelta(hours=47))
        assert scene.look()["ca"].startswith("will_fail acme_")
        assert scene.findings() == ["will_fail_ca"]

    def test_a_limit_that_is_used_up_until_after_the_renewal(
        self, scene: RehearsalScene, ssh_server: Sshd, settings: Any
    ) -> None:
        scene.answering(ssh_server)
        directory = "https://acme-v02.api.letsencrypt.org/directory"
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(
            directory_url=directory, renew_at=clock.now() + timedelta(days=2)
        )
        limit = ca_at(directory).limit(Counted.OF_NAMES)
        assert limit is not None
        CaEntry.objects.bulk_create(
            CaEntry(directory_url=directory, counted=Counted.OF_NAMES, subject=scene.renewal.names_key, at=clock.now())
            for _ in range(limit.most)
        )
        assert scene.look()["budget"] == "will_fail ca_limit"
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(renew_at=clock.now() + timedelta(days=20))
        assert scene.look()["budget"] == "", "free again by then"

    def test_settings_that_are_incomplete(self, scene: RehearsalScene, ssh_server: Sshd) -> None:
        target = scene.answering(ssh_server)
        target.webroot = ""
        target.save(update_fields=["webroot"])
        assert scene.look()["proof"] == "will_fail auto_renew_incomplete"


def test_a_daily_look_signs_in_nowhere(scene: RehearsalScene, ssh_server: Sshd) -> None:
    scene.answering(ssh_server)
    scene.look()
    assert [one["key"] for one in scene.row().checks] == [*DAILY_KEYS]
    assert scene.row().places == {}


class TestTheMoments:
    def test_half_life_and_fourteen_seven_and_three_days_before(
        self, scene: RehearsalScene, ssh_server: Sshd, settings: Any
    ) -> None:
        scene.answering(ssh_server)
        certificate = scene.store(scene.ca.issue([scene.host], days=90, age_days=44))
        begun = certificate.not_before
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(
            certificate=certificate, renew_at=begun + timedelta(days=60)
        )
        Readiness.unscoped.update(is_asked=False)
        rehearsed: list[int] = []
        for day in range(44, 60):
            with clock.frozen(begun + timedelta(days=day, hours=12)):
                runs = TargetRun.unscoped.count()
                scene.look()
                jobs.run_due(KIND)
                rehearsed += [day] * (TargetRun.unscoped.count() - runs)
                due = scene.row().run_after
                assert due is not None
                assert due <= clock.now() + timedelta(hours=27)
        assert rehearsed == [45, 46, 53, 57]
        assert set(TargetRun.unscoped.values_list("state", flat=True)) == {"succeeded"}


def test_without_ssh_the_panel_and_the_dns_are_rehearsed(
    settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_ca(settings, pebble_server, dns_server)
    by_test_dns(dns_server, monkeypatch)
    host = f"p{uuid.uuid4().hex[:8]}.net"
    domain = verified_domain(make_cast().acme, host, dns_server)
    Visit.objects.create(workspace=domain.workspace, domain=domain)
    panel = Cpanel(main=host, addons=[], subs=[])
    with panel_server(panel, TestCa("Panel").issue([PANEL_HOST]), "127.0.0.1", 0):
        form = {"host": PANEL_HOST, "port": str(panel.port), "username": cpanel.USER, "api_token": cpanel.TOKEN}
        chosen = read_given("cpanel", form, pinned=panel.fingerprint)
        save_panel(domain=domain, chosen=chosen, actor=SYSTEM, draft=False)
        turn_on(domain)
        renew(domain)
        well = {key: what for key, what in WELL.items() if key in DAILY_KEYS} | {"panel": ""}
        assert rehearse(domain) == well
        account = PanelAccount.unscoped.get()
        account.sealed_secret = Sealed.of("wrong")
        account.save(update_fields=["sealed_secret"])
        assert rehearse(domain) == well | {"panel": "will_fail panel_login_refused"}
        asked = len(panel.requests)
        assert rehearse(domain) == well | {"panel": "will_fail panel_login_waits"}
        assert len(panel.requests) == asked, "panels lock accounts"
    findings = Finding.unscoped.filter(domain=domain, closed_at=None, source="readiness")
    assert list(findings.values_list("code", flat=True)) == ["will_fail_panel"]

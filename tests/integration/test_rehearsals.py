"""Rehearsals of a renewal against real servers: when they come, what they leave alone, how a cut one ends."""

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
from certificates.models import Renewal
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from deploy.http01.answering import Http01
from deploy.models import HttpAnswer, PanelAccount, Readiness, RunStep, Server, TargetRun
from deploy.panels.accounts import read_given, save_panel
from deploy.readiness.asking import ask_now
from deploy.reconcile import KIND
from domains.models import Finding, Visit
from tests.cast import make_cast
from tests.integration.deploying import told, work
from tests.integration.issuing import use_ca, verified_domain
from tests.integration.paneling import PANEL_HOST
from tests.integration.rehearsing import DAILY_KEYS, DIRECTORY, WELL, RehearsalScene, rehearse
from tests.integration.renewing import by_test_dns, turn_on
from tests.integration.renewing import work as renew
from tests.servers.ca import TestCa
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx, nginx
from tests.servers.panels import cpanel
from tests.servers.panels.cpanel import Cpanel
from tests.servers.panels.wire import panel_server
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT
from tests.servers.ports import accepts, free_port
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]


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


def killed_at(point: str, settings: Any) -> None:
    """A worker of its own, which dies there by SIGKILL."""
    names = ("DNS_RESOLVERS", "ACME_DIRECTORY_URL", "ACME_CA_BUNDLE", "ACME_HTTP01_PORT")
    given = json.dumps({name: getattr(settings, name) for name in names})
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), given]
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "MMC_CRASH_AT": point}, check=False)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("way", ["webroot", "listener"])
def test_a_worker_killed_in_the_middle_leaves_nothing_behind(
    scene: RehearsalScene, ssh_server: Sshd, settings: Any, way: str
) -> None:
    port = free_port() if way == "listener" else scene.web.http_port
    settings.ACME_HTTP01_PORT = port
    scene.answering(ssh_server, http01=Http01(standalone=True, port=port) if way == "listener" else None)
    ask_now(domain=scene.domain, actor=SYSTEM)
    killed_at("rehearse.put", settings)
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


def test_a_worker_killed_before_a_look_is_kept_has_it_done_again(
    scene: RehearsalScene, ssh_server: Sshd, settings: Any
) -> None:
    scene.answering(ssh_server)
    ask_now(domain=scene.domain, actor=SYSTEM)
    killed_at("readiness.looked", settings)
    row = scene.row()
    assert (row.checks, row.looked_at, row.is_asked, row.claims) == ([], None, True, 1)
    assert (scene.tokens(), HttpAnswer.unscoped.count(), TargetRun.unscoped.count()) == ([], 0, 0)
    jobs.run_due("readiness")
    assert scene.row().looked_at is None, "somebody may still be at it"
    Readiness.unscoped.update(lease_until=clock.now().replace(year=2000))
    jobs.run_due("readiness")
    work()
    assert (scene.found(), scene.row().claims) == (WELL, 0)
    assert (scene.tokens(), HttpAnswer.unscoped.count(), TargetRun.unscoped.count()) == ([], 0, 1)


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

"""Deleting a workspace with a real CA and a real server behind it: accounts are closed, no swap stays half-done."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.closing import GRACE, KIND, close_workspace
from accounts.models import Workspace, WorkspaceClosing
from auditlog.events import SYSTEM
from auditlog.models import Event
from certificates import acme
from certificates.keys import new_key
from certificates.models import AcmeAccount, Certificate, Issuance, PrivateKey
from config.lib import clock, jobs
from config.lib.errors import ExpectedError, Permanent
from config.lib.sealed import Sealed
from deploy.deployments import start_deployment
from deploy.models import Server, Target, TargetRun
from tests.cast import Cast, make_cast
from tests.integration.deploy_killer import is_pair
from tests.integration.deploying import HOST, Scene
from tests.integration.deploying import work as work_runs
from tests.integration.issuing import issue, publish, start, use_ca, verified_domain
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx
from tests.servers.pebble import Pebble
from tests.servers.places import ROOT
from tests.servers.ports import wait_until
from tests.servers.sshd import Sshd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

WORKER = """
import sys, django
django.setup()
from django.db import connection
from config.lib import jobs
connection.settings_dict["NAME"] = sys.argv[1]
jobs.run_due(sys.argv[2])
"""


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def portal(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns) -> None:
    use_ca(settings, pebble_server, dns_server)


def work_and_die(kind: str, place: str, **environment: str) -> int:
    """How a worker of its own ended, on this test's database, that was told to die at `place`."""
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), kind]
    environment = {**os.environ, **environment, "MMC_CRASH_AT": place}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def close_and_work(workspace: Workspace) -> WorkspaceClosing:
    """To the end, through the waits that a job makes by itself."""
    close_workspace(workspace=workspace, actor=SYSTEM)
    return work_out()


def work_out() -> WorkspaceClosing:
    def is_over() -> bool:
        WorkspaceClosing.objects.filter(finished_at=None).update(run_after=clock.now(), lease_until=clock.now())
        jobs.run_due(KIND)
        return WorkspaceClosing.objects.filter(finished_at__isnull=False).exists()

    wait_until(is_over, seconds=30, what="the end of the workspace")
    return WorkspaceClosing.objects.get()


def refusal(server: Pebble, key: Sealed, uri: str) -> ExpectedError:
    """Why the CA makes no order for this account."""
    options = {"account_key_pem": key.reveal(), "account_uri": uri, "ca_bundle": str(server.ca_bundle)}
    with acme.connect(server.directory_url, **options) as ca, pytest.raises(ExpectedError) as caught:  # type: ignore[arg-type]
        ca.new_order(["after.closing.net"])
    return caught.value


def open_account(workspace: Workspace, server: Pebble, *, stored: bool = True) -> tuple[Sealed, str]:
    """An account at the CA; not `stored`: as a worker leaves it that died before it could write down the address."""
    key = new_key()
    bundle = str(server.ca_bundle)
    with acme.connect(server.directory_url, account_key_pem=key.reveal(), ca_bundle=bundle) as ca:
        uri = ca.open_account()
    AcmeAccount.objects.create(
        workspace=workspace, directory_url=server.directory_url, sealed_key=key, uri=uri if stored else ""
    )
    return key, uri


def assert_closed(server: Pebble, key: Sealed, uri: str) -> None:
    error = refusal(server, key, uri)
    assert isinstance(error, Permanent)
    assert error.params["kind"] == "unauthorized"
    assert "deactivated" in error.params["detail"]


def test_after_an_issuance_the_account_is_closed_at_the_ca_and_keys_are_destroyed(
    portal: None, cast: Cast, pebble_server: Pebble, dns_server: ChallengeDns
) -> None:
    issuance = start(verified_domain(cast.acme, "closing1.net", dns_server), ["closing1.net"])
    publish(issuance, dns_server)
    assert issue(issuance).state == Issuance.State.ISSUED
    waiting = start(verified_domain(cast.acme, "closing2.net", dns_server), ["closing2.net"])
    assert waiting.is_waiting_for_person
    account = AcmeAccount.unscoped.get()
    closing = close_and_work(cast.acme)
    assert_closed(pebble_server, account.sealed_key, account.uri)
    assert closing.settled == {"work": [], "billing": [], "certificates": []}
    assert Event.unscoped.get(kind="workspace.closed").data["left"] == "nothing"
    for model in (AcmeAccount, Certificate, Issuance, PrivateKey):
        assert not model.unscoped.exists()
    assert set(Workspace.objects.all()) == {cast.other}


def test_an_account_that_was_opened_and_not_written_down_is_found(
    portal: None, cast: Cast, pebble_server: Pebble
) -> None:
    key, uri = open_account(cast.acme, pebble_server, stored=False)
    close_and_work(cast.acme)
    assert_closed(pebble_server, key, uri)


def test_a_key_without_an_account_opens_none(portal: None, cast: Cast, pebble_server: Pebble) -> None:
    key = new_key()
    AcmeAccount.objects.create(workspace=cast.acme, directory_url=pebble_server.directory_url, sealed_key=key)
    closing = close_and_work(cast.acme)
    assert closing.settled["certificates"] == []
    options = {"account_key_pem": key.reveal(), "ca_bundle": str(pebble_server.ca_bundle)}
    with acme.connect(pebble_server.directory_url, **options) as ca:  # type: ignore[arg-type]
        assert ca.find_account() == ""


def test_closing_an_account_twice_is_closing_it(portal: None, cast: Cast, pebble_server: Pebble) -> None:
    key, uri = open_account(cast.acme, pebble_server)
    options = {"account_key_pem": key.reveal(), "account_uri": uri, "ca_bundle": str(pebble_server.ca_bundle)}
    with acme.connect(pebble_server.directory_url, **options) as ca:  # type: ignore[arg-type]
        assert ca.find_account() == uri
        for _ in range(2):
            ca.deactivate_account(uri)
        ca.deactivate_account(uri + "0")  # one that the CA has lost
        assert ca.find_account() == ""
    assert close_and_work(cast.acme).settled["certificates"] == []


def test_a_worker_killed_right_after_closing_an_account_is_carried_on_from(
    portal: None, cast: Cast, pebble_server: Pebble
) -> None:
    key, uri = open_account(cast.acme, pebble_server)
    close_workspace(workspace=cast.acme, actor=SYSTEM)
    WorkspaceClosing.objects.update(run_after=clock.now())
    urls = {"ACME_DIRECTORY_URL": pebble_server.directory_url, "ACME_CA_BUNDLE": str(pebble_server.ca_bundle)}
    environment = {**urls, "EGRESS_ALLOW_CIDRS": "127.0.0.0/8,::1/128"}
    assert work_and_die(KIND, "close.account_deactivated", **environment) == -signal.SIGKILL
    assert_closed(pebble_server, key, uri)
    assert AcmeAccount.unscoped.get().uri == uri
    assert work_out().settled["certificates"] == []


def test_a_swap_that_was_cut_on_a_server_is_ended_before_its_rows_go(
    settings: Any, cast: Cast, ssh_server: Sshd, web_server: Nginx
) -> None:
    scene = Scene(settings, cast.acme, port=web_server.https_port)
    certificate = scene.certificate()
    scene.target(scene.server(ssh_server), [web_server.certificates], [web_server.reload_command])
    start_deployment(domain=scene.domain, certificate=certificate, actor=SYSTEM)
    place, environment = "deploy.file_renamed:3", {"EGRESS_ALLOW_CIDRS": "127.0.0.0/8,::1/128"}
    assert work_and_die("target_run", place, **environment) == -signal.SIGKILL
    directory = Path(web_server.certificates)
    assert not is_pair(directory)
    past = clock.now().replace(year=2000)
    TargetRun.unscoped.update(lease_until=past)
    Server.unscoped.update(lease_until=past)

    close_workspace(workspace=cast.acme, actor=SYSTEM)
    with clock.shifted(GRACE):
        jobs.run_due(KIND)
    assert WorkspaceClosing.objects.get().finished_at is None
    work_runs()
    assert is_pair(directory)
    assert Target.unscoped.get().journal is None
    assert web_server.fingerprint(HOST) == certificate.fingerprint_sha256
    closing = work_out()
    assert closing.settled["work"] == []
    assert not Server.unscoped.exists()
    assert is_pair(directory), "what the server serves stays"

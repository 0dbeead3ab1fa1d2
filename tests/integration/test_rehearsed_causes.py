"""Rehearsals of a renewal against real servers: every cause is planted, found weeks before, and closed when mended."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from certificates.cas.known import Counted, ca_at
from certificates.models import AcmeAccount, CaEntry, Renewal
from certificates.store import keep_names
from config.lib import clock, jobs
from config.lib.sealed import Sealed
from deploy.http01.answering import Http01
from deploy.models import HttpAnswer, Server, Target, TargetRun
from deploy.readiness.work import CONFIRMED_AFTER
from deploy.reconcile import KIND
from domains.models import Finding
from tests.cast import make_cast
from tests.integration.deploying import told
from tests.integration.redirecting import redirect_everything, reload
from tests.integration.rehearsing import DAILY_KEYS, WELL, RehearsalScene
from tests.servers.child import is_root
from tests.servers.disks import mounted
from tests.servers.dns import ChallengeDns
from tests.servers.listener import listening, read_request
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble
from tests.servers.people import allow_lines, new_ssh_key
from tests.servers.ports import accepts, free_port
from tests.servers.sshd import Sshd, sshd
from tests.servers.validating import WHY, validating

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(90)]


def not_found(connection: socket.socket) -> None:
    """The answer of a server that knows nothing of the token."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def web(ssh_server: Sshd) -> Iterator[Nginx]:
    with nginx(ssh_server.user, ["any.example.net"]) as server:
        yield server


@pytest.fixture
def scene(settings: Any, pebble_server: Pebble, dns_server: ChallengeDns, web: Nginx) -> RehearsalScene:
    return RehearsalScene(settings, make_cast().acme, pebble_server, dns_server, web)


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

    def test_an_aaaa_record_that_leads_to_another_server(
        self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns
    ) -> None:
        scene.answering(ssh_server)
        with listening(not_found, host="::1", port=scene.web.http_port):
            dns_server.add_aaaa(scene.host, "::1")
            assert scene.rehearse() == WELL | {"token": "will_fail http01_not_found"}
        finding = Finding.unscoped.get(domain=scene.domain, code="will_fail_token")
        assert "the AAAA record has to lead to the same server" in finding.params["why"]
        dns_server.clear_aaaa(scene.host)
        assert (scene.rehearse(), scene.findings()) == (WELL, [])

    def test_one_of_several_names_leads_elsewhere(
        self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns
    ) -> None:
        scene.answering(ssh_server)
        other = f"www.{scene.host}"
        Renewal.unscoped.filter(pk=scene.renewal.pk).update(names=[scene.host, other])
        assert scene.rehearse() == WELL, told(scene.run())
        assert scene.details()["token"] == f"a CA would accept it for {scene.host}, {other}"
        with listening(not_found, host="127.0.0.2", port=scene.web.http_port):
            dns_server.add_a(other, "127.0.0.2")
            assert scene.rehearse() == WELL | {"token": "will_fail http01_not_found"}
        assert scene.details()["address"] == f"{scene.host}: 127.0.0.1; {other}: 127.0.0.2"
        finding = Finding.unscoped.get(domain=scene.domain, code="will_fail_token")
        assert f"http://{other}:" in finding.params["because"]
        dns_server.clear_a(other)
        assert (scene.rehearse(), scene.findings(), scene.tokens()) == (WELL, [], [])

    @pytest.mark.skipif(not is_root(), reason="sudo needs rules")
    def test_the_standalone_listener_by_sudo(self, scene: RehearsalScene, settings: Any) -> None:
        port = free_port()
        settings.ACME_HTTP01_PORT = port
        chosen = Http01(standalone=True, port=port, use_sudo=True)
        with sshd(sudo=["/usr/bin/python3 -"]) as server:
            scene.answering(server, http01=chosen, commands=[])
            assert scene.rehearse() == WELL, told(scene.run())
            assert (HttpAnswer.unscoped.count(), accepts(port)) == (0, False)
            allow_lines(server.user.name, f"{server.user.name} ALL=(root) NOPASSWD: /bin/true")
            found = scene.rehearse()
            assert (found["sudo"], "token" in found) == ("will_fail listener_needs_rule", False)
            assert scene.findings() == ["will_fail_sudo"]
            allow_lines(server.user.name, f"{server.user.name} ALL=(root) NOPASSWD: /usr/bin/python3 -")
            assert (scene.rehearse(), scene.findings()) == (WELL, [])

    def test_an_account_for_sftp_only(self, scene: RehearsalScene, settings: Any) -> None:
        """It can do all that a webroot takes; a listener it can never start."""
        with (
            sshd(extra=["Match all", "ForceCommand internal-sftp"]) as server,
            nginx(server.user, ["any.example.net"]) as web,
        ):
            settings.ACME_HTTP01_PORT = web.http_port
            target = scene.answering(server, webroot=web.document_root, commands=[])
            assert scene.rehearse() == WELL, told(scene.run())
            assert scene.details()["token"] == f"a CA would accept it for {scene.host}"
            assert list(web.document_root.glob(".well-known/acme-challenge/*")) == []
            Target.unscoped.filter(pk=target.pk).update(standalone=True, webroot="")
            assert scene.rehearse() == WELL | {"token": "will_fail listener_needs_shell"}
            assert scene.findings() == ["will_fail_token"]


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
        assert scene.look()["ownership"] == "will_fail ownership_missing", "what was never issued is no renewal"
        keep_names(scene.certificate())
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

    def test_a_zone_that_does_not_validate(
        self, scene: RehearsalScene, ssh_server: Sshd, dns_server: ChallengeDns, settings: Any
    ) -> None:
        scene.answering(ssh_server)
        with validating(dns_server) as resolver:
            settings.DNS_RESOLVERS = (resolver.resolver,)
            resolver.broken = {scene.host}
            assert scene.look()["dnssec"] == "unclear dnssec_broken"
            assert scene.look()["dnssec"] == "will_fail dnssec_broken"
            finding = Finding.unscoped.get(domain=scene.domain, code="will_fail_dnssec")
            assert scene.host in finding.params["because"]
            assert f"dnssec bogus {WHY}" in finding.params["why"]
            resolver.broken = set()
            assert scene.look() == dict.fromkeys(DAILY_KEYS, "")
        assert scene.findings() == []

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
        assert scene.rehearse() == WELL | {"proof": "will_fail auto_renew_incomplete"}
        assert scene.details()["token"] == "not tried: neither a webroot nor the standalone listener is chosen"

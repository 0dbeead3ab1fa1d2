"""Deployments to HAProxy, Dovecot and Postfix (nginx, Apache: test_deploy_walk, test_detection), seen by a client."""

import imaplib
import os
import shutil
import smtplib
import ssl
from hashlib import sha256
from typing import Any

import pytest

from auditlog.events import SYSTEM
from config.lib.errors import describe
from deploy.models import Target
from deploy.targets import Placement, save_target
from domains.models import Domain
from tests.cast import make_cast
from tests.integration.deploying import HOST, Scene, run_of, told
from tests.servers.ca import TestCa
from tests.servers.haproxy import reloading_haproxy
from tests.servers.people import allow_lines
from tests.servers.postfix import postfix
from tests.servers.sshd import Sshd
from tests.servers.starttls import dovecot

pytestmark = pytest.mark.django_db(transaction=True)


def test_haproxy_takes_the_key_beside_its_certificate(settings: Any, ssh_server: Sshd) -> None:
    with reloading_haproxy(ssh_server.user, TestCa("Old").issue([HOST])) as server:
        scene = Scene(settings, make_cast().acme, port=server.port)
        chosen = Placement(
            [str(server.certificates)], {"key": "fullchain.pem.key"}, [server.test_command, server.reload_command], None
        )
        save_target(domain=scene.domain, server=scene.server(ssh_server), chosen=chosen, actor=SYSTEM)
        certificate = scene.certificate()
        run = run_of(scene.deploy())
        assert run.outcome == "serving", told(run)
        assert server.fingerprint(HOST) == certificate.fingerprint_sha256


def any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def fingerprint(connection: object) -> str:
    assert isinstance(connection, ssl.SSLSocket)
    return sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def imap_fingerprint(port: int) -> str:
    with imaplib.IMAP4("127.0.0.1", port, timeout=10) as client:
        client.starttls(any_certificate())
        return fingerprint(client.sock)


def smtp_fingerprint(port: int) -> str:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.starttls(context=any_certificate())
        return fingerprint(client.sock)


@pytest.mark.skipif(os.geteuid() != 0, reason="its files are root's, and so is its reload")
def test_dovecot_is_reloaded_by_sudo_and_seen_through_imap(settings: Any, ssh_server: Sshd) -> None:
    with dovecot(TestCa("Old").issue([HOST])) as server:
        port, configuration = server.ports["imap"], server.place / "dovecot.cfg.lua"
        reload = f"/usr/bin/doveadm -c {configuration} reload"
        name = ssh_server.user.name
        allow_lines(name, f"{name} ALL=(root) NOPASSWD: {reload}")
        ssh_server.user.own(server.place, server.place / "fullchain.pem", server.place / "key.pem")
        scene = Scene(settings, make_cast().acme, port=port)
        Domain.unscoped.filter(pk=scene.domain.pk).update(protocol="imap")
        scene.target(scene.server(ssh_server), [server.place], [f"sudo -n {reload}"])
        before = imap_fingerprint(port)
        certificate = scene.certificate()
        run = run_of(scene.deploy())
        assert run.outcome == "serving", told(run)
        assert imap_fingerprint(port) == certificate.fingerprint_sha256 != before


@pytest.mark.skipif(os.geteuid() != 0, reason="it starts as root only, and so does its reload")
@pytest.mark.skipif(shutil.which("postfix", path="/usr/sbin") is None, reason="another mail server is installed here")
def test_postfix_is_reloaded_by_sudo_and_seen_through_smtp(settings: Any, ssh_server: Sshd) -> None:
    with postfix(TestCa("Old").issue([HOST]), HOST) as server:
        name, commands = ssh_server.user.name, [server.command("check"), server.command("reload")]
        allow_lines(name, f"{name} ALL=(root) NOPASSWD: {', '.join(commands)}")
        ssh_server.user.own(server.certificates, *server.certificates.iterdir())
        scene = Scene(settings, make_cast().acme, port=server.port)
        Domain.unscoped.filter(pk=scene.domain.pk).update(protocol="smtp")
        scene.target(scene.server(ssh_server), [server.certificates], [f"sudo -n {line}" for line in commands])
        before = smtp_fingerprint(server.port)
        certificate = scene.certificate()
        run = run_of(scene.deploy())
        assert run.outcome == "serving", told(run)
        assert smtp_fingerprint(server.port) == certificate.fingerprint_sha256 != before


@pytest.mark.skipif(os.geteuid() != 0, reason="it starts as root only")
@pytest.mark.skipif(shutil.which("postfix", path="/usr/sbin") is None, reason="another mail server is installed here")
def test_where_postfix_names_other_files_its_own_line_is_shown(settings: Any, ssh_server: Sshd) -> None:
    with postfix(TestCa("Old").issue([HOST]), HOST) as server:
        scene = Scene(settings, make_cast().acme, port=server.port)
        Domain.unscoped.filter(pk=scene.domain.pk).update(protocol="smtp")
        elsewhere = ssh_server.user.home / "tls"
        target = scene.target(scene.server(ssh_server), [elsewhere])
        Target.unscoped.filter(pk=target.pk).update(detected={"daemons": [{"name": "nginx"}, {"name": "Postfix"}]})
        scene.certificate()
        run = run_of(scene.deploy())
        assert run.error_code == "installed_other_served", told(run)
        line = f"smtpd_tls_chain_files = {elsewhere}/key.pem, {elsewhere}/fullchain.pem"
        assert describe(run.error_code, run.error_params).paste == f"# Postfix\n{line}"

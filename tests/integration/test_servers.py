"""The test servers themselves: they tell the truth, and they leave nothing behind."""

import io
import os
import signal
import smtplib
import ssl
import subprocess
import sys

import dns.resolver
import paramiko
import pytest

from tests.servers.apache import Apache
from tests.servers.ca import TestCa
from tests.servers.child import alive, family
from tests.servers.dns import ChallengeDns
from tests.servers.nginx import Nginx
from tests.servers.pebble import Manners, Pebble, pebble
from tests.servers.people import DeployUser
from tests.servers.places import ROOT
from tests.servers.ports import wait_until
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.servers.smtp_sink import PASSWORD, USER, Security, smtp_sink
from tests.servers.sshd import Sshd

_NEST = """
import sys
from contextlib import ExitStack
from tests.servers.dns import challenge_dns
from tests.servers.nginx import nginx
from tests.servers.pebble import pebble
from tests.servers.postgres import postgres
from tests.servers.redis import redis_server
from tests.servers.sshd import sshd
with ExitStack() as stack:
    pebble_server = stack.enter_context(pebble(stack.enter_context(challenge_dns())))
    server = stack.enter_context(sshd())
    stack.enter_context(nginx(server.user, ["a.example.net"]))
    stack.enter_context(redis_server())
    stack.enter_context(postgres())
    print("up", flush=True)
    sys.stdin.readline()
"""


def _run(server: Sshd, command: str) -> tuple[int, str]:
    key = paramiko.Ed25519Key.from_private_key(io.StringIO(server.user.private_key))
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(server.host, server.port, server.user.name, pkey=key, look_for_keys=False, allow_agent=False)
        _, out, err = client.exec_command(command, timeout=10)
        return out.channel.recv_exit_status(), (out.read() + err.read()).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killing_the_run_ends_every_server_it_started(number: signal.Signals) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _NEST],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n"
    members = family(run.pid)
    os.kill(run.pid, number)
    run.communicate()
    assert len(members) > 6
    wait_until(lambda: not alive(members), seconds=15, what="every server gone")


@pytest.mark.parametrize("which", ["web_server", "apache_server"])
def test_a_reload_over_ssh_makes_the_web_server_serve_the_new_certificate(
    which: str, ssh_server: Sshd, request: pytest.FixtureRequest
) -> None:
    server: Nginx | Apache = request.getfixturevalue(which)
    new = TestCa().issue(["shop.example.net"])
    assert server.fingerprint("shop.example.net") == server.old.fingerprint
    new.write(server.certificates)
    _give(ssh_server.user, server)
    assert server.fingerprint("shop.example.net") == server.old.fingerprint
    assert _run(ssh_server, server.reload_command) == (0, "")
    wait_until(
        lambda: server.fingerprint("shop.example.net") == new.fingerprint, seconds=5, what="new certificate served"
    )


def _give(user: DeployUser, server: Nginx | Apache) -> None:
    user.own(*server.certificates.iterdir())


def test_a_broken_nginx_configuration_fails_test_and_reload(ssh_server: Sshd, web_server: Nginx) -> None:
    web_server.break_configuration()
    status, output = _run(ssh_server, web_server.test_command)
    assert status == 1
    assert "no_such_directive" in output
    assert _run(ssh_server, web_server.reload_command)[0] == 1
    assert web_server.fingerprint("shop.example.net") == web_server.old.fingerprint
    web_server.mend_configuration()
    assert _run(ssh_server, web_server.test_command)[0] == 0


def test_the_host_key_can_be_rotated(ssh_server: Sshd) -> None:
    before = ssh_server.fingerprint
    after = ssh_server.rotate_host_key()
    assert after != before
    assert _run(ssh_server, "true") == (0, "")


def test_the_dns_server_answers_what_it_was_told(dns_server: ChallengeDns) -> None:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [dns_server.host], dns_server.port
    dns_server.set_txt("Told.example.net", "hello")
    assert [record.to_text() for record in resolver.resolve("told.example.net.", "TXT")] == ['"hello"']
    assert [record.to_text() for record in resolver.resolve("told.example.net.", "A")] == ["127.0.0.1"]
    dns_server.clear_txt("told.example.net")
    with pytest.raises(dns.resolver.NoAnswer):
        resolver.resolve("told.example.net.", "TXT")
    assert len(dns_server.questions("told.example.net")) == 3


def test_a_rude_pebble_still_speaks_acme(dns_server: ChallengeDns) -> None:
    with pebble(dns_server, Manners(nonce_reject=50, authz_reuse=100, va_sleep=3)) as server:
        assert "newOrder" in server.directory()
        assert server.issued_count() == 0
        assert "BEGIN CERTIFICATE" in server.root_pem()


def test_pebble_directory_is_feature_tested(pebble_server: Pebble) -> None:
    assert pebble_server.has_renewal_info() == ("renewalInfo" in pebble_server.directory())


def test_postgres_makes_and_dumps_databases(postgres_server: Postgres) -> None:
    url = postgres_server.create_database("one_more")
    assert url.endswith("/one_more")
    assert "PostgreSQL database dump" in postgres_server.dump("one_more")


def test_redis_comes_back_empty_on_the_same_port(redis_private: RedisServer) -> None:
    redis_private.client.set("a", "b")
    redis_private.stop()
    redis_private.start()
    assert redis_private.client.get("a") is None


@pytest.mark.parametrize("security", ["none", "starttls", "implicit"])
def test_the_mail_sink_keeps_mails_and_demands_what_it_says(security: Security) -> None:
    with smtp_sink(security) as sink:
        context = ssl.create_default_context(cafile=str(sink.ca_bundle))
        with _connect(sink.port, security, context) as client:
            if security == "starttls":
                client.starttls(context=context)
            if security != "none":
                with pytest.raises(smtplib.SMTPSenderRefused):
                    client.sendmail("a@example.net", ["b@example.net"], "Subject: no\r\n\r\nno\r\n")
                client.login(USER, PASSWORD)
            client.sendmail("a@example.net", ["b@example.net"], "Subject: hello\r\n\r\nhi\r\n")
        mail = sink.wait_for("hello", recipient="b@example.net")
        assert mail.text().strip() == "hi"
        assert mail.encrypted == (security != "none")


def _connect(port: int, security: Security, context: ssl.SSLContext) -> smtplib.SMTP:
    if security == "implicit":
        return smtplib.SMTP_SSL("localhost", port, context=context)
    return smtplib.SMTP("localhost", port)

"""The lines that are offered for each daemon can be saved, and sudo can be told of them."""

import pytest

from deploy import sudoers
from deploy.daemons import DAEMONS, Daemon, Package, is_test, lines_to_change
from deploy.models import Target
from deploy.shown import daemon_lines
from deploy.ssh import placement


def test_every_named_daemon_is_there() -> None:
    names = ["nginx", "Apache", "HAProxy", "Postfix", "Dovecot", "OpenSIPS", "Caddy", "Exim", "PostgreSQL"]
    assert [daemon.name for daemon in DAEMONS] == names


@pytest.mark.parametrize("daemon", DAEMONS, ids=lambda daemon: daemon.name)
def test_its_lines_can_be_saved_and_allowed(daemon: Daemon) -> None:
    assert placement.check_commands(daemon.reload) == list(daemon.reload)
    rule = sudoers.lines_for("mmc-deploy", daemon.reload)
    assert all(line.removeprefix("sudo -n ").split()[0] in rule for line in daemon.reload)


@pytest.mark.parametrize("package", [one for daemon in DAEMONS for one in daemon.packages], ids=lambda one: one.program)
def test_a_package_of_another_system_has_lines_of_its_own(package: Package) -> None:
    assert placement.check_commands(package.reload) == list(package.reload)
    test, reload = package.reload
    assert (is_test(test), is_test(reload)) == (True, False)
    assert f"/usr/sbin/{package.program} " in sudoers.lines_for("mmc-deploy", package.reload)
    assert "\n".join(package.reload) in [one["reload"] for one in daemon_lines([])]


def test_the_first_directory_stands_in_the_configuration() -> None:
    (first, *_) = daemon_lines([Target(certificate_directories=["/etc/nginx/ssl/shop"])])
    assert first["configure"].startswith("ssl_certificate /etc/nginx/ssl/shop/fullchain.pem;")
    assert "{directory}" not in str(daemon_lines([]))


@pytest.mark.parametrize(
    ("protocol", "port", "detected", "named"),
    [
        ("tls", 443, [], ["nginx", "Apache", "HAProxy", "Caddy"]),
        ("tls", 443, ["HAProxy", "Postfix"], ["HAProxy"]),
        ("tls", 8443, ["Dovecot"], ["nginx", "Apache", "HAProxy", "Caddy"]),
        ("smtp", 25, [], ["Postfix", "Exim"]),
        ("smtp", 587, ["nginx", "Exim"], ["Exim"]),
        ("tls", 465, ["Postfix"], ["Postfix"]),
        ("imap", 143, [], ["Dovecot"]),
        ("tls", 995, [], ["Dovecot"]),
        ("tls", 5061, [], ["OpenSIPS"]),
        ("postgres", 5432, [], ["PostgreSQL"]),
        ("ldap", 389, ["nginx"], ["certificate, then its key"]),
    ],
)
def test_the_line_to_change_is_that_of_what_serves_there(
    protocol: str, port: int, detected: list[str], named: list[str]
) -> None:
    text = lines_to_change(protocol, port, detected, fullchain="/srv/site.crt", key="/srv/site.key")
    assert [line[2:] for line in text.splitlines() if line[2:] in [*(one.name for one in DAEMONS), *named]] == named
    assert "/srv/site.crt" in text
    assert "{directory}" not in text
    assert "/srv/site.key" in text or named == ["HAProxy"], "HAProxy looks for it beside the certificate"

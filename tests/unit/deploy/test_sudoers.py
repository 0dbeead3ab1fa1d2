"""The sudoers lines: exactly the calls that the reload commands make, nothing wider."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy import sudoers
from deploy.daemons import DAEMONS
from tests.servers.places import ROOT


@pytest.mark.parametrize(
    ("line", "program"),
    [
        ("sudo -n systemctl reload nginx", ["systemctl", "reload", "nginx"]),
        ("sudo systemctl reload nginx", ["systemctl", "reload", "nginx"]),
        ("/usr/bin/sudo -n -- /usr/sbin/nginx -s reload", ["/usr/sbin/nginx", "-s", "reload"]),
        ("sudo -n sh -c 'echo a b'", ["sh", "-c", "echo a b"]),
        ("systemctl reload nginx", []),
        ("sudo -n systemctl reload nginx && echo done", []),
        ("cat a | sudo -n tee b", []),
        ("sudo -n systemctl reload $(cat unit)", []),
        ("sudo -u www-data id", []),
        ("sudo 'unclosed", []),
        ("sudo", []),
        ("", []),
    ],
)
def test_only_plain_sudo_calls_become_rules(line: str, program: list[str]) -> None:
    assert sudoers.wanted_program(line) == program


def test_the_lines_allow_exactly_the_commands() -> None:
    lines = sudoers.lines_for("mmc-deploy", ["sudo -n systemctl reload nginx", "echo x", "sudo -n postfix reload"])
    assert lines == (
        "mmc-deploy ALL=(root) NOPASSWD: /usr/bin/systemctl reload nginx, /usr/sbin/postfix reload\n"
        "Defaults:mmc-deploy !requiretty"
    )


@pytest.mark.parametrize(
    ("daemon", "paths"),
    [
        ("nginx", ["/usr/sbin/nginx", "/usr/bin/systemctl"]),
        ("Apache", ["/usr/sbin/apachectl", "/usr/bin/systemctl"]),
        ("HAProxy", ["/usr/sbin/haproxy", "/usr/bin/systemctl"]),
        ("Postfix", ["/usr/sbin/postfix", "/usr/bin/systemctl"]),
        ("Dovecot", ["/usr/bin/doveconf", "/usr/bin/systemctl"]),
        ("OpenSIPS", ["/usr/sbin/opensips", "/usr/bin/systemctl"]),
        ("Caddy", ["/usr/bin/caddy", "/usr/bin/systemctl"]),
        ("Exim", ["/usr/sbin/exim4", "/usr/bin/systemctl"]),
        ("PostgreSQL", ["/usr/bin/systemctl"]),
    ],
)
def test_each_program_is_named_where_systems_have_it(daemon: str, paths: list[str]) -> None:
    commands = next(one.reload for one in DAEMONS if one.name == daemon)
    allowed = sudoers.lines_for("mmc-deploy", commands).splitlines()[0].partition("NOPASSWD: ")[2]
    assert [call.split()[0] for call in allowed.split(", ")] == paths


def test_no_sudo_no_lines() -> None:
    assert sudoers.lines_for("mmc-deploy", ["systemctl --user reload x"]) == ""


@pytest.mark.parametrize("argument", ["a,b", "a:b", "a=b", "a\\b", "a b", "-c/etc/x.conf"])
def test_signs_that_mean_something_in_sudoers_are_escaped(argument: str, tmp_path: Path) -> None:
    path = tmp_path / "rule"
    path.write_text(sudoers.rule("mmc-deploy", [["/bin/x", argument]]) + "\n")
    assert subprocess.run(["visudo", "-cqf", str(path)], capture_output=True, check=False).returncode == 0


def test_no_text_names_a_file_that_sudo_passes_over() -> None:
    """It ignores names with a dot (sudoers(5), @includedir), and a user may have one. The docs hold every error."""
    places = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "docs").rglob("*.md")]
    named = {
        one
        for path in places
        for one in re.findall(r"visudo -f /etc/sudoers\.d/([^\s`;,<]+[^\s`;,.<])", path.read_text())
    }
    assert named == {f"managemycert{ending}" for ending in ("", "-install", "-redirect", "-listener")}


def test_the_user_lines_carry_the_own_names() -> None:
    text = sudoers.user_lines("deployer", "ssh-ed25519 AAAA it's mine", ["/etc/nginx/ssl/x"])
    assert "useradd --system --create-home --shell /bin/bash deployer" in text
    assert "install -d -m 755 -o deployer -g deployer /etc/nginx/ssl/x" in text
    assert subprocess.run(["sh", "-n"], input=text.encode(), check=False).returncode == 0

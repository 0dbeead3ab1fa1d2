"""Everything that people know the product by has its place in the documentation, and what is to be pasted works."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from django.test import Client

from config.docs_pages import DOCS_DIR

# A topic, and the place that treats it.
TOPICS = {
    "Create an account": "signing-in/#create-an-account",
    "Google sign-in configuration": "google/#for-whoever-runs-the-portal",
    "Google sign-in (via portal)": "google/#for-people",
    "Organization / workspace": "account/#workspaces",
    "Adding your first domain": "first-certificate/#1-add-the-domain",
    "Verifying ownership": "domains/#proving-control",
    "Hosting detection": "domains/#hosting-detection",
    "Notification gateways": "notifications/#notification-gateways",
    "General settings": "account/#general-settings",
    "Alert templates": "notifications/#alert-templates",
    "Alert rules": "notifications/#alert-rules",
    "Pick a deployment mode": "modes/#pick-a-deployment-mode",
    "Let's Encrypt via DNS": "lets-encrypt/#records",
    "Download certificate ZIP": "lets-encrypt/#download-zip",
    "Hosting panel install (API)": "modes/#cpanel-plesk-and-hosted-platforms",
    "Optional SSH & encryption": "faq/#do-you-store-my-private-keys",
    "30-day issuance window": "modes/#30-day-issuance-window",
    "Create SSH user & key": "deploy-ssh/#a-user-for-deployments",
    "Auto-renew with SSH + HTTP-01": "auto-renew/#what-it-needs",
    "HTTP-01: which mode should I pick?": "auto-renew/#which-way-to-answer",
    "HTTP-01 webroot path": "auto-renew/#webroot",
    "HTTP-01 standalone": "auto-renew/#standalone-listener",
    "Detect platform": "deploy-ssh/#detect-platform",
    "Hosting panels": "panels/#hosting-panels",
    "Walkthrough: 2 servers": "walkthrough/#what-goes-where",
    "SSH deployment": "deploy-ssh/#files",
    "What files do we install?": "deploy-ssh/#files",
    "Reload/restart sudoers": "sudoers/#reload-and-restart-commands",
    "Installing into root-owned directories": "sudoers/#directories-that-belong-to-root",
    "Multiple SSH targets": "walkthrough/#3-both-in-the-portal",
    "HTTP to HTTPS redirect blocks renewal": (
        "troubleshooting/#http-301-or-http-302-fetching-well-knownacme-challenge"
    ),
    "Manual upload": "certificates/#upload-deploy",
    "I have no SSH access": "modes/#i-have-no-ssh-access",
    "cPanel, Plesk & hosted platforms": "modes/#cpanel-plesk-and-hosted-platforms",
    "Logs & notifications": "audit/#logs-and-audit",
    "Audit and compliance exports": "audit/#exports-for-auditors",
    "mkdir: cannot create directory": "troubleshooting/#mkdir-cannot-create-directory-permission-denied",
    "sudo: a password is required": "troubleshooting/#sudo-a-password-is-required-sudo-no-tty-present",
    "Interactive authentication required": "troubleshooting/#failed-to-restart-interactive-authentication-required",
    "ETIMEDOUT": "troubleshooting/#lets-encrypt-cannot-validate-etimedout-80",
    "Teams & members": "team-and-api/#team",
    "Site uptime": "domains/#site-uptime",
    "Do you store my private keys?": "faq/#do-you-store-my-private-keys",
    "Is it really free?": "faq/#is-it-free",
    "Self-hosting: sizing": "operating/#sizing",
    "Self-hosting: scaling out": "operating/#scaling-out",
    "Self-hosting: metrics": "operating/#metrics",
    "Threat model": "threat-model/#who-might",
    "Pull": "pull/#by-curl-and-a-timer",
}


@pytest.mark.django_db
@pytest.mark.parametrize("place", TOPICS.values(), ids=TOPICS)
def test_a_topic_has_its_place(client: Client, place: str) -> None:
    url, _, anchor = place.partition("#")
    assert f'id="{anchor}"' in client.get(f"/docs/{url}").content.decode()


def snippets(*kinds: str) -> list[ParameterSet]:
    """Of the pages for people, by their language."""
    found = []
    for path in sorted(DOCS_DIR.glob("*.md")):
        blocks = re.findall(r"^```(\w+)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found += [pytest.param(text, id=f"{path.stem}-{at}") for at, (kind, text) in enumerate(blocks) if kind in kinds]
    assert found
    return found


def accepted(*command: str, given: str = "", cwd: Path | None = None) -> None:
    ran = subprocess.run(command, input=given, text=True, capture_output=True, cwd=cwd, timeout=30)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", snippets("sh", "bash"))
def test_a_shell_reads_what_is_to_be_pasted_into_it(text: str) -> None:
    accepted("bash", "-n", given=text)


@pytest.mark.skipif(not shutil.which("visudo"), reason="visudo is not installed")
@pytest.mark.parametrize("text", snippets("sudoers"))
def test_sudo_takes_the_rules(text: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(text)
    rules.chmod(0o440)
    accepted(shutil.which("visudo") or "", "-c", "-f", str(rules))


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
@pytest.mark.parametrize("text", snippets("nginx"))
def test_nginx_takes_the_lines(text: str, tmp_path: Path) -> None:
    make = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    accepted(*make, "-subj", "/CN=shop", "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "fullchain.pem"))
    text = text.replace("/etc/nginx/ssl/shop.example.com", str(tmp_path))
    if "server {" not in text:
        text = f"server {{ listen 443 ssl; {text} }}"
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    accepted(shutil.which("nginx") or "", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))


def test_the_key_pair_of_the_walkthrough_is_one(tmp_path: Path) -> None:
    text = (DOCS_DIR / "walkthrough.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ssh-keygen .*$", text, re.MULTILINE)
    accepted("bash", "-c", line, cwd=tmp_path)
    assert (tmp_path / "mmc-deploy-ed25519.pub").read_text().startswith("ssh-ed25519 ")

"""Everything that people know the product by has its place in the documentation, and what is to be pasted works."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from _pytest.mark import ParameterSet
from django.test import Client
from pytest_django import Settings

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
    "Common mappings in service config files": "sudoers/#where-services-look-for-the-files",
    "Balance & billing": "billing/#adding-funds",
    "Renewal hangs and times out": "troubleshooting/#a-renewal-hangs-and-ends-after-minutes",
    "What if I just want monitoring?": "faq/#what-if-i-only-want-monitoring",
    "Do I need to give you an SSH key for Let's Encrypt?": "faq/#do-i-need-an-ssh-key-for-lets-encrypt",
    "Why can't I issue a new certificate yet?": "faq/#why-cant-i-issue-a-new-certificate-yet",
    "I have 2 servers and need the same cert on both": "faq/#i-have-two-servers-and-need-the-same-certificate-on-both",
    "Is pasting just the private key enough to connect?": "faq/#is-pasting-the-private-key-enough-to-connect",
    "Cert directory is owned by root. Now what?": "faq/#the-certificate-directory-belongs-to-root-now-what",
    "Where do I see what each step did?": "faq/#where-do-i-see-what-each-step-did",
    "Will I be notified when an auto-renew fails at 3 a.m.?": "faq/#will-i-be-told-when-a-renewal-fails-at-3-am",
    "iv(12 bytes):authTag(16 bytes):ciphertext": "faq/#how-are-secrets-stored",
    "Self-hosting: TLS in front": "operating/#tls-in-front",
    "Self-hosting: backups": "operating/#backup",
    "Self-hosting: upgrades": "operating/#upgrades",
    "Self-hosting: key rotation": "operating/#the-encryption-key",
    "Contributor guide": "contributing/#recipes",
    "Decisions": "decisions/#decisions",
}


@pytest.mark.django_db
@pytest.mark.parametrize("place", TOPICS.values(), ids=TOPICS)
def test_a_topic_has_its_place(client: Client, settings: Settings, place: str) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_portal"
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


LANGUAGES = {
    *("sh", "bash", "sudoers", "nginx", "apache", "ini", "yaml"),  # tried below
    "python",  # tried by tests/unit/deploy/panels/test_recipe.py
    *("zone", "env", "http", "markdown", "text"),  # to be read by people
}


@pytest.mark.parametrize("path", sorted(DOCS_DIR.glob("*.md")), ids=lambda path: path.stem)
def test_every_snippet_names_its_language(path: Path) -> None:
    fences = re.findall(r"^```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)[::2]
    # What errors have to paste is of many kinds: commands among it are tried by themselves.
    assert set(fences) <= ({""} if path.stem == "errors" else LANGUAGES)


def accepted(*command: str, given: str = "", cwd: Path | None = None) -> None:
    ran = subprocess.run(command, input=given, text=True, capture_output=True, cwd=cwd, timeout=30)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("text", snippets("sh", "bash"))
def test_a_shell_reads_what_is_to_be_pasted_into_it(text: str) -> None:
    accepted("bash", "-n", given=text)


COMMANDS = re.compile(r"(sudo|dig|openssl|curl|ssh-keygen|namei|df|delv|for|base64|ls|certbot|plesk) ")


def test_a_shell_reads_the_commands_that_errors_have_to_paste() -> None:
    text = (DOCS_DIR / "errors.md").read_text(encoding="utf-8")
    commands = [each for each in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if COMMANDS.match(each)]
    assert len(commands) > 30
    for each in commands:
        accepted("bash", "-n", given=each)


@pytest.mark.parametrize("text", snippets("ini"))
def test_systemd_knows_every_line_of_a_unit(text: str, tmp_path: Path) -> None:
    """Programs and users of the examples are not on this machine; everything else is judged by systemd itself."""
    if not (judge := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not installed")
    text = re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", text, flags=re.MULTILINE)
    text = re.sub(r"^(User|WorkingDirectory)=.*$\n", "", text, flags=re.MULTILINE)
    kind = "timer" if "[Timer]" in text else "service"
    (tmp_path / "mmc-pull.service").write_text("[Service]\nExecStart=/bin/true\n")
    (tmp_path / f"mmc-pull.{kind}").write_text(text)
    ran = subprocess.run([judge, "verify", tmp_path / f"mmc-pull.{kind}"], capture_output=True, text=True, timeout=60)
    assert [line for line in ran.stderr.splitlines() if str(tmp_path) in line] == []


@pytest.mark.parametrize("text", snippets("yaml"))
def test_prometheus_finds_a_job_in_its_lines(text: str) -> None:
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["job_name"] == "managemycert"
    assert job["static_configs"] == [{"targets": ["portal.example.com"]}]


@pytest.mark.skipif(not shutil.which("apache2"), reason="apache2 is not installed")
@pytest.mark.parametrize("text", snippets("apache"))
def test_apache_takes_the_lines(text: str, tmp_path: Path) -> None:
    make_pair(tmp_path)
    text = text.replace("/etc/apache2/ssl/shop.example.com", str(tmp_path))
    modules = ("mpm_event", "authz_core", "alias", "rewrite", "socache_shmcb", "ssl")
    loaded = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules)
    whole = f"ServerName shop\nListen 127.0.0.1:65500\nPidFile {tmp_path}/pid\nErrorLog {tmp_path}/log\n{loaded}\n"
    (tmp_path / "apache.conf").write_text(f"{whole}<VirtualHost *:65500>\n{text}</VirtualHost>\n")
    accepted(shutil.which("apache2") or "", "-t", "-f", str(tmp_path / "apache.conf"))


@pytest.mark.skipif(not shutil.which("visudo"), reason="visudo is not installed")
@pytest.mark.parametrize("text", snippets("sudoers"))
def test_sudo_takes_the_rules(text: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(text)
    rules.chmod(0o440)
    accepted(shutil.which("visudo") or "", "-c", "-f", str(rules))


def make_pair(place: Path) -> None:
    make = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    accepted(*make, "-subj", "/CN=shop", "-keyout", str(place / "key.pem"), "-out", str(place / "fullchain.pem"))
    shutil.copy(place / "key.pem", place / "privkey.pem")


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
@pytest.mark.parametrize("text", snippets("nginx"))
def test_nginx_takes_the_lines(text: str, tmp_path: Path) -> None:
    make_pair(tmp_path)
    for folder in ("/etc/nginx/ssl/shop.example.com", "/etc/ssl/portal"):
        text = text.replace(folder, str(tmp_path))
    if "server {" not in text:
        text = f"server {{ listen {'443 ssl' if 'ssl_certificate' in text else '80'}; {text} }}"
    whole = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}"
    (tmp_path / "nginx.conf").write_text(whole)
    accepted(shutil.which("nginx") or "", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))


@pytest.mark.parametrize("page", ["walkthrough", "deploy-ssh"])
def test_the_key_pair_that_a_page_makes_is_one(page: str, tmp_path: Path) -> None:
    text = (DOCS_DIR / f"{page}.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^ssh-keygen -t .*$", text, re.MULTILINE)
    accepted("bash", "-c", line, cwd=tmp_path)
    assert (tmp_path / "mmc-deploy-ed25519.pub").read_text().startswith("ssh-ed25519 ")

"""The script of docs/pull.md, pasted: it fetches, reloads once, stays quiet at 304, and tries again after a failure."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer

from auditlog.events import SYSTEM
from certificates.models import Certificate, PrivateKey
from certificates.pull.tokens import make_pull_token, revoke_pull_token
from config.docs_pages import DOCS_DIR
from config.lib.sealed import Sealed
from domains.models import Domain
from tests.cast import make_cast
from tests.servers.ca import TestCa

pytestmark = pytest.mark.django_db(transaction=True)
HOST = "shop.example.com"
GUIDE = (DOCS_DIR / "pull.md").read_text(encoding="utf-8")


def block(begin: str) -> str:
    (found,) = re.findall(rf"^```\w+\n({re.escape(begin)}.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


def store(domain: Domain) -> Certificate:
    issued = TestCa().issue([HOST], days=90)
    key = PrivateKey.objects.create(workspace=domain.workspace, domain=domain, sealed_pem=Sealed.of(issued.key_pem))
    return Certificate.objects.create(
        workspace=domain.workspace,
        domain=domain,
        names=[HOST],
        names_key="x",
        leaf_pem=issued.cert_pem.decode(),
        chain_pem=issued.chain_pem.decode(),
        fingerprint_sha256=issued.fingerprint,
        serial="1",
        issuer="Test",
        not_before=issued.certificate.not_valid_before_utc,
        not_after=issued.certificate.not_valid_after_utc,
        private_key=key,
    )


class Machine:
    """A server's file system in a directory, with the script as it stands in the guide."""

    def __init__(self, root: Path, portal: str) -> None:
        self.root = root
        self.reloads = root / "reloads"
        self.target = root / "etc/ssl" / HOST
        text = block("#!/bin/sh").replace("https://portal.example.com", portal)
        text = re.sub(r"=/(etc|var)/", rf"={root}/\1/", text)
        self.script = root / "mmc-pull"
        self.script.write_text(text.replace("systemctl reload nginx", f'"{root}/reload"'))
        self.reload_ends_with(0)
        (root / "etc/mmc-pull").mkdir(parents=True)

    def reload_ends_with(self, status: int) -> None:
        reload = self.root / "reload"
        reload.write_text(f'#!/bin/sh\necho reloaded >> "{self.reloads}"\nexit {status}\n')
        reload.chmod(0o755)

    def trust(self, secret: str) -> None:
        (self.root / "etc/mmc-pull" / HOST).write_text(f"Authorization: Bearer {secret}\n")

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", str(self.script)], capture_output=True, text=True, timeout=60)

    @property
    def certificate(self) -> str:
        return (self.target / "cert.pem").read_text()

    @property
    def count(self) -> int:
        return len(self.reloads.read_text().splitlines()) if self.reloads.exists() else 0


def test_the_script_of_the_guide_keeps_a_server_current(live_server: LiveServer, tmp_path: Path) -> None:
    domain = Domain.objects.create(workspace=make_cast().acme, host=HOST)
    first = store(domain)
    token, secret = make_pull_token(certificate=first, name="mail-02", actor=SYSTEM)
    machine = Machine(tmp_path, live_server.url)
    machine.trust(secret)

    ran = machine.run()
    assert (ran.returncode, ran.stderr, machine.count) == (0, "", 1)
    assert machine.certificate == first.leaf_pem
    assert stat.S_IMODE((machine.target / "key.pem").stat().st_mode) == 0o600
    assert [path.name for path in machine.target.iterdir() if path.name.startswith(".new")] == []

    assert machine.run().returncode == 0
    assert machine.count == 1, "304: nothing to reload"

    second = store(domain)
    machine.reload_ends_with(1)
    assert machine.run().returncode == 1
    machine.reload_ends_with(0)
    assert machine.run().returncode == 0
    assert (machine.certificate, machine.count) == (second.leaf_pem, 3), "a failed reload is tried again"

    revoke_pull_token(token=token, actor=SYSTEM)
    refused = machine.run()
    assert refused.returncode == 22
    assert "401" in refused.stderr
    assert machine.certificate == second.leaf_pem


def test_the_lines_for_a_ci_job_work(live_server: LiveServer, tmp_path: Path) -> None:
    domain = Domain.objects.create(workspace=make_cast().acme, host=HOST)
    certificate = store(domain)
    secret = make_pull_token(certificate=certificate, name="ci", actor=SYSTEM)[1]
    lines = block("printf").replace("https://portal.example.com", live_server.url)
    environment = {**os.environ, "MMC_PULL_TOKEN": secret}
    subprocess.run(["bash", "-euo", "pipefail", "-c", lines], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cert.pem", "chain.pem", "fullchain.pem", "key.pem"]
    assert (tmp_path / "cert.pem").read_text() == certificate.leaf_pem


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    service, timer = (block(f"[Unit]\nDescription={word}") for word in ("Fetch", "Look"))
    (tmp_path / "mmc-pull.service").write_text(service.replace("/usr/local/sbin/mmc-pull", "/bin/true"))
    (tmp_path / "mmc-pull.timer").write_text(timer)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "mmc-pull.timer")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "mmc-pull" not in ran.stderr

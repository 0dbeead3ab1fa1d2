"""Another peer for issuances: certbot, a process per certificate, with a hook that publishes the record."""

import os
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.lego import record_keeper
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.places import plain_environment, private_directory

# As its manual has it: a hook per record, without a pause, since the record is there at once.
HOOK = """#!/bin/sh
record=_acme-challenge.$CERTBOT_DOMAIN.
exec curl -fsS -d "{{\\"fqdn\\":\\"$record\\",\\"value\\":\\"$CERTBOT_VALIDATION\\"}}" {url}/present
"""


class Certbot:
    """Issues one name at a time with the same account; CPU and wall seconds of the whole process and its hooks."""

    def __init__(self, server: Pebble, keeper_url: str, place: Path) -> None:
        hook = place / "hook.sh"
        hook.write_text(HOOK.format(url=keeper_url))
        hook.chmod(hook.stat().st_mode | stat.S_IXUSR)
        self._log = place / "certbot.log"
        self._environment = plain_environment(REQUESTS_CA_BUNDLE=str(server.ca_bundle))
        self._command = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email"]
        self._command += ["--server", server.directory_url, "--key-type", "ecdsa"]
        self._command += ["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", str(hook)]
        for name in ("config", "work", "logs"):
            self._command += [f"--{name}-dir", str(place / name)]

    def issue(self, name: str) -> dict[str, float]:
        started = time.monotonic()
        with self._log.open("ab") as log:
            popen = subprocess.Popen([*self._command, "-d", name], env=self._environment, stdout=log, stderr=log)
            _, status, usage = os.wait4(popen.pid, 0)
            popen.returncode = os.waitstatus_to_exitcode(status)
        if popen.returncode:
            raise RuntimeError(f"certbot: {self._log.read_text()[-1000:]}")
        return {"cpu_seconds": usage.ru_utime + usage.ru_stime, "wall_seconds": time.monotonic() - started}


@contextmanager
def certbot(dns: ChallengeDns, server: Pebble) -> Iterator[Certbot]:
    with private_directory("certbot") as place, record_keeper(dns) as url:
        yield Certbot(server, url, place)

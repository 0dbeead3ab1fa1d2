"""The portal itself, started the way people start it: `manage.py run`."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.servers.child import Child
from tests.servers.migrated import SQLITE, migrated_sqlite
from tests.servers.places import ROOT, plain_environment
from tests.servers.ports import NotReadyError, free_port, wait_until

_BOOTSTRAP_MANY = """
import json, sys
import django
django.setup()
from accounts.bootstrap import bootstrap_workspace
for given in json.loads(sys.argv[1]):
    print(json.dumps(bootstrap_workspace(**given, with_token=False)))
"""


def documented_settings() -> list[str]:
    """The names in `.env.example`, which an architecture test keeps equal to those that are read."""
    text = (ROOT / ".env.example").read_text()
    return re.findall(r"^#([A-Z][A-Z0-9_]*)=", text, flags=re.MULTILINE)


class Portal:
    """A portal in a VAR_DIR of its own; `url` has no final slash."""

    def __init__(self, var_dir: Path, settings: Mapping[str, str]) -> None:
        self.var_dir = var_dir
        self.port = free_port()
        # A name, not an address: browsers make passkeys for names only.
        self.url = f"http://localhost:{self.port}"
        # Empty counts as unset, and wins over a `.env` of this machine, which must not reach a portal under test.
        nothing = dict.fromkeys(documented_settings(), "")
        self.environment = plain_environment(**nothing)
        self.environment.update(
            SECRET_KEY=secrets.token_urlsafe(50),
            SECRETS_ENCRYPTION_KEY=secrets.token_hex(32),
            VAR_DIR=str(var_dir),
            BIND=f"127.0.0.1:{self.port}",
            SITE_URL=self.url,
            PYTHONUNBUFFERED="1",
        )
        self.environment.update(settings)
        self._child: Child | None = None

    @property
    def log_dir(self) -> Path:
        return self.var_dir / "logs"

    def start(self, *, seconds: float = 90) -> None:
        """Start it (again) and wait until it can serve and all its processes are up."""
        self.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in (self.var_dir / "run").glob("*.pid"):
            old.unlink()
        if not self.environment["DATABASE_URL"] and not (self.var_dir / SQLITE).exists():
            (self.var_dir / SQLITE).write_bytes(migrated_sqlite())
        self._child = Child(
            "portal",
            [sys.executable, "manage.py", "run"],
            log=self.var_dir / "supervisor.log",
            env=self.environment,
            cwd=ROOT,
        )
        try:
            self._child.wait_ready(self.is_ready, seconds=seconds)
        except NotReadyError as error:
            raise NotReadyError(f"{error}\n{self.logs()[-3000:]}") from error

    def stop(self) -> None:
        """As `kill` does it: SIGTERM, and then all of it ends by itself."""
        if self._child is not None:
            self._child.stop(seconds=60)
            self._child = None

    def is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def pid_of(self, name: str) -> int | None:
        """The pid of web, work, inspect, beat or redis; None while it is between two lives."""
        try:
            return int((self.var_dir / "run" / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None

    def pids(self) -> dict[str, int]:
        paths = (self.var_dir / "run").glob("*.pid")
        return {path.stem: pid for path in paths if (pid := self.pid_of(path.stem)) is not None}

    def kill(self, name: str) -> int:
        """kill -9 one of its processes; the supervisor starts another. Returns the old pid."""
        pid = self.pid_of(name)
        assert pid is not None, f"{name} has no pid file"
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_restarted(self, name: str, old_pid: int, *, seconds: float = 60) -> None:
        wait_until(lambda: self.pid_of(name) not in (None, old_pid), seconds=seconds, what=f"{name} restarted")

    def manage(self, *arguments: str) -> str:
        """Run a management command with this portal's settings; its output, or its error raised."""
        return self._run("manage.py", *arguments)

    def _run(self, *arguments: str) -> str:
        answer = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if answer.returncode:
            raise RuntimeError(f"{' '.join(arguments[:2])}: {answer.stderr.strip() or answer.stdout.strip()}")
        return answer.stdout

    def bootstrap(self, email: str, workspace: str, *options: str) -> dict[str, Any]:
        """The JSON that `bootstrap_workspace` prints last: user, workspace, api_token."""
        output = self.manage("bootstrap_workspace", email, "--workspace", workspace, *options)
        return dict(json.loads(output.strip().splitlines()[-1]))

    def bootstrap_many(self, emails: Sequence[str], workspace: str, password: str) -> list[dict[str, Any]]:
        """As `bootstrap` for each address, by one process: starting one is most of what a person costs."""
        given = json.dumps([{"email": email, "workspace_name": workspace, "password": password} for email in emails])
        return [json.loads(line) for line in self.run_python(_BOOTSTRAP_MANY, given).splitlines()]

    def run_python(self, source: str, *arguments: str) -> str:
        """Run it with this portal's settings; its output."""
        return self._run("-c", source, *arguments)

    def logs(self) -> str:
        """Everything that it wrote to its logs so far."""
        paths = [*sorted(self.log_dir.glob("*")), self.var_dir / "supervisor.log"]
        return "\n".join(path.read_text(errors="replace") for path in paths if path.is_file())


@contextmanager
def portal(var_dir: Path, **settings: str) -> Iterator[Portal]:
    """Start the portal with a database, keys and a port of its own; `settings` as in `.env.example`."""
    server = Portal(var_dir, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()

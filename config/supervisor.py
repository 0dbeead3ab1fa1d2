"""`manage.py run`: the whole portal under one parent."""

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import redis
from django.conf import settings
from django.core.management import CommandError

from config.children import Child
from config.lib.jobs import wait_for

log = logging.getLogger("supervisor")

STOP_SECONDS = 45.0
WEB_THREADS = "8"
INSPECT_CONCURRENCY = "4"
KEY_NAMES = (
    *("SECRET_KEY", "SECRETS_ENCRYPTION_KEY", "SECRETS_ENCRYPTION_KEYS_OLD", "EMAIL_URL"),
    *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
)


class Supervisor:
    """Starts redis (when none is configured), web, work, inspect, beat and dns (where set); stops them in reverse."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.stopping = False
        self.log_dir = _made(settings.VAR_DIR / "logs")
        self.run_dir = _made(settings.VAR_DIR / "run")
        self.redis_dir: Path | None = None
        self.children: list[Child] = []

    def run(self) -> None:
        """Blocks until SIGTERM, SIGINT or Ctrl-C; everything it started has ended when it returns."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            broker = settings.REDIS_URL or self._start_redis()
            self._start_portal(broker)
            while not self.stopping:
                for child in self.children:
                    child.watch()
                time.sleep(0.2)
        finally:
            self._stop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _start_redis(self) -> str:
        """A private server on a unix socket that only our user can reach; it keeps nothing."""
        server = shutil.which("redis-server")
        if not server:
            raise CommandError(
                "redis-server is not installed. Run `make setup`, or set REDIS_URL to a server of yours."
            )
        self.redis_dir = Path(tempfile.mkdtemp(prefix="mmc-redis-"))
        path = self.redis_dir / "redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--unixsocketperm",
            "700",
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._child("redis", [server, *options, "--dir", str(self.redis_dir)], _plain_environment())
        if not wait_for(lambda: _answers(path), seconds=10):
            raise CommandError(f"redis-server did not start; see {self.log_dir / 'redis.log'}")
        return f"redis+socket://{path}?virtual_host=0"

    def _start_portal(self, broker: str) -> None:
        env = {**os.environ, "REDIS_URL": broker, "VAR_DIR": str(settings.VAR_DIR)}
        python = [sys.executable, "-m"]
        gunicorn = ["gunicorn", "config.wsgi", "--bind", settings.BIND, "--worker-class", "gthread"]
        gunicorn += ["--threads", WEB_THREADS, "--timeout", "60", "--graceful-timeout", "20", "--no-control-socket"]
        gunicorn += ["--logger-class", "config.gunicorn_logs.PortalLogger"]
        celery = ["celery", "--quiet", "-A", "config.celery"]
        worker = [*celery, "worker", "-P", "threads", "--without-gossip", "--without-mingle"]
        self._child("web", [*python, *gunicorn], {**env, "ROLE": "web"})
        self._child(
            "work",
            [*python, *worker, "-n", "work@%h", "-Q", "work,interactive", "-c", str(settings.WORKER_CONCURRENCY)],
            {**env, "ROLE": "work"},
        )
        self._child(
            "inspect",
            [*python, *worker, "-n", "inspect@%h", "-Q", "inspect", "-c", INSPECT_CONCURRENCY],
            {**_without_keys(env), "ROLE": "inspect", "WORKER_CONCURRENCY": INSPECT_CONCURRENCY},
        )
        # The schedule is kept in memory: it holds nothing that is not due again in 15 seconds.
        beat = [*celery, "beat", "--scheduler", "celery.beat:Scheduler"]
        self._child("beat", [*python, *beat, "--pidfile="], {**_without_keys(env), "ROLE": "beat"})
        if settings.ACME_DNS_BIND:
            manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
            self._child("dns", [*manage, "challenge_dns"], {**_without_keys(env), "ROLE": "dns"})
        self.say(f"{settings.SITE_NAME} is at {settings.SITE_URL}  (logs in {self.log_dir}; Ctrl-C stops everything)")
        if not settings.EMAIL_URL:
            self.say(f"Mail is not sent but written to {settings.VAR_DIR / 'mail'}, until EMAIL_URL names a server.")

    def _child(self, name: str, argv: list[str], env: dict[str, str]) -> None:
        child = Child(name, argv, self.log_dir, self.run_dir, env)
        child.start()
        self.children.append(child)

    def _stop(self) -> None:
        """The portal first, side by side; redis last, since the others still talk to it."""
        self.say("Stopping …")
        deadline = time.monotonic() + STOP_SECONDS
        portal = [child for child in self.children if child.name != "redis"]
        for group in (portal, [child for child in self.children if child.name == "redis"]):
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.wait_stopped(deadline)
        if self.redis_dir:
            shutil.rmtree(self.redis_dir, ignore_errors=True)
        self.say("Stopped.")


def _made(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def _answers(path: Path) -> bool:
    try:
        return bool(redis.Redis(unix_socket_path=str(path)).ping())
    except redis.RedisError:
        return False


def _plain_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}


def _without_keys(env: dict[str, str]) -> dict[str, str]:
    """The inspect role speaks with hostile servers; what it does not have it cannot lose."""
    hidden = {*KEY_NAMES, *(f"{name}_FILE" for name in KEY_NAMES)}
    return {name: value for name, value in env.items() if name not in hidden}

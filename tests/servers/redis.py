"""A private Redis on loopback that a test may flush, stop and start again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers.child import Child
from tests.servers.places import plain_environment, private_directory
from tests.servers.ports import free_port


class RedisServer:
    """A Redis without persistence: stopping it loses everything, as the worst case does."""

    def __init__(self, place: Path, port: int) -> None:
        self.place = place
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        self.client = Redis(host="127.0.0.1", port=port, socket_timeout=5)
        self._child: Child | None = None

    def start(self) -> None:
        """Start it on the same port as before."""
        arguments = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        arguments += ["--appendonly", "no", "--daemonize", "no", "--dir", str(self.place)]
        self._child = Child(
            "redis",
            ["redis-server", *arguments],
            log=self.place / "redis.log",
            env=plain_environment(),
        )
        self._child.wait_ready(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except RedisError:
            return False

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    @contextmanager
    def overheard(self) -> Iterator[Path]:
        """A file that gets every command that reaches the server meanwhile, arguments and all."""
        path = self.place / "monitor.log"
        listener = Child("monitor", ["redis-cli", "-p", str(self.port), "MONITOR"], log=path, env=plain_environment())
        try:
            listener.wait_ready(lambda: "OK" in path.read_text(errors="replace"))
            yield path
        finally:
            listener.stop()

    def flush(self) -> None:
        self.client.flushall()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Start Redis on a free port of 127.0.0.1."""
    with private_directory("redis") as place:
        server = RedisServer(place, free_port())
        try:
            server.start()
            yield server
        finally:
            server.client.close()
            server.stop()

"""The servers as fixtures: long-lived where a test cannot spoil them for the next."""

from collections.abc import Iterator

import pytest

from tests.servers.apache import Apache, apache
from tests.servers.dns import ChallengeDns, challenge_dns
from tests.servers.nginx import Nginx, nginx
from tests.servers.pebble import Pebble, pebble
from tests.servers.postgres import Postgres, postgres
from tests.servers.redis import RedisServer, redis_server
from tests.servers.smtp_sink import SmtpSink, smtp_sink
from tests.servers.sshd import Sshd, sshd

SHOP = ("shop.example.net", "www.shop.example.net")


@pytest.fixture(scope="session")
def dns_server() -> Iterator[ChallengeDns]:
    """One for all tests: use names of your own, values pile up."""
    with challenge_dns() as server:
        yield server


@pytest.fixture(scope="session")
def pebble_server(dns_server: ChallengeDns) -> Iterator[Pebble]:
    """A kind Pebble. Tests that want a rude one start their own."""
    with pebble(dns_server) as server:
        yield server


@pytest.fixture(scope="module")
def ca(dns_server: ChallengeDns) -> Iterator[Pebble]:
    """A kind Pebble of the module's own: what answers the port that it asks is started by each test."""
    with pebble(dns_server) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def ssh_server() -> Iterator[Sshd]:
    """A fresh sshd: tests rotate its host key."""
    with sshd() as server:
        yield server


@pytest.fixture
def web_server(ssh_server: Sshd) -> Iterator[Nginx]:
    """nginx with an old certificate for SHOP, run by the deploy user of `ssh_server`."""
    with nginx(ssh_server.user, SHOP) as server:
        yield server


@pytest.fixture
def apache_server(ssh_server: Sshd) -> Iterator[Apache]:
    """Apache with an old certificate for SHOP, run by the deploy user of `ssh_server`."""
    with apache(ssh_server.user, SHOP) as server:
        yield server


@pytest.fixture
def mail_sink() -> Iterator[SmtpSink]:
    with smtp_sink() as server:
        yield server


@pytest.fixture
def redis_private() -> Iterator[RedisServer]:
    """A Redis that the test may flush and stop."""
    with redis_server() as server:
        yield server

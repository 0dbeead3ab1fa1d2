"""The walk in a bad world: a broker flushed and gone in the middle, a CA as rude as Pebble can be."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.demo.habitat import HOST, NAMES, Habitat, habitat
from tests.demo.walk import Walk, issue, publish_records, run_steps, sign_in, start_issuance
from tests.proof.scorecard import score
from tests.servers.pebble import Manners
from tests.servers.redis import RedisServer, redis_server

pytestmark = [pytest.mark.proof, pytest.mark.timeout(300)]


def _quiet(*_text: str) -> None:
    return


def _is_served(world: Habitat, walk: Walk) -> bool:
    return world.web.fingerprint(HOST) == str(walk.certificate["fingerprint_sha256"])


def _warnings(world: Habitat) -> list[str]:
    subjects = [str(mail.message["Subject"]) for mail in world.mail.mails]
    return [subject for subject in subjects if "expires in" in subject]


class Trouble:
    """Flushes Redis before every step, and takes it away for a while before deploying."""

    def __init__(self, redis: RedisServer, away_seconds: float) -> None:
        self._redis = redis
        self._away_seconds = away_seconds
        # The thread that starts a server has to outlive it.
        self._back = threading.Event()
        self._done = threading.Event()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    def _keep(self) -> None:
        self._back.wait()
        if not self._done.wait(self._away_seconds):
            self._redis.start()
            self._done.wait()

    def before(self, title: str) -> None:
        self._redis.flush()
        if title == "Deploy":
            self._redis.stop()
            self._back.set()

    def end(self) -> None:
        self._done.set()
        self._back.set()
        self._keeper.join()


def test_redis_flushed_and_gone_for_a_while_costs_only_time(tmp_path: Path) -> None:
    with (
        redis_server() as redis,
        habitat(tmp_path, settings={"REDIS_URL": redis.url}) as world,
        closing(sign_in(world)) as client,
    ):
        walk = Walk(world, client, patience=120)
        trouble = Trouble(redis, away_seconds=5)
        try:
            run_steps(walk, trouble.before, _quiet)
            served, certificates = _is_served(world, walk), world.pebble.issued_count()
            warnings = _warnings(world)
        finally:
            trouble.end()
    score(
        "redis-gone",
        name="Redis flushed before every step and stopped before deploying: the walk completes",
        value="completed" if served else "not served",
        target="completed",
        passed=served and certificates == 1,
        how="tests/proof/test_rude_world.py",
    )
    assert served
    assert certificates == 1
    # The old certificate has 11 days left: the rule of 14 days speaks once the host is proven, bells or none.
    assert [subject.partition(": ")[2] for subject in warnings] == ["the certificate expires in 10 days"]


def _walk_twice(world: Habitat) -> int:
    """The second issuance is where reused authorizations come in; returns the CA's count."""
    with closing(sign_in(world)) as client:
        walk = Walk(world, client, patience=120)
        run_steps(walk, _quiet, _quiet)
        assert _is_served(world, walk)
        walk.names = NAMES[:2]
        for step in (start_issuance, publish_records, issue):
            step(walk)
    return world.pebble.issued_count()


RUDE = Manners(nonce_reject=20, authz_reuse=100, va_sleep=3)


def test_a_rude_ca_costs_only_time(tmp_path: Path) -> None:
    with habitat(tmp_path, RUDE) as world:
        assert _walk_twice(world) == 2


@pytest.mark.parametrize("reuse", [0, 50, 100])
@pytest.mark.parametrize("nonces", [5, 20, 50])
def test_every_kind_of_rudeness_costs_only_time(tmp_path: Path, reuse: int, nonces: int) -> None:
    manners = Manners(nonce_reject=nonces, authz_reuse=reuse, va_sleep=5, chain_length=2)
    with habitat(tmp_path, manners) as world:
        count = _walk_twice(world)
    score(
        f"rude-ca-{nonces}-{reuse}",
        name=f"Pebble refuses {nonces} % of nonces, reuses {reuse} % of authorizations, sleeps up to 5 s",
        value=f"{count} certificates of 2",
        target="2 certificates of 2",
        passed=count == 2,
        how="make proof; tests/proof/test_rude_world.py",
    )
    assert count == 2

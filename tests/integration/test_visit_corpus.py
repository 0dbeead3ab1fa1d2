"""The corpus: the exact verdict for each of more than a hundred server set-ups on loopback. In `make test`."""

from ipaddress import ip_network

import pytest

from config.lib.x509 import Roots, by_weight, connection_problems, roots_of, verdict
from domains.protocols import opener_of
from domains.tls import Observation, Target, visit_many
from tests.corpus import asking, certificates, manners
from tests.corpus.serving import served
from tests.corpus.table import Expected, Setup
from tests.servers.ports import free_port
from tests.unit.domains.forge import NOW

# Long enough for all of them at once on a busy machine; those that never end take all of it.
SECONDS = 5.0
SETUPS = [*certificates.SETUPS, *manners.SETUPS, *asking.SETUPS]


@pytest.fixture(scope="module")
def seen() -> dict[str, Observation]:
    """All of them visited together, as a worker does."""
    with pytest.MonkeyPatch.context() as patch, served([one.handler for one in SETUPS if one.serve]) as ports:
        from django.conf import settings

        patch.setattr(settings, "EGRESS_ALLOW_CIDRS", (ip_network("127.0.0.0/8"),))
        listening = iter(ports)
        targets = [_target(one, next(listening) if one.serve else free_port()) for one in SETUPS]
        found = visit_many(targets, tls_seconds=SECONDS, http_seconds=0)
    return {one.title: observation for one, observation in zip(SETUPS, found, strict=True)}


def _target(setup: Setup, port: int) -> Target:
    opener = opener_of(setup.expected.protocol)
    return Target(setup.host, port, http=False, address="127.0.0.1", opener=opener)


def _judged(setup: Setup, seen: Observation, roots: Roots) -> Expected:
    problems = [
        *(verdict(seen.ders, setup.host, NOW, roots).problems if seen.ders else ()),
        *connection_problems(seen.tls_version, seen.cipher),
    ]
    codes = tuple(problem.code for problem in by_weight(problems))
    return Expected(seen.outcome, codes, seen.tls_version, setup.expected.protocol)


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.title)
def test_a_set_up_gets_exactly_its_verdict(setup: Setup, seen: dict[str, Observation]) -> None:
    assert _judged(setup, seen[setup.title], roots_of(certificates.ROOTS)) == setup.expected


def test_every_set_up_has_a_title_of_its_own() -> None:
    assert len({one.title for one in SETUPS}) == len(SETUPS) >= 60

"""When a successor counts as served and the old one as gone: what a look met, in turn too, targets and pulls."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from certificates.models import Certificate, PullToken
from certificates.replacing.proving import proof_of
from config.lib import clock
from deploy.models import Server, Target
from deploy.serving import PLACES_TOLD
from domains.models import Domain, Visit
from tests.cast import Cast
from tests.unit.certificates.conftest import HOST, make_domain
from tests.unit.certificates.replacements import serve

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
type Pair = tuple[Certificate, Certificate]
DAY = timedelta(days=1)


@pytest.fixture
def pair(domain: Domain, store: Callable[..., Certificate]) -> Pair:
    """Old and new; our last look met the new one."""
    old, new = store(), store()
    serve(domain, new)
    assert proof_of(old, new).is_served
    return old, new


def take_turns(domain: Domain, certificate: Certificate) -> None:
    other: dict[str, Any] = {
        "at": clock.now().isoformat(), "fingerprint_sha256": certificate.fingerprint_sha256, "issuer": "",
        "not_before": None, "not_after": None, "problems": [],
    }  # fmt: skip
    Visit.unscoped.filter(domain=domain).update(others={"1": other})


def test_a_second_server_that_has_the_old_one_still_is_no_proof(domain: Domain, pair: Pair) -> None:
    old, new = pair
    take_turns(domain, old)
    words = f"Within the last day our looks met the old one in turn with another at {HOST}."
    assert (proof_of(old, new).is_served, proof_of(old, new).words) == (False, words)
    with clock.shifted(DAY + timedelta(minutes=1)):
        assert proof_of(old, new).is_served


def test_what_takes_turns_elsewhere_is_another_one(cast: Cast, pair: Pair, store: Callable[..., Certificate]) -> None:
    take_turns(make_domain(cast, "b.acme-tools.net"), store(["b.acme-tools.net"]))
    assert proof_of(*pair).is_served


def test_whoever_pulled_the_old_one_last_has_it(cast: Cast, domain: Domain, pair: Pair) -> None:
    old, new = pair
    token = PullToken.objects.create(
        workspace=cast.acme, domain=domain, name="mail-02", digest="d" * 64, last_certificate=old
    )
    words = "What pulls by mail-02 has the old one: let it pull again, or revoke that token."
    assert (proof_of(old, new).is_served, proof_of(old, new).words) == (False, words)
    PullToken.unscoped.filter(pk=token.pk).update(last_certificate=new)
    assert proof_of(old, new).is_served


def test_of_many_targets_the_last_one_counts_too(cast: Cast, domain: Domain, pair: Pair) -> None:
    old, new = pair
    server = Server.objects.create(workspace=cast.acme, host="web.acme-tools.net", username="mmc")
    told: dict[str, Any] = {"workspace": cast.acme, "domain": domain, "server": server, "installed_certificate": new}
    Target.unscoped.bulk_create(Target(**told, position=number, last_status="ok") for number in range(PLACES_TOLD + 1))
    assert proof_of(old, new).is_served
    Target.unscoped.filter(position=PLACES_TOLD).update(last_status="failed")
    words = f"Not seen being served yet on 1 of {PLACES_TOLD + 1} places."
    assert (proof_of(old, new).is_served, proof_of(old, new).words) == (False, words)
    Target.unscoped.filter(position=0).update(last_status="failed")
    assert proof_of(old, new).words.startswith("Not seen being served yet on ")

"""A challenge that leads to a zone which no checking resolver believes: the CA would fail there, so it is not asked."""

from typing import Any

import pytest

from auditlog.events import SYSTEM
from certificates.issuance import issue_certificate
from certificates.models import Issuance
from config.lib import clock, jobs
from tests.cast import make_cast
from tests.integration.issuing import publish, reread, start, use_ca, verified_domain, work_out
from tests.servers.dns import ChallengeDns
from tests.servers.pebble import Pebble
from tests.servers.validating import WHY, validating

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_alias_into_a_zone_that_does_not_validate_never_costs_the_cas_one_look(
    pebble_server: Pebble, dns_server: ChallengeDns, settings: Any
) -> None:
    use_ca(settings, pebble_server, dns_server)
    domain = verified_domain(make_cast().acme, "alias1.net", dns_server)
    with validating(dns_server) as resolver:
        settings.DNS_RESOLVERS = (resolver.resolver,)
        resolver.judged, resolver.broken = "SOA", {"_acme-challenge.alias1.net"}
        issuance = start(domain, ["alias1.net"])
        assert issuance.is_waiting_for_person, "the zone of the host is well"
        publish(issuance, dns_server)
        issue_certificate(issuance=issuance, actor=SYSTEM)
        jobs.run_due("issuance")
        issuance = reread(issuance)
        assert (issuance.step, issuance.error_code) == (Issuance.Step.CHECK_RECORDS, "dnssec_broken")
        assert issuance.error_params["name"] == "_acme-challenge.alias1.net"
        assert WHY in issuance.error_params["detail"]
        assert [row.status for row in issuance.authorizations.all()] == ["pending"]
        resolver.broken = set()
        Issuance.unscoped.filter(pk=issuance.pk).update(run_after=clock.now())
        assert work_out(issuance).state == Issuance.State.ISSUED

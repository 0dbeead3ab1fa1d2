"""What the DNS has against an order, at the wire: broken signatures, and CAA that nobody answers for."""

from collections.abc import Iterator
from typing import Any

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from certificates.caa import Issuer, refusal_of
from certificates.dnssec import broken_dnssec
from config.lib.errors import Transient
from tests.integration.issuing import LOOPBACK
from tests.servers.stub_dns import StubDns, stub_dns

HOST = "shop.acme-tools.net"
ISSUER = Issuer(("ca.net",), "https://ca.net/acct/1")


class Validating(StubDns):
    """A resolver that checks signatures: SERVFAIL for what it does not believe, unless it is told not to check."""

    words = "no SEP matching the DS found for acme-tools.net."

    def reply(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        if query.flags & dns.flags.CD:
            return super().reply(wire)
        response = dns.message.make_response(query)
        response.set_rcode(dns.rcode.SERVFAIL)
        if self.words:
            response.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.DNSKEY_MISSING, self.words)])
        return response.to_wire()


@pytest.fixture
def stub(settings: Any, request: pytest.FixtureRequest) -> Iterator[StubDns]:
    kind = getattr(request, "param", StubDns)
    with stub_dns(kind=kind) as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        settings.EGRESS_ALLOW_CIDRS = LOOPBACK
        yield server


@pytest.mark.parametrize("stub", [Validating], indirect=True)
def test_a_zone_that_resolvers_do_not_believe_is_found_with_their_reason(stub: Validating) -> None:
    stub.answer(HOST, "SOA", ["ns.acme-tools.net. root.acme-tools.net. 1 2 3 4 5"])
    found = broken_dnssec([f"*.{HOST}", HOST])
    assert found
    assert found.code == "dnssec_broken"
    assert found.params["name"] == HOST
    assert found.params["detail"] == f"dnskey missing {Validating.words}"


@pytest.mark.parametrize("stub", [Validating], indirect=True)
def test_a_zone_that_fails_unchecked_too_is_no_matter_of_signatures(stub: Validating) -> None:
    stub.answer(HOST, "SOA", "SERVFAIL")
    assert broken_dnssec([HOST]) is None


def test_a_zone_that_is_answered_for_is_fine(stub: StubDns) -> None:
    assert broken_dnssec([HOST]) is None, "NXDOMAIN is an answer"


def test_resolvers_that_are_silent_decide_nothing(stub: StubDns) -> None:
    stub.silent = True
    assert broken_dnssec([HOST]) is None


def test_caa_that_nobody_answers_for_is_waited_for(stub: StubDns) -> None:
    stub.answer(HOST, "CAA", "SERVFAIL")
    found = refusal_of([HOST], ISSUER)
    assert isinstance(found, Transient)
    assert found.code == "caa_unclear"
    assert found.params["at"] == HOST
    assert "servfail" in str(found.params["found"])


def test_a_failure_above_a_set_that_was_found_does_not_count(stub: StubDns) -> None:
    stub.answer(HOST, "CAA", ['0 issue "ca.net"'])
    stub.answer("acme-tools.net", "CAA", "SERVFAIL")
    assert refusal_of([HOST], ISSUER) is None


def test_a_failure_above_where_nothing_was_found_does(stub: StubDns) -> None:
    stub.answer(HOST, "CAA", [])
    stub.answer("acme-tools.net", "CAA", "SERVFAIL")
    found = refusal_of([HOST], ISSUER)
    assert found
    assert (found.code, found.params["at"]) == ("caa_unclear", "acme-tools.net")

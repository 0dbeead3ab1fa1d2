"""TXT and other records: asked at the zone's own servers, per server, aliases only where wanted."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.lib.egress import Deadline, ServerAnswer, ask_resolvers, lookup_records, lookup_txt
from tests.servers.dns import ChallengeDns
from tests.servers.stub_dns import StubDns, Zones, stub_dns

ZONE, NAME = "acme-widgets.com", "_acme-challenge.shop.acme-widgets.com"


@pytest.fixture
def resolver(settings: Settings) -> Iterator[StubDns]:
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        settings.EGRESS_ALLOW_CIDRS = (ip_network("127.128.0.0/9"),)
        yield server


@pytest.fixture
def zones(resolver: StubDns) -> Iterator[Zones]:
    with ExitStack() as stack:
        yield Zones(resolver, stack)


def _ask(name: str = NAME, *, follow: bool = True, seconds: float = 4) -> dict[str, ServerAnswer]:
    return {answer.server: answer for answer in lookup_txt(name, Deadline(seconds), follow=follow)}


def test_every_server_of_the_zone_answers_for_itself(zones: Zones) -> None:
    ns1, ns2, ns3 = zones.delegate(ZONE, "ns1.dns-host.com", "ns2.dns-host.com", "ns3.dns-host.com")
    ns1.answer(NAME, "TXT", ['"new" "er"', '"old"'])
    ns2.answer(NAME, "A", ["8.8.8.8"])
    answers = _ask()
    assert sorted(answers["ns1.dns-host.com"].values or []) == ["newer", "old"]
    assert answers["ns2.dns-host.com"] == ServerAnswer("ns2.dns-host.com", [], "no_answer")
    assert answers["ns3.dns-host.com"] == ServerAnswer("ns3.dns-host.com", [], "nxdomain")
    assert zones.resolver.asked(NAME) == ["NS"]
    assert ns3.asked(NAME) == ["TXT"]


def test_resolvers_are_asked_by_themselves_and_follow_no_alias(zones: Zones) -> None:
    zones.delegate(ZONE, "ns1.dns-host.com")
    zones.resolver.answer(NAME, "TXT", ['"heard"'])
    zones.resolver.answer("alias.com", "CNAME", [f"{NAME}."])
    label = "{}:{}".format(*zones.resolver.resolver)
    assert ask_resolvers(NAME, "TXT", Deadline(3)) == [ServerAnswer(label, ["heard"])]
    assert [one.error for one in ask_resolvers("alias.com", "TXT", Deadline(3))] == ["alias"]
    assert "NS" not in zones.resolver.asked(NAME)


def test_the_closest_delegation_counts(zones: Zones) -> None:
    (outer,) = zones.delegate(ZONE, "ns.outer.com")
    (inner,) = zones.delegate(f"shop.{ZONE}", "ns.inner.com")
    inner.answer(NAME, "TXT", ['"inner"'])
    assert _ask() == {"ns.inner.com": ServerAnswer("ns.inner.com", ["inner"])}
    assert _ask()["ns.inner.com"].zone == f"shop.{ZONE}"
    assert outer.questions == []


def test_failures_are_no_statement_about_the_record(zones: Zones) -> None:
    failing, refusing, lame, silent = zones.delegate(ZONE, *(f"ns{number}.dns-host.com" for number in range(4)))
    failing.answer(NAME, "TXT", "SERVFAIL")
    refusing.answer(NAME, "TXT", "REFUSED")
    lame.aa = False
    silent.silent = True
    answers = _ask(seconds=3)
    errors = [(answer.values, answer.error) for answer in answers.values()]
    assert errors == [(None, "servfail"), (None, "refused"), (None, "lame"), (None, "timeout")]


def test_a_silent_server_that_takes_all_the_time_leaves_the_others_answers(zones: Zones) -> None:
    (good,) = zones.delegate(ZONE, "ns1.dns-host.com")
    zones.resolver.answer(ZONE, "NS", ["ns1.dns-host.com.", "ns2.dns-host.com."])
    zones.resolver.answer("ns2.dns-host.com", "A", ["127.254.7.9"])
    good.answer(NAME, "TXT", ['"v"'])
    with socket.create_server(("127.254.7.9", 53)):  # Takes connections and never says a word.
        answers = _ask(seconds=1.5)
    assert answers["ns1.dns-host.com"].values == ["v"]
    assert answers["ns2.dns-host.com"] == ServerAnswer("ns2.dns-host.com", None, "timeout")


def test_a_name_server_inside_the_own_network_is_not_asked(zones: Zones) -> None:
    (good,) = zones.delegate(ZONE, "ns1.dns-host.com")
    zones.resolver.answer(ZONE, "NS", ["ns1.dns-host.com.", "evil.dns-host.com.", "gone.dns-host.com."])
    zones.resolver.answer("evil.dns-host.com", "A", ["127.0.0.1"])
    good.answer(NAME, "TXT", ['"v"'])
    answers = _ask()
    assert answers["ns1.dns-host.com"].values == ["v"]
    assert answers["evil.dns-host.com"] == ServerAnswer("evil.dns-host.com", None, "egress_refused")
    assert answers["gone.dns-host.com"] == ServerAnswer("gone.dns-host.com", None, "dns_nxdomain")


def test_an_alias_is_followed_into_the_zone_of_its_target(zones: Zones) -> None:
    ns1, ns2 = zones.delegate(ZONE, "ns1.dns-host.com", "ns2.dns-host.com")
    (target,) = zones.delegate("validation.net", "ns.validation.net")
    ns1.answer(NAME, "CNAME", ["x1.validation.net."])
    ns2.answer(NAME, "A", ["8.8.8.8"])
    target.answer("x1.validation.net", "TXT", ['"delegated"'])
    assert _ask() == {
        "ns.validation.net": ServerAnswer("ns.validation.net", ["delegated"], via="x1.validation.net"),
        "ns2.dns-host.com": ServerAnswer("ns2.dns-host.com", [], "no_answer"),
    }
    assert {answer.zone for answer in _ask().values()} == {ZONE}, "of the name that was asked about"


def test_an_alias_is_only_named_where_it_must_not_count(zones: Zones) -> None:
    (server,) = zones.delegate(ZONE, "ns1.dns-host.com")
    server.answer(NAME, "CNAME", ["x1.validation.net."])
    assert _ask(follow=False) == {
        "ns1.dns-host.com": ServerAnswer("ns1.dns-host.com", [], "alias", "x1.validation.net")
    }


def test_a_loop_of_aliases_ends(zones: Zones) -> None:
    (server,) = zones.delegate(ZONE, "ns1.dns-host.com")
    server.answer(NAME, "CNAME", [f"{NAME}."])
    assert _ask()["ns1.dns-host.com"].error == "alias_loop"


def test_unknown_name_servers_leave_it_to_the_resolvers(resolver: StubDns) -> None:
    resolver.answer(NAME, "TXT", ['"v"'])
    label = f"{resolver.host}:{resolver.port}"
    assert _ask() == {label: ServerAnswer(label, ["v"])}


def test_a_silent_dns_ends_at_the_deadline(resolver: StubDns) -> None:
    resolver.silent = True
    deadline = Deadline(3.5)
    assert [answer.error for answer in _ask(seconds=3).values()] == ["timeout"]
    assert deadline.left() > 0


def test_other_records_are_told_as_text(zones: Zones) -> None:
    (server,) = zones.delegate(ZONE, "ns1.dns-host.com")
    server.answer(ZONE, "CAA", ['0 issue "letsencrypt.org"'])
    assert lookup_records(ZONE, "CAA", Deadline(3))[0].values == ['0 issue "letsencrypt.org"']


def test_pebble_s_dns_server_is_asked_itself_on_its_odd_port(dns_server: ChallengeDns, settings: Settings) -> None:
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    dns_server.set_txt("_managemycert-verify.records.example.net", "mmc-1")
    dns_server.set_cname("_acme-challenge.records.example.net", "delegated.example.net")
    dns_server.set_txt("delegated.example.net", "v")
    label = dns_server.address
    assert _ask("_managemycert-verify.records.example.net") == {label: ServerAnswer(label, ["mmc-1"])}
    assert _ask("_acme-challenge.records.example.net") == {
        label: ServerAnswer(label, ["v"], via="delegated.example.net")
    }
    unfollowed = _ask("_acme-challenge.records.example.net", follow=False)
    assert unfollowed == {label: ServerAnswer(label, [], "alias", "delegated.example.net")}

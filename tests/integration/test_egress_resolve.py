"""Look-ups: one question per family, every address judged, nothing asked twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from ipaddress import ip_network

import dns.message
import dns.rrset
import pytest
from pytest_django import Settings

from config.lib import egress
from config.lib.egress import Deadline
from config.lib.errors import ExpectedError
from tests.servers.listener import full, listening
from tests.servers.ports import free_port
from tests.servers.stub_dns import StubDns, stub_dns

HOST = "shop.acme-widgets.com"


@pytest.fixture
def names(settings: Settings) -> Iterator[StubDns]:
    with stub_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.2/32"),)
        yield server


def _sync(host: str, seconds: float) -> list[str]:
    return egress.resolve(host, Deadline(seconds))


def _async(host: str, seconds: float) -> list[str]:
    return asyncio.run(egress.resolve_async(host, Deadline(seconds)))


@pytest.fixture(params=[_sync, _async])
def resolve(request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    """`resolve` and its asynchronous twin must not differ."""

    def call(host: str = HOST, seconds: float = 3) -> list[str]:
        found: list[str] = request.param(host, seconds)
        return found

    return call


type Resolve = Callable[..., list[str]]


def _code(resolve: Resolve, *args: object) -> str:
    with pytest.raises(ExpectedError) as failure:
        resolve(*args)
    return failure.value.code


def test_both_families_are_asked_once_and_ipv6_comes_first(names: StubDns, resolve: Resolve) -> None:
    names.answer(HOST, "A", ["8.8.8.8", "8.8.4.4"])
    names.answer(HOST, "AAAA", ["2606:4700::1111"])
    addresses = resolve()
    assert addresses[0] == "2606:4700::1111"
    assert set(addresses[1:]) == {"8.8.8.8", "8.8.4.4"}
    assert sorted(names.asked(HOST)) == ["A", "AAAA"]


def test_a_cname_is_followed_to_judged_addresses(names: StubDns, resolve: Resolve) -> None:
    names.answer(HOST, "CNAME", ["inner.acme-widgets.com."])
    assert _code(resolve) == "dns_no_address"


@pytest.mark.parametrize("bad", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_one_bad_address_among_good_ones_refuses_the_host(names: StubDns, resolve: Resolve, bad: str) -> None:
    names.answer(HOST, "A", ["8.8.8.8", bad, "8.8.4.4"])
    assert _code(resolve) == "egress_refused"


def test_a_bad_address_of_the_other_family_refuses_the_host(names: StubDns, resolve: Resolve) -> None:
    names.answer(HOST, "A", ["8.8.8.8"])
    names.answer(HOST, "AAAA", ["::1"])
    assert _code(resolve) == "egress_refused"


def test_a_bad_ninth_address_refuses_the_host_and_eight_are_used(names: StubDns, resolve: Resolve) -> None:
    public = [f"8.8.8.{number}" for number in range(1, 13)]
    names.answer(HOST, "A", public)
    assert len(resolve()) == 8
    names.answer(HOST, "A", [*public, "127.0.0.1"])
    assert _code(resolve) == "egress_refused"


def test_what_the_dns_lacks_is_told_apart(names: StubDns, resolve: Resolve) -> None:
    names.answer("empty.acme-widgets.com", "TXT", ['"x"'])
    names.answer("broken.acme-widgets.com", "A", "SERVFAIL")
    names.answer("broken.acme-widgets.com", "AAAA", "SERVFAIL")
    assert _code(resolve, "absent.acme-widgets.com") == "dns_nxdomain"
    assert _code(resolve, "empty.acme-widgets.com") == "dns_no_address"
    assert _code(resolve, "broken.acme-widgets.com") == "dns_failed"
    assert _code(resolve, "shop.invalid") == "dns_nxdomain"
    assert not names.asked("shop.invalid")


def test_servers_that_fail_ipv6_alone_do_not_hide_the_host(names: StubDns, resolve: Resolve) -> None:
    names.answer(HOST, "A", ["8.8.8.8"])
    names.answer(HOST, "AAAA", "SERVFAIL")
    assert resolve() == ["8.8.8.8"]


def test_a_silent_resolver_ends_at_the_deadline(names: StubDns, resolve: Resolve) -> None:
    names.silent = True
    deadline = Deadline(1.5)
    assert _code(resolve, HOST, 1) == "dns_failed"
    assert deadline.left() > 0


def test_another_resolver_is_asked_where_the_first_is_dead_or_fails(
    names: StubDns, resolve: Resolve, settings: Settings
) -> None:
    names.answer(HOST, "A", ["8.8.8.8"])
    with stub_dns() as failing:
        failing.answer(HOST, "A", "SERVFAIL")
        failing.answer(HOST, "AAAA", "REFUSED")
        settings.DNS_RESOLVERS = (("127.0.0.1", free_port()), failing.resolver, names.resolver)
        assert resolve() == ["8.8.8.8"]
        assert sorted(failing.asked(HOST)) == ["A", "AAAA"]


def test_no_resolver_at_all_is_a_failure_and_no_endless_loop(resolve: Resolve, settings: Settings) -> None:
    settings.DNS_RESOLVERS = (("127.0.0.1", free_port()),)
    deadline = Deadline(1)
    assert _code(resolve) == "dns_failed"
    assert deadline.left() > 0


def test_an_answer_too_large_for_a_datagram_is_fetched_by_tcp(names: StubDns, resolve: Resolve) -> None:
    names.truncates = True
    names.answer(HOST, "A", [f"8.8.4.{number}" for number in range(1, 7)])
    assert len(resolve()) == 6


def test_a_reply_that_does_not_fit_the_question_is_ignored(names: StubDns, resolve: Resolve) -> None:
    def forge(query: bytes) -> list[bytes]:
        evil = dns.message.make_response(dns.message.from_wire(query))
        evil.answer.append(dns.rrset.from_text(f"{HOST}.", 0, "IN", "A", "8.8.4.4"))
        other_id, other_name = dns.message.from_wire(evil.to_wire()), dns.message.make_query("evil.com.", "A")
        other_id.id ^= 1
        elsewhere = dns.message.make_response(other_name)
        elsewhere.id = evil.id
        no_reply = dns.message.from_wire(query)
        return [b"", b"x" * 40, other_id.to_wire(), elsewhere.to_wire(), no_reply.to_wire()]

    names.forge = forge
    names.answer(HOST, "A", ["8.8.8.8"])
    assert resolve() == ["8.8.8.8"]


def test_localhost_is_a_constant_and_judged(names: StubDns, resolve: Resolve, settings: Settings) -> None:
    assert _code(resolve, "localhost") == "egress_refused"
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)
    assert resolve("localhost") == ["127.0.0.1"]
    assert names.questions == []


def test_a_literal_is_judged_and_not_looked_up(names: StubDns, resolve: Resolve) -> None:
    assert resolve("8.8.8.8") == ["8.8.8.8"]
    assert resolve("[2606:4700::1111]") == ["2606:4700::1111"]
    assert _code(resolve, "10.0.0.1") == "egress_refused"
    assert names.questions == []


async def _connect_async(host: str, port: int) -> None:
    sock, address = await egress.open_socket_async(host, port, Deadline(3))
    with sock:
        assert sock.getpeername() == (address, port)


def _connect(host: str, port: int) -> None:
    with egress.open_socket(host, port, Deadline(3)) as sock:
        assert sock.getpeername()[1] == port


def _connect_on_a_loop(host: str, port: int) -> None:
    asyncio.run(_connect_async(host, port))


@pytest.mark.parametrize("connect", [_connect, _connect_on_a_loop])
def test_a_name_that_changes_between_look_ups_gets_no_second_one(
    names: StubDns, connect: Callable[[str, int], Awaitable[None] | None]
) -> None:
    # Below the ports of outgoing connections, or one of another test has it at the second address.
    port = free_port()
    with listening(host="127.0.0.2", port=port) as public, listening(host="127.0.0.1", port=port) as canary:
        for number in range(100):
            host = f"r{number}.acme-widgets.com"
            names.answer(host, "A", ["127.0.0.2"], ["127.0.0.1"])
            connect(host, public.port)
            assert sorted(names.asked(host)) == ["A", "AAAA"]
            with pytest.raises(ExpectedError, match="egress_refused"):
                connect(host, public.port)
        assert public.connections == 100
        assert canary.connections == 0


def _connect_briefly(host: str, port: int) -> None:
    egress.open_socket(host, port, Deadline(0.7)).close()


def _connect_briefly_on_a_loop(host: str, port: int) -> None:
    asyncio.run(egress.open_socket_async(host, port, Deadline(0.7)))[0].close()


@pytest.mark.parametrize("connect", [_connect, _connect_on_a_loop])
def test_a_refused_connection_is_told_from_silence(names: StubDns, connect: Callable[[str, int], object]) -> None:
    names.answer(HOST, "A", ["127.0.0.2"])
    with pytest.raises(ExpectedError, match="connect_refused"):
        connect(HOST, free_port())


@pytest.mark.parametrize("connect", [_connect, _connect_on_a_loop])
def test_the_next_address_is_tried_when_one_refuses(
    names: StubDns, settings: Settings, connect: Callable[[str, int], object]
) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    names.answer(HOST, "AAAA", ["::1"])
    names.answer(HOST, "A", ["127.0.0.3", "127.0.0.2"])
    with listening(host="127.0.0.2") as listener:
        connect(HOST, listener.port)
        assert listener.connections == 1


@pytest.fixture
def black_hole() -> Iterator[int]:
    with full("127.0.0.2") as port:
        yield port


@pytest.mark.parametrize("connect", [_connect_briefly, _connect_briefly_on_a_loop])
def test_silence_on_every_address_ends_at_the_deadline(
    names: StubDns, settings: Settings, black_hole: int, connect: Callable[[str, int], object]
) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"), ip_network("::/0"))
    names.answer(HOST, "A", ["127.0.0.2"])
    names.answer(HOST, "AAAA", ["::ffff:127.0.0.2"])
    deadline = Deadline(1.5)
    with pytest.raises(ExpectedError, match="connect_timeout"):
        connect(HOST, black_hole)
    assert deadline.left() > 0

"""Whether a certificate was revoked: by lists over real HTTP, from honest authorities and from others."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network

import pytest
from pytest_django import Settings

from auditlog.events import SYSTEM
from config.lib import clock, jobs, x509
from domains.add import add_domain
from domains.conclusion import conclude
from domains.models import Domain, Finding, RevocationList, RevocationWatch
from domains.revocation.fetching import MAX_BYTES
from domains.revocation.shown import revocation_shown
from domains.tls import Observation, Target
from domains.visit import file_conclusions
from tests.cast import Cast, make_cast
from tests.servers.crl import listed_leaf, revocation_list
from tests.servers.dns import ChallengeDns
from tests.servers.listener import http_script, listening
from tests.unit.domains.forge import NOW, World, leaf
from tests.unit.domains.seen import claimed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

HOST = "www.forge.org"
SERIAL = 0x1234567890
world = World()
ROOTS = x509.roots_of([world.root.der])


@pytest.fixture(autouse=True)
def now(settings: Settings, dns_server: ChallengeDns) -> Iterator[None]:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/16"),)
    settings.DNS_RESOLVERS = ((dns_server.host, dns_server.port),)
    with clock.frozen(NOW):
        yield


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def answered(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status.encode(), len(body)) + body


def add(cast: Cast, host: str = HOST) -> Domain:
    domain = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=host)
    Domain.unscoped.filter(pk=domain.pk).update(verified_at=clock.now())
    return domain


def serve(domain: Domain, ders: Sequence[bytes]) -> Domain:
    row = claimed(domain)
    file_conclusions([conclude(row, Observation(Target(row.domain.host), ders=tuple(ders)), clock.now(), ROOTS)])
    return fresh(domain)


def fresh(domain: Domain) -> Domain:
    return Domain.unscoped.select_related("visit__inspection").get(pk=domain.pk)


def serve_listed(cast: Cast, url: str, serial: int = SERIAL, host: str = HOST) -> Domain:
    return serve(add(cast, host), [listed_leaf(url, world.intermediate, host, serial), world.intermediate.der])


def open_codes(domain: Domain) -> set[str]:
    return set(Finding.unscoped.filter(domain=domain, closed_at=None).values_list("code", flat=True))


def test_a_revoked_certificate_is_found_and_a_new_one_ends_it(cast: Cast) -> None:
    with listening(http_script(answered(revocation_list(world.intermediate, [SERIAL])))) as server:
        domain = serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
        assert server.connections == 0, "the visit itself fetches nothing"
        assert revocation_shown(domain).state == "waiting"
        assert jobs.run_due("revocation") == 1
    assert open_codes(domain) == {"revoked"}
    found = fresh(domain)
    assert (found.state, found.needs_action) == ("problem", True)
    assert (revocation_shown(found).state, revocation_shown(found).revoked_at) == ("revoked", NOW - timedelta(days=2))
    finding = Finding.unscoped.get(domain=domain, code="revoked")
    assert finding.severity == "critical"
    assert finding.params["because"] == ", because of: key compromise"
    renewed = serve(domain, [leaf([HOST], world.intermediate), world.intermediate.der])
    assert (open_codes(domain), renewed.state) == (set(), "ok")
    assert not RevocationWatch.unscoped.exists()


def test_one_list_is_fetched_once_for_all_who_need_it(cast: Cast) -> None:
    with listening(http_script(answered(revocation_list(world.intermediate, [7])))) as server:
        url = f"http://127.0.0.1:{server.port}/1.crl"
        domains = [serve_listed(cast, url, 5 + number, f"h{number}.forge.org") for number in range(5)]
        jobs.run_due("revocation")
        assert server.connections == 1
        # One more within the hour waits, and is then looked up with all the others.
        late = serve_listed(cast, url, 7, "late.forge.org")
        assert jobs.run_due("revocation") == 0
        with clock.frozen(NOW + timedelta(hours=1, minutes=1)):
            assert jobs.run_due("revocation") == 1
        assert server.connections == 2
    assert [open_codes(domain) for domain in domains] == [set(), set(), {"revoked"}, set(), set()]
    assert open_codes(late) == {"revoked"}
    row = RevocationList.objects.get()
    assert (row.entries, row.error_code) == (1, "")
    assert row.run_after is not None
    assert NOW + timedelta(hours=12) < row.run_after <= NOW + timedelta(hours=38)
    assert RevocationWatch.unscoped.filter(checked_at__isnull=False).count() == 6


def test_a_list_that_is_replaced_soon_is_fetched_soon(cast: Cast) -> None:
    body = revocation_list(world.intermediate, updated=(timedelta(hours=-1), timedelta(hours=3)))
    with listening(http_script(answered(body))) as server:
        serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
        jobs.run_due("revocation")
    assert RevocationList.objects.get().run_after == NOW + timedelta(hours=3, minutes=5)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "signed by a stranger under the issuer's name": (
        lambda: answered(revocation_list(world.stranger, [SERIAL], name=world.intermediate.name)),
        "crl_forged",
    ),
    "another authority's": (lambda: answered(revocation_list(world.stranger, [SERIAL])), "crl_forged"),
    "out of date": (
        lambda: answered(revocation_list(world.intermediate, [SERIAL], updated=(timedelta(-9), timedelta(-2)))),
        "crl_stale",
    ),
    "a page": (lambda: answered(b"<html>Not here</html>"), "crl_unreadable"),
    "not found": (lambda: answered(revocation_list(world.intermediate, [SERIAL]), "404 Not Found"), "crl_unavailable"),
    "oversized": (lambda: answered(b"\0" * (MAX_BYTES + 1)), "too_large"),
    "no HTTP": (lambda: b"220 mail ready\r\n", "http_failed"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_list_that_cannot_be_believed_says_nothing(kind: str, cast: Cast) -> None:
    make, code = REFUSED[kind]
    with listening(http_script(make())) as server:
        domain = serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
        assert jobs.run_due("revocation") == 1
    row = RevocationList.objects.get()
    assert row.error_code == code
    assert row.run_after is not None
    assert row.run_after > NOW + timedelta(hours=11)
    assert (open_codes(domain), fresh(domain).state) == (set(), "ok")
    shown = revocation_shown(fresh(domain))
    assert shown.state == "waiting"
    assert shown.trouble is not None


def test_an_earlier_answer_outlives_a_list_that_is_gone(cast: Cast) -> None:
    with listening(http_script(answered(revocation_list(world.intermediate, [SERIAL])))) as server:
        domain = serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
        jobs.run_due("revocation")
    with clock.frozen(NOW + timedelta(days=2)):
        assert jobs.run_due("revocation") == 1
    assert RevocationList.objects.get().error_code == "connect_refused"
    assert open_codes(domain) == {"revoked"}


def test_a_certificate_on_hold_may_come_off_the_list(cast: Cast) -> None:
    bodies = [answered(revocation_list(world.intermediate, serials)) for serials in ([SERIAL], [])]

    def script(connection: object) -> None:
        http_script(bodies.pop(0))(connection)  # type: ignore[arg-type]

    with listening(script) as server:
        domain = serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
        jobs.run_due("revocation")
        assert open_codes(domain) == {"revoked"}
        RevocationList.objects.update(run_after=NOW)
        jobs.run_due("revocation")
    assert (open_codes(domain), fresh(domain).state) == (set(), "ok")


def test_an_inner_address_is_never_asked(cast: Cast, settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = ()
    with listening(http_script(answered(b"x"))) as server:
        serve_listed(cast, f"http://127.0.0.1:{server.port}/latest/meta-data")
        jobs.run_due("revocation")
        assert server.connections == 0
    assert RevocationList.objects.get().error_code == "egress_refused"


def test_a_redirect_to_an_inner_address_is_not_followed(cast: Cast) -> None:
    with listening(http_script(answered(b"x")), "127.1.0.1") as inner:
        away = f"HTTP/1.1 302 Found\r\nLocation: http://127.1.0.1:{inner.port}/\r\nContent-Length: 0\r\n\r\n".encode()
        with listening(http_script(away)) as server:
            serve_listed(cast, f"http://127.0.0.1:{server.port}/1.crl")
            jobs.run_due("revocation")
        assert inner.connections == 0
    assert RevocationList.objects.get().error_code == "egress_refused"


def test_a_port_of_another_service_is_not_asked(cast: Cast) -> None:
    serve_listed(cast, "http://127.0.0.1:25/1.crl")
    jobs.run_due("revocation")
    assert RevocationList.objects.get().error_code == "crl_unavailable"


def test_only_verified_domains_with_a_trusted_chain_are_watched(cast: Cast) -> None:
    unverified = add_domain(workspace=cast.acme, actor=SYSTEM, hostname=HOST)
    url = "http://127.0.0.1:8080/1.crl"
    serve(unverified, [listed_leaf(url, world.intermediate, HOST), world.intermediate.der])
    strange = world.stranger_intermediate
    serve(add(cast, "a.forge.org"), [listed_leaf(url, strange, "a.forge.org"), strange.der])
    assert not RevocationWatch.unscoped.exists()
    Domain.unscoped.filter(pk=unverified.pk).update(verified_at=clock.now())
    serve(unverified, [listed_leaf(url, world.intermediate, HOST), world.intermediate.der])
    assert RevocationWatch.unscoped.count() == 1, "the proof of ownership begins it"


def test_a_list_that_nobody_needs_is_forgotten(cast: Cast) -> None:
    domain = serve_listed(cast, "http://127.0.0.1:8080/1.crl")
    serve(domain, [leaf([HOST], world.intermediate), world.intermediate.der])
    assert jobs.run_due("revocation") == 1
    assert not RevocationList.objects.exists()

"""A list of revoked certificates counts only when its issuer signed it, for this purpose, and for today."""

import random

import pytest
from cryptography import x509 as cx509

from config.lib import x509
from config.lib.errors import ExpectedError, Permanent
from tests.servers.crl import listed_leaf, revocation_list
from tests.unit.domains.forge import NOW, World, days, leaf

URL = "http://crl.forge.org/1.crl"
SERIAL = 0xABCDEF0123
world = World()
roots = x509.roots_of([world.root.der])


def read(der: bytes, *, url: str = URL) -> x509.RevocationList:
    issuer = world.intermediate.der
    return x509.read_revocation_list(der, issuer_der=issuer, url=url, serials=[f"{SERIAL:x}", "1"], now=NOW)


def refusal(der: bytes) -> str:
    with pytest.raises(Permanent) as raised:
        read(der)
    return raised.value.code


def test_where_the_list_is_and_who_signs_it() -> None:
    found = x509.revocation_source(
        [listed_leaf(URL, world.intermediate, "h.org", SERIAL), world.intermediate.der], roots, NOW
    )
    assert found == x509.Source(URL, f"{SERIAL:x}", world.intermediate.der)


@pytest.mark.parametrize(
    "url", ["https://crl.forge.org/1", "ldap://crl.forge.org/1", "file:///etc/passwd", "http://" + "x" * 600]
)
def test_only_plain_http_of_a_sane_length_is_asked(url: str) -> None:
    assert (
        x509.revocation_source([listed_leaf(url, world.intermediate, "h.org"), world.intermediate.der], roots, NOW)
        is None
    )


def test_without_a_trusted_chain_or_a_list_there_is_nothing_to_ask() -> None:
    stranger = world.stranger_intermediate
    assert x509.revocation_source([listed_leaf(URL, stranger, "h.org"), stranger.der], roots, NOW) is None
    assert x509.revocation_source([leaf(["h.org"], world.intermediate), world.intermediate.der], roots, NOW) is None
    assert x509.revocation_source([listed_leaf(URL, world.intermediate, "h.org")], roots, NOW) is None


def test_a_listed_serial_is_revoked_with_its_date_and_reason() -> None:
    found = read(revocation_list(world.intermediate, [SERIAL, 77]))
    assert (found.count, found.next_update) == (2, NOW + days(6))
    assert found.revoked == {f"{SERIAL:x}": x509.Revoked(NOW - days(2), "keyCompromise")}
    assert read(revocation_list(world.intermediate, [SERIAL], reason=None)).revoked[f"{SERIAL:x}"].reason == ""
    assert read(revocation_list(world.intermediate, [77])).revoked == {}


def test_a_list_that_somebody_else_signed_is_forged() -> None:
    assert refusal(revocation_list(world.stranger, [SERIAL])) == "crl_forged"
    assert refusal(revocation_list(world.stranger, [SERIAL], name=world.intermediate.name)) == "crl_forged"
    assert refusal(revocation_list(world.root, [SERIAL])) == "crl_forged"


def test_a_list_of_yesterday_or_of_tomorrow_says_nothing_of_today() -> None:
    assert refusal(revocation_list(world.intermediate, [SERIAL], updated=(days(-9), days(-2)))) == "crl_stale"
    assert refusal(revocation_list(world.intermediate, [SERIAL], updated=(days(1), days(9)))) == "crl_stale"


def test_a_signed_list_for_another_purpose_is_not_ours() -> None:
    there = [cx509.UniformResourceIdentifier("http://crl.forge.org/2.crl")]
    here = [cx509.UniformResourceIdentifier(URL)]
    assert refusal(revocation_list(world.intermediate, [SERIAL], scope={"full_name": there})) == "crl_not_for_us"
    assert (
        refusal(revocation_list(world.intermediate, [SERIAL], scope={"only_contains_ca_certs": True}))
        == "crl_not_for_us"
    )
    assert read(revocation_list(world.intermediate, [SERIAL], scope={"full_name": here})).revoked


@pytest.mark.parametrize("der", [b"", b"<html>", b"\x30\x03\x02\x01\x01", b"-----BEGIN X509 CRL-----\n"])
def test_what_is_no_list_is_said_to_be_none(der: bytes) -> None:
    assert refusal(der) == "crl_unreadable"


def test_a_mutated_list_is_refused_or_says_exactly_the_same() -> None:
    """The count of unused bits before the signature may be anything; the signature covers all the rest."""
    whole = revocation_list(world.intermediate, [SERIAL])
    honest = read(whole)
    chance = random.Random(4)
    refusals = []
    for _ in range(500):
        changed = bytearray(whole)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            assert read(bytes(changed)) == honest
        except ExpectedError as error:
            refusals.append(error.code)
    assert len(refusals) > 480
    assert set(refusals) <= {"crl_unreadable", "crl_forged", "crl_not_for_us", "crl_stale"}


def test_many_certificates_cost_one_walk_through_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand look-ups in a list of ten megabytes would take minutes of CPU, and a workspace can ask for them."""
    whole = cx509.load_der_x509_crl(revocation_list(world.intermediate, range(1, 200)))
    walks = []

    class Counted:
        def __getattr__(self, name: str) -> object:
            assert name != "get_revoked_certificate_by_serial_number", "it walks through the list"
            return getattr(whole, name)

        def __iter__(self) -> object:
            walks.append(1)
            return iter(whole)

        def __len__(self) -> int:
            return len(whole)

    monkeypatch.setattr(cx509, "load_der_x509_crl", lambda _: Counted())
    serials = [f"{number:x}" for number in range(100, 300)]
    found = x509.read_revocation_list(b"", issuer_der=world.intermediate.der, url=URL, serials=serials, now=NOW)
    assert set(found.revoked) == set(serials[:100])
    assert len(walks) == 1

"""Facts are read from any bytes, one field at a time."""

import json
import random

import pytest
from cryptography import x509 as cx509
from cryptography.x509.oid import NameOID

from config.lib import x509
from config.lib.errors import NeedsUser
from config.lib.x509.judging import judge
from tests.unit.domains.forge import NOW, World, key_pem, leaf, name

world = World()
roots = x509.roots_of([world.root.der])
HOST = "www.forge.org"


def test_facts_of_an_ordinary_certificate() -> None:
    found = x509.facts([leaf([HOST, "forge.org", "192.0.2.7"], world.intermediate), world.intermediate.der])
    assert found.leaf.subject == f"CN={HOST}"
    assert found.leaf.common_name == HOST
    assert found.leaf.issuer_name == "Forge"
    assert found.leaf.sans == (HOST, "forge.org", "IP 192.0.2.7")
    assert found.leaf.key == "ECDSA P-256"
    assert found.leaf.signature == "ecdsa-with-SHA256"
    assert found.leaf.usages == ("serverAuth",)
    assert not found.leaf.is_ca
    assert [one.common_name for one in found.chain] == ["Forge Intermediate"]
    assert found.chain[0].is_ca


def test_facts_are_plain_json() -> None:
    plain = x509.certificate_facts(leaf([HOST], world.intermediate)).as_json()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["not_after"].endswith("Z")


def test_many_names_are_counted_and_clipped() -> None:
    found = x509.certificate_facts(leaf([f"h{number}.forge.org" for number in range(200)], world.intermediate))
    assert found.san_count == 200
    assert len(found.sans) == 100


@pytest.mark.parametrize("hostile", ["a\x00b", "a\nb", "a\u202egnp.exe", "a\x1b[31mb", "a\u200bb"])
def test_text_of_strangers_is_one_visible_line(hostile: str) -> None:
    subject = cx509.Name([cx509.NameAttribute(NameOID.COMMON_NAME, hostile)])
    found = x509.certificate_facts(leaf([HOST], world.intermediate, subject=subject))
    assert "�" in found.common_name
    assert found.common_name.isprintable()
    assert found.subject.isprintable()


def test_long_text_is_cut() -> None:
    assert len(x509.clean("x" * 5000)) == 300


def test_an_issuer_without_organization_is_named_by_its_common_name() -> None:
    found = x509.certificate_facts(leaf([HOST], None, subject=name("Just me")))
    assert found.issuer_name == "Just me"


def test_bytes_that_are_no_certificate_still_have_a_fingerprint() -> None:
    found = x509.certificate_facts(b"not a certificate")
    assert found.unreadable == ("certificate",)
    assert found.fingerprint_sha256 == x509.fingerprint(b"not a certificate")


def test_mutated_certificates_never_raise() -> None:
    """1,500 here; the long tier takes 10,000."""
    chance = random.Random(20261123)
    whole = leaf([HOST, "*.forge.org"], world.intermediate)
    for _ in range(1500):
        mutated = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        ders = [bytes(mutated), world.intermediate.der]
        x509.facts(ders)
        judge(ders, HOST, NOW, roots, "")


def test_truncated_certificates_never_raise() -> None:
    whole = leaf([HOST], world.intermediate)
    for length in range(0, len(whole), 7):
        x509.facts([whole[:length]])
        judge([whole[:length]], HOST, NOW, roots, "")


def test_a_key_belongs_to_its_certificate() -> None:
    x509.check_pair(leaf([HOST], world.intermediate), key_pem("P-256 leaf"))
    x509.check_pair(leaf([HOST], world.intermediate, kind="RSA-2048 leaf"), key_pem("RSA-2048 leaf"))


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (key_pem("P-256 other"), "key_mismatch"),
        (key_pem("RSA-2048 leaf"), "key_mismatch"),
        (b"", "key_unreadable"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "key_unreadable"),
    ],
)
def test_a_wrong_key_is_refused_without_quoting_it(pem: bytes, code: str) -> None:
    with pytest.raises(NeedsUser) as caught:
        x509.check_pair(leaf([HOST], world.intermediate), pem)
    assert caught.value.code == code
    assert caught.value.params == {}
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_an_unreadable_certificate_is_not_blamed_on_the_key() -> None:
    with pytest.raises(NeedsUser, match="certificate_unreadable"):
        x509.check_pair(b"nothing", key_pem("P-256 leaf"))


def test_the_public_roots_load_and_have_a_version() -> None:
    public = x509.load_roots()
    assert len(public.version) == 64
    assert x509.load_roots() is public
    assert "Internet Security Research Group" in public.issuer_names

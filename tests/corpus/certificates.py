"""The set-ups that differ in what they show: certificates and chains."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from tests.corpus.serving import Tls
from tests.corpus.table import HOST, Expected, Setup, shows
from tests.unit.domains.forge import NOW, Authority, World, days, leaf, name, rsa_key, with_sha1

world = World()
CHAIN = (leaf([HOST], world.intermediate), world.intermediate.der)
_RSA_INTERMEDIATE = Authority("RSA Intermediate", world.root, algorithm="RSA-2048")
_RSA_ROOT = Authority("RSA Root", algorithm="RSA-2048")
# Its certificate is signed by a root that is trusted, and it signs itself as well.
_NEW_ROOT = Authority("New Root")
_NEW_ROOT_CROSSED = Authority("New Root", world.root)
_FORGE_ROOT_CROSSED = Authority("Forge Root", world.stranger)
ROOTS = [world.root.der, _RSA_ROOT.der]

_LONG_AGO = days(-400)


def _dates() -> Iterator[Setup]:
    for title, start, end, problem in (
        ("expired", -100, -10, "expired"),
        ("expired a minute ago", -90, -1 / 1440, "expired"),
        ("expiring in two weeks", -76, 14, "expiring"),
        ("expiring in six hours", -89, 0.25, "expiring"),
        ("not valid yet", 1, 91, "not_yet_valid"),
        ("valid in an hour", 1 / 24, 90, "not_yet_valid"),
        ("three years long", -100, 995, ""),
        ("160 hours, fresh", -1, 160 / 24 - 1, ""),
        ("160 hours, at its last ten", -150 / 24, 10 / 24, "expiring"),
    ):
        yield shows(title, [leaf([HOST], world.intermediate, lasts=(days(start), days(end))), CHAIN[1]], problem)
    end_of_time = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW
    yield shows("without an end (9999)", [leaf([HOST], world.intermediate, lasts=(days(-1), end_of_time)), CHAIN[1]])


def _names() -> Iterator[Setup]:
    many = [f"host{number}.forge.org" for number in range(200)]
    for title, names, host, problem in (
        ("for another host", ["other.forge.org"], HOST, "name_mismatch"),
        ("200 names, ours the last", [*many[:199], HOST], HOST, ""),
        ("200 names, ours not among them", many, HOST, "name_mismatch"),
        ("an internationalised name", ["xn--bcher-kva.forge.org"], "xn--bcher-kva.forge.org", ""),
        ("a wildcard", ["*.forge.org"], HOST, ""),
        ("a wildcard, two labels below it", ["*.forge.org"], "a.www.forge.org", "name_mismatch"),
        ("a wildcard, its own parent", ["*.forge.org"], "forge.org", "name_mismatch"),
        ("a wildcard for part of a label", ["w*.forge.org"], HOST, "name_mismatch"),
        ("a wildcard in the middle", ["www.*.org"], HOST, "name_mismatch"),
        ("a wildcard for a whole top-level domain", ["*.org"], "forge.org", "name_mismatch"),
        ("a wildcard over an internationalised label", ["*.forge.org"], "xn--bcher-kva.forge.org", ""),
        ("an address only", ["192.0.2.7"], HOST, "name_mismatch"),
        ("an address beside the name", ["192.0.2.7", HOST], HOST, ""),
        ("a name in capitals", ["WWW.Forge.ORG"], HOST, ""),
        ("a name with a final dot", [f"{HOST}."], HOST, ""),
        ("a NUL in a name", [f"{HOST}\0.evil.example"], HOST, "name_mismatch"),
        ("a name written as an address of mail", [f"admin@{HOST}"], HOST, "name_mismatch"),
    ):
        yield shows(title, [leaf(names, world.intermediate), CHAIN[1]], problem, host=host)
    own = leaf(None, world.intermediate, common_name=HOST)
    yield shows("no SAN, the name in the common name alone", [own, CHAIN[1]], "no_san")
    nul = leaf([HOST], world.intermediate, common_name=f"{HOST}\0.evil.example")
    yield shows("a NUL in the common name", [nul, CHAIN[1]])
    critical = ((x509.SubjectAlternativeName([x509.DNSName(HOST)]), True),)
    nameless = leaf(None, world.intermediate, subject=name(""), extensions=critical)
    yield shows("no subject, critical SAN", [nameless, CHAIN[1]])
    uri = ((x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"https://{HOST}/")]), False),)
    yield shows("the name as a URI only", [leaf(None, world.intermediate, extensions=uri), CHAIN[1]], "name_mismatch")


def _keys() -> Iterator[Setup]:
    for kind in ("RSA-2048", "P-384", "P-521", "Ed25519"):
        own = leaf([HOST], world.intermediate, kind=f"{kind} leaf")
        yield shows(f"a key of {kind}", [own, CHAIN[1]], kind=f"{kind} leaf")
    weak = leaf([HOST], world.intermediate, kind="RSA-1024 leaf")
    yield shows("a key of RSA-1024", [weak, CHAIN[1]], "weak_key", kind="RSA-1024 leaf")
    p192 = leaf([HOST], world.intermediate, kind="P-192 leaf")
    nothing = Expected("tls_handshake_failed", tls="")
    yield Setup("a key of P-192", Tls([p192, CHAIN[1]], "P-192 leaf"), nothing)
    brainpool = leaf([HOST], world.intermediate, kind="brainpool leaf")
    seen = Expected(tls="TLS 1.2")
    yield Setup("a key of brainpoolP256r1", Tls([brainpool, CHAIN[1]], "brainpool leaf"), seen)
    sha1 = with_sha1(leaf([HOST], _RSA_INTERMEDIATE), rsa_key("RSA-2048 RSA Intermediate"))
    yield shows("signed with SHA-1", [sha1, _RSA_INTERMEDIATE.der], "weak_signature")
    below = Authority("SHA-1 Intermediate", _RSA_ROOT)
    forged = with_sha1(below.der, rsa_key("RSA-2048 RSA Root"))
    yield shows("an intermediate signed with SHA-1", [leaf([HOST], below), forged], "weak_signature")


def _usages() -> Iterator[Setup]:
    oid = ExtendedKeyUsageOID
    for title, usages, problem in (
        ("for clients only", (oid.CLIENT_AUTH,), "wrong_usage"),
        ("for code only", (oid.CODE_SIGNING,), "wrong_usage"),
        ("for servers and clients", (oid.SERVER_AUTH, oid.CLIENT_AUTH), ""),
        ("for any use", (oid.ANY_EXTENDED_KEY_USAGE,), ""),
        ("for every use, by saying none", (), ""),
    ):
        yield shows(f"usage: {title}", [leaf([HOST], world.intermediate, usages=usages), CHAIN[1]], problem)
    is_ca = ((x509.BasicConstraints(ca=True, path_length=None), True),)
    authority = leaf([HOST], world.intermediate, extensions=is_ca)
    yield shows("a leaf that says it is a CA", [authority, CHAIN[1]], "authority_as_leaf")
    unknown = ((x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True),)
    odd = leaf([HOST], world.intermediate, extensions=unknown)
    yield shows("a critical extension that nobody knows", [odd, CHAIN[1]], "chain_invalid")


def _chains() -> Iterator[Setup]:
    own, intermediate = CHAIN
    stranger = leaf([HOST], world.stranger_intermediate)
    lower = Authority("Lower", world.intermediate)
    below = leaf([HOST], lower)
    yield shows("as it should be", CHAIN)
    yield shows("self-signed", [leaf([HOST], None)], "self_signed")
    yield shows("self-signed, for another host", [leaf(["other.forge.org"], None)], "name_mismatch", "self_signed")
    old = (days(-400), days(-30))
    yield shows("self-signed and expired", [leaf([HOST], None, lasts=old)], "expired", "self_signed")
    yield shows("no intermediate", [own], "missing_intermediate")
    yield shows("one of two intermediates left out", [below, lower.der], "missing_intermediate")
    yield shows("an unknown authority", [stranger, world.stranger_intermediate.der], "untrusted_chain")
    sent = [stranger, world.stranger_intermediate.der, world.stranger.der]
    yield shows("an unknown authority with its root", sent, "untrusted_chain")
    yield shows("two intermediates", [below, lower.der, intermediate])
    yield shows("two intermediates, in the wrong order", [below, intermediate, lower.der], "chain_order")
    yield shows("the root sent as well", [*CHAIN, world.root.der])
    yield shows("the leaf sent twice", [own, own, intermediate], "chain_superfluous")
    yield shows("the intermediate sent twice", [*CHAIN, intermediate], "chain_superfluous")
    yield shows("a certificate that nobody needs", [*CHAIN, world.stranger.der], "chain_superfluous")
    heap = [Authority(f"Heap {number}").der for number in range(12)]
    yield shows("twelve that nobody needs", [*CHAIN, *heap], "chain_superfluous")
    crossed = leaf([HOST], Authority("Below New", _NEW_ROOT)), Authority("Below New", _NEW_ROOT).der
    yield shows("a new root, crossed by a trusted one", [*crossed, _NEW_ROOT_CROSSED.der])
    yield shows("a new root, its crossing left out", crossed, "missing_intermediate")
    yield shows("a trusted root, crossed by a stranger as well", [*CHAIN, _FORGE_ROOT_CROSSED.der])


def _broken_chains() -> Iterator[Setup]:
    for title, lasts, problem in (
        ("an expired intermediate", (_LONG_AGO, days(-5)), "chain_expired"),
        ("an intermediate that ends before the leaf", (_LONG_AGO, days(20)), "chain_expiring"),
        ("an intermediate that is not valid yet", (days(3), days(300)), "chain_not_yet_valid"),
    ):
        signer = Authority(f"Dated {title}", world.root, lasts=lasts)
        yield shows(title, [leaf([HOST], signer), signer.der], problem)
    namesake = Authority("Namesake", world.root, named="Forge Intermediate")
    yield shows("an intermediate of the same name and another key", [CHAIN[0], namesake.der], "chain_invalid")
    no_ca = Authority("No CA", world.root, ca=False)
    yield shows("signed by a certificate that is no CA", [leaf([HOST], no_ca), no_ca.der], "chain_invalid")
    short = Authority("Short", world.root, path_length=0)
    lower = Authority("Below Short", short)
    yield shows("a path longer than allowed", [leaf([HOST], lower), lower.der, short.der], "chain_invalid")
    for title, permitted, problem in (
        ("name constraints that are kept", "forge.org", ""),
        ("name constraints that are violated", "other.org", "chain_invalid"),
    ):
        constraint = x509.NameConstraints([x509.DNSName(permitted)], None)
        signer = Authority(f"Constrained {permitted}", world.root, extensions=((constraint, True),))
        yield shows(title, [leaf([HOST], signer), signer.der], problem)
    excluded = x509.NameConstraints(None, [x509.IPAddress(ip_network("192.0.2.0/24"))])
    signer = Authority("Excluding", world.root, extensions=((excluded, True),))
    yield shows(
        "name constraints on addresses that are violated",
        [leaf([HOST, "192.0.2.7"], signer), signer.der],
        "chain_invalid",
    )


SETUPS = [*_dates(), *_names(), *_keys(), *_usages(), *_chains(), *_broken_chains()]

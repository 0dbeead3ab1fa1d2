"""Every way in which a served certificate can be right or wrong, and the exact words for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509 as cx509
from cryptography.x509.oid import ExtendedKeyUsageOID

from config.lib import x509
from config.lib.x509.judging import judge
from tests.unit.domains.forge import NOW, Authority, World, days, leaf, rsa_key, with_sha1

HOST = "www.forge.org"

world = World()
roots = x509.roots_of([world.root.der])

old_intermediate = Authority("Forge Old", world.root, lasts=(days(-900), days(-3)))
short_intermediate = Authority("Forge Short", world.root, lasts=(days(-900), days(20)))
future_intermediate = Authority("Forge Future", world.root, lasts=(days(2), days(900)))
rsa_intermediate = Authority("Forge RSA", world.root, algorithm="RSA-2048")
not_an_authority = Authority("Forge Leafish", world.root, ca=False)
second_level = Authority("Forge Second", world.intermediate)
CA = world.intermediate
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW

type Served = Callable[[], list[bytes]]

CORPUS: dict[str, tuple[Served, list[str]]] = {
    "healthy": (lambda: [leaf([HOST], CA), CA.der], []),
    "root sent as well": (lambda: [leaf([HOST], CA), CA.der, world.root.der], []),
    "two intermediates": (lambda: [leaf([HOST], second_level), second_level.der, CA.der], []),
    "no common name": (lambda: [leaf([HOST], CA, subject=cx509.Name([])), CA.der], []),
    "200 names": (lambda: [leaf([f"h{n}.forge.org" for n in range(199)] + [HOST], CA), CA.der], []),
    "wildcard": (lambda: [leaf(["*.forge.org"], CA), CA.der], []),
    "upper-case name": (lambda: [leaf(["WWW.Forge.ORG"], CA), CA.der], []),
    "client usage too": (
        lambda: [leaf([HOST], CA, usages=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), CA.der],
        [],
    ),
    "any usage": (lambda: [leaf([HOST], CA, usages=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), CA.der], []),
    "no usage extension": (lambda: [leaf([HOST], CA, usages=[]), CA.der], []),
    "RSA 2048": (lambda: [leaf([HOST], CA, kind="RSA-2048 leaf"), CA.der], []),
    "P-384": (lambda: [leaf([HOST], CA, kind="P-384 leaf"), CA.der], []),
    "no end": (lambda: [leaf([HOST], CA, lasts=(days(-1), NO_END)), CA.der], []),
    "expired": (lambda: [leaf([HOST], CA, lasts=(days(-90), days(-1))), CA.der], ["expired"]),
    "last second": (lambda: [leaf([HOST], CA, lasts=(days(-90), days(0))), CA.der], ["expiring"]),
    "not yet valid": (lambda: [leaf([HOST], CA, lasts=(days(1), days(91))), CA.der], ["not_yet_valid"]),
    "a quarter of 90 days left": (lambda: [leaf([HOST], CA, lasts=(days(-68), days(22))), CA.der], ["expiring"]),
    "a third of 90 days left": (lambda: [leaf([HOST], CA, lasts=(days(-60), days(30))), CA.der], []),
    "160 hours, half left": (
        lambda: [leaf([HOST], CA, lasts=(timedelta(hours=-80), timedelta(hours=80))), CA.der],
        [],
    ),
    "160 hours, 30 left": (
        lambda: [leaf([HOST], CA, lasts=(timedelta(hours=-130), timedelta(hours=30))), CA.der],
        ["expiring"],
    ),
    "a year, 29 days left": (lambda: [leaf([HOST], CA, lasts=(days(-336), days(29))), CA.der], ["expiring"]),
    "other host": (lambda: [leaf(["mail.forge.org"], CA), CA.der], ["name_mismatch"]),
    "wildcard one level too deep": (lambda: [leaf(["*.org"], CA), CA.der], ["name_mismatch"]),
    "wildcard of the host itself": (lambda: [leaf([f"*.{HOST}"], CA), CA.der], ["name_mismatch"]),
    "address only": (lambda: [leaf(["192.0.2.1"], CA), CA.der], ["name_mismatch"]),
    "common name only": (lambda: [leaf(None, CA, common_name=HOST), CA.der], ["no_san"]),
    "self-signed": (lambda: [leaf([HOST], None)], ["self_signed"]),
    "self-signed, expired, other host": (
        lambda: [leaf(["localhost"], None, lasts=(days(-400), days(-35)))],
        ["expired", "name_mismatch", "self_signed"],
    ),
    "no intermediate": (lambda: [leaf([HOST], CA)], ["missing_intermediate"]),
    "an unrelated intermediate instead": (
        lambda: [leaf([HOST], CA), second_level.der],
        ["missing_intermediate", "chain_superfluous"],
    ),
    "one of two intermediates missing": (
        lambda: [leaf([HOST], second_level), second_level.der],
        ["missing_intermediate"],
    ),
    "strange root": (
        lambda: [leaf([HOST], world.stranger_intermediate), world.stranger_intermediate.der, world.stranger.der],
        ["untrusted_chain"],
    ),
    "strange root, not sent": (
        lambda: [leaf([HOST], world.stranger_intermediate), world.stranger_intermediate.der],
        ["untrusted_chain"],
    ),
    "intermediate expired": (
        lambda: [leaf([HOST], old_intermediate), old_intermediate.der],
        ["chain_expired"],
    ),
    "intermediate not yet valid": (
        lambda: [leaf([HOST], future_intermediate), future_intermediate.der],
        ["chain_not_yet_valid"],
    ),
    "intermediate ends before the leaf": (
        lambda: [leaf([HOST], short_intermediate), short_intermediate.der],
        ["chain_expiring"],
    ),
    "wrong order": (lambda: [leaf([HOST], second_level), CA.der, second_level.der], ["chain_order"]),
    "superfluous": (lambda: [leaf([HOST], CA), CA.der, world.stranger.der], ["chain_superfluous"]),
    "signed by something that may not sign": (
        lambda: [leaf([HOST], not_an_authority), not_an_authority.der],
        ["chain_invalid"],
    ),
    "RSA 1024": (lambda: [leaf([HOST], CA, kind="RSA-1024 leaf"), CA.der], ["weak_key"]),
    "SHA-1": (
        lambda: [with_sha1(leaf([HOST], rsa_intermediate), rsa_key("RSA-2048 Forge RSA")), rsa_intermediate.der],
        ["weak_signature"],
    ),
    "broken signature": (
        lambda: [with_sha1(leaf([HOST], rsa_intermediate), rsa_key("RSA-2048 other")), rsa_intermediate.der],
        ["weak_signature", "chain_invalid"],
    ),
    "P-192": (lambda: [leaf([HOST], CA, kind="P-192 leaf"), CA.der], ["weak_key"]),
    "client certificate": (
        lambda: [leaf([HOST], CA, usages=[ExtendedKeyUsageOID.CLIENT_AUTH]), CA.der],
        ["wrong_usage"],
    ),
    "garbage": (lambda: [b"\x30\x03\x02\x01\x01"], ["certificate_unreadable", "dates_unreadable", "chain_invalid"]),
    "twelve certificates": (
        lambda: [leaf([HOST], CA), CA.der, *[world.stranger.der] * 10],
        ["chain_superfluous"],
    ),
}


@pytest.mark.parametrize("title", CORPUS)
def test_each_kind_of_certificate_gets_exactly_its_problems(title: str) -> None:
    make, expected = CORPUS[title]
    found = judge(make(), HOST, NOW, roots, "")
    assert sorted(found.codes) == sorted(expected)
    assert all(problem.code in x509.ENTRIES for problem in found.problems)


def test_critical_problems_come_first() -> None:
    found = judge([leaf([HOST], CA, lasts=(days(-90), days(-1))), CA.der, world.stranger.der], HOST, NOW, roots, "")
    assert [problem.severity for problem in found.problems] == ["critical", "info"]


def test_the_drawn_chain_ends_at_the_root_that_was_not_served() -> None:
    path = judge([leaf([HOST], CA), CA.der], HOST, NOW, roots, "").path
    assert [(link.role, link.served) for link in path] == [("leaf", True), ("intermediate", True), ("root", False)]


def test_a_broken_chain_is_drawn_as_far_as_it_goes() -> None:
    path = judge([leaf([HOST], second_level), second_level.der], HOST, NOW, roots, "").path
    assert [link.role for link in path] == ["leaf", "intermediate"]


def test_a_verdict_is_remembered_until_the_next_date_that_changes_it() -> None:
    ders = [leaf([HOST], CA, lasts=(days(-60), days(30))), CA.der]
    first = x509.verdict(ders, HOST, NOW, roots)
    assert first.codes == ()
    assert x509.verdict(ders, HOST, NOW + days(1), roots) is first
    assert x509.verdict(ders, HOST, NOW + days(8), roots).codes == ("expiring",)
    assert x509.verdict(ders, HOST, NOW + days(30), roots).codes == ("expiring",)
    assert x509.verdict(ders, HOST, NOW + days(30) + timedelta(seconds=1), roots).codes == ("expired",)


def test_going_back_in_time_is_judged_afresh() -> None:
    ders = [leaf([HOST], CA), CA.der]
    assert x509.verdict(ders, HOST, NOW, roots).codes == ()
    assert x509.verdict(ders, HOST, NOW - days(20), roots).codes == ("not_yet_valid",)


def test_another_root_store_or_host_never_sees_a_remembered_verdict() -> None:
    ders = [leaf([HOST], CA), CA.der]
    assert x509.verdict(ders, HOST, NOW, roots).trusted
    others = x509.roots_of([world.stranger.der])
    assert not x509.verdict(ders, HOST, NOW, others).trusted
    assert x509.verdict(ders, "forge.org", NOW, roots).codes == ("name_mismatch",)


def test_a_prefix_of_a_chain_is_another_chain() -> None:
    first, second = leaf([HOST], CA), CA.der
    assert x509.chain_sha256([first, second]) != x509.chain_sha256([first + second])


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("forge.org", "forge.org", True),
        ("forge.org.", "forge.org", True),
        ("*.forge.org", "a.forge.org", True),
        ("*.forge.org", "forge.org", False),
        ("*.forge.org", "a.b.forge.org", False),
        ("*.forge.org", ".forge.org", False),
        ("w*.forge.org", "www.forge.org", False),
        ("*", "org", False),
        ("*.org", "forge.org", False),
        ("*.*.org", "a.forge.org", False),
        ("a.*.org", "a.forge.org", False),
        ("", "", False),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", True),
        ("*.xn--bcher-kva.example", "www.xn--bcher-kva.example", True),
    ],
)
def test_an_asterisk_stands_for_exactly_one_label(pattern: str, host: str, covered: bool) -> None:
    assert x509.matches(pattern, host) is covered

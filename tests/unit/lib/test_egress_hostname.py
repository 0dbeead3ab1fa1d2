# ruff: noqa: E501, RUF001 (tables of spellings)
"""The grammar of host names: what is taken, and each refusal by its own code."""

from ipaddress import ip_network

import pytest
from django.test import override_settings

from config.lib.egress import parse_dns_name, parse_host, parse_hostname
from config.lib.errors import NeedsUser

TAKEN = {
    "shop.acme-widgets.com": "shop.acme-widgets.com",
    "WWW.Acme-Widgets.COM": "www.acme-widgets.com",
    "acme-widgets.com.": "acme-widgets.com",
    "acme.co.uk": "acme.co.uk",
    "münchen.de": "xn--mnchen-3ya.de",
    "faß.de": "xn--fa-hia.de",
    "例え.jp": "xn--r8jz45g.jp",
    "acme。com": "acme.com",
    "ａcme.com": "acme.com",
    "xn--vi8h.ws": "xn--vi8h.ws",
    "r3---sn-abc.googlevideo.com": "r3---sn-abc.googlevideo.com",
    "1.2.3.4.nip.io": "1.2.3.4.nip.io",
    "3com.com": "3com.com",
    "someone.github.io": "someone.github.io",
    f"{'a' * 63}.com": f"{'a' * 63}.com",
}
REFUSED = {
    "host_malformed": [
        "", ".", "..", "a..com", ".acme.com", "acme.com..", "-a.com", "a-.com", "a_b.com", "*.acme.com", "acme.com\n",
        "acme.com\r\nX: y", " acme.com", "acme.com ", "a b.com", "a\tb.com", "a\x00.com", "https://acme.com", "acme.com/",
        "acme.com:443", "user@acme.com", "acme.com?x", "acme.com#x", "a%2ecom.com", "acme,com", "a\\b.com", "a;b.com",
        "$(id).acme.com", "`id`.com", "\u202eacme.com", f"{'a' * 64}.com", f"{'a.' * 130}com", "::1]:443x", "a.com%eth0",
    ],
    "host_is_ip": [
        "127.0.0.1", "127.0.0.1.", "8.8.8.8", "127.1", "127.0.1", "2130706433", "0", "0x7f.1", "0x7f000001", "0x7F.0.0.1",
        "017700000001", "0177.0.0.1", "127.0.0.0x1", "1.2.3.4.5", "999.999.999.999", "a.b.1", "a.0x", "１２７.0.0.1",
        "①②⑦.⓪.⓪.①", "127。0。0。1", "²¹³⁰⁷⁰⁶⁴³³", "::1", "[::1]", "::", "fe80::1%eth0", "[fe80::1%25eth0]", "::ffff:127.0.0.1",
        "[::ffff:7f00:1]", "[::1", "2606:4700::1111", "64:ff9b::7f00:1",
    ],
    "host_single_label": ["intranet", "com", "metadata", "a"],
    "host_public_suffix": ["co.uk", "github.io", "com.au", "s3.amazonaws.com", "公司.cn"],
    "host_reserved": [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "x.invalid", "x.onion", "1.0.0.127.in-addr.arpa", "printer.local",
        "metadata.google.internal", "router.home.arpa", "shop.test", "shop.example", "example.com", "www.example.org", "example.net",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("typed", "name"), TAKEN.items())
def test_a_public_host_name_becomes_lower_case_a_labels(typed: str, name: str) -> None:
    assert parse_hostname(typed) == name
    assert parse_hostname(name) == name


@pytest.mark.parametrize(("code", "typed"), [(code, typed) for code, texts in REFUSED.items() for typed in texts])
def test_everything_else_is_refused_by_its_own_code(code: str, typed: str) -> None:
    with pytest.raises(NeedsUser) as refusal:
        parse_hostname(typed)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "name", ["shop.example.net", "example.com", "printer.local", "a.internal", "r.home.arpa", "x.test"]
)
def test_an_opened_network_opens_its_private_names(name: str) -> None:
    with override_settings(EGRESS_ALLOW_CIDRS=(ip_network("10.0.0.0/8"),)):
        assert parse_hostname(name) == name


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "x.invalid", "x.onion", "8.8.in-addr.arpa"])
def test_an_opened_network_does_not_open_names_that_lead_nowhere(name: str) -> None:
    with override_settings(EGRESS_ALLOW_CIDRS=(ip_network("10.0.0.0/8"),)), pytest.raises(NeedsUser) as refusal:
        parse_hostname(name)
    assert refusal.value.code == "host_reserved"


@pytest.mark.parametrize(
    ("text", "host"),
    [("localhost", "localhost"), ("redis", "redis"), ("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("0:0::1", "::1"), ("A.b", "a.b")],
)  # fmt: skip
def test_an_operator_may_name_any_host(text: str, host: str) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize("text", ["127.1", "0x7f.1", "2130706433", "①②⑦.⓪.⓪.①", "[127.0.0.1]", "a b", "x\n", ""])
def test_an_operator_s_host_has_one_spelling_too(text: str) -> None:
    with pytest.raises(NeedsUser):
        parse_host(text)


def test_a_dns_name_may_have_underscores_where_a_host_may_not() -> None:
    assert parse_dns_name("_acme-challenge.Shop.Example.net") == "_acme-challenge.shop.example.net"
    with pytest.raises(NeedsUser):
        parse_dns_name("_.example.net")


def test_what_was_typed_is_quoted_without_control_characters_and_short() -> None:
    with pytest.raises(NeedsUser) as refusal:
        parse_hostname("evil\r\n\x1b[31m" + "x" * 500)
    assert refusal.value.params["host"].isprintable()
    assert len(refusal.value.params["host"]) == 100

"""Our reader of DNS replies says what dnspython says, and nothing that comes makes it fail otherwise."""

import contextlib
import itertools

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.lib.egress.wire import AAAA, A, Malformed, make_question, read_reply

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=1, max_size=5).map(".".join)
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)
NOT_ADDRESSES = [("TXT", '"x"'), ("NS", "ns.example.net."), ("MX", "5 mx.example.net."), ("HTTPS", "1 . alpn=h2")]


@given(NAME, st.sampled_from([A, AAAA]), st.integers(0, 0xFFFF))
def test_a_question_is_what_dnspython_reads(name: str, rdtype: int, ident: int) -> None:
    message = dns.message.from_wire(make_question(name, rdtype, ident))
    (question,) = message.question
    assert (message.id, question.name.to_text(omit_final_dot=True), question.rdtype) == (ident, name, rdtype)
    assert message.flags == dns.flags.RD
    assert message.payload == 1232


def reply_to(name: str, rdtype: str, rrsets: list[dns.rrset.RRset], rcode: int = 0) -> bytes:
    message = dns.message.make_response(dns.message.make_query(f"{name}.", rdtype))
    message.set_rcode(dns.rcode.Rcode(rcode))
    message.answer.extend(rrsets)
    return message.to_wire()


def rrset(name: str, rdtype: str, *texts: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", 60, "IN", rdtype, *texts)


@given(NAME, st.lists(V4, unique=True, max_size=20), st.sampled_from(NOT_ADDRESSES), st.integers(0, 5))
def test_addresses_are_read_as_dnspython_reads_them(
    name: str, addresses: list[str], noise: tuple[str, str], rcode: int
) -> None:
    rrsets = [rrset(name, *noise)] + ([rrset(name, "A", *addresses)] if addresses else [])
    reply = read_reply(reply_to(name, "A", rrsets, rcode))
    assert (reply.name, reply.rdtype, reply.rcode, reply.is_truncated) == (name, A, rcode, False)
    assert sorted(reply.addresses) == sorted(addresses)


@given(st.lists(NAME, min_size=2, max_size=8, unique=True), st.lists(V6, min_size=1, max_size=4, unique=True))
def test_a_chain_of_aliases_is_followed_in_any_order(chain: list[str], addresses: list[str]) -> None:
    links = [rrset(owner, "CNAME", f"{target}.") for owner, target in itertools.pairwise(chain)]
    reply = read_reply(reply_to(chain[0], "AAAA", [rrset(chain[-1], "AAAA", *addresses), *reversed(links)]))
    expected = dns.rrset.from_text("x.", 0, "IN", "AAAA", *addresses)
    assert sorted(reply.addresses) == sorted(record.address for record in expected)


def test_addresses_of_a_name_that_nobody_asked_for_do_not_count() -> None:
    wire = reply_to("shop.example.net", "A", [rrset("evil.example.net", "A", "8.8.8.8")])
    assert read_reply(wire).addresses == []


def test_a_loop_of_aliases_ends() -> None:
    links = [rrset("a.net", "CNAME", "b.net."), rrset("b.net", "CNAME", "a.net.")]
    assert read_reply(reply_to("a.net", "A", links)).addresses == []


def test_names_compare_without_case() -> None:
    wire = reply_to("Shop.Example.NET", "A", [rrset("SHOP.example.net", "A", "8.8.8.8")])
    assert read_reply(wire).name == "shop.example.net"
    assert read_reply(wire).addresses == ["8.8.8.8"]


GOOD = reply_to("shop.example.net", "A", [rrset("shop.example.net", "A", "8.8.8.8", "8.8.4.4")])
HEAD = bytes.fromhex("1234 8180 0001 0001 0000 0000")
QUESTION = b"\x01a\x03net\x00\x00\x01\x00\x01"
RECORD = b"\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x08\x08\x08\x08"
BROKEN = {
    "empty": b"",
    "half a header": GOOD[:11],
    "a question": make_question("shop.example.net", A, 1),
    "no question": bytes.fromhex("1234 8180 0000 0000 0000 0000"),
    "a pointer to itself": HEAD + b"\xc0\x0c\x00\x01\x00\x01",
    "a pointer forward": HEAD + b"\xc0\x20\x00\x01\x00\x01" + b"\x00" * 20,
    "two pointers in a ring": HEAD + QUESTION + b"\xc0\x1a\xc0\x18" + RECORD,
    "a label beyond the end": HEAD + b"\x3fa",
    "a label of a kind that does not exist": HEAD + b"\x41a\x00\x00\x01\x00\x01",
    "an address of three bytes": HEAD + QUESTION + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x03\x08\x08\x08",
    "a record beyond the end": HEAD + QUESTION + b"\xc0\x0c" + RECORD[:-1],
    "a name of 300 bytes": HEAD + b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
    "another class": HEAD + b"\x01a\x00\x00\x01\x00\x03",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_reply_is_malformed(broken: str) -> None:
    with pytest.raises(Malformed):
        read_reply(BROKEN[broken])


def test_the_sound_form_of_the_broken_ones_is_read() -> None:
    assert read_reply(HEAD + QUESTION + b"\xc0\x0c" + RECORD).addresses == ["8.8.8.8"]


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail_otherwise(wire: bytes) -> None:
    with contextlib.suppress(Malformed):
        read_reply(wire)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_reply_is_malformed_or_read_as_dnspython_reads_it(damage: list[tuple[int, int]]) -> None:
    wire = bytearray(GOOD)
    for at, value in damage:
        wire[at] = value
    try:
        ours = read_reply(bytes(wire))
    except Malformed:
        return
    try:
        theirs = dns.message.from_wire(bytes(wire), ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return
    owner = dns.name.from_text("shop.example.net.")
    found = theirs.get_rrset("ANSWER", owner, dns.rdataclass.IN, dns.rdatatype.A)
    if ours.name == "shop.example.net" and ours.rdtype == A and found is not None:
        assert set(ours.addresses) == {record.address for record in found}

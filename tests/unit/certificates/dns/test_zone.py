"""What the bundled responder answers, message by message."""

import random
from collections.abc import Sequence

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certificates.dns.zone import LARGEST_DATAGRAM, answer, make_zone, truncated

ORIGIN = "acme.portal.net"
LABEL = "abcdefghijklmnopqrstuvwxyz234567"
EMPTY = "a" * 32
MANY = "b" * 32
BROKEN = "c" * 32
COOKIE = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"x" * 24)
VALUES = {LABEL: ["first", "second"], EMPTY: [], MANY: [f"{number:043}" for number in range(100)]}


def look_up(label: str) -> Sequence[str] | None:
    if label == BROKEN:
        raise RuntimeError("the database is away")
    return VALUES.get(label)


ZONE = make_zone(ORIGIN, ["ns1.portal.net", "ns2.portal.net"], look_up)


def ask(name: str, rdtype: str = "TXT", *, is_datagram: bool = True, **options: object) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, **options)  # type: ignore[arg-type]
    wire = answer(query.to_wire(), ZONE, is_datagram=is_datagram)
    assert wire is not None
    reply = dns.message.from_wire(wire)
    assert query.is_response(reply)
    return reply


def texts(reply: dns.message.Message) -> list[str]:
    return [record.to_text() for rrset in reply.answer for record in rrset]


def test_it_answers_the_values_with_authority() -> None:
    reply = ask(f"{LABEL}.{ORIGIN}")
    assert reply.rcode() == dns.rcode.NOERROR
    assert sorted(texts(reply)) == ['"first"', '"second"']
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA
    assert reply.answer[0].ttl == 0


def test_letters_come_back_as_they_were_asked() -> None:
    name = "".join(letter.upper() if number % 3 else letter for number, letter in enumerate(f"{LABEL}.{ORIGIN}"))
    reply = ask(name)
    assert sorted(texts(reply)) == ['"first"', '"second"']
    assert reply.question[0].name.to_text() == f"{name}."
    assert reply.answer[0].name.to_text() == f"{name}."


@pytest.mark.parametrize(
    ("name", "rdtype", "rcode", "authority"),
    [
        (f"{EMPTY}.{ORIGIN}", "TXT", dns.rcode.NOERROR, "SOA"),
        (f"{LABEL}.{ORIGIN}", "A", dns.rcode.NOERROR, "SOA"),
        (f"{LABEL}.{ORIGIN}", "CAA", dns.rcode.NOERROR, "SOA"),
        (f"{LABEL}.{ORIGIN}", "NS", dns.rcode.NOERROR, "SOA"),
        (ORIGIN, "A", dns.rcode.NOERROR, "SOA"),
        (ORIGIN, "TXT", dns.rcode.NOERROR, "SOA"),
        (f"{'d' * 32}.{ORIGIN}", "TXT", dns.rcode.NXDOMAIN, "SOA"),
        (f"x.{ORIGIN}", "TXT", dns.rcode.NXDOMAIN, "SOA"),
        (f"x.{LABEL}.{ORIGIN}", "TXT", dns.rcode.NXDOMAIN, "SOA"),
        (f"_acme-challenge.{LABEL}.{ORIGIN}", "TXT", dns.rcode.NXDOMAIN, "SOA"),
        ("portal.net", "SOA", dns.rcode.REFUSED, ""),
        ("example.org", "A", dns.rcode.REFUSED, ""),
        (f"x{ORIGIN}", "TXT", dns.rcode.REFUSED, ""),
        (".", "NS", dns.rcode.REFUSED, ""),
        (ORIGIN, "AXFR", dns.rcode.REFUSED, ""),
        (ORIGIN, "IXFR", dns.rcode.REFUSED, ""),
        (f"{BROKEN}.{ORIGIN}", "TXT", dns.rcode.SERVFAIL, ""),
    ],
)
def test_what_is_not_there_is_said_right(name: str, rdtype: str, rcode: int, authority: str) -> None:
    query = dns.message.make_query(name, rdtype)
    wire = answer(query.to_wire(), ZONE, is_datagram=True)
    assert wire is not None
    reply = dns.message.from_wire(wire)
    assert (reply.rcode(), texts(reply)) == (rcode, [])
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in reply.authority] == ([authority] if authority else [])


@pytest.mark.parametrize("rdtype", ["SOA", "ANY"])
def test_the_top_has_an_soa(rdtype: str) -> None:
    assert [text.split()[0] for text in texts(ask(ORIGIN, rdtype))] == ["ns1.portal.net."]


def test_the_top_has_its_name_servers() -> None:
    assert sorted(texts(ask(ORIGIN, "NS"))) == ["ns1.portal.net.", "ns2.portal.net."]


def test_other_classes_are_refused() -> None:
    assert ask(f"{LABEL}.{ORIGIN}", rdclass=dns.rdataclass.CH).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(
    ("options", "most"),
    [({}, 512), ({"use_edns": 0, "payload": 4096}, LARGEST_DATAGRAM), ({"use_edns": 0, "payload": 100}, 512)],
)
def test_long_answers_are_cut_to_what_the_asker_takes(options: dict[str, int], most: int) -> None:
    query = dns.message.make_query(f"{MANY}.{ORIGIN}", "TXT", **options)  # type: ignore[arg-type]
    wire = answer(query.to_wire(), ZONE, is_datagram=True)
    assert wire is not None
    assert len(wire) <= most
    reply = dns.message.from_wire(wire)
    assert reply.flags & dns.flags.TC
    assert (reply.edns >= 0) is bool(options)
    whole = ask(f"{MANY}.{ORIGIN}", is_datagram=False, **options)  # type: ignore[arg-type]
    assert len(texts(whole)) == 100
    assert not whole.flags & dns.flags.TC


def test_an_unknown_version_of_edns_is_told() -> None:
    query = dns.message.make_query(ORIGIN, "SOA", use_edns=0)
    query.use_edns(1)
    wire = answer(query.to_wire(), ZONE, is_datagram=True)
    assert wire is not None
    assert dns.message.from_wire(wire).rcode() == dns.rcode.BADVERS


def test_other_operations_are_not_implemented() -> None:
    update = dns.update.UpdateMessage(ORIGIN)
    update.add("x", 1, "TXT", "mine")
    for wire in (update.to_wire(), b"\x12\x34\x10\x00" + bytes(8), b"\x12\x34\x20\x00" + bytes(8)):
        reply = answer(wire, ZONE, is_datagram=True)
        assert reply is not None
        assert reply[:2] == wire[:2]
        assert reply[3] & 0x0F == dns.rcode.NOTIMP


def test_replies_and_scraps_get_nothing() -> None:
    reply = dns.message.make_response(dns.message.make_query(ORIGIN, "SOA"))
    for wire in (b"", b"\x00", bytes(11), reply.to_wire()):
        assert answer(wire, ZONE, is_datagram=True) is None
        assert truncated(wire) is None


def test_two_questions_or_none_are_no_question() -> None:
    query = dns.message.make_query(ORIGIN, "SOA")
    query.question.append(query.question[0])
    for wire in (query.to_wire(), b"\x12\x34\x00\x00" + bytes(8)):
        reply = answer(wire, ZONE, is_datagram=True)
        assert reply is not None
        assert dns.message.from_wire(reply).rcode() == dns.rcode.FORMERR


def test_a_signed_question_is_not_understood() -> None:
    query = dns.message.make_query(ORIGIN, "SOA")
    query.use_tsig(dns.tsigkeyring.from_text({"key": "c2VjcmV0"}), "key")
    reply = answer(query.to_wire(), ZONE, is_datagram=True)
    assert reply is not None
    assert reply[3] & 0x0F == dns.rcode.FORMERR


def test_who_asks_too_much_is_sent_to_tcp() -> None:
    query = dns.message.make_query(f"{LABEL}.{ORIGIN}", "TXT", use_edns=0)
    wire = truncated(query.to_wire())
    assert wire is not None
    reply = dns.message.from_wire(wire)
    assert query.is_response(reply)
    assert reply.flags & dns.flags.TC
    assert not reply.answer


def is_sound(wire: bytes, *, is_datagram: bool = True) -> bool:
    """Whether the answer to anything is nothing, or a reply of bounded size with the same id."""
    reply = answer(wire, ZONE, is_datagram=is_datagram)
    if reply is None:
        return True
    return reply[:2] == wire[:2] and bool(reply[2] & 0x80) and len(reply) <= LARGEST_DATAGRAM


@given(st.binary(max_size=600))
@settings(max_examples=2000, deadline=None)
def test_noise_never_stops_it(wire: bytes) -> None:
    assert is_sound(wire)


@pytest.mark.timeout(120)
def test_mutated_questions_never_stop_it() -> None:
    """10,000 questions with bytes turned, cut, repeated and swapped."""
    dice = random.Random(20261126)
    seeds = [
        dns.message.make_query(f"{LABEL}.{ORIGIN}", "TXT", use_edns=0, payload=4096).to_wire(),
        dns.message.make_query(ORIGIN, "ANY", use_edns=0, options=[COOKIE]).to_wire(),
        dns.message.make_query(f"{MANY}.{ORIGIN}", "TXT", want_dnssec=True).to_wire(),
        dns.update.UpdateMessage(ORIGIN).to_wire(),
    ]
    bad = [wire for wire in (mutated(dice.choice(seeds), dice) for _ in range(10_000)) if not is_sound(wire)]
    assert bad == []


def mutated(wire: bytes, dice: random.Random) -> bytes:
    found = bytearray(wire)
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(found))
        turn = dice.randrange(4)
        if turn == 0:
            found[at] = dice.randrange(256)
        elif turn == 1:
            found[at] ^= 1 << dice.randrange(8)
        elif turn == 2:
            del found[max(2, at) : max(2, at) + dice.randrange(6)]
        else:
            found[at:at] = found[: dice.randrange(1, 20)]
        if len(found) < 3:
            return bytes(found)
    return bytes(found[:4096])


@pytest.mark.parametrize(
    "name",
    [b"\xc0\x0c", b"\xc0\xff", b"\x3f" + b"a" * 63 + b"\xc0\x0c", b"\x40aaaa", b"\xff" * 40, b"\x01\x00\x01.\x00", b""],
)
def test_names_that_point_at_themselves_or_nowhere(name: bytes) -> None:
    wire = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x00\x10\x00\x01"
    assert is_sound(wire)
    assert truncated(wire) is not None

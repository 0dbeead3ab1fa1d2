"""The words before TLS, without any socket: the same however they arrive, and nothing else than our own failure."""

import random

import pytest

from domains.protocols import PROTOCOLS, opener_of
from domains.starttls import CLEAR_BYTES, NotOpened, Opening
from domains.starttls.opening import LINE_BYTES
from tests.corpus.asking import WELL, Talk

ASKING = [name for name in PROTOCOLS if opener_of(name)]


def opening_of(protocol: str) -> Opening:
    opener = opener_of(protocol)
    assert opener
    return Opening(opener, "mail.forge.org", "portal.forge.org")


def converse(opening: Opening, talk: Talk, piece: int) -> bytes:
    """Feed the server's side in pieces; everything that was said to it."""
    said = b""
    for step in talk:
        said += opening.outgoing()
        if isinstance(step, bytes):
            for start in range(0, len(step), piece):
                assert not opening.is_open
                opening.incoming(step[start : start + piece])
    return said + opening.outgoing()


@pytest.mark.parametrize("title", WELL)
def test_the_pieces_in_which_it_arrives_change_nothing(title: str) -> None:
    protocol, talk = WELL[title]
    said = set()
    for piece in (1, 2, 7, 10_000):
        opening = opening_of(protocol)
        said.add(converse(opening, talk, piece))
        assert opening.is_open
    assert len(said) == 1


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("SMTP", b"EHLO portal.forge.org\r\nSTARTTLS\r\n"),
        ("IMAP", b"a1 STARTTLS\r\n"),
        ("POP3", b"CAPA\r\nSTLS\r\n"),
        ("FTP", b"AUTH TLS\r\n"),
        ("LDAP", bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"),
        ("PostgreSQL", bytes.fromhex("0000000804d2162f")),
        ("MySQL", bytes.fromhex("20000001008a0000000000012d") + bytes(23)),
    ],
)
def test_what_we_say_is_what_the_documents_want(title: str, said: bytes) -> None:
    protocol, talk = WELL[title]
    assert converse(opening_of(protocol), talk, 10_000) == said


@pytest.mark.parametrize(
    ("protocol", "namespace"), [("xmpp_client", "jabber:client"), ("xmpp_server", "jabber:server")]
)
def test_a_stream_is_opened_for_those_who_speak_there(protocol: str, namespace: str) -> None:
    hello = opening_of(protocol).outgoing().decode()
    assert f"xmlns='{namespace}'" in hello
    assert 'to="mail.forge.org"' in hello


@pytest.mark.parametrize("protocol", ASKING)
def test_whatever_comes_ends_in_our_own_failure_or_in_waiting(protocol: str) -> None:
    """Honest talks with a few bytes changed, cut or doubled, and pure noise; the seed makes a failure repeatable."""
    dice = random.Random(protocol)
    talks = [talk for name, talk in WELL.values() if name == protocol]
    honest = [b"".join(step for step in talk if isinstance(step, bytes)) for talk in talks]
    codes = set()
    for _ in range(3_000):
        data = bytearray(dice.choice([*honest, dice.randbytes(60)]))
        for _ in range(dice.randrange(6)):
            place = dice.randrange(len(data))
            data[place : place + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
            data = data or bytearray(b"\0")
        opening = opening_of(protocol)
        try:
            opening.incoming(bytes(data))
        except NotOpened as refused:
            codes.add(refused.code)
    assert "starttls_other_protocol" in codes
    assert all(code.startswith("starttls_") for code in codes)


@pytest.mark.parametrize("protocol", ASKING)
def test_nobody_makes_us_keep_more_than_the_cap(protocol: str) -> None:
    opening = opening_of(protocol)
    for _ in range(CLEAR_BYTES // LINE_BYTES):
        try:
            opening.incoming(b" " * LINE_BYTES)
        except NotOpened:
            return
    with pytest.raises(NotOpened, match="starttls_too_long"):
        opening.incoming(b" ")

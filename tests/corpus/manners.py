"""The set-ups that differ in how they serve: versions of TLS, choices, pace, and what is no TLS at all."""

import ssl
from collections.abc import Iterator

from tests.corpus.certificates import CHAIN, world
from tests.corpus.serving import Handler, Tls, asks_first, drips, speaks, waits
from tests.corpus.table import HOST, Expected, Setup
from tests.unit.domains.forge import days, leaf

_V = ssl.TLSVersion
GOOD = Tls(CHAIN)
EXPIRED = Tls([leaf([HOST], world.intermediate, lasts=(days(-100), days(-10))), CHAIN[1]])
_OTHER = Tls([leaf(["other.forge.org"], world.intermediate), CHAIN[1]])


def _versions() -> Iterator[Setup]:
    for version, name, problems in (
        (_V.TLSv1, "TLS 1.0", ("tls_outdated",)),
        (_V.TLSv1_1, "TLS 1.1", ("tls_outdated",)),
        (_V.TLSv1_2, "TLS 1.2", ()),
        (_V.TLSv1_3, "TLS 1.3", ()),
    ):
        yield Setup(f"{name} only", Tls(CHAIN, versions=(version, version)), Expected("", problems, name))
    old = Tls(CHAIN, versions=(_V.TLSv1, _V.TLSv1_2))
    yield Setup("up to TLS 1.2", old, Expected(tls="TLS 1.2"))
    rsa = Tls([leaf([HOST], world.intermediate, kind="RSA-2048 leaf"), CHAIN[1]], "RSA-2048 leaf")
    ancient = Tls(rsa.ders, rsa.kind, (_V.TLSv1, _V.TLSv1))
    yield Setup("TLS 1.0 only, with RSA", ancient, Expected("", ("tls_outdated",), "TLS 1.0"))
    static = Tls(rsa.ders, rsa.kind, (_V.TLSv1, _V.TLSv1_2), ciphers="AES128-GCM-SHA256")
    yield Setup("keys exchanged by RSA alone", static, Expected("", ("no_forward_secrecy",), "TLS 1.2"))
    static = Tls(rsa.ders, rsa.kind, (_V.TLSv1, _V.TLSv1), ciphers="AES128-SHA")
    both = Expected("", ("tls_outdated", "no_forward_secrecy"), "TLS 1.0")
    yield Setup("TLS 1.0, and keys exchanged by RSA alone", static, both)
    demanding = Tls(CHAIN, wants_client_certificate=True)
    yield Setup("a client certificate demanded", demanding, Expected())
    demanding = Tls(CHAIN, versions=(_V.TLSv1_2, _V.TLSv1_2), wants_client_certificate=True)
    yield Setup("a client certificate demanded in TLS 1.2", demanding, Expected("tls_handshake_failed", tls=""))
    expired_rsa = leaf([HOST], world.intermediate, kind="RSA-2048 leaf", lasts=(days(-100), days(-10)))
    double = Tls(CHAIN, beside=Tls([expired_rsa, CHAIN[1]], "RSA-2048 leaf"))
    yield Setup("ECDSA, and an expired RSA beside it", double, Expected())
    chosen = Tls(_OTHER.ders, by_name={HOST: GOOD})
    yield Setup("chosen by name, ours is known", chosen, Expected())
    yield Setup(
        "chosen by name, ours is not",
        Tls(_OTHER.ders, by_name={"a.forge.org": GOOD}),
        Expected(problems=("name_mismatch",)),
    )
    yield Setup(
        "chosen by name, ours is refused",
        Tls(_OTHER.ders, by_name={HOST: None}),
        Expected("tls_handshake_failed", tls=""),
    )


def _pace() -> Iterator[Setup]:
    yield Setup("slow to begin", waits(0.5, speaks(GOOD)), Expected())
    yield Setup("dripping, but through in time", drips(GOOD, 40, 0.002), Expected())
    yield Setup("dripping without end", drips(GOOD, 1, 0.1), Expected("deadline_exceeded", tls=""))
    yield Setup("silent", asks_first((), None), Expected("deadline_exceeded", tls=""))
    for count, outcome, version in ((1_500, "", "TLS 1.3"), (6_000, "tls_handshake_failed", "")):
        names = [HOST, *(f"host{number}.forge.org" for number in range(count))]
        large = Tls([leaf(names, world.intermediate), CHAIN[1]])
        yield Setup(f"a certificate of {count} names", large, Expected(outcome, tls=version))


def _says(data: bytes) -> Handler:
    return asks_first((1, data), None)


def _no_tls() -> Iterator[Setup]:
    none, failed = Expected("tls_none", tls=""), Expected("tls_handshake_failed", tls="")
    yield Setup("plain HTTP", _says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), none)
    yield Setup("SSH", asks_first((b"SSH-2.0-OpenSSH_9.2\r\n",), None), none)
    yield Setup("SMTP, asked for TLS at once", asks_first((b"220 mail ESMTP\r\n",), None), none)
    yield Setup("garbage", _says(b"\xfe\xed" * 400), none)
    yield Setup("a record of garbage", _says(b"\x16\x03\x03\x00\x28" + b"\xff" * 40), failed)
    yield Setup("SSL 3 only", _says(b"\x15\x03\x00\x00\x02\x02\x46"), failed)
    yield Setup("nobody listens", None, Expected("connect_refused", tls=""))


SETUPS = [*_versions(), *_pace(), *_no_tls()]

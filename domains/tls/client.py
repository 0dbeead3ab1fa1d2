"""One TLS client connection without any socket: bytes in, bytes out.

pyOpenSSL over memory buffers, because the standard library's `ssl` is linked to whatever OpenSSL the
machine has and cannot show a chain that it did not verify on Python 3.12. Nothing is verified during
the handshake: a wrong certificate is what the portal is here to see. (The server's signature over the
handshake is checked all the same, so a chain is only ever reported by who holds its key.)
"""

from functools import cache
from typing import Any, NoReturn

from OpenSSL import SSL, crypto

from config.lib.errors import Transient
from domains.starttls import IN_CLEAR, Opening

# OpenSSL itself refuses a certificate message above 100 KB; the rest of a handshake is small.
HANDSHAKE_BYTES = 256 * 1024
_READ = 16 * 1024
_HANDSHAKE_RECORD, _ALERT_RECORD = 22, 21
_LONE_CHANGE_OF_CIPHERS = b"\x14\x03\x03\x00\x01\x01"

# One key share, X25519: a default hello also carries one for ML-KEM. That makes it 1.5 KB instead of
# 330 bytes, two packets over which old middleboxes stumble, and costs 73 instead of 42 microseconds.
# Brainpool comes last, for the certificates of authorities that demand it: unasked, their servers refuse.
_GROUPS = b"X25519:P-256:P-384:P-521:X448:X25519MLKEM768:brainpoolP256r1:brainpoolP384r1:brainpoolP512r1"


class TlsFailed(Transient):
    """No usable TLS there: `tls_none` (something else answers) or `tls_handshake_failed` (with `reason`).

    `ders` holds the certificates that were sent before it failed, if any.
    """

    def __init__(self, code: str, *, ders: tuple[bytes, ...] = (), **params: Any) -> None:
        super().__init__(code, **params)
        self.ders = ders


class TlsClient:
    """Feed what the peer sent to `incoming`, send it what `outgoing` answers.

    `opening` is the talk that let TLS begin, where there was one.
    """

    def __init__(self, sni: str, *, http: bool = False, opening: Opening | None = None) -> None:
        self._host = sni
        self._opening = opening
        self._connection = SSL.Connection(_context(http), None)
        if sni and not _is_literal(sni):
            self._connection.set_tlsext_host_name(sni.encode("ascii"))
        self._connection.set_connect_state()
        self._received = 0
        self._is_open = False
        self._held = b""

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is complete. Raises TlsFailed."""
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            self.fail(_reason(error))
        self._is_open = True
        return True

    def incoming(self, data: bytes) -> None:
        """Bytes from the peer, b"" for its end. Raises TlsFailed, and NotOpened for a peer that goes on in clear."""
        if not data:
            self.fail("the connection was closed")
        if not self._received and data[0] not in (_HANDSHAKE_RECORD, _ALERT_RECORD):
            if self._opening:
                self._opening.fail(IN_CLEAR)
            raise TlsFailed("tls_none", host=self._host)
        self._received += len(data)
        if not self._is_open and self._received > HANDSHAKE_BYTES:
            self.fail("the handshake is too large")
        self._connection.bio_write(data)

    def outgoing(self) -> bytes:
        """What has to be sent now, perhaps nothing."""
        data = self._held + self._pending()
        # It changes nothing in TLS 1.3 (RFC 8446, D.4) and travels with what follows it: a packet less for each visit.
        self._held = data if data == _LONE_CHANGE_OF_CIPHERS else b""
        return b"" if self._held else data

    def _pending(self) -> bytes:
        pieces = []
        while True:
            try:
                pieces.append(self._connection.bio_read(_READ))
            except SSL.WantReadError:
                return b"".join(pieces)
            if len(pieces[-1]) < _READ:
                return b"".join(pieces)

    def write(self, data: bytes) -> None:
        """Encrypt application data; it leaves by the next `outgoing`."""
        self._connection.sendall(data)

    def read(self) -> bytes | None:
        """Decrypted application data; None when more must come in, b"" when the peer ended it."""
        try:
            return self._connection.recv(_READ)
        except SSL.WantReadError:
            return None
        except SSL.Error:
            # Alerts after the handshake (a client certificate is required, …) end the conversation.
            return b""

    def close(self) -> None:
        """Say goodbye by the next `outgoing`, so that the server logs no broken connection."""
        if self._is_open:
            self._connection.shutdown()

    def fail(self, reason: str | OSError) -> NoReturn:
        """Give up for a reason in words or for a transport's error. Raises TlsFailed."""
        if isinstance(reason, OSError):
            is_reset = isinstance(reason, (ConnectionResetError, BrokenPipeError))
            reason = "the connection was reset" if is_reset else "the connection broke"
        raise TlsFailed("tls_handshake_failed", ders=self.served(), host=self._host, reason=reason) from None

    def served(self) -> tuple[bytes, ...]:
        """The certificates as sent, leaf first; empty before they were."""
        chain = self._connection.get_peer_cert_chain() or []
        return tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in chain)

    @property
    def tls_version(self) -> str:
        """As 'TLS 1.3'."""
        number = self._connection.get_protocol_version_name().removeprefix("TLSv")
        return f"TLS {number if '.' in number else f'{number}.0'}"

    @property
    def cipher(self) -> str:
        return self._connection.get_cipher_name() or ""


@cache
def _context(http: bool) -> SSL.Context:
    """Built once per process and shared: a context per host costs forty inspections."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE)
    # The oldest protocols and the weakest keys must still be seen in order to be reported.
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"DEFAULT:!PSK:!SRP:@SECLEVEL=0")
    context.set_options(SSL.OP_LEGACY_SERVER_CONNECT | SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    # 500 hosts are waited for at once: an idle connection must not hold its two buffers of 17 KB.
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    # pyOpenSSL has no public call for a list of groups.
    SSL._lib.SSL_CTX_set1_curves_list(context._context, _GROUPS)  # type: ignore[attr-defined]
    if http:
        context.set_alpn_protos([b"http/1.1"])
    return context


def _is_literal(sni: str) -> bool:
    """No name ends in a digit: top-level domains are letters (RFC 3696, 2)."""
    return ":" in sni or sni[-1].isdigit()


def _reason(error: SSL.Error) -> str:
    if isinstance(error, SSL.SysCallError):
        return "the connection was closed"
    entries = error.args[0] if error.args else []
    reasons = [str(entry[-1]) for entry in entries if entry and entry[-1]]
    return reasons[0] if reasons else "handshake failed"

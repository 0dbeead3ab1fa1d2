"""Google as far as the portal knows it: keys behind a URL, and ID tokens signed with one of them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tests.servers.ca import Issued, TestCa, new_key
from tests.servers.listener import http_script, listening

CLIENT_ID = "tests.apps.googleusercontent.com"
ISSUER = "https://accounts.google.com"


class Signer:
    """One key with its certificate; `kid` is how Google would call it."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.key = new_key("rsa")
        self.certificate: Issued = TestCa("Google").issue([ISSUER.removeprefix("https://")], key=self.key)

    @property
    def certs(self) -> dict[str, str]:
        return {self.kid: self.certificate.cert_pem.decode()}

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A token; None as a header's value leaves it out."""
        signed = segments({"alg": "RS256", "typ": "JWT", "kid": self.kid} | header, claims)
        assert isinstance(self.key, RSAPrivateKey)
        return f"{signed}.{encoded(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def sign_as_secret(self, claims: Mapping[str, Any]) -> str:
        """HS256 with what everybody knows, the certificate, as its secret."""
        signed = segments({"alg": "HS256", "kid": self.kid}, claims)
        digest = hmac.new(self.certificate.cert_pem, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{encoded(digest)}"


def claims_for(nonce: str, /, **changed: Any) -> dict[str, Any]:
    """What Google says of Ann; None leaves a claim out."""
    now = int(time.time())
    usual = {
        "iss": ISSUER,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "sub": "110169484474386276334",
        "email": "ann@example.org",
        "email_verified": True,
        "nonce": nonce,
        "iat": now,
        "nbf": now - 300,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def segments(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in header.items() if value is not None}
    return ".".join(encoded(json.dumps(part).encode()) for part in (kept, dict(claims)))


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyServer:
    """`answer` is what the next caller gets; `calls` are the requests so far."""

    def __init__(self, port: int, calls: list[bytes]) -> None:
        self.url = f"http://127.0.0.1:{port}/oauth2/v1/certs"
        self.calls = calls
        self.answer = b""

    def serve(self, body: Any, *, status: int = 200, cache_control: str = "public, max-age=19800") -> None:
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 {status} X\r\nCache-Control: {cache_control}\r\nContent-Length: {len(content)}\r\n"
        self.answer = head.encode() + b"Connection: close\r\n\r\n" + content


@contextmanager
def key_server(*signers: Signer) -> Iterator[KeyServer]:
    """Serves the certificates of `signers` on loopback until told otherwise."""
    calls: list[bytes] = []
    server: KeyServer

    def script(connection: Any) -> None:
        http_script(server.answer, calls)(connection)

    with listening(script) as listener:
        server = KeyServer(listener.port, calls)
        server.serve({kid: pem for signer in signers for kid, pem in signer.certs.items()})
        yield server

"""What is wrong with a connection rather than with the certificate: the protocol's age and the cipher.

Judged is what the server chose of an offer that holds old and new: a server that merely still speaks
TLS 1.0 to those who know nothing else is not found out by one handshake, and is not accused.
"""

import re
from collections.abc import Iterator

from config.lib.x509.judging import CRITICAL, WARNING, Problem

_OUTDATED = frozenset({"SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1"})
# Names of OpenSSL and of the IANA alike. Nothing is encrypted, or a laptop decrypts it.
_NO_PROTECTION = re.compile(r"NULL|EXP(?:ORT)?(?=[-_\d])|\bA(?:EC)?DH\b|_anon_", re.IGNORECASE)
_BROKEN = re.compile(r"RC4|3DES|DES-CBC|DES_CBC|RC2|MD5|IDEA|SEED(?=-|_)", re.IGNORECASE)
_FORWARD_SECRET = re.compile(r"^(?:TLS_(?:AES|CHACHA20|SM4|AEGIS)|(?:TLS_)?(?:EC)?DHE?[-_]|EDH[-_])", re.IGNORECASE)
_STATIC_DH = re.compile(r"^(?:TLS_)?(?:EC)?DH[-_](?:RSA|DSS|ECDSA)", re.IGNORECASE)


def connection_problems(tls_version: str, cipher: str) -> tuple[Problem, ...]:
    """Problems of a handshake that ended with this version ('TLS 1.2') and cipher; () for what is unknown."""
    return (*_version_problems(tls_version), *_cipher_problems(cipher))


def _version_problems(tls_version: str) -> Iterator[Problem]:
    if tls_version in _OUTDATED:
        yield Problem("tls_outdated", WARNING, {"version": tls_version})


def _cipher_problems(cipher: str) -> Iterator[Problem]:
    if not cipher:
        return
    if _NO_PROTECTION.search(cipher):
        yield Problem("cipher_without_protection", CRITICAL, {"cipher": cipher})
    elif _BROKEN.search(cipher):
        yield Problem("weak_cipher", WARNING, {"cipher": cipher})
    elif not _FORWARD_SECRET.match(cipher) or _STATIC_DH.match(cipher):
        yield Problem("no_forward_secrecy", WARNING, {"cipher": cipher})

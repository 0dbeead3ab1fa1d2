"""The certificates that are trusted by themselves, loaded once per process."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import certifi
from OpenSSL import crypto

from config.lib.x509.reading import certificate_facts

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# X509_V_FLAG_NO_CHECK_TIME (openssl/x509_vfy.h), for which pyOpenSSL has no name. Dates are judged by
# us: the store is shared by all threads and one date set on it would count for every one of them.
_NO_CHECK_TIME = 0x200000


@dataclass(frozen=True)
class Roots:
    """A root store; `version` changes when any certificate in it does."""

    version: str
    store: crypto.X509Store = field(repr=False, compare=False)
    issuer_names: frozenset[str] = field(repr=False, compare=False)
    # By SHA-256; parsed once and shared by every store that is built upon this one.
    certificates: Mapping[bytes, crypto.X509] = field(repr=False, compare=False)


def load_roots(*extra_bundles: str | Path) -> Roots:
    """The public roots and those of the given PEM files; kept until a file changes.

    Raises OSError for a missing file and ValueError for one without any certificate in it.
    """
    paths = (Path(certifi.where()), *(Path(name) for name in extra_bundles if name))
    return _load(tuple((path, path.stat().st_mtime_ns) for path in paths))


def roots_of(ders: Iterable[bytes]) -> Roots:
    """A store of exactly these certificates."""
    return _built({}, frozenset(), ders)


def roots_with(base: Roots, ders: Iterable[bytes]) -> Roots:
    """The certificates of `base` and these; takes milliseconds, so keep it."""
    return _built(base.certificates, base.issuer_names, ders)


def is_storable(der: bytes) -> bool:
    """Whether OpenSSL takes these bytes, which `cryptography` was able to read."""
    try:
        roots_of([der])
    except crypto.Error:
        return False
    return True


def _built(known: Mapping[bytes, crypto.X509], names: frozenset[str], ders: Iterable[bytes]) -> Roots:
    fresh = {hashlib.sha256(der).digest(): der for der in ders}
    certificates = dict(known)
    for digest, der in fresh.items():
        certificates.setdefault(digest, crypto.load_certificate(crypto.FILETYPE_ASN1, der))
    store = crypto.X509Store()
    # int.__or__ keeps the flag a plain number: pyOpenSSL's enumeration does not know it.
    store.set_flags(int(crypto.X509StoreFlags.PARTIAL_CHAIN) | _NO_CHECK_TIME)
    for digest in sorted(certificates):
        store.add_cert(certificates[digest])
    version = hashlib.sha256(b"".join(sorted(certificates))).hexdigest()
    issuers = names | {certificate_facts.__wrapped__(der).issuer_name for der in fresh.values()}
    return Roots(version, store, issuers - {""}, certificates)


@lru_cache(maxsize=4)
def _load(files: tuple[tuple[Path, int], ...]) -> Roots:
    return roots_of(der for path, _ in files for der in _ders_of(path))


def _ders_of(path: Path) -> list[bytes]:
    blocks = _PEM.findall(path.read_bytes())
    if not blocks:
        raise ValueError(f"{path}: no certificate in this file")
    loaded = (crypto.load_certificate(crypto.FILETYPE_PEM, block) for block in blocks)
    return [crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in loaded]

"""TLS contexts, built once: loading 120 roots costs 17 ms, a handshake one."""

import ssl
from functools import lru_cache
from pathlib import Path

import certifi
from django.conf import settings

from .bounded import BoundedTLSSocket


def client_context(ca_bundle: str | None = None, *, alpn: str = "") -> ssl.SSLContext:
    """Verifies chain and host name, TLS 1.2 or later; shared, so not to be changed.

    Against `ca_bundle` alone, a file or its PEM, where one is given, else the public roots and TLS_EXTRA_CA_BUNDLE.
    One context per `alpn`: httpcore writes its own protocols into the one it is given.
    """
    bundles = (ca_bundle,) if ca_bundle else (certifi.where(), settings.TLS_EXTRA_CA_BUNDLE)
    return _built(tuple((str(bundle), _changed_at(bundle)) for bundle in bundles if bundle), alpn)


def _changed_at(bundle: str) -> int:
    return 0 if is_pem(bundle) else Path(bundle).stat().st_mtime_ns


def is_pem(bundle: str) -> bool:
    return bundle.startswith("-----BEGIN ")


@lru_cache(maxsize=16)
def _built(bundles: tuple[tuple[str, int], ...], alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedTLSSocket
    for bundle, _ in bundles:
        if is_pem(bundle):
            context.load_verify_locations(cadata=bundle)
        else:
            context.load_verify_locations(bundle)
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


@lru_cache(maxsize=1)
def pinned_context() -> ssl.SSLContext:
    """For a peer whose certificate is compared with a fingerprint right after the handshake, in place of its chain.

    `start_tls` does that before anything is written; a panel's own certificate is signed by nobody that we know.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = BoundedTLSSocket
    context.set_alpn_protocols(["http/1.1"])
    return context


@lru_cache(maxsize=1)
def context_that_verifies_nothing() -> ssl.SSLContext:
    """For `http_unverified_for_detection` alone: talks to whoever answers, by whatever protocol is left."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.sslsocket_class = BoundedTLSSocket
    context.set_alpn_protocols(["http/1.1"])
    return context

"""What the child process answers about a good upload, as JSON values."""

from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives.serialization import Encoding

from certificates.uploads.checking import Checked
from config.lib import x509


def described(checked: Checked) -> dict[str, Any]:
    facts = x509.certificate_facts(checked.leaf)
    return {
        "leaf_pem": _pem(checked.leaf),
        "chain_pem": "".join(_pem(der) for der in checked.chain),
        "key_pem": checked.key_pem.decode(),
        "key_type": checked.key_type,
        "names": list(checked.names),
        "issuer": (facts.issuer_name or facts.issuer)[:255],
        "serial": facts.serial,
        "fingerprint_sha256": facts.fingerprint_sha256,
        "not_before": facts.not_before and facts.not_before.isoformat(),
        "not_after": facts.not_after and facts.not_after.isoformat(),
        "warnings": list(checked.warnings),
    }


def _pem(der: bytes) -> str:
    return pyca.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()

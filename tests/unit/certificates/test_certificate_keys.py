"""Keys and requests that a CA takes."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from certificates.keys import KEY_TYPES, csr_der, make_csr, new_key

NAMES = ["shop.example.com", "*.shop.example.com", "a" * 60 + ".example.com"]


@pytest.mark.parametrize("key_type", KEY_TYPES)
def test_a_request_carries_all_names_and_its_own_key(key_type: str) -> None:
    key = new_key(key_type)
    request = x509.load_der_x509_csr(csr_der(make_csr(key, NAMES)))
    sans = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert sans.critical
    assert sans.value.get_values_for_type(x509.DNSName) == NAMES
    assert len(list(request.subject)) == 0
    assert request.is_signature_valid
    assert request.public_key() == load_pem_private_key(key.reveal(), None).public_key()


def test_a_key_never_shows_itself() -> None:
    key = new_key()
    assert "PRIVATE" not in f"{key} {key!r}"

"""What a connection's version and cipher say, whichever names they come under."""

import pytest

from config.lib import x509

FINE = [
    ("TLS 1.3", "TLS_AES_256_GCM_SHA384"),
    ("TLS 1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ("TLS 1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS 1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("TLS 1.2", "DHE-RSA-AES256-SHA"),
    ("TLS 1.2", "ECDHE-RSA-AES256-SHA384"),
    ("TLS 1.2", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    ("", ""),
]
WRONG = [
    ("TLS 1.1", "ECDHE-RSA-AES128-SHA", ["tls_outdated"]),
    ("TLS 1.0", "AES256-SHA", ["tls_outdated", "no_forward_secrecy"]),
    ("SSL 3.0", "", ["tls_outdated"]),
    ("TLS 1.2", "AES128-GCM-SHA256", ["no_forward_secrecy"]),
    ("TLS 1.2", "TLS_RSA_WITH_AES_128_GCM_SHA256", ["no_forward_secrecy"]),
    ("TLS 1.2", "ECDH-RSA-AES128-SHA", ["no_forward_secrecy"]),
    ("TLS 1.2", "PSK-AES128-GCM-SHA256", ["no_forward_secrecy"]),
    ("TLS 1.2", "RC4-SHA", ["weak_cipher"]),
    ("TLS 1.2", "ECDHE-RSA-RC4-SHA", ["weak_cipher"]),
    ("TLS 1.2", "DES-CBC3-SHA", ["weak_cipher"]),
    ("TLS 1.2", "ECDHE-RSA-DES-CBC3-SHA", ["weak_cipher"]),
    ("TLS 1.2", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", ["weak_cipher"]),
    ("TLS 1.2", "ECDHE-RSA-NULL-SHA", ["cipher_without_protection"]),
    ("TLS 1.2", "EXP-RC4-MD5", ["cipher_without_protection"]),
    ("TLS 1.2", "TLS_RSA_EXPORT_WITH_RC4_40_MD5", ["cipher_without_protection"]),
    ("TLS 1.2", "ADH-AES128-SHA", ["cipher_without_protection"]),
    ("TLS 1.2", "AECDH-AES128-SHA", ["cipher_without_protection"]),
    ("TLS 1.2", "TLS_DH_anon_WITH_AES_128_CBC_SHA", ["cipher_without_protection"]),
]


@pytest.mark.parametrize(("version", "cipher"), FINE)
def test_what_is_fine_says_nothing(version: str, cipher: str) -> None:
    assert x509.connection_problems(version, cipher) == ()


@pytest.mark.parametrize(("version", "cipher", "expected"), WRONG)
def test_each_weakness_has_its_code(version: str, cipher: str, expected: list[str]) -> None:
    found = x509.connection_problems(version, cipher)
    assert [one.code for one in found] == expected
    assert all(one.code in x509.ENTRIES for one in found)

"""What people say of a CA is judged before anything is kept."""

from typing import Any

import pytest

from certificates.cas.given import Given, read_changes, read_given
from certificates.cas.known import KNOWN, ca_at
from config.lib.errors import InvalidValue
from tests.servers.ca import TestCa

OURS = "https://ca.acme-tools.net/acme/directory"


def test_a_known_ca_needs_no_address() -> None:
    given = read_given(ca="letsencrypt-staging")
    assert given == Given("https://acme-staging-v02.api.letsencrypt.org/directory")


def test_credentials_are_kept_sealed_in_the_alphabet_that_is_signed_with() -> None:
    given = read_given(ca="zerossl", key_id=" kid-1 ", mac_key="ab+/" * 8 + "==")
    assert given.external_key_id == "kid-1"
    assert given.external_mac is not None
    assert given.external_mac.reveal_text() == "ab-_" * 8
    assert "ab-_" not in repr(given)


def test_a_private_ca_has_its_own_roots() -> None:
    authority = TestCa()
    given = read_given(
        ca="other", directory_url=f" {OURS} ", ca_bundle=f"words around\n{authority.root_pem.decode()}\nand after"
    )
    assert given.directory_url == OURS
    assert given.ca_bundle.startswith("-----BEGIN CERTIFICATE-----")
    assert "words" not in given.ca_bundle


@pytest.mark.parametrize(
    ("told", "field", "code"),
    [
        ({"ca": "nobody"}, "ca", "ca_kind_unknown"),
        ({"ca": "other", "directory_url": ""}, "directory_url", "ca_directory_malformed"),
        ({"ca": "other", "directory_url": "http://ca.example.net/dir"}, "directory_url", "ca_directory_malformed"),
        ({"ca": "other", "directory_url": "https://u:p@ca.example.net/dir"}, "directory_url", "ca_directory_malformed"),
        ({"ca": "other", "directory_url": "https://ca.example.net/dir#x"}, "directory_url", "ca_directory_malformed"),
        ({"ca": "other", "directory_url": "https://ca.example.net:port/"}, "directory_url", "ca_directory_malformed"),
        ({"ca": "other", "directory_url": "https://ca.exämple.net/"}, "directory_url", "ca_directory_malformed"),
        (
            {"ca": "other", "directory_url": f"https://ca.example.net/{'d' * 500}"},
            "directory_url",
            "ca_directory_malformed",
        ),
        ({"ca": "zerossl"}, "key_id", "ca_credentials_missing"),
        ({"ca": "zerossl", "key_id": "kid"}, "mac_key", "ca_credentials_missing"),
        ({"ca": "other", "directory_url": OURS, "key_id": "kid"}, "mac_key", "ca_credentials_halved"),
        ({"ca": "other", "directory_url": OURS, "mac_key": "a" * 43}, "key_id", "ca_credentials_halved"),
        (
            {"ca": "other", "directory_url": OURS, "key_id": "k\nid", "mac_key": "a" * 43},
            "key_id",
            "ca_key_id_malformed",
        ),
        ({"ca": "zerossl", "key_id": "kid", "mac_key": "short"}, "mac_key", "ca_mac_malformed"),
        ({"ca": "zerossl", "key_id": "kid", "mac_key": "no base64 at all, for sure"}, "mac_key", "ca_mac_malformed"),
        ({"ca": "other", "directory_url": OURS, "ca_bundle": "no certificate"}, "ca_bundle", "certificates_missing"),
        ({"ca": "letsencrypt-staging", "chain": "ISRG\nRoot"}, "preferred_chain", "ca_chain_malformed"),
    ],
)
def test_what_cannot_work_is_told_beside_its_field(told: dict[str, Any], field: str, code: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read_given(**told)
    assert (caught.value.field_name, caught.value.code) == (field, code)


def test_a_leaf_is_no_root_of_an_interface() -> None:
    leaf = TestCa().issue(["ca.acme-tools.net"]).cert_pem.decode()
    with pytest.raises(InvalidValue) as caught:
        read_given(ca="other", directory_url=OURS, ca_bundle=leaf)
    assert (caught.value.field_name, caught.value.code) == ("ca_bundle", "root_is_no_authority")


def test_changes_need_no_credentials_again() -> None:
    assert read_changes(directory_url=ca_at(KNOWN[2].directory_url).directory_url).external_mac is None


def test_every_known_ca_has_a_key_and_an_address_of_its_own() -> None:
    assert len({ca.key for ca in KNOWN}) == len({ca.directory_url for ca in KNOWN}) == len(KNOWN)
    assert all(ca.directory_url.startswith("https://") for ca in KNOWN)

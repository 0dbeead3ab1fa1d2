# ruff: noqa: E501, RUF001 (tables of spellings)
"""The table of addresses: everything special is refused, everything public allowed."""

from ipaddress import IPv4Address, IPv6Network, ip_network

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from config.lib.egress import judge
from tests.servers.special_addresses import PUBLIC, V4, V6


@pytest.mark.parametrize("address", [*V4, *V6])
def test_a_special_address_is_refused(address: str) -> None:
    assert not judge(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert judge(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "8.8.8", "8.8.8.8 ", "2606:4700::1%eth0", "[2606:4700::1]", "８.8.8.8"])  # fmt: skip
def test_only_a_literal_in_its_usual_spelling_is_judged(text: str) -> None:
    assert not judge(text)


def test_an_opened_range_is_allowed_in_every_wrapping_that_leads_there() -> None:
    with override_settings(EGRESS_ALLOW_CIDRS=(ip_network("127.0.0.0/8"), ip_network("fd12::/16"))):
        assert all(judge(address) for address in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd12::1"))
        assert not any(judge(address) for address in ("10.0.0.1", "::1", "fd13::1", "::ffff:10.0.0.1", "2002:7f00:1::"))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_never_makes_it_better(address: IPv4Address) -> None:
    for prefix in ("::ffff:0:0/96", "64:ff9b::/96"):
        wrapped = IPv6Network(prefix)[int(address)]
        assert judge(str(wrapped)) == judge(str(address))


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed(address: object) -> None:
    if getattr(address, "is_private") and not str(address).startswith("64:ff9b::"):  # noqa: B009
        mapped = getattr(address, "ipv4_mapped", None)
        assert not judge(str(address)) or (mapped is not None and judge(str(mapped)))

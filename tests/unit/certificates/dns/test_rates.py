"""How much one source may ask of the responder."""

import pytest

from certificates.dns.rates import Rates, network_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_source_gets_its_share_and_then_as_much_as_time_gives() -> None:
    clock = Clock()
    rates = Rates(a_second=2, at_once=5, now=clock)
    assert [rates.takes("192.0.2.1") for _ in range(6)] == [True] * 5 + [False]
    assert rates.takes("198.51.100.1"), "another network has its own"
    assert not rates.takes("192.0.2.200"), "a neighbour in the same network has not"
    clock.now = 1.0
    assert [rates.takes("192.0.2.1") for _ in range(3)] == [True, True, False]
    clock.now = 1000.0
    assert [rates.takes("192.0.2.1") for _ in range(6)] == [True] * 5 + [False]


def test_memory_is_bounded_whoever_asks() -> None:
    rates = Rates(kept=100)
    for number in range(5000):
        rates.takes(f"10.{number // 256}.{number % 256}.1")
    assert len(rates) == 100


def test_every_second_refusal_slips() -> None:
    rates = Rates()
    assert [rates.slips() for _ in range(4)] == [False, True, False, True]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/56"),
        ("nonsense", "nonsense"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network

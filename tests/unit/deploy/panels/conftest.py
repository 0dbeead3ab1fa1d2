"""A certificate to install, and a way to a stand-in whose own certificate is pinned."""

from ipaddress import ip_network

import pytest
from pytest_django import Settings

from config.lib.egress import Deadline
from deploy.panels.panel import Access, Bundle
from deploy.panels.reading import read_bundle
from tests.servers.ca import Issued, TestCa
from tests.servers.panels.wire import StandIn

NAMES = ("example.net", "*.example.net", "shop.example.org")


@pytest.fixture(autouse=True)
def _inside(settings: Settings) -> None:
    settings.EGRESS_ALLOW_CIDRS = (ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="session")
def ca() -> TestCa:
    return TestCa()


@pytest.fixture(scope="session")
def own(ca: TestCa) -> Issued:
    """What the panel itself shows: made by nobody that the portal trusts."""
    return TestCa("Panel").issue(["panel.example.net"])


@pytest.fixture(scope="session")
def bundle(ca: TestCa) -> Bundle:
    return as_bundle(ca.issue(NAMES))


def as_bundle(issued: Issued, label: str = NAMES[0]) -> Bundle:
    return read_bundle(issued.cert_pem, issued.chain_pem, issued.key_pem, label=label)


def way_to(server: StandIn, panel: str, *, user: str, secret: str, seconds: float = 10.0, **more: object) -> Access:
    access = {"pinned": server.fingerprint, "deadline": Deadline(seconds), **more}
    return Access(panel, "127.0.0.1", server.port, user, secret, **access)  # type: ignore[arg-type]

"""A workspace with a domain, and people to look at it."""

import pytest

from config.lib import clock
from domains.models import Domain, Visit
from tests.cast import Cast, make_cast
from tests.servers.people import new_ssh_key


@pytest.fixture
def cast(db: None) -> Cast:
    return make_cast()


@pytest.fixture
def domain(cast: Cast) -> Domain:
    made = Domain.objects.create(workspace=cast.acme, host="shop.example.net", verified_at=clock.now(), state="ok")
    Visit.objects.create(workspace=cast.acme, domain=made)
    return made


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    return new_ssh_key()
